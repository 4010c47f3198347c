//! The meaning of what a `[[rule]]` changes in the clone.

use std::collections::BTreeMap;

use crate::line::changes::{ActionPath, Changes};
use crate::line::template::is_tag;

use super::words::{Reading, Table, Word};

/// Tags of a pipeline (CodePipeline API reference, CreatePipeline, `tags`), without our three.
const TAGS: usize = 50 - 3;

/// Reads them; `None` when something is wrong, which is noted.
pub(super) fn read(reading: &Reading<'_>, rule: &Table<'_, '_>) -> Option<Changes> {
    let drop_stages = rule.texts("drop_stages");
    let keep_stages = rule.texts("keep_stages");
    if let (Some(_), Some(keep)) = (&drop_stages, &keep_stages) {
        let what = "say what to drop or what to keep, not both";
        reading.note(keep.place.as_str(), what);
    }
    let drop_actions = actions(reading, rule.texts("drop_actions"));
    let role_arn = rule
        .text("role_arn")
        .map(|word| reading.noted(&word.place, role(word.value)));
    let tags = tags(reading, &rule.table("tags"));
    let list = |word: Option<Word<Vec<String>>>| word.map_or_else(Vec::new, |word| word.value);
    Some(Changes {
        drop_stages: list(drop_stages),
        keep_stages: list(keep_stages),
        drop_actions: drop_actions?,
        role_arn: match role_arn {
            Some(role) => Some(role?),
            None => None,
        },
        tags: tags?,
    })
}

fn actions(reading: &Reading<'_>, word: Option<Word<Vec<String>>>) -> Option<Vec<ActionPath>> {
    let Some(word) = word else {
        return Some(Vec::new());
    };
    let paths = word.value.iter().map(|text| {
        let path = ActionPath::parse(text);
        reading.noted(
            &word.place,
            path.ok_or_else(|| format!("'{text}' is no action: want \"Stage/Action\"")),
        )
    });
    // Every one is looked at, so that every mistake is told.
    let paths: Vec<_> = paths.collect();
    paths.into_iter().collect()
}

/// IAM user guide, "IAM identifiers": `arn:PARTITION:iam::ACCOUNT:role/PATH`.
fn role(text: String) -> Result<String, &'static str> {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    match parts.as_slice() {
        ["arn", _, "iam", "", account, role]
            if account.len() == 12
                && account.bytes().all(|b| b.is_ascii_digit())
                && role
                    .strip_prefix("role/")
                    .is_some_and(|name| !name.is_empty()) =>
        {
            Ok(text)
        }
        _ => Err("not the ARN of a role: want arn:aws:iam::ACCOUNT:role/NAME"),
    }
}

fn tags(reading: &Reading<'_>, table: &Table<'_, '_>) -> Option<BTreeMap<String, String>> {
    let named = table.named_texts();
    if named.len() > TAGS {
        reading.note(table.place(), format!("want at most {TAGS} tags"));
        return None;
    }
    let tags = named.into_iter().map(|(key, word)| {
        let tag = match key.get(..11) {
            Some("branchline:") => Err("begins with branchline:, which marks our pipelines"),
            Some(_) | None if !is_tag(&key, &word.value) => {
                Err("not a tag as AWS takes it: want letters, digits, spaces and + - = . _ : / @, a key of 1 to 128, a value of at most 256")
            }
            Some(_) | None => Ok((key, word.value)),
        };
        reading.noted(&word.place, tag)
    });
    let tags: Vec<_> = tags.collect();
    tags.into_iter().collect()
}
