//! The account as `branchline mappings` reads it.

use std::error::Error;
use std::io::{self, Write};

use crate::aws::{Aws, CodePipelines, DynamoStore};
use crate::config::{self, Hidden, Overrides, Process};
use crate::domain::fault::Fault;

/// The table and CodePipeline, without any secret.
pub(super) struct Desk {
    pub(super) ledger: DynamoStore,
    pub(super) pipelines: CodePipelines,
}

pub(super) async fn open(overrides: &Overrides) -> Result<Desk, Box<dyn Error>> {
    let hidden = Hidden {
        process: &Process,
        config: overrides.config.as_deref(),
    };
    let config = config::load(overrides, &hidden)?;
    let aws = Aws::connect(config.region.as_deref(), config.endpoint_url.as_deref()).await?;
    Ok(Desk {
        ledger: aws.store(config.table),
        pipelines: aws.pipelines(config.codepipeline_rate),
    })
}

/// Says which rows cannot be read, and counts them.
pub(super) fn told(unreadable: &[Fault]) -> io::Result<usize> {
    for fault in unreadable {
        writeln!(io::stderr(), "{fault}")?;
    }
    Ok(unreadable.len())
}
