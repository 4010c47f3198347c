//! The rules of ARCHITECTURE.md, executed as a text scan of the tree. Each rule stands in `architecture/rules.rs` beside a
//! snippet that breaks it.

pub(crate) mod broken;
pub(crate) mod rules;
pub(crate) mod source;

use crate::repository::architecture::rules::RULES;
use crate::repository::architecture::source::{Source, tree};

#[test]
fn the_tree_keeps_every_rule() {
    let sources = tree();
    let complaints: Vec<String> = RULES
        .iter()
        .flat_map(|rule| sources.iter().flat_map(|source| (rule.check)(source)))
        .collect();
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

#[test]
fn the_scan_sees_the_tree() {
    let sources = tree();
    let has = |path: &str| sources.iter().any(|source| source.path == path);
    for path in [
        "src/domain/intake/envelope.rs",
        "src/reconcile/mod.rs",
        "src/aws/mod.rs",
        "tests/it/main.rs",
    ] {
        assert!(has(path), "{path} was not scanned");
    }
}

#[test]
fn every_rule_can_fail() {
    for rule in RULES {
        let broken = broken::SNIPPETS
            .iter()
            .filter(|snippet| snippet.rule == rule.name && !snippet.fine);
        assert!(broken.count() > 0, "nothing breaks '{}'", rule.name);
    }
    for snippet in broken::SNIPPETS {
        let rule = RULES.iter().find(|rule| rule.name == snippet.rule);
        let source = Source::new(snippet.path, snippet.text);
        let complaints = (rule.unwrap().check)(&source);
        let as_expected = complaints.is_empty() == snippet.fine;
        assert!(
            as_expected,
            "{}: {:?}\n{}",
            snippet.rule, complaints, snippet.text
        );
    }
}

#[test]
fn a_long_file_is_told() {
    let rule = RULES
        .iter()
        .find(|rule| rule.name == "files are short")
        .unwrap();
    let lines = |count| Source::new("src/main.rs", &"// line\n".repeat(count));
    assert!((rule.check)(&lines(400)).is_empty());
    assert_eq!(
        (rule.check)(&lines(401)),
        ["src/main.rs: 401 lines, want at most 400"]
    );
}
