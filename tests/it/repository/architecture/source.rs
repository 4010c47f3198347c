//! A file as the rules see it: its text, and its code without comments, literals and tests.

use std::fs;
use std::path::{Path, PathBuf};

/// One file of the tree.
pub(crate) struct Source {
    /// From the root, with slashes.
    pub(crate) path: String,
    pub(crate) text: String,
    /// The text with comments and the insides of literals blanked, line by line as before.
    pub(crate) code: String,
}

impl Source {
    pub(crate) fn new(path: &str, text: &str) -> Self {
        let is_rust = path.ends_with(".rs");
        Self {
            path: path.to_owned(),
            text: text.to_owned(),
            code: if is_rust {
                blank(text)
            } else {
                text.to_owned()
            },
        }
    }

    /// Rust that is compiled into the binary: in `src/`, outside `mod tests`.
    pub(crate) fn production(&self) -> &str {
        if !self.is_rust_in("src/")
            || self.path.ends_with("/tests.rs")
            || self.path.contains("/tests/")
        {
            return "";
        }
        match self.code.find("#[cfg(test)]\nmod tests {") {
            Some(end) => self.code.get(..end).unwrap_or_default(),
            None => &self.code,
        }
    }

    pub(crate) fn is_rust_in(&self, folder: &str) -> bool {
        self.path.starts_with(folder) && self.path.ends_with(".rs")
    }

    /// The folder of `src/` that the file is in: `worker` for
    /// `src/worker/mod.rs` and for `src/worker.rs`.
    pub(crate) fn folder(&self) -> &str {
        let below = self.path.strip_prefix("src/").unwrap_or_default();
        let first = below.split('/').next().unwrap_or_default();
        first.strip_suffix(".rs").unwrap_or(first)
    }

    /// The module's depth below the crate: 1 for `src/worker/mod.rs`, 2 for `src/worker/poll.rs`.
    pub(crate) fn depth(&self) -> usize {
        let below = self.path.strip_prefix("src/").unwrap_or_default();
        let parts = below.split('/').count();
        match below {
            "lib.rs" | "main.rs" => 0,
            _ if below.ends_with("/mod.rs") => parts - 1,
            _ => parts,
        }
    }

    /// `path:line: what`, for a place in the code.
    pub(crate) fn complaint(&self, at: usize, what: &str) -> String {
        let before = self.code.get(..at).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        format!("{}:{line}: {what}", self.path)
    }
}

/// Every file that people write: Rust and Python, and scripts without an ending.
pub(crate) fn tree() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in ["src", "tests", "benches", "scripts"] {
        walk(&root.join(folder), &mut files);
    }
    files.sort();
    let read = |file: PathBuf| {
        let path = file.strip_prefix(root).ok()?;
        let path = path.to_str()?.replace('\\', "/");
        // What is not text is not written by people.
        let text = fs::read_to_string(&file).ok()?;
        Some(Source::new(&path, &text))
    };
    files.into_iter().filter_map(read).collect()
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        let name = entry.file_name();
        if name == "fixtures" || name == "__pycache__" {
            continue;
        }
        if path.is_dir() {
            walk(&path, files);
        } else if path
            .extension()
            .is_none_or(|end| end == "rs" || end == "py")
        {
            files.push(path);
        }
    }
}

/// Blanks comments and the insides of string and character literals; every other character keeps
/// its place.
fn blank(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let (length, keep) = span(rest, code.chars().next_back());
        let part = rest.get(..length).unwrap_or(rest);
        if keep {
            code.push(c);
        } else {
            // The quotes stay, so that code around a literal stays code.
            let space = |c: char| if c == '\n' || c == '"' { c } else { ' ' };
            code.extend(part.chars().map(space));
        }
        rest = rest.get(length..).unwrap_or_default();
    }
    code
}

/// How long the thing at the start of `rest` is, and whether it is code.
fn span(rest: &str, before: Option<char>) -> (usize, bool) {
    let until = |end: &str, from: usize| {
        let found = rest.get(from..).and_then(|tail| tail.find(end));
        found.map_or(rest.len(), |place| from + place + end.len())
    };
    let in_word = before.is_some_and(|c| c.is_alphanumeric() || c == '_');
    if rest.starts_with("//") {
        let end = rest.find('\n').unwrap_or(rest.len());
        return (end, false);
    }
    if rest.starts_with("/*") {
        return (until("*/", 2), false);
    }
    if rest.starts_with('"') {
        return (quoted(rest), false);
    }
    let hashes = rest
        .get(1..)
        .map_or(0, |tail| tail.chars().take_while(|c| *c == '#').count());
    let raw = rest.starts_with('r')
        && !in_word
        && rest
            .get(1 + hashes..)
            .is_some_and(|tail| tail.starts_with('"'));
    if raw {
        return (
            until(&format!("\"{}", "#".repeat(hashes)), 2 + hashes),
            false,
        );
    }
    if let Some(length) = character(rest) {
        return (length, false);
    }
    (rest.chars().next().map_or(1, char::len_utf8), true)
}

fn quoted(rest: &str) -> usize {
    let mut escaped = false;
    for (place, c) in rest.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return place + 1,
            _ => {}
        }
    }
    rest.len()
}

/// The length of a character literal; `None` for a lifetime.
fn character(rest: &str) -> Option<usize> {
    let inside = rest.strip_prefix('\'')?;
    if let Some(escape) = inside.strip_prefix('\\') {
        let skipped = escape.chars().next()?.len_utf8();
        let end = escape.get(skipped..)?.find('\'')?;
        return Some(2 + skipped + end + 1);
    }
    let c = inside.chars().next()?;
    let after = inside.get(c.len_utf8()..)?;
    after.starts_with('\'').then_some(2 + c.len_utf8())
}

/// Where a word begins with this text.
pub(crate) fn starts(code: &str, text: &str) -> Vec<usize> {
    let begins = |(at, _): &(usize, &str)| {
        let before = code
            .get(..*at)
            .and_then(|before| before.chars().next_back());
        !text.is_empty() && !before.is_some_and(is_word)
    };
    code.match_indices(text)
        .filter(begins)
        .map(|(at, _)| at)
        .collect()
}

pub(crate) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_literals_are_blanked_in_their_place() {
        let text =
            "a // async\nb(\"tok\\\"io\", '\"', '\\'', r#\"x\"y\"#, 'a'); fn f<'a>() /* c */ {}\n";
        let code = blank(text);
        assert_eq!(code.lines().count(), text.lines().count());
        for word in ["async", "io", "x", "/* c"] {
            assert!(!code.contains(word), "{code}");
        }
        assert!(
            code.contains("fn f<'a>()") && code.ends_with("{}\n"),
            "{code}"
        );
    }

    #[test]
    fn production_ends_where_tests_begin() {
        let text = "fn a() {}\n\n#[cfg(test)]\nmod tests {\n fn b() {}\n}\n";
        assert!(!Source::new("src/x.rs", text).production().contains("fn b"));
        assert_eq!(Source::new("src/x/tests.rs", text).production(), "");
        assert_eq!(Source::new("tests/x.rs", text).production(), "");
    }

    #[test]
    fn depth_counts_modules() {
        let depth = |path| Source::new(path, "").depth();
        assert_eq!(depth("src/lib.rs"), 0);
        assert_eq!(depth("src/ports.rs"), 1);
        assert_eq!(depth("src/worker/mod.rs"), 1);
        assert_eq!(depth("src/worker/poll.rs"), 2);
        assert_eq!(depth("src/domain/rules/rule.rs"), 3);
    }
}
