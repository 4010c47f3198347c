//! `branchline mappings export`: every mapping, or every entry of the audit trail, counted and
//! hashed while it is written.

use std::collections::BTreeSet;
use std::error::Error;
use std::io::{self, Write};

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::cli::mappings::Export;
use crate::cli::output::streaming_table::StreamingTable;
use crate::cli::terminal::{Done, code, fault, note, stopped};
use crate::commands::mappings::account::{MappingsAccount, open, report_unreadable};
use crate::domain::outcome::chain::Chain;
use crate::domain::text::plural;
use crate::inspect::history::HistoryRow;
use crate::inspect::mappings::filter::Filter;
use crate::inspect::mappings::listing::Listing;
use crate::inspect::mappings::row::Row;
use crate::ports::TrailReader;

/// A writer that hashes its bytes, so that a reader of the file can prove that it is whole.
struct HashingWriter<W> {
    to: W,
    hash: Sha256,
}

impl<W: Write> Write for HashingWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.hash.update(bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// The counts of an export.
#[derive(Default)]
struct ExportReport {
    /// What was exported: `4 mappings`, or `5 entries of 4 subjects`.
    exported: String,
    unreadable: usize,
    /// The reader closed the output.
    closed: bool,
}

pub(super) async fn export(args: &Export) -> Done {
    let account = open(&args.options).await?;
    let mut writer = HashingWriter {
        to: io::stdout().lock(),
        hash: Sha256::new(),
    };
    let report = match args.history {
        true => write_history(&account, rows(args, &mut writer).fields(HistoryRow::FIELDS)).await?,
        false => {
            write_mappings(
                &account,
                rows(args, &mut writer).fields(Row::exported_fields()),
            )
            .await?
        }
    };
    let hash = hex::encode(writer.hash.finalize());
    let mut summary = format!("{}, sha256 {hash}", report.exported);
    if report.unreadable > 0 {
        let rows = plural(report.unreadable, "unreadable row");
        summary += &format!(", without {rows}");
    }
    if report.closed {
        summary += ", incomplete: output closed by the reader";
    }
    note(&summary)?;
    Ok(code(report.unreadable > 0))
}

fn rows<T: Serialize, W: Write>(args: &Export, to: W) -> StreamingTable<T, W> {
    StreamingTable::new(args.output, Vec::new(), 0, to)
}

/// Writes every mapping.
async fn write_mappings<W: Write>(
    account: &MappingsAccount,
    mut table: StreamingTable<Row, W>,
) -> Result<ExportReport, Box<dyn Error>> {
    let mut report = ExportReport::default();
    let mut mappings = 0;
    let mut listing = Listing::new(&account.store, Filter::default());
    'pages: while let Some(batch) = listing.next().await.map_err(fault)? {
        report.unreadable += report_unreadable(&batch.unreadable)?;
        for mapping in batch.rows {
            mappings += 1;
            if stopped(table.write(&Row::exported(&mapping)))? {
                report.closed = true;
                break 'pages;
            }
        }
    }
    report.closed = report.closed || stopped(table.end())?;
    report.exported = plural(mappings, "mapping");
    Ok(report)
}

/// Writes every entry of the audit trail, also those of mappings that are gone.
async fn write_history<W: Write>(
    account: &MappingsAccount,
    mut table: StreamingTable<HistoryRow, W>,
) -> Result<ExportReport, Box<dyn Error>> {
    let mut report = ExportReport::default();
    let (mut entries, mut subjects) = (0_usize, BTreeSet::new());
    let mut after = None;
    'pages: loop {
        let page = account.store.entries(after).await.map_err(fault)?;
        for entry in page.entries {
            entries += 1;
            let chain = Chain::from_text(&entry.chain);
            subjects.extend(chain.and_then(|chain| chain.subject().cloned()));
            if stopped(table.write(&HistoryRow::new(entry)))? {
                report.closed = true;
                break 'pages;
            }
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    report.closed = report.closed || stopped(table.end())?;
    let entries = match entries {
        1 => "1 entry".to_owned(),
        entries => format!("{entries} entries"),
    };
    report.exported = format!("{entries} of {}", plural(subjects.len(), "subject"));
    Ok(report)
}
