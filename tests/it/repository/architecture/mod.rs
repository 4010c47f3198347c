//! The rules of ARCHITECTURE.md, executed as a text scan of the tree. Each rule stands in
//! `architecture/rules.rs` beside a snippet that breaks it.

pub(crate) mod allowed;
pub(crate) mod broken;
pub(crate) mod circles;
pub(crate) mod rules;
pub(crate) mod source;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::repository::architecture::allowed::ALLOWED;
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
fn no_two_files_use_each_other() {
    let found = circles::circles(&tree());
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

/// The rows of the table in ARCHITECTURE.md: a folder and those that it may use.
#[expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a table that is not there fails its test"
)]
fn documented() -> BTreeMap<String, BTreeSet<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("ARCHITECTURE.md");
    let text = fs::read_to_string(path).unwrap();
    let (_, section) = text.split_once("## Folders and dependencies").unwrap();
    let table = section.lines().skip_while(|line| !line.starts_with("|---"));
    let rows = table.skip(1).take_while(|line| line.starts_with('|'));
    let words = |cell: &str| {
        cell.split(", ")
            .map(|word| word.trim().to_owned())
            .collect()
    };
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').collect();
        let [folder, _, uses] = cells.as_slice() else {
            panic!("three cells: {row}");
        };
        (folder.trim().to_owned(), words(uses.trim()))
    })
    .collect()
}

#[test]
fn the_documented_dependencies_are_the_enforced_ones() {
    let all = || ALLOWED.iter().map(|(folder, _)| (*folder).to_owned());
    let enforced = ALLOWED.iter().map(|(folder, allowed)| {
        let others: BTreeSet<String> = all().filter(|other| other != folder).collect();
        let allowed: BTreeSet<String> = allowed.iter().map(|&name| name.to_owned()).collect();
        let told = match allowed.len() {
            0 => BTreeSet::from(["nothing".to_owned()]),
            _ if allowed == others => BTreeSet::from(["everything".to_owned()]),
            _ => allowed,
        };
        ((*folder).to_owned(), told)
    });
    assert_eq!(documented(), enforced.collect());
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
