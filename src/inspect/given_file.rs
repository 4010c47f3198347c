//! The files of a repository in a prediction, which asks GitHub for nothing.

use std::collections::BTreeSet;
use std::pin::Pin;

use crate::domain::clone::file::{FILE_LIMIT, FileContent};
use crate::domain::rules::rule::Rules;
use crate::ports::{FileAnswer, Place, RepositoryFiles, Revision};

/// Files that a person gave, for every repository and commit. Without one, no repository has it.
#[derive(Clone, Debug, Default)]
pub struct GivenFiles {
    /// The file that rules read as `repository_file`.
    pub repository_file: Option<Vec<u8>>,
    /// The file that rules read as `file` of their template.
    pub template_file: Option<Vec<u8>>,
}

/// The files, by the paths in the rules.
pub(super) struct FilesAtPaths {
    given: GivenFiles,
    /// The paths of templates.
    templates: BTreeSet<String>,
}

impl FilesAtPaths {
    pub(super) fn new(given: GivenFiles, rules: &Rules) -> Self {
        let files = rules
            .all()
            .iter()
            .filter_map(|rule| rule.template_file.as_ref());
        Self {
            given,
            templates: files.map(|file| file.path.clone()).collect(),
        }
    }
}

impl RepositoryFiles for FilesAtPaths {
    fn file<'a>(
        &'a self,
        _: &'a Place,
        path: &'a str,
        _: Revision<'a>,
    ) -> Pin<Box<dyn Future<Output = FileAnswer> + Send + 'a>> {
        let given = match self.templates.contains(path) {
            true => &self.given.template_file,
            false => &self.given.repository_file,
        };
        let content = match given {
            None => FileContent::Missing,
            Some(bytes) if bytes.len() as u64 > FILE_LIMIT => FileContent::TooLong,
            Some(bytes) => FileContent::Bytes(bytes.clone()),
        };
        Box::pin(async move { Ok((None, content)) })
    }
}
