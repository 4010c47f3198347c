//! Compares two declarations: a template and its clone, or a clone and its expected declaration.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::domain::clone::declaration::Declaration;

/// One difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// The path of the value: `stages/Source/actions/App/configuration/BranchName`. Entries of a
    /// list are identified by their names if they have names, so that dropping one does not shift
    /// the others.
    pub path: String,
    /// The value in the first declaration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Value>,
    /// The value in the second declaration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Value>,
}

/// Returns every difference, in the order of the paths. A value that only one declaration has is
/// one difference, however large it is.
#[must_use]
pub fn diff(from: &Declaration, to: &Declaration) -> Vec<Difference> {
    let mut differences = Vec::new();
    objects("", from.as_json(), to.as_json(), &mut differences);
    differences
}

fn values(
    path: String,
    from: Option<&Value>,
    to: Option<&Value>,
    differences: &mut Vec<Difference>,
) {
    match (from, to) {
        (Some(from), Some(to)) if from == to => {}
        (Some(Value::Object(from)), Some(Value::Object(to))) => {
            objects(&path, from, to, differences)
        }
        (Some(Value::Array(from)), Some(Value::Array(to))) => match (by_name(from), by_name(to)) {
            (Some(from), Some(to)) => objects(&path, &from, &to, differences),
            (None, _) | (_, None) => objects(&path, &by_index(from), &by_index(to), differences),
        },
        (from, to) => differences.push(Difference {
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
    differences: &mut Vec<Difference>,
) {
    let keys: BTreeSet<&String> = from.keys().chain(to.keys()).collect();
    for key in keys {
        let path = match path {
            "" => key.clone(),
            _ => format!("{path}/{key}"),
        };
        values(path, from.get(key), to.get(key), differences);
    }
}

/// Keys the entries of a list by name. Returns `None` if an entry has no name, or two have the
/// same.
fn by_name(list: &[Value]) -> Option<Map<String, Value>> {
    let named = list.iter().map(|entry| {
        let name = entry.get("name")?.as_str()?;
        Some((name.to_owned(), entry.clone()))
    });
    let named: Map<String, Value> = named.collect::<Option<_>>()?;
    (named.len() == list.len()).then_some(named)
}

fn by_index(list: &[Value]) -> Map<String, Value> {
    list.iter()
        .enumerate()
        .map(|(index, entry)| (index.to_string(), entry.clone()))
        .collect()
}

/// Formats differences as lines: `- path: value` and `+ path: value`.
#[must_use]
pub fn lines(differences: &[Difference]) -> Vec<String> {
    let line = |sign: char, path: &str, value: &Value| format!("{sign} {path}: {value}");
    let lines = differences.iter().flat_map(|diff| {
        let from = diff.from.as_ref().map(|value| line('-', &diff.path, value));
        let to = diff.to.as_ref().map(|value| line('+', &diff.path, value));
        from.into_iter().chain(to)
    });
    lines.collect()
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
