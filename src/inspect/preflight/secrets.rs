//! Checks that some webhook secret proves the webhooks of a rule's repository.

use crate::domain::ids::RepositoryName;
use crate::domain::intake::authenticated::Secrets;

use crate::inspect::preflight::Finding;

/// Checks one repository. `None` if no secret is bound: then every secret covers it.
#[must_use]
pub fn secrets(repository: &RepositoryName, secrets: &Secrets) -> Option<Finding> {
    if secrets.scopes().all(|scope| scope.repositories.is_none()) {
        return None;
    }
    let what = format!("webhook secrets of {repository}");
    let covering = secrets.scopes().filter(|scope| scope.covers(repository));
    let names: Vec<String> = covering.map(|scope| format!("'{}'", scope.name)).collect();
    Some(match names.is_empty() {
        false => Finding::good(what, format!("proved by {}", names.join(" or "))),
        true => Finding::bad(
            what,
            "no secret covers it, so its webhooks would be quarantined (wrong-secret)",
            "add it to repositories of a [[github.secret]]",
        ),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::intake::authenticated::SecretScope;
    use crate::domain::rules::glob::GlobFilter;
    use crate::inspect::preflight::tests::lines;

    #[test]
    fn a_repository_without_a_secret_is_reported() {
        let mut all = Secrets::default();
        let mut add = |name: &str, globs: Option<&str>| {
            let scope = SecretScope {
                name: name.to_owned(),
                repositories: globs.map(|globs| GlobFilter::parse([globs]).unwrap()),
            };
            all.add(scope, name);
            let check = |name| secrets(&RepositoryName::parse(name).unwrap(), &all);
            let findings: Vec<Finding> = ["acme/api", "acme/web"]
                .into_iter()
                .filter_map(check)
                .collect();
            lines(&findings)
        };
        assert!(add("env:BOUND", Some("acme/api")).len() == 2);
        insta::assert_snapshot!(add("env:ALSO", Some("acme/a*")).join("\n"), @r"
        ok webhook secrets of acme/api: proved by 'env:BOUND' or 'env:ALSO'
        NO webhook secrets of acme/web: no secret covers it, so its webhooks would be quarantined (wrong-secret)
        ");
        insta::assert_snapshot!(add("env:ALL", None).join("\n"), @r"
        ok webhook secrets of acme/api: proved by 'env:BOUND' or 'env:ALSO' or 'env:ALL'
        ok webhook secrets of acme/web: proved by 'env:ALL'
        ");
        assert_eq!(
            secrets(&RepositoryName::parse("a/b").unwrap(), &Secrets::new(["x"])),
            None
        );
    }
}
