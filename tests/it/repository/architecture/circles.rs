//! Circles between the files of `src/`: two files that use each other cannot be read, moved or
//! tested alone.
//!
//! A re-export (`pub use`) is followed to the file that defines the name, so a folder's `mod.rs`
//! does not depend on everything that it passes on.

use std::collections::{BTreeMap, BTreeSet};

use crate::repository::architecture::source::{Source, is_word, starts};

/// The files of `src/` by module path, and which they use.
struct Modules<'a> {
    sources: BTreeMap<String, &'a Source>,
    /// What a module passes on: module and name, and the path that it stands for.
    exports: BTreeMap<(String, String), String>,
}

/// Returns every circle as one line; each circle is reported once.
pub(crate) fn circles(sources: &[Source]) -> Vec<String> {
    let modules = Modules::new(sources);
    let uses: BTreeMap<&String, BTreeSet<String>> = modules
        .sources
        .iter()
        .map(|(name, source)| (name, modules.used_by(name, source)))
        .collect();
    let mut found = BTreeMap::new();
    for start in uses.keys() {
        if let Some(circle) = way_back(start, &uses) {
            let members: BTreeSet<String> = circle.iter().cloned().collect();
            found.entry(members).or_insert_with(|| circle.join(" -> "));
        }
    }
    found.into_values().collect()
}

/// Returns the shortest way from a module back to itself.
fn way_back(start: &str, uses: &BTreeMap<&String, BTreeSet<String>>) -> Option<Vec<String>> {
    let mut seen = BTreeSet::new();
    let mut ways = std::collections::VecDeque::from([vec![start.to_owned()]]);
    while let Some(way) = ways.pop_front() {
        for next in uses.get(way.last()?).into_iter().flatten() {
            let mut longer = way.clone();
            longer.push(next.clone());
            if next == start {
                return Some(longer);
            }
            if seen.insert(next.clone()) {
                ways.push_back(longer);
            }
        }
    }
    None
}

impl<'a> Modules<'a> {
    fn new(sources: &'a [Source]) -> Self {
        let production = sources
            .iter()
            .filter(|source| !source.production().is_empty() && source.path != "src/main.rs");
        let sources: BTreeMap<_, _> = production
            .map(|source| (module_of(&source.path), source))
            .collect();
        let mut exports = BTreeMap::new();
        for (module, source) in &sources {
            for statement in public_uses(source.production()) {
                for path in use_tree(statement, "") {
                    let path = absolute(&path, module);
                    if let Some((_, name)) = path.rsplit_once("::") {
                        exports.insert((module.clone(), name.to_owned()), path);
                    }
                }
            }
        }
        Self { sources, exports }
    }

    /// Returns the modules that a file names, itself excluded.
    fn used_by(&self, module: &str, source: &Source) -> BTreeSet<String> {
        let mut code = source.production().to_owned();
        for statement in public_uses(source.production()) {
            code = code.replace(statement, "");
        }
        let paths = ["crate::", "super::"].into_iter().flat_map(|root| {
            let found = starts(&code, root).into_iter();
            found.flat_map(|at| use_tree(code.get(at..).unwrap_or_default(), ""))
        });
        let children = starts(&code, "mod ").into_iter().filter_map(|at| {
            let after = code.get(at + "mod ".len()..)?;
            let name: String = after.chars().take_while(|c| is_word(*c)).collect();
            let called = starts(&code, &format!("{name}::"));
            let is_path = |at: &usize| !code.get(..*at).is_some_and(|before| before.ends_with(':'));
            called.iter().any(is_path).then(|| join(module, &name))
        });
        let paths = paths.map(|path| absolute(&path, module)).chain(children);
        let used = paths.filter_map(|path| self.defining(&path));
        used.filter(|used| used != module).collect()
    }

    /// Returns the module that defines what a path names: the longest known one, behind re-exports.
    fn defining(&self, path: &str) -> Option<String> {
        let parts: Vec<&str> = path.split("::").collect();
        let split = (1..=parts.len()).rev().find_map(|length| {
            let module = parts.get(..length)?.join("::");
            self.sources
                .contains_key(&module)
                .then_some((module, length))
        });
        let (module, length) = split?;
        let name = parts.get(length).map(|name| (*name).to_owned());
        match name.and_then(|name| self.exports.get(&(module.clone(), name))) {
            Some(target) if target != path => self.defining(target),
            Some(_) | None => Some(module),
        }
    }
}

