//! Resolves `repository_file` of a `[[rule]]`.

use std::collections::BTreeSet;

use crate::domain::rules::glob::GlobFilter;
use crate::domain::rules::repository_file::{FileFrom, FileKey, FileRule, is_repository_path};
use crate::domain::rules::rule::{On, Start};

use crate::config::formats::words;
use crate::config::words::{Diagnostics, Located, Table};

/// Reads which file of the repository may change the clones of a rule. `has_github` is true if
/// `[github]` has credentials. `None` if a value is wrong, which is reported.
pub(super) fn read(
    diagnostics: &Diagnostics<'_>,
    rule: &Table<'_, '_>,
    on: Option<On>,
    start: Option<Start>,
    has_github: bool,
) -> Option<Option<FileRule>> {
    let table = rule.table("repository_file");
    if !rule.has("repository_file") {
        return Some(None);
    }
    if !rule.is_table("repository_file") {
        return None;
    }
    let path = table.text("path");
    let from = table.text("from");
    let allow = table.texts("allow");
    for (key, is_there) in [("path", table.has("path")), ("allow", table.has("allow"))] {
        if !is_there {
            diagnostics.note(
                table.place().key(key),
                "missing: every repository_file needs it",
            );
        }
    }
    let path = path_of(diagnostics, path);
    let from = from_of(diagnostics, from);
    let allow =
        allow.and_then(|located| words(diagnostics, &located, &FileKey::ALL, FileKey::as_str));
    // A person who may push a branch may push a base of their own.
    let is_open = on == Some(On::PullRequest) && !rule.has("base");
    let is_of_author = from == Some(FileFrom::Head) || is_open;
    let images = images(diagnostics, &table, allow.as_ref(), is_of_author);
    check_use(diagnostics, &table, (on, from, start), has_github);
    table.finish();
    Some(Some(FileRule {
        path: path?,
        from: from?,
        allow: allow?,
        images: images?,
    }))
}

/// Reads the path of a file.
pub(super) fn path_of(
    diagnostics: &Diagnostics<'_>,
    located: Option<Located<String>>,
) -> Option<String> {
    let located = located?;
    let what = "not a path in the repository: expected A-Z a-z 0-9 . _ / @ + -, without '..', such as .branchline.toml";
    let path = is_repository_path(&located.value).then_some(located.value);
    diagnostics.record_error(&located.place, path.ok_or(what))
}

/// Reads the commit that a file is read from.
pub(super) fn from_of(
    diagnostics: &Diagnostics<'_>,
    located: Option<Located<String>>,
) -> Option<FileFrom> {
    let Some(located) = located else {
        return Some(FileFrom::Base);
    };
    let mut all = FileFrom::ALL.iter();
    let found = all.find(|(name, _)| *name == located.value);
    let what = "expected \"base\" or \"head\"";
    let found = diagnostics.record_error(&located.place, found.ok_or(what));
    found.map(|(_, from)| *from)
}

/// Records why a rule cannot read a file.
pub(super) fn check_use(
    diagnostics: &Diagnostics<'_>,
    table: &Table<'_, '_>,
    (on, from, start): (Option<On>, Option<FileFrom>, Option<Start>),
    has_github: bool,
) {
    if on == Some(On::Branch) && from == Some(FileFrom::Base) {
        let what =
            "a branch has no base: set from = \"head\", with which each branch has its own file";
        diagnostics.note(table.place(), what);
    }
    if start == Some(Start::Push) {
        let what = "is read when branchline starts an execution, and with start = \"push\" it starts none: use start = \"commit\"";
        diagnostics.note(table.place(), what);
    }
    if !has_github {
        let what = "is read from GitHub, which needs credentials: set github.app and github.private_key, or github.token";
        diagnostics.note(table.place(), what);
    }
}

/// Reads which images the file may choose. A pull request that chooses its image runs code of its
/// own with the role of the build, whatever the buildspec says: so the rule has to say which.
fn images(
    diagnostics: &Diagnostics<'_>,
    table: &Table<'_, '_>,
    allow: Option<&BTreeSet<FileKey>>,
    is_of_author: bool,
) -> Option<GlobFilter> {
    let is_allowed = allow.is_some_and(|allow| allow.contains(&FileKey::Image));
    let Some(located) = table.texts("images") else {
        if is_allowed && is_of_author && !table.has("images") {
            let what = "missing: with image in allow, and from = \"head\" or no base in the rule, a pull request would choose any image, which runs with the role of the build: name the images, such as [\"aws/codebuild/*\"]";
            diagnostics.note(table.place().key("images"), what);
        }
        return Some(GlobFilter::default());
    };
    let images = match GlobFilter::parse_images(&located.value) {
        Ok(images) if images.admits_only() => Ok(images),
        Ok(_) => Err("expected at least one glob without '!': it names the images".to_owned()),
        Err((_, why)) => Err(why),
    };
    diagnostics.record_error(&located.place, images)
}
