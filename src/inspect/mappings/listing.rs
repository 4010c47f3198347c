//! Mappings, page by page, while daemons move them from state to state.
//!
//! A mapping is told once, although it may be met in two states. One that moved into a state that was read already is met
//! when the states are read again at the end. Not excluded: one that moves each time from a state that is yet to be read to one
//! that was.

use std::collections::BTreeSet;
use std::vec::IntoIter;

use crate::domain::fault::Fault;
use crate::domain::ids::Subject;
use crate::domain::state::mapping::{Mapping, State};
use crate::ports::{Cursor, Store};

use crate::inspect::mappings::filter::Filter;

/// Mappings that are meant, and rows that cannot be read.
#[derive(Debug, Default)]
pub struct Batch {
    /// Each once in a listing.
    pub rows: Vec<Mapping>,
    /// Each once in a listing.
    pub unreadable: Vec<Fault>,
}

/// A listing while it is read.
pub struct Listing<'a, S> {
    store: &'a S,
    filter: Filter,
    states: IntoIter<State>,
    now: Option<(State, Option<Cursor>)>,
    /// Subjects that were told: `None` where one state is listed, which no row is in twice.
    told: Option<BTreeSet<Subject>>,
    unreadable: BTreeSet<String>,
}

impl<'a, S: Store> Listing<'a, S> {
    /// Of what the filter means. Of several states it remembers the subjects that were told: some 60 bytes each.
    pub fn of(store: &'a S, filter: Filter) -> Self {
        let states = filter.states();
        let several = states.len() > 1;
        // Into the state that is read last nothing moves unseen.
        let again = states.iter().rev().skip(1).rev().copied();
        let states: Vec<_> = states.iter().copied().chain(again).collect();
        let mut states = states.into_iter();
        Self {
            store,
            filter,
            now: states.next().map(|state| (state, None)),
            states,
            told: several.then(BTreeSet::new),
            unreadable: BTreeSet::new(),
        }
    }

    /// The next page, which may be empty; `None` after the last.
    ///
    /// # Errors
    /// The table did not answer.
    pub async fn next(&mut self) -> Result<Option<Batch>, Fault> {
        let Some((state, after)) = self.now.take() else {
            return Ok(None);
        };
        let page = self.store.in_state(state, after).await?;
        self.now = match page.next {
            Some(next) => Some((state, Some(next))),
            None => self.states.next().map(|state| (state, None)),
        };
        let mut batch = Batch::default();
        for row in page.rows {
            match row {
                Ok(row) if self.filter.admits(&row) && self.is_news(&row) => batch.rows.push(row),
                Ok(_) => {}
                Err(fault) if self.unreadable.insert(fault.detail.clone()) => {
                    batch.unreadable.push(fault);
                }
                Err(_) => {}
            }
        }
        Ok(Some(batch))
    }

    fn is_news(&mut self, row: &Mapping) -> bool {
        let told = self.told.as_mut();
        told.is_none_or(|told| told.insert(row.subject.clone()))
    }
}
