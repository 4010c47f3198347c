//! Reads what GitHub delivered, and what the table has of it.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::io;

use crate::aws::DynamoStore;
use crate::cli::options::SharedOptions;
use crate::cli::output::OutputFormat;
use crate::cli::output::colour::Colour;
use crate::cli::output::streaming_table::{Column, StreamingTable, cell};
use crate::cli::terminal::{fault, note, spinner, stopped, terminal, time_argument};
use crate::commands::connect::open_account;
use crate::commands::system_clock::SystemClock;
use crate::config::{self, ProcessEnvironment};
use crate::domain::deliveries::{EventDeliveries, KnownRepository, by_event};
use crate::domain::ids::{DeliveryId, RepositoryId, Timestamp};
use crate::domain::rules::rule::Rules;
use crate::domain::state::repository::RepositoryRecord;
use crate::github::{self, GitHubClient};
use crate::inspect::deliveries::DeliveryRow;
use crate::jobs::missed_deliveries::repository_records;
use crate::jobs::unrecorded::unrecorded;
use crate::ports::{Clock, attempts_since};

/// GitHub and the table.
pub(super) struct DeliveriesAccount {
    pub(super) github: GitHubClient<SystemClock>,
    store: DynamoStore,
    rules: Rules,
}

/// What was read.
pub(super) struct Read {
    /// The events, the newest first.
    pub(super) events: Vec<EventDeliveries>,
    records: BTreeMap<RepositoryId, RepositoryRecord>,
    unrecorded: BTreeSet<DeliveryId>,
    now: Timestamp,
}

impl Read {
    pub(super) fn row(&self, event: &EventDeliveries) -> DeliveryRow {
        let record = event.newest.repository.and_then(|id| self.records.get(&id));
        let is_unrecorded = self.unrecorded.contains(&event.delivery);
        DeliveryRow::new(event, record, is_unrecorded, self.now)
    }
}

/// Connects to the account and to GitHub. No webhook secret is read.
pub(super) async fn open(options: &SharedOptions) -> Result<DeliveriesAccount, Box<dyn Error>> {
    let overrides = options.overrides();
    let (config, aws) = open_account(&overrides).await?;
    let access = config::github_access(&overrides, &ProcessEnvironment)?;
    let access = access.filter(|access| !access.hooks.is_empty()).ok_or(
        "no webhook of GitHub is configured: set github.app and github.private_key, or github.token and github.hooks",
    )?;
    Ok(DeliveriesAccount {
        github: github::connect(access, SystemClock)?,
        store: aws.store(config.table),
        rules: config.rules,
    })
}

impl DeliveriesAccount {
    /// Reads the attempts since a time. With `compares`, the events that should have left a record
    /// are looked up in the table.
    pub(super) async fn read(&self, since: &str, compares: bool) -> Result<Read, Box<dyn Error>> {
        let now = SystemClock.now();
        let since = time_argument("since", Some(since), now)?.unwrap_or(now);
        let progress = spinner("pages of deliveries:");
        let read = attempts_since(&self.github, since, || progress.inc(1)).await?;
        let records = repository_records(&self.store, &read.attempts).await;
        let records = records.map_err(fault)?;
        let events = by_event(read.attempts);
        let mut found = BTreeSet::new();
        if compares {
            let expected = self.expect_record(&events, &records, now);
            let compared = unrecorded(&self.store, &self.github, expected).await;
            let compared = compared.map_err(fault)?;
            found = compared
                .events
                .into_iter()
                .map(|event| event.delivery)
                .collect();
            if compared.uncompared > 0 {
                note(&format!(
                    "{} events were not compared with the table: look at a shorter time (--since)",
                    compared.uncompared
                ))?;
            }
        }
        progress.finish_and_clear();
        if let Some(before) = read.unread_before {
            note(&format!(
                "attempts before {before} were not read, because there are too many: look at a shorter time (--since)"
            ))?;
        }
        Ok(Read {
            events,
            records,
            unrecorded: found,
            now,
        })
    }

    fn expect_record(
        &self,
        events: &[EventDeliveries],
        records: &BTreeMap<RepositoryId, RepositoryRecord>,
        now: Timestamp,
    ) -> Vec<EventDeliveries> {
        let expected = events.iter().filter(|event| {
            let record = event.newest.repository.and_then(|id| records.get(&id));
            let known = record.map(|record| KnownRepository::new(record, &self.rules));
            let due = event.record_due(known.as_ref());
            due.is_some_and(|due| due <= now)
        });
        expected.cloned().collect()
    }
}

/// Prints rows, and returns false if standard output was closed.
pub(super) fn print(rows: &[DeliveryRow], format: OutputFormat) -> io::Result<bool> {
    let stdout = io::stdout().lock();
    let mut table =
        StreamingTable::new(format, columns(), terminal(), stdout).fields(DeliveryRow::FIELDS);
    for row in rows {
        if stopped(table.write(row))? {
            return Ok(false);
        }
    }
    stopped(table.end()).map(|stopped| !stopped)
}

fn columns() -> Vec<Column<DeliveryRow>> {
    fn colour(row: &DeliveryRow) -> Option<Colour> {
        match row.standing {
            "arrived" => Some(Colour::Green),
            "delayed" | "waiting" => Some(Colour::Yellow),
            _ => Some(Colour::Red),
        }
    }
    vec![
        Column::new("FIRST ATTEMPT", 20, |row: &DeliveryRow| {
            row.first_at.replace(".000Z", "Z")
        })
        .rank(2),
        Column::new("EVENT", 24, |row: &DeliveryRow| match &row.action {
            Some(action) => format!("{}.{action}", row.event),
            None => row.event.clone(),
        }),
        Column::new("REPOSITORY", 24, |row: &DeliveryRow| {
            let number = row.repository_id.map(|id| id.to_string());
            cell(row.repository.as_deref().or(number.as_deref()))
        })
        .flexible(10),
        Column::new("STANDING", 10, |row: &DeliveryRow| row.standing.to_owned()).colour(colour),
        Column::new("ASKED", 5, |row: &DeliveryRow| row.redeliveries.to_string()).rank(3),
        Column::new("LAST STATUS", 24, |row: &DeliveryRow| {
            match row.status_code {
                0 => row.status.clone(),
                code => format!("{code} {}", row.status),
            }
        })
        .flexible(10)
        .rank(1),
        Column::new("GUID", 36, |row: &DeliveryRow| row.delivery.clone()),
    ]
}
