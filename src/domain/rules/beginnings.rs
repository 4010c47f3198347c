//! Finds, among the filters of a thousand rules, the few that a name may match.

use std::collections::{BTreeSet, HashMap};

use crate::domain::rules::glob::GlobFilter;

/// The positions of filters by the plain texts with which their globs begin. Case does not count,
/// as in names of repositories.
#[derive(Clone, Debug, Default)]
pub(super) struct Beginnings {
    positions: HashMap<String, Vec<usize>>,
    /// The lengths of these texts.
    lengths: BTreeSet<usize>,
}

impl Beginnings {
    /// Makes them of filters over names of repositories, in this order.
    pub(super) fn of<'a>(filters: impl Iterator<Item = &'a GlobFilter>) -> Self {
        let mut beginnings = Self::default();
        for (position, filter) in filters.enumerate() {
            for text in filter.beginnings() {
                beginnings.lengths.insert(text.len());
                let text = text.to_ascii_lowercase();
                beginnings.positions.entry(text).or_default().push(position);
            }
        }
        beginnings
    }

    /// Returns the positions of the filters that may match this name, in order. It does not match
    /// any other one.
    pub(super) fn candidates(&self, name: &str) -> Vec<usize> {
        let name = name.to_ascii_lowercase();
        let lengths = self.lengths.iter();
        let texts = lengths.filter_map(|length| name.get(..*length));
        let found = texts.filter_map(|text| self.positions.get(text));
        let mut positions: Vec<usize> = found.flatten().copied().collect();
        // A filter may have two globs that begin like the name.
        positions.sort_unstable();
        positions.dedup();
        positions
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(globs: &[String]) -> GlobFilter {
        GlobFilter::parse_repositories(globs).unwrap()
    }

    #[test]
    fn a_name_has_few_candidates_among_a_thousand() {
        let globs = (0..1_000).map(|number| match number % 2 {
            0 => format!("acme/service-{number}"),
            _ => format!("Acme/service-{number}-*"),
        });
        let mut filters: Vec<GlobFilter> = globs.map(|glob| filter(&[glob])).collect();
        filters.push(filter(&["acme/api".to_owned(), "acme/*".to_owned()]));
        filters.push(filter(&["!acme/api".to_owned()]));
        filters.push(filter(&["**/api".to_owned()]));
        let beginnings = Beginnings::of(filters.iter());
        assert_eq!(beginnings.candidates("acme/API"), [1_000, 1_001, 1_002]);
        let web = beginnings.candidates("acme/service-77-web");
        assert_eq!(web, [77, 1_000, 1_001, 1_002]);
        assert_eq!(beginnings.candidates("corp/api"), [1_001, 1_002]);
    }

    proptest::proptest! {
        #[test]
        fn what_matches_is_a_candidate(
            globs in proptest::collection::vec(
                proptest::collection::vec("!?[aA*]{1,3}/[aA*?]{1,3}", 1..3),
                1..5,
            ),
            name in "[aA]{1,3}/[aA]{1,3}",
        ) {
            let filters: Vec<GlobFilter> = globs.iter().map(|globs| filter(globs)).collect();
            let candidates = Beginnings::of(filters.iter()).candidates(&name);
            for (position, filter) in filters.iter().enumerate() {
                let is_candidate = candidates.contains(&position);
                proptest::prop_assert!(is_candidate || !filter.is_match(&name), "{}", filter);
            }
        }
    }
}
