//! How long a rule keeps the pipelines of subjects that are open and idle.

use std::time::Duration;

/// How long a rule keeps the pipelines of open subjects. By default, for as long as they are open.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// `idle`: a pipeline is removed once its subject saw no activity for this time.
    pub idle: Option<Duration>,
    /// `max_age`: a pipeline is removed this long after it was created.
    pub max_age: Option<Duration>,
    /// `keep_label`: a pull request with this label keeps its pipeline.
    pub keep_label: Option<String>,
    /// `on_full`: what happens when a subject finds no slot.
    pub on_full: OnFull,
}

/// `on_full`: what happens when a subject finds no slot, because the rule has its `max_active` or
/// the account its quota.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnFull {
    /// `wait`: it waits until a pipeline is removed for another reason.
    #[default]
    Wait,
    /// `evict-idle`: the pipeline of a subject that is idle is removed for it.
    EvictIdle,
}

impl Retention {
    /// Returns true if pipelines are removed from open subjects.
    #[must_use]
    pub fn is_limited(&self) -> bool {
        self.idle.is_some() || self.max_age.is_some()
    }

    /// Returns true if one of these labels keeps the pipeline. GitHub does not tell upper and lower
    /// case of a label apart.
    #[must_use]
    pub fn is_kept_by(&self, labels: &[String]) -> bool {
        self.keep_label
            .as_ref()
            .is_some_and(|keep| labels.iter().any(|label| is_same(label, keep)))
    }
}

fn is_same(label: &str, other: &str) -> bool {
    label.to_lowercase() == other.to_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_label_keeps_whatever_its_case() {
        let labels = |names: &[&str]| {
            names
                .iter()
                .map(|name| (*name).to_owned())
                .collect::<Vec<_>>()
        };
        let retention = Retention {
            keep_label: Some("Keep".to_owned()),
            ..Retention::default()
        };
        assert!(retention.is_kept_by(&labels(&["bug", "keep"])));
        assert!(!retention.is_kept_by(&labels(&["keeper"])));
        assert!(!Retention::default().is_kept_by(&labels(&["keep"])));
    }
}
