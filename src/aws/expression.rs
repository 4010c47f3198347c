//! Update expressions (DynamoDB developer guide, "Using update expressions").

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use crate::aws::row::{n, s};

/// An update expression with its names and values. Every attribute has a placeholder, because many
/// of the names are reserved words.
#[derive(Default)]
pub(super) struct Expression {
    set: Vec<String>,
    remove: Vec<String>,
    add: Vec<String>,
    pub(super) names: HashMap<String, String>,
    pub(super) values: HashMap<String, AttributeValue>,
}

impl Expression {
    /// Sets an attribute, or removes it if there is no value.
    pub(super) fn set(&mut self, name: &str, value: Option<AttributeValue>) {
        self.name(name);
        match value {
            Some(value) => {
                self.values.insert(format!(":{name}"), value);
                self.set.push(format!("#{name} = :{name}"));
            }
            None => self.remove.push(format!("#{name}")),
        }
    }

    /// Copies an attribute as it was before the update. Without it, the copy is empty text.
    pub(super) fn copy(&mut self, from: &str, to: &str) {
        self.name(from);
        self.name(to);
        self.values.insert(":nothing".to_owned(), s(""));
        self.set
            .push(format!("#{to} = if_not_exists(#{from}, :nothing)"));
    }

    /// Adds one to an attribute.
    pub(super) fn count(&mut self, name: &str) {
        self.name(name);
        self.values.insert(":one".to_owned(), n(1));
        self.add.push(format!("#{name} :one"));
    }

    /// Adds an attribute and a value that the condition names: `#name` and `placeholder`.
    pub(super) fn compare(&mut self, name: &str, placeholder: &str, value: AttributeValue) {
        self.name(name);
        self.values.insert(placeholder.to_owned(), value);
    }

    /// Returns the expression.
    pub(super) fn text(&self) -> String {
        let clause = |word: &str, parts: &[String]| match parts {
            [] => String::new(),
            parts => format!("{word} {} ", parts.join(", ")),
        };
        let clauses = [
            clause("SET", &self.set),
            clause("REMOVE", &self.remove),
            clause("ADD", &self.add),
        ];
        clauses.concat().trim_end().to_owned()
    }

    fn name(&mut self, name: &str) {
        self.names.insert(format!("#{name}"), name.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_expression_has_a_clause_for_each_kind_of_change() {
        let mut change = Expression::default();
        change.set("state", Some(s("x")));
        change.set("failed", None);
        change.copy("execution", "ended");
        change.count("version");
        assert_eq!(
            change.text(),
            "SET #state = :state, #ended = if_not_exists(#execution, :nothing) REMOVE #failed ADD #version :one"
        );
        assert_eq!(change.names.len(), 5);
        assert_eq!(change.values.len(), 3);
    }
}
