//! Resolves what a rule says about reports to GitHub.

use crate::domain::report::target::CommentPolicy;
use crate::domain::report::{CONTEXT_LIMIT, ReportForm};
use crate::domain::rules::rule::On;

use crate::config::words::{Diagnostics, Table};

/// Returns the richest form of report for which `[github]` has credentials.
pub(super) fn richest(github: &Table<'_, '_>) -> Option<ReportForm> {
    match (github.has("app"), github.has("token")) {
        (true, _) => Some(ReportForm::Check),
        (false, true) => Some(ReportForm::Status),
        (false, false) => None,
    }
}

/// Reads `report`. The outer `None` is a mistake, which is reported.
pub(super) fn form(
    diagnostics: &Diagnostics<'_>,
    table: &Table<'_, '_>,
    richest: Option<ReportForm>,
) -> Option<Option<ReportForm>> {
    let Some(located) = table.text("report") else {
        return Some(richest);
    };
    let form = match located.value.as_str() {
        "none" => Ok(None),
        word => ReportForm::parse(word)
            .map(Some)
            .ok_or("expected \"check\", \"status\" or \"none\""),
    };
    let form = form.and_then(|form| match (form, richest) {
        (Some(ReportForm::Check), None | Some(ReportForm::Status)) => Err(
            "only a GitHub App may create check runs: set github.app and github.private_key, or report = \"status\"",
        ),
        (Some(ReportForm::Status), None) => Err(
            "commit statuses need credentials: set github.token, or github.app and github.private_key",
        ),
        (form, _) => Ok(form),
    });
    diagnostics.record_error(&located.place, form)
}

/// Reads `context`. `None` is a mistake, which is reported.
pub(super) fn context(
    diagnostics: &Diagnostics<'_>,
    table: &Table<'_, '_>,
    rule: &str,
) -> Option<String> {
    let Some(located) = table.text("context") else {
        return Some(format!("branchline/{rule}"));
    };
    let length = located.value.chars().count();
    let is_plain = !located.value.chars().any(char::is_control);
    let context = match (1..=CONTEXT_LIMIT).contains(&length) && is_plain {
        true => Ok(located.value),
        false => Err("expected 1 to 255 characters in one line"),
    };
    diagnostics.record_error(&located.place, context)
}

/// Reads `comment`. `None` is a mistake, which is reported. `form` and `on` are `None` if they are
/// mistakes themselves.
pub(super) fn comment(
    diagnostics: &Diagnostics<'_>,
    table: &Table<'_, '_>,
    form: Option<Option<ReportForm>>,
    on: Option<On>,
) -> Option<CommentPolicy> {
    let Some(located) = table.text("comment") else {
        return Some(CommentPolicy::Never);
    };
    let policy = CommentPolicy::parse(&located.value)
        .ok_or("expected \"failures\", \"always\" or \"never\"")
        .and_then(|policy| match (policy, form, on) {
            (CommentPolicy::Never, _, _) => Ok(policy),
            (_, _, Some(On::Branch | On::MergeGroup)) => {
                Err("only pull requests have a comment: remove it, or use on = \"pull_request\"")
            }
            (_, Some(None), _) => Err(
                "a comment needs reports: set github.app or github.token, and no report = \"none\"",
            ),
            (CommentPolicy::Failures | CommentPolicy::Always, _, _) => Ok(policy),
        });
    diagnostics.record_error(&located.place, policy)
}
