//! The permissions and events that branchline needs at GitHub, each with its reason.

/// How far a permission goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Reading.
    Read,
    /// Reading and writing.
    Write,
}

impl Level {
    /// Returns GitHub's word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }

    /// Returns true if the level that was granted is enough.
    #[must_use]
    pub fn is_covered_by(self, granted: Option<&str>) -> bool {
        match granted {
            Some("write" | "admin") => true,
            Some("read") => self == Self::Read,
            Some(_) | None => false,
        }
    }
}

/// A permission of the App.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Permission {
    /// GitHub's name.
    pub name: &'static str,
    /// How far it must go.
    pub level: Level,
    /// What it is for, as a phrase.
    pub reason: &'static str,
}

/// An event that the App's webhook sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// GitHub's name.
    pub name: &'static str,
    /// What it is for, as a phrase.
    pub reason: &'static str,
}

/// What the rules show at GitHub, and what they read from there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Uses {
    /// Check runs.
    pub checks: bool,
    /// Commit statuses.
    pub statuses: bool,
    /// Comments on pull requests.
    pub comments: bool,
    /// Deployments of environments.
    pub deployments: bool,
    /// Groups of the merge queue.
    pub merge_groups: bool,
}

impl Uses {
    /// Returns the permissions that the App needs.
    #[must_use]
    pub fn permissions(self) -> Vec<Permission> {
        let permission = |name, level, reason| Permission {
            name,
            level,
            reason,
        };
        let (pull_requests, comments) = match self.comments {
            true => (
                Level::Write,
                "to receive the events of pull requests, to list them, and to comment (`comment` of a rule)",
            ),
            false => (
                Level::Read,
                "to receive the events of pull requests, and to list them",
            ),
        };
        let always = [
            permission(
                "metadata",
                Level::Read,
                "GitHub demands it of every App; the event repository needs it",
            ),
            permission(
                "contents",
                Level::Read,
                "to receive pushes, and the creation and deletion of branches, to list branches, and to read the files that a rule names (`repository_file`, `template`); no other file is read",
            ),
            permission("pull_requests", pull_requests, comments),
        ];
        let checks = permission(
            "checks",
            Level::Write,
            "to show check runs, and to receive clicks on Re-run",
        );
        let statuses = permission(
            "statuses",
            Level::Write,
            "to show commit statuses (`report = \"status\"`)",
        );
        let deployments = permission(
            "deployments",
            Level::Write,
            "to show the deployments of environments (`preview` of a rule)",
        );
        let merge_groups = permission(
            "merge_queues",
            Level::Read,
            "to receive the groups of the merge queue (`on = \"merge_group\"`)",
        );
        let optional = [
            (self.checks, checks),
            (self.statuses, statuses),
            (self.deployments, deployments),
            (self.merge_groups, merge_groups),
        ];
        always.into_iter().chain(chosen(optional)).collect()
    }

    /// Returns the events that the App's webhook must send.
    #[must_use]
    pub fn events(self) -> Vec<Event> {
        let event = |name, reason| Event { name, reason };
        let always = [
            event(
                "pull_request",
                "a pull request is opened, updated or closed",
            ),
            event(
                "push",
                "a branch has a new commit, and its message may say [skip ci]",
            ),
            event("create", "a branch is created"),
            event("delete", "a branch is deleted"),
            event("repository", "a repository is renamed, archived or deleted"),
        ];
        let optional = [
            (
                self.checks,
                event("check_run", "a person clicks on Re-run of a check"),
            ),
            (
                self.checks,
                event("check_suite", "a person clicks on Re-run all checks"),
            ),
            (
                self.merge_groups,
                event(
                    "merge_group",
                    "the merge queue asks for the checks of a group",
                ),
            ),
        ];
        always.into_iter().chain(chosen(optional)).collect()
    }
}

fn chosen<T, const N: usize>(optional: [(bool, T); N]) -> impl Iterator<Item = T> {
    optional
        .into_iter()
        .filter_map(|(is_used, one)| is_used.then_some(one))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(uses: Uses) -> (Vec<String>, Vec<&'static str>) {
        let permissions = uses.permissions().into_iter();
        let events = uses.events().into_iter();
        (
            permissions
                .map(|one| format!("{}: {}", one.name, one.level.as_str()))
                .collect(),
            events.map(|event| event.name).collect(),
        )
    }

    #[test]
    fn each_use_adds_what_it_needs() {
        let (permissions, events) = names(Uses::default());
        let least = ["metadata: read", "contents: read", "pull_requests: read"];
        assert_eq!(permissions, least);
        assert_eq!(
            events,
            ["pull_request", "push", "create", "delete", "repository"]
        );
        let everything = Uses {
            checks: true,
            statuses: true,
            comments: true,
            deployments: true,
            merge_groups: true,
        };
        let (permissions, events) = names(everything);
        let all = [
            "metadata: read",
            "contents: read",
            "pull_requests: write",
            "checks: write",
            "statuses: write",
            "deployments: write",
            "merge_queues: read",
        ];
        assert_eq!(permissions, all);
        assert_eq!(events[5..], ["check_run", "check_suite", "merge_group"]);
    }

    #[test]
    fn a_higher_level_covers_a_lower_one() {
        let covered = |granted| [Level::Read, Level::Write].map(|one| one.is_covered_by(granted));
        assert_eq!(covered(None), [false, false]);
        assert_eq!(covered(Some("read")), [true, false]);
        assert_eq!(covered(Some("write")), [true, true]);
        assert_eq!(covered(Some("admin")), [true, true]);
    }
}
