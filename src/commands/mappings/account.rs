//! The account as `branchline mappings` reads it.

use std::error::Error;
use std::io::{self, Write};

use crate::aws::{Aws, CodePipelines, DynamoStore};
use crate::config::{self, Overrides, ProcessEnvironment, RedactedEnvironment};
use crate::domain::fault::Fault;

/// The table and CodePipeline, without any secret.
pub(super) struct MappingsAccount {
    pub(super) ledger: DynamoStore,
    pub(super) pipelines: CodePipelines,
}

pub(super) async fn open(overrides: &Overrides) -> Result<MappingsAccount, Box<dyn Error>> {
    let hidden = RedactedEnvironment {
        process: &ProcessEnvironment,
        config: overrides.config.as_deref(),
    };
    let config = config::load(overrides, &hidden)?;
    let aws = Aws::connect(config.region.as_deref(), config.endpoint_url.as_deref()).await?;
    Ok(MappingsAccount {
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
