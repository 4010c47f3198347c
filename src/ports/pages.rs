//! Reads the mappings in one state, page by page.

use crate::domain::fault::Fault;
use crate::domain::state::mapping::{Mapping, State};
use crate::ports::cursor::Cursor;
use crate::ports::store::StoreReader;

/// The mappings in one state.
pub struct MappingPages<'a, S> {
    store: &'a S,
    state: State,
    after: Option<Cursor>,
    ended: bool,
}

impl<'a, S: StoreReader> MappingPages<'a, S> {
    /// Begins with the first page. Nothing is read yet.
    pub fn new(store: &'a S, state: State) -> Self {
        Self {
            store,
            state,
            after: None,
            ended: false,
        }
    }

    /// Returns the rows of the next page, which may be empty; `None` after the last page. A row
    /// that cannot be read is a fault that names it.
    ///
    /// # Errors
    /// The table did not answer. The next call asks for the same page.
    ///
    /// If cancelled, the next call asks for the same page.
    pub async fn next(&mut self) -> Result<Option<Vec<Result<Mapping, Fault>>>, Fault> {
        if self.ended {
            return Ok(None);
        }
        let page = self.store.in_state(self.state, self.after.clone()).await?;
        self.ended = page.next.is_none();
        self.after = page.next;
        Ok(Some(page.rows))
    }
}
