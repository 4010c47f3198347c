//! In what two declarations differ, place by place: a template and its clone, or a clone and what it should be.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::domain::clone::declaration::Declaration;

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Where: `stages/Source/actions/App/configuration/BranchName`. Entries of a list go by their names, where they have
    /// names, so that one that is dropped does not move the others.
    pub path: String,
    /// What stands there in the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Value>,
    /// What stands there in the second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Value>,
}

/// Every difference, in the order of their paths. What only one of them has is one difference, however large.
#[must_use]
pub fn diff(from: &Declaration, to: &Declaration) -> Vec<Difference> {
    let mut found = Vec::new();
    objects("", from.as_json(), to.as_json(), &mut found);
    found
}

fn values(path: String, from: Option<&Value>, to: Option<&Value>, found: &mut Vec<Difference>) {
    match (from, to) {
        (Some(from), Some(to)) if from == to => {}
        (Some(Value::Object(from)), Some(Value::Object(to))) => objects(&path, from, to, found),
        (Some(Value::Array(from)), Some(Value::Array(to))) => match (by_name(from), by_name(to)) {
            (Some(from), Some(to)) => objects(&path, &from, &to, found),
            (None, _) | (_, None) => objects(&path, &by_place(from), &by_place(to), found),
        },
        (from, to) => found.push(Difference {
            path,
            from: from.cloned(),
            to: to.cloned(),
        }),
    }
}

fn objects(
    path: &str,
    from: &Map<String, Value>,
    to: &Map<String, Value>,
    found: &mut Vec<Difference>,
) {
    let keys: BTreeSet<&String> = from.keys().chain(to.keys()).collect();
    for key in keys {
        let path = match path {
            "" => key.clone(),
            _ => format!("{path}/{key}"),
        };
        values(path, from.get(key), to.get(key), found);
    }
}

/// `None` where an entry has no name, or two have the same.
fn by_name(list: &[Value]) -> Option<Map<String, Value>> {
    let named = list.iter().map(|entry| {
        let name = entry.get("name")?.as_str()?;
        Some((name.to_owned(), entry.clone()))
    });
    let named: Map<String, Value> = named.collect::<Option<_>>()?;
    (named.len() == list.len()).then_some(named)
}

fn by_place(list: &[Value]) -> Map<String, Value> {
    let placed = list.iter().enumerate();
    placed
        .map(|(place, entry)| (place.to_string(), entry.clone()))
        .collect()
}

/// `- path: value` and `+ path: value`, one difference after the other.
#[must_use]
pub fn lines(drifts: &[Difference]) -> Vec<String> {
    let line = |sign: char, path: &str, value: &Value| format!("{sign} {path}: {value}");
    let both = drifts.iter().flat_map(|diff| {
        let from = diff.from.as_ref().map(|value| line('-', &diff.path, value));
        let to = diff.to.as_ref().map(|value| line('+', &diff.path, value));
        from.into_iter().chain(to)
    });
    both.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_dropped_is_one_line_and_moves_nothing() {
        let stages = |names: &[&str]| {
            let stage =
                |name: &&str| json!({"name": name, "actions": [{"name": "A", "runOrder": 1}]});
            let stages: Vec<Value> = names.iter().map(stage).collect();
            Declaration::new(json!({"name": "x", "stages": stages, "list": [1, 2]})).unwrap()
        };
        let found = diff(
            &stages(&["Source", "Test", "Deploy"]),
            &stages(&["Source", "Deploy"]),
        );
        assert_eq!(
            lines(&found),
            [r#"- stages/Test: {"name":"Test","actions":[{"name":"A","runOrder":1}]}"#]
        );
        assert_eq!(diff(&stages(&["A"]), &stages(&["A"])), []);
    }

    #[test]
    fn lists_without_names_go_by_place() {
        let list = |list: Value| Declaration::new(json!({"list": list})).unwrap();
        let found = diff(&list(json!([1, 2, 3])), &list(json!([1, 5])));
        assert_eq!(lines(&found), ["- list/1: 2", "+ list/1: 5", "- list/2: 3"]);
    }
}
