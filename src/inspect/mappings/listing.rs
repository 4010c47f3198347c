//! Lists mappings page by page, while daemons move them between states.
//!
//! Each mapping is listed once, although it may be read in two states. A mapping that moved into a
//! state that was already read is found when the states are read again at the end. A mapping can be
//! missed only if it changes state between every two reads.

use std::collections::BTreeSet;
use std::vec::IntoIter;

use crate::domain::fault::Fault;
use crate::domain::ids::{RepositoryId, Subject};
use crate::domain::state::mapping::{Mapping, State};
use crate::ports::{Cursor, StoreReader};

use crate::inspect::mappings::filter::Filter;

/// The mappings that match, and the rows that cannot be read.
#[derive(Debug, Default)]
pub struct Batch {
    /// The mappings. Each is in a listing once.
    pub rows: Vec<Mapping>,
    /// The faults of rows that cannot be read. Each is in a listing once.
    pub unreadable: Vec<Fault>,
}

/// Mappings that one query reads, page by page.
#[derive(Clone, Copy)]
enum Part {
    State(State),
    Repository(RepositoryId),
}

/// A listing in progress.
pub struct Listing<'a, S> {
    store: &'a S,
    filter: Filter,
    parts: IntoIter<Part>,
    current: Option<(Part, Option<Cursor>)>,
    /// The subjects that were listed; `None` for a single part, in which each row appears once.
    listed: Option<BTreeSet<Subject>>,
    unreadable: BTreeSet<String>,
}

impl<'a, S: StoreReader> Listing<'a, S> {
    /// Starts a listing. With several states, it remembers each listed subject, which takes some 60
    /// bytes.
    pub fn new(store: &'a S, filter: Filter) -> Self {
        let states = filter.states();
        let several = states.len() > 1;
        // No mapping can move unseen into the state that is read last.
        let again = states.iter().rev().skip(1).rev().copied();
        let states = states.iter().copied().chain(again);
        let listed = several.then(BTreeSet::new);
        Self::begin(store, filter, states.map(Part::State).collect(), listed)
    }

    /// Starts a listing of one repository. It reads the rows of the others nowhere.
    pub fn of_repository(store: &'a S, repository: RepositoryId, filter: Filter) -> Self {
        Self::begin(store, filter, vec![Part::Repository(repository)], None)
    }

    fn begin(
        store: &'a S,
        filter: Filter,
        parts: Vec<Part>,
        listed: Option<BTreeSet<Subject>>,
    ) -> Self {
        let mut parts = parts.into_iter();
        Self {
            store,
            filter,
            current: parts.next().map(|part| (part, None)),
            parts,
            listed,
            unreadable: BTreeSet::new(),
        }
    }

    /// Returns the next page, which may be empty; `None` after the last page.
    ///
    /// # Errors
    /// The table did not answer.
    pub async fn next(&mut self) -> Result<Option<Batch>, Fault> {
        let Some((part, after)) = self.current.take() else {
            return Ok(None);
        };
        let page = match part {
            Part::State(state) => self.store.in_state(state, after).await?,
            Part::Repository(repository) => self.store.of_repository(repository, after).await?,
        };
        self.current = match page.next {
            Some(next) => Some((part, Some(next))),
            None => self.parts.next().map(|part| (part, None)),
        };
        let mut batch = Batch::default();
        for row in page.rows {
            match row {
                Ok(row) if self.filter.admits(&row) && self.is_new(&row) => batch.rows.push(row),
                Ok(_) => {}
                Err(fault) if self.unreadable.insert(fault.detail.clone()) => {
                    batch.unreadable.push(fault);
                }
                Err(_) => {}
            }
        }
        Ok(Some(batch))
    }

    fn is_new(&mut self, row: &Mapping) -> bool {
        self.listed
            .as_mut()
            .is_none_or(|listed| listed.insert(row.subject.clone()))
    }
}
