//! A position in a listing, and a page of subjects.

use std::collections::BTreeMap;

use crate::domain::ids::Subject;

/// A position in a listing, in the store's own terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor(pub BTreeMap<String, String>);

/// A page of a list of subjects.
#[derive(Debug)]
pub struct SubjectPage {
    /// The subjects, those whose records were written longest ago first.
    pub subjects: Vec<Subject>,
    /// Where the next page begins; `None` after the last.
    pub next: Option<Cursor>,
}
