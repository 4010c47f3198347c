//! `branchline mappings export`: all of it, counted and hashed on its way.

use std::error::Error;
use std::io::{self, Write};

use crate::cli::mappings::Export;
use crate::cli::output::streaming_table::{OutputFormat, StreamingTable};
use crate::inspect::history::HistoryRow;
use crate::inspect::mappings::filter::Filter;
use crate::inspect::mappings::listing::Listing;
use crate::inspect::mappings::row::Row;
use crate::ports::StoreReader;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::cli::terminal::{Done, code, fault, stopped};

use crate::commands::mappings::account::{MappingsAccount, open, told};

/// What is written is hashed on its way, so that whoever gets the file can prove that it is whole.
struct Sealed<W> {
    to: W,
    hash: Sha256,
}

impl<W: Write> Write for Sealed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.to.write(bytes)?;
        self.hash.update(bytes.get(..written).unwrap_or_default());
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// What came of it.
#[derive(Default)]
struct Tally {
    mappings: u64,
    steps: u64,
    unreadable: usize,
    /// Nobody reads any more.
    cut: bool,
}

pub(super) async fn export(asked: &Export) -> Done {
    if asked.output == OutputFormat::Table {
        return Err("an export is json or csv".into());
    }
    let desk = open(&asked.overrides).await?;
    let mut sealed = Sealed {
        to: io::stdout().lock(),
        hash: Sha256::new(),
    };
    let tally = match asked.history {
        true => history(&desk, rows(asked, &mut sealed).fields(HistoryRow::FIELDS)).await?,
        false => {
            mappings(
                &desk,
                rows(asked, &mut sealed).fields(Row::exported_fields()),
            )
            .await?
        }
    };
    let what = match asked.history {
        true => format!("{} entries of {} mappings", tally.steps, tally.mappings),
        false => format!("{} mappings", tally.mappings),
    };
    let mut said = format!("{what}, sha256 {}", hex::encode(sealed.hash.finalize()));
    if tally.unreadable > 0 {
        said += &format!(", without {} rows that cannot be read", tally.unreadable);
    }
    if tally.cut {
        said += ", and whoever read this stopped reading";
    }
    writeln!(io::stderr(), "{said}")?;
    Ok(code(tally.unreadable > 0))
}

fn rows<T: Serialize, W: Write>(asked: &Export, to: W) -> StreamingTable<T, W> {
    StreamingTable::new(asked.output, Vec::new(), 0, to)
}

async fn mappings<W: Write>(
    desk: &MappingsAccount,
    mut rows: StreamingTable<Row, W>,
) -> Result<Tally, Box<dyn Error>> {
    let mut tally = Tally::default();
    let mut listing = Listing::new(&desk.ledger, Filter::default());
    while let Some(batch) = listing.next().await.map_err(fault)? {
        tally.unreadable += told(&batch.unreadable)?;
        for mapping in batch.rows {
            tally.mappings += 1;
            if stopped(rows.write(&Row::exported(&mapping)))? {
                tally.cut = true;
                return Ok(tally);
            }
        }
    }
    tally.cut = stopped(rows.end())?;
    Ok(tally)
}

async fn history<W: Write>(
    desk: &MappingsAccount,
    mut rows: StreamingTable<HistoryRow, W>,
) -> Result<Tally, Box<dyn Error>> {
    let mut tally = Tally::default();
    let mut listing = Listing::new(&desk.ledger, Filter::default());
    while let Some(batch) = listing.next().await.map_err(fault)? {
        tally.unreadable += told(&batch.unreadable)?;
        for mapping in batch.rows {
            tally.mappings += 1;
            let entries = desk.ledger.history(&mapping.subject).await;
            for entry in entries.map_err(fault)? {
                tally.steps += 1;
                if stopped(rows.write(&HistoryRow::new(&mapping, entry)))? {
                    tally.cut = true;
                    return Ok(tally);
                }
            }
        }
    }
    tally.cut = stopped(rows.end())?;
    Ok(tally)
}
