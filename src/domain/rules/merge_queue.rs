//! The branches of GitHub's merge queue.
//!
//! For each group of pull requests that may be merged, GitHub creates the branch
//! `gh-readonly-queue/BASE/pr-NUMBER-COMMIT` and deletes it when the group ends (GitHub Docs,
//! "Managing a merge queue").

use crate::domain::ids::Branch;

/// The beginning of the names of these branches.
pub const MERGE_QUEUE: &str = "gh-readonly-queue/";

/// Returns the base branch of a merge group; `None` for every other branch.
#[must_use]
pub fn merge_group_base(branch: &Branch) -> Option<Branch> {
    let (base, _) = branch
        .as_str()
        .strip_prefix(MERGE_QUEUE)?
        .rsplit_once("/pr-")?;
    Branch::parse(base).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_base_of_a_merge_group_is_in_the_name_of_its_branch() {
        let base = |name: &str| {
            let branch = Branch::parse(name).unwrap();
            merge_group_base(&branch).map(|base| base.to_string())
        };
        let commit = "0123456789".repeat(4);
        let named = |base: &str| format!("{MERGE_QUEUE}{base}/pr-7-{commit}");
        assert_eq!(base(&named("main")).as_deref(), Some("main"));
        assert_eq!(
            base(&named("release/pr-1/x")).as_deref(),
            Some("release/pr-1/x")
        );
        assert_eq!(base("main"), None);
        assert_eq!(base("gh-readonly-queue/main"), None);
        assert_eq!(base("gh-readonly-queue//pr-7"), None);
    }
}