/// Returns `worker::poll` for `src/worker/poll.rs`, and nothing for the crate's root.
fn module_of(path: &str) -> String {
    let below = path.strip_prefix("src/").unwrap_or(path);
    let below = below.strip_suffix(".rs").unwrap_or(below);
    let below = below.strip_suffix("/mod").unwrap_or(below);
    below.replace("lib", "").replace('/', "::")
}

fn join(module: &str, name: &str) -> String {
    if module.is_empty() {
        name.to_owned()
    } else {
        format!("{module}::{name}")
    }
}

/// Returns a path from the crate's root.
fn absolute(path: &str, module: &str) -> String {
    if let Some(rest) = path.strip_prefix("crate::") {
        return rest.to_owned();
    }
    let (mut module, mut path) = (module, path);
    while let Some(rest) = path.strip_prefix("super::") {
        path = rest;
        module = module.rsplit_once("::").map_or("", |(parent, _)| parent);
    }
    join(module, path.strip_prefix("self::").unwrap_or(path))
}

/// Returns what follows `pub use` or `pub(in x) use` in each such statement, up to its semicolon.
fn public_uses(code: &str) -> Vec<&str> {
    let statements = starts(code, "pub").into_iter().filter_map(|at| {
        let statement = code.get(at..)?.split(';').next()?;
        let (visibility, tree) = statement.split_once(" use ")?;
        let alone = visibility == "pub"
            || (visibility.starts_with("pub(")
                && visibility.ends_with(')')
                && !visibility.contains('{'));
        alone.then_some(tree)
    });
    statements.collect()
}

/// Returns the paths of a use tree; what a group begins with counts only together with its members.
fn use_tree(text: &str, prefix: &str) -> Vec<String> {
    let word: String = text.chars().take_while(|c| is_word(*c)).collect();
    let after = text.get(word.len()..).unwrap_or_default();
    let path = match word.as_str() {
        "" | "self" if !prefix.is_empty() => prefix.to_owned(),
        _ => join(prefix, &word),
    };
    match after.strip_prefix("::") {
        Some(group) if group.starts_with('{') => members(group)
            .into_iter()
            .flat_map(|member| use_tree(member, &path))
            .collect(),
        Some(rest) if rest.starts_with(is_word) => use_tree(rest, &path),
        Some(_) | None => vec![path],
    }
}

/// Returns the members of the group that the text begins with.
fn members(group: &str) -> Vec<&str> {
    let mut depth = 0_usize;
    let (mut found, mut from) = (Vec::new(), 1);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if (c == ',' && depth == 1) || depth == 0 {
            found.push(group.get(from..at).unwrap_or_default().trim());
            from = at + 1;
        }
        if depth == 0 {
            break;
        }
    }
    found.retain(|member| !member.is_empty());
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[(&str, &str)]) -> Vec<String> {
        let sources: Vec<Source> = files
            .iter()
            .map(|(path, text)| Source::new(path, text))
            .collect();
        circles(&sources)
    }

    #[test]
    fn a_circle_is_found_through_groups_parents_and_re_exports() {
        let cases: &[&[(&str, &str)]] = &[
            &[
                ("src/a.rs", "use crate::{b::B, c};"),
                ("src/b.rs", "fn f() { crate::a::g() }"),
                ("src/c.rs", "fn c() {}"),
            ],
            &[
                ("src/a/mod.rs", "mod b;\nfn f() { b::g() }\nfn h() {}"),
                ("src/a/b.rs", "use super::h;\nfn g() {}"),
            ],
            &[
                ("src/a/mod.rs", "mod b;\npub use b::B;"),
                ("src/a/b.rs", "use crate::c::C;\npub struct B;"),
                ("src/c.rs", "use crate::a::B;\npub struct C;"),
            ],
        ];
        for case in cases {
            assert_eq!(found(case).len(), 1, "{case:?}");
        }
    }

    #[test]
    fn a_common_parent_is_no_circle() {
        let cases: &[&[(&str, &str)]] = &[
            &[
                (
                    "src/a/mod.rs",
                    "mod b;\nmod c;\npub use b::B;\npub(crate) use c::{C, D};",
                ),
                ("src/a/b.rs", "use crate::a::{c::C, D};"),
                ("src/a/c.rs", "//! See [`crate::a::b`].\npub struct C;"),
            ],
            &[
                (
                    "src/a.rs",
                    "use crate::b;\n#[cfg(test)]\nmod tests {\n use crate::c; }",
                ),
                ("src/b.rs", "fn f() {}"),
                ("src/c.rs", "use crate::a;"),
            ],
        ];
        for case in cases {
            assert_eq!(found(case), Vec::<String>::new(), "{case:?}");
        }
    }
}
