//! The account as `branchline mappings` reads it.

use std::error::Error;
use std::io;

use crate::aws::{CodePipelines, DynamoStore};
use crate::cli::options::SharedOptions;
use crate::cli::terminal::note;
use crate::commands::connect::open_account;
use crate::domain::fault::Fault;
use crate::domain::github::api_url::ApiUrl;

/// The table and CodePipeline.
pub(super) struct MappingsAccount {
    pub(super) store: DynamoStore,
    pub(super) pipelines: CodePipelines,
    /// The Region of the pipelines.
    pub(super) region: String,
    /// Where GitHub is.
    pub(super) github: ApiUrl,
}

/// Connects to the account. No secret is read.
pub(super) async fn open(options: &SharedOptions) -> Result<MappingsAccount, Box<dyn Error>> {
    let (config, aws) = open_account(&options.overrides()).await?;
    Ok(MappingsAccount {
        region: aws.region().to_owned(),
        github: config.github,
        store: aws.store(config.table),
        pipelines: aws.pipelines(config.codepipeline_rate),
    })
}

/// Reports the rows that cannot be read, and returns their number.
pub(super) fn report_unreadable(unreadable: &[Fault]) -> io::Result<usize> {
    for fault in unreadable {
        note(&fault.to_string())?;
    }
    Ok(unreadable.len())
}
