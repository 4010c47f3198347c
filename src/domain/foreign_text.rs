//! Cleans the texts of errors from other services before they go anywhere: into a log, the table,
//! a dead letter, or to GitHub. AWS quotes what it refuses, and that may be a secret.

use std::borrow::Cow;

/// The text in place of what was removed.
const HIDDEN: &str = "(hidden)";
/// The longest text, in characters. AWS can repeat a whole declaration.
const LIMIT: usize = 600;
/// The longest URL that is shown, in bytes.
pub const URL_LIMIT: usize = 2_048;
/// The shortest value that is looked for. A shorter one would be found in any word.
const MIN_VALUE: usize = 4;
/// The longest text in braces that stays.
const MAX_BRACES: usize = 40;
/// The beginnings of tokens, of GitHub (docs, "About authentication to GitHub"), of AWS (IAM,
/// "Unique identifiers": access keys), of Slack and of npm, and of every JSON Web Token.
const TOKENS: [&str; 13] = [
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "AKIA",
    "ASIA",
    "xoxb-",
    "xoxp-",
    "glpat-",
    "npm_",
    "eyJ",
];
/// The shortest text after such a beginning.
const TOKEN_REST: usize = 12;
/// The length from which a mixture of upper case, lower case and digits is a token.
const TOKEN_LENGTH: usize = 32;
/// The names after which a value follows, in lower case.
const NAMES: [&str; 8] = [
    "password=",
    "passwd=",
    "secret=",
    "token=",
    "apikey=",
    "api_key=",
    "signature=",
    "bearer ",
];

/// Returns the text of an error without values that it quotes, without documents and tokens, and at
/// most 600 characters of it. Control characters stay: [`crate::domain::text::one_line`] escapes
/// them.
#[must_use]
pub fn clean(text: &str) -> String {
    clean_without(text, &[])
}

/// Does the same, and also hides these values wherever they are.
#[must_use]
pub fn clean_without(text: &str, values: &[String]) -> String {
    let mut text = Cow::Borrowed(text);
    let mut values: Vec<&String> = values.iter().filter(|one| one.len() >= MIN_VALUE).collect();
    // A value that contains another one goes first.
    values.sort_by_key(|value| std::cmp::Reverse(value.len()));
    for value in values {
        if text.contains(value.as_str()) {
            text = Cow::Owned(text.replace(value.as_str(), HIDDEN));
        }
    }
    let text = without_quoted_values(&text);
    let text = without_documents(&text);
    let text = without_tokens(&text);
    match text.char_indices().nth(LIMIT) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

/// Hides what AWS's validation quotes: `Value 'x' at 'y' failed to satisfy constraint`.
fn without_quoted_values(text: &str) -> String {
    const BEGIN: &str = "alue '";
    const END: &str = "' at '";
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(BEGIN) {
        shown.push_str(before);
        shown.push_str(BEGIN);
        match after.find(END) {
            Some(end) => {
                shown.push_str(HIDDEN);
                rest = after.get(end..).unwrap_or_default();
            }
            None => rest = after,
        }
    }
    shown + rest
}

/// Replaces JSON objects and markup.
fn without_documents(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(begin) = rest.find(['{', '<']) {
        let (before, document) = rest.split_at(begin);
        shown.push_str(before);
        let is_json = document.starts_with('{');
        let end = match is_json {
            true => json_end(document),
            false => markup_end(document),
        };
        let (document, after) = document.split_at(end);
        match (is_json, document.len() > MAX_BRACES) {
            (true, true) => shown.push_str("{…}"),
            (false, true) => shown.push_str("<…>"),
            (_, false) => shown.push_str(document),
        }
        rest = after;
    }
    shown + rest
}

/// Returns where the object ends that the text begins with: at its closing brace, or at the end.
fn json_end(text: &str) -> usize {
    let mut depth = 0_usize;
    for (index, c) in text.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 {
            return index + c.len_utf8();
        }
    }
    text.len()
}

/// Returns where the markup ends that the text begins with: after its last `>`. A `<` that begins
/// no tag ends with itself.
fn markup_end(text: &str) -> usize {
    let is_tag = text.get(1..).is_some_and(|rest| {
        rest.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '!' | '?' | '/'))
    });
    match text.rfind('>') {
        Some(end) if is_tag => end + 1,
        Some(_) | None => 1,
    }
}

/// Hides tokens, values after `token=` and its like, and passwords in URLs.
fn without_tokens(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for word in text.split_inclusive(|c: char| !is_of_token(c)) {
        let token = word.trim_end_matches(|c: char| !is_of_token(c));
        let separator = word.get(token.len()..).unwrap_or_default();
        let is_value = NAMES.iter().any(|name| ends_with(&shown, name));
        // `https://user:password@host`: the password ends with an @.
        let is_password = separator == "@" && shown.ends_with(':') && shown.contains("://");
        match !token.is_empty() && (is_value || is_password || is_token(token)) {
            true => shown.push_str(HIDDEN),
            false => shown.push_str(token),
        }
        shown.push_str(separator);
    }
    shown
}

