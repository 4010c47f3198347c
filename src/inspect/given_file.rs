//! The file of a repository in a prediction, which asks GitHub for nothing.

use std::pin::Pin;

use crate::domain::clone::file::{FILE_LIMIT, FileContent};
use crate::ports::{FileAnswer, Place, RepositoryFiles, Revision};

/// A file that a person gave, for every repository and commit. Without one, no repository has a
/// file.
#[derive(Clone, Debug, Default)]
pub(super) struct GivenFile(pub(super) Option<Vec<u8>>);

impl RepositoryFiles for GivenFile {
    fn file<'a>(
        &'a self,
        _: &'a Place,
        _: &'a str,
        _: Revision<'a>,
    ) -> Pin<Box<dyn Future<Output = FileAnswer> + Send + 'a>> {
        let content = match &self.0 {
            None => FileContent::Missing,
            Some(bytes) if bytes.len() as u64 > FILE_LIMIT => FileContent::TooLong,
            Some(bytes) => FileContent::Bytes(bytes.clone()),
        };
        Box::pin(async move { Ok((None, content)) })
    }
}
