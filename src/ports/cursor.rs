//! A position in a listing.

use std::collections::BTreeMap;

/// A position in a listing, in the store's own terms.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cursor(pub BTreeMap<String, String>);
