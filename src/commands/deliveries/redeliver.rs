//! `branchline deliveries redeliver`: asks GitHub to deliver events again.

use std::error::Error;

use tokio::time::sleep;

use crate::cli::deliveries::Redeliver;
use crate::cli::output::OutputFormat;
use crate::cli::terminal::{Done, YES, code, counter, note};
use crate::commands::deliveries::read::{DeliveriesAccount, Read, open, print};
use crate::commands::interrupt::Interrupt;
use crate::domain::deliveries::EventDeliveries;
use crate::domain::ids::DeliveryId;
use crate::domain::text::plural;
use crate::inspect::deliveries::DeliveryRow;
use crate::jobs::missed_deliveries::{REQUEST_GAP, is_about_the_event};
use crate::ports::Redelivery;

pub(super) async fn redeliver(args: &Redeliver, interrupt: &Interrupt) -> Done {
    let guids = guids(&args.guids)?;
    let account = open(&args.options).await?;
    let read = account.read(&args.since, args.missed).await?;
    let (chosen, missing) = match args.missed {
        true => (missed(&read), 0),
        false => named(&read, &guids)?,
    };
    if chosen.is_empty() {
        note("nothing to deliver again")?;
        return Ok(code(missing > 0));
    }
    let rows: Vec<DeliveryRow> = chosen.iter().map(|event| read.row(event)).collect();
    print(&rows, OutputFormat::Table)?;
    if args.dry_run {
        return Ok(code(missing > 0));
    }
    let question = format!(
        "Ask GitHub to deliver {} again? [y/N]",
        plural(chosen.len(), "event")
    );
    if !args.yes && !interrupt.confirms(question, YES).await? {
        return Err("not confirmed: nothing was asked for".into());
    }
    let refused = request(&account, &chosen, interrupt).await?;
    let requested = chosen.len() - refused;
    note(&format!(
        "{requested} requested, {refused} refused: GitHub delivers them within moments (`branchline deliveries list`)"
    ))?;
    Ok(code(refused + missing > 0))
}

fn guids(texts: &[String]) -> Result<Vec<DeliveryId>, String> {
    let parse = |text: &String| {
        let lower = text.to_ascii_lowercase();
        DeliveryId::parse(lower).map_err(|why| format!("'{text}' is {why}"))
    };
    texts.iter().map(parse).collect()
}

/// Returns the events that were missed and that GitHub still delivers.
fn missed(read: &Read) -> Vec<EventDeliveries> {
    let is_chosen = |event: &&EventDeliveries| {
        let row = read.row(event);
        row.is_missed() && !["too-old", "delayed"].contains(&row.standing)
    };
    read.events.iter().filter(is_chosen).cloned().collect()
}

/// Returns the events with these GUIDs, and how many are not listed.
fn named(
    read: &Read,
    guids: &[DeliveryId],
) -> Result<(Vec<EventDeliveries>, usize), Box<dyn Error>> {
    let (mut chosen, mut missing) = (Vec::new(), 0);
    for guid in guids {
        match read.events.iter().find(|event| event.delivery == *guid) {
            Some(event) => chosen.push(event.clone()),
            None => {
                missing += 1;
                note(&format!(
                    "{guid}: GitHub lists no attempt in this time (--since), or branchline ignores such events"
                ))?;
            }
        }
    }
    Ok((chosen, missing))
}

/// Asks for the events, one a second, and returns how many GitHub does not deliver.
async fn request(
    account: &DeliveriesAccount,
    events: &[EventDeliveries],
    interrupt: &Interrupt,
) -> Result<usize, Box<dyn Error>> {
    let progress = counter("asking GitHub:", events.len());
    let mut refused = 0;
    for (number, event) in events.iter().enumerate() {
        if number > 0 {
            sleep(REQUEST_GAP).await;
        }
        if interrupt.is_requested() {
            return Err(format!("interrupted: {number} of {} were asked for", events.len()).into());
        }
        let newest = &event.newest;
        match account.github.redeliver(&newest.hook, newest.id).await {
            Ok(()) => {}
            Err(fault) if is_about_the_event(fault.kind) => {
                refused += 1;
                note(&format!("{}: {fault}", event.delivery))?;
            }
            Err(fault) => {
                return Err(format!("{fault}; {number} of {} were asked for", events.len()).into());
            }
        }
        progress.inc(1);
    }
    progress.finish_and_clear();
    Ok(refused)
}