/// Compares without case. `end` is ASCII.
fn ends_with(text: &str, end: &str) -> bool {
    let begin = text.len().checked_sub(end.len());
    let tail = begin.and_then(|begin| text.get(begin..));
    tail.is_some_and(|tail| tail.eq_ignore_ascii_case(end))
}

fn is_of_token(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '+')
}

fn is_token(word: &str) -> bool {
    let rest = TOKENS.iter().filter_map(|begin| word.strip_prefix(begin));
    let has_prefix = rest.into_iter().any(|rest| rest.len() >= TOKEN_REST);
    let mut parts = word.split('-');
    has_prefix || parts.any(is_random)
}

/// Returns true for a long mixture of upper case, lower case and digits. Digests, ids and names are
/// none: they have one case, or separators.
fn is_random(part: &str) -> bool {
    let has = |is: fn(&u8) -> bool| part.as_bytes().iter().any(is);
    part.len() >= TOKEN_LENGTH
        && has(u8::is_ascii_lowercase)
        && has(u8::is_ascii_uppercase)
        && has(u8::is_ascii_digit)
}

/// Returns true for a URL that may be shown: a page of the web, without a secret in it.
#[must_use]
pub fn is_web_page(url: &str) -> bool {
    let rest = url.strip_prefix("https://");
    let rest = rest.or_else(|| url.strip_prefix("http://"));
    let is_plain = url.len() <= URL_LIMIT && url.bytes().all(|b| b.is_ascii_graphic());
    // RFC 3986 allows these nowhere.
    let is_legal = !url.contains(['"', '<', '>', '\\', '^', '`', '{', '|', '}']);
    rest.is_some_and(|rest| !rest.is_empty()) && is_plain && is_legal && clean(url) == url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_helps_an_operator_stays() {
        for text in [
            "User: arn:aws:sts::123456789012:assumed-role/BranchlineStack-DaemonTaskRole8F2A1B-1ABCDEF234/4f5a8e is not authorized to perform: codepipeline:CreatePipeline on resource: arn:aws:codepipeline:eu-west-1:123456789012:api-pr-7",
            "Pipeline has 1,001 stages: at most {50} are allowed (request 0f8a3942-1b2c-4d5e-8f90-a1b2c3d4e5f6)",
            "commit 0f8a39421b2c4d5e8f90a1b2c3d4e5f60718293a is not in the repository acme/api",
            "Member must have length less than or equal to 100; a < b > c; value 'x' is not 'y'",
            "One or more parameters are invalid. Reason: Message must be shorter than 262144 bytes.",
        ] {
            assert_eq!(clean(text), text);
        }
    }

    #[test]
    fn quoted_values_documents_and_tokens_are_hidden() {
        let cases = [
            (
                "2 validation errors detected: Value 'hunter2's' at 'pipeline.stages.1.member.actions' failed; Value 'b' at 'x' failed",
                "2 validation errors detected: Value '(hidden)' at 'pipeline.stages.1.member.actions' failed; Value '(hidden)' at 'x' failed",
            ),
            (
                "cannot parse {\"stages\":[{\"a\":\"hunter2hunter2hunter2hunter2\"}]} at 3",
                "cannot parse {…} at 3",
            ),
            (
                "cannot parse {\"stages\":[{\"a\":\"hunter2hunter2hunter2hunter2\"",
                "cannot parse {…}",
            ),
            (
                "502 <html><head><title>Bad Gateway</title></head><body>hunter2</body></html>",
                "502 <…>",
            ),
            (
                "the token ghp_0123456789abcdefABCDEF0123456789 is bad",
                "the token (hidden) is bad",
            ),
            (
                "key AKIAIOSFODNN7EXAMPLE, Bearer abc.def",
                "key (hidden), Bearer (hidden).def",
            ),
            (
                "https://x-access-token:hunter2@github.com/a",
                "https://x-access-token:(hidden)@github.com/a",
            ),
            (
                "?X-Amz-Signature=hunter2&x=y",
                "?X-Amz-Signature=(hidden)&x=y",
            ),
            (
                "session wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY1",
                "session (hidden)",
            ),
        ];
        for (text, cleaned) in cases {
            assert_eq!(clean(text), cleaned);
        }
    }

    #[test]
    fn given_values_are_hidden_and_the_longest_first() {
        let values = ["hunter2", "hunter2-more", "api"].map(str::to_owned);
        assert_eq!(
            clean_without("api: 'hunter2-more' and hunter2", &values),
            "api: '(hidden)' and (hidden)"
        );
    }

    #[test]
    fn the_length_is_bounded() {
        let cleaned = clean(&"é word ".repeat(1_000));
        assert_eq!(cleaned.chars().count(), LIMIT + 1);
        assert!(cleaned.ends_with('…'));
    }
}
