//! `branchline mappings export`: every mapping or its history, counted and hashed while it is
//! written.

use std::error::Error;
use std::io::{self, Write};

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::cli::mappings::Export;
use crate::cli::output::streaming_table::StreamingTable;
use crate::cli::terminal::{Done, code, fault, stopped};
use crate::commands::mappings::account::{MappingsAccount, open, report_unreadable};
use crate::domain::fault::Fault;
use crate::domain::state::mapping::Mapping;
use crate::domain::text::plural;
use crate::inspect::history::HistoryRow;
use crate::inspect::mappings::filter::Filter;
use crate::inspect::mappings::listing::Listing;
use crate::inspect::mappings::row::Row;
use crate::ports::StoreReader;

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
    mappings: usize,
    rows: usize,
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
    let report = if args.history {
        let rows = rows(args, &mut writer).fields(HistoryRow::FIELDS);
        let entries = async |mapping: &Mapping| {
            let entries = account.store.history(&mapping.subject).await?.into_iter();
            Ok(entries
                .map(|entry| HistoryRow::new(mapping, entry))
                .collect())
        };
        write_rows(&account, rows, entries).await?
    } else {
        let rows = rows(args, &mut writer).fields(Row::exported_fields());
        let row = async |mapping: &Mapping| Ok(vec![Row::exported(mapping)]);
        write_rows(&account, rows, row).await?
    };
    let mappings = plural(report.mappings, "mapping");
    let exported = match (args.history, report.rows) {
        (false, _) => mappings,
        (true, 1) => format!("1 entry of {mappings}"),
        (true, entries) => format!("{entries} entries of {mappings}"),
    };
    let mut summary = format!("{exported}, sha256 {}", hex::encode(writer.hash.finalize()));
    if report.unreadable > 0 {
        let rows = plural(report.unreadable, "unreadable row");
        summary += &format!(", without {rows}");
    }
    if report.closed {
        summary += ", incomplete: output closed by the reader";
    }
    writeln!(io::stderr(), "{summary}")?;
    Ok(code(report.unreadable > 0))
}

fn rows<T: Serialize, W: Write>(args: &Export, to: W) -> StreamingTable<T, W> {
    StreamingTable::new(args.output, Vec::new(), 0, to)
}

/// Writes the rows of every mapping.
async fn write_rows<T: Serialize, W: Write>(
    account: &MappingsAccount,
    mut table: StreamingTable<T, W>,
    rows_of: impl AsyncFn(&Mapping) -> Result<Vec<T>, Fault>,
) -> Result<ExportReport, Box<dyn Error>> {
    let mut report = ExportReport::default();
    let mut listing = Listing::new(&account.store, Filter::default());
    while let Some(batch) = listing.next().await.map_err(fault)? {
        report.unreadable += report_unreadable(&batch.unreadable)?;
        for mapping in batch.rows {
            report.mappings += 1;
            for row in rows_of(&mapping).await.map_err(fault)? {
                report.rows += 1;
                if stopped(table.write(&row))? {
                    report.closed = true;
                    return Ok(report);
                }
            }
        }
    }
    report.closed = stopped(table.end())?;
    Ok(report)
}
