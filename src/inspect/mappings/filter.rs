//! Which mappings are meant.

use globset::GlobMatcher;

use crate::domain::ids::{SubjectKind, Timestamp};
use crate::domain::state::mapping::{Mapping, State};

/// Which mappings. What is not said, every mapping is.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// A glob over `owner/name`.
    pub repository: Option<GlobMatcher>,
    /// A glob over the branch.
    pub branch: Option<GlobMatcher>,
    /// A glob over the pipeline's name.
    pub pipeline: Option<GlobMatcher>,
    /// A pull request.
    pub pull_request: Option<u64>,
    /// States; empty is any.
    pub states: Vec<State>,
    /// Only those that failed last.
    pub failed: bool,
    /// Only those that nobody wrote since then.
    pub unchanged_since: Option<Timestamp>,
}

impl Filter {
    /// The states to look at, each once.
    #[must_use]
    pub fn states(&self) -> Vec<State> {
        let asked = |state: &State| self.states.is_empty() || self.states.contains(state);
        State::ALL.into_iter().filter(asked).collect()
    }

    /// Whether the mapping is meant.
    #[must_use]
    pub fn admits(&self, mapping: &Mapping) -> bool {
        let spec = mapping.spec();
        let glob = |glob: &Option<GlobMatcher>, text: Option<&str>| {
            glob.as_ref()
                .is_none_or(|glob| text.is_some_and(|text| glob.is_match(text)))
        };
        let pull = match mapping.subject.kind {
            SubjectKind::PullRequest(number) => Some(number),
            SubjectKind::Branch(_) => None,
        };
        glob(&self.repository, Some(mapping.repository.as_str()))
            && glob(&self.branch, spec.map(|spec| spec.branch.as_str()))
            && glob(&self.pipeline, spec.map(|spec| spec.pipeline.as_str()))
            && (self.pull_request.is_none() || pull == self.pull_request)
            && (!self.failed || mapping.last_error.is_some())
            && self
                .unchanged_since
                .is_none_or(|since| mapping.updated_at <= since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_that_is_asked_for_twice_is_looked_at_once() {
        let filter = Filter {
            states: vec![State::Gone, State::Active, State::Gone],
            ..Filter::default()
        };
        assert_eq!(filter.states(), [State::Active, State::Gone]);
    }
}
