//! A part of an item while it is being read.

use aws_sdk_dynamodb::types::AttributeValue;

use crate::domain::fault::{Fault, Reason};

use crate::aws::row::item::Item;

/// An item or a map inside it, and where that is, for a fault to name.
pub(in crate::aws) struct Part<'a> {
    row: &'a Item,
    path: String,
    attributes: &'a Item,
}

impl<'a> Part<'a> {
    /// Begins with the whole item.
    pub(in crate::aws) fn row(row: &'a Item) -> Self {
        Self {
            row,
            path: String::new(),
            attributes: row,
        }
    }

    /// Goes into a map under the attribute `name`.
    pub(in crate::aws) fn inside(&self, name: &str, attributes: &'a Item) -> Self {
        Self {
            row: self.row,
            path: format!("{}{name}.", self.path),
            attributes,
        }
    }

    /// Reads the map `name` with `read`, where it is there.
    pub(in crate::aws) fn part<T>(
        &self,
        name: &str,
        read: impl FnOnce(&Self) -> Result<T, Fault>,
    ) -> Result<Option<T>, Fault> {
        match self.attributes.get(name) {
            None => Ok(None),
            Some(AttributeValue::M(attributes)) => read(&self.inside(name, attributes)).map(Some),
            Some(_) => Err(self.fault(name)),
        }
    }

    /// Returns the names of all attributes.
    pub(in crate::aws) fn names(&self) -> impl Iterator<Item = &'a str> {
        self.attributes.keys().map(String::as_str)
    }

    /// Reads a list, which may not be left out.
    pub(in crate::aws) fn list(&self, name: &str) -> Result<&'a [AttributeValue], Fault> {
        match self.attributes.get(name) {
            Some(AttributeValue::L(list)) => Ok(list),
            Some(_) | None => Err(self.fault(name)),
        }
    }

    /// Reads a text, where it is there.
    pub(in crate::aws) fn text(&self, name: &str) -> Result<Option<&'a str>, Fault> {
        match self.attributes.get(name) {
            None => Ok(None),
            Some(AttributeValue::S(text)) => Ok(Some(text)),
            Some(_) => Err(self.fault(name)),
        }
    }

    /// Reads a text, which may not be left out.
    pub(in crate::aws) fn owned(&self, name: &str) -> Result<String, Fault> {
        self.parse(name, |text| Some(text.to_owned()))
    }

    /// Parses a text, where it is there.
    pub(in crate::aws) fn optional<T>(
        &self,
        name: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Fault> {
        match self.text(name)? {
            None => Ok(None),
            Some(text) => read(text).map(Some).ok_or_else(|| self.fault(name)),
        }
    }

    /// Parses a text, which may not be left out.
    pub(in crate::aws) fn parse<T>(
        &self,
        name: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, Fault> {
        self.optional(name, read)?.ok_or_else(|| self.fault(name))
    }

    /// Reads a list of texts; an empty one where it is not there.
    pub(in crate::aws) fn texts(&self, name: &str) -> Result<Vec<String>, Fault> {
        if !self.attributes.contains_key(name) {
            return Ok(Vec::new());
        }
        let text = |value: &AttributeValue| value.as_s().ok().cloned();
        let texts: Option<Vec<String>> = self.list(name)?.iter().map(text).collect();
        texts.ok_or_else(|| self.fault(name))
    }

    /// Reads a truth value; false if it is left out.
    pub(in crate::aws) fn optional_flag(&self, name: &str) -> Result<bool, Fault> {
        match self.attributes.contains_key(name) {
            true => self.flag(name),
            false => Ok(false),
        }
    }

    /// Reads a truth value, which may not be left out.
    pub(in crate::aws) fn flag(&self, name: &str) -> Result<bool, Fault> {
        match self.attributes.get(name) {
            Some(AttributeValue::Bool(flag)) => Ok(*flag),
            Some(_) | None => Err(self.fault(name)),
        }
    }

    /// Reads a number, where it is there.
    pub(in crate::aws) fn number<T: std::str::FromStr>(
        &self,
        name: &str,
    ) -> Result<Option<T>, Fault> {
        match self.attributes.get(name) {
            None => Ok(None),
            Some(AttributeValue::N(digits)) => {
                digits.parse().map(Some).map_err(|_| self.fault(name))
            }
            Some(_) => Err(self.fault(name)),
        }
    }

    /// Reads a number, which may not be left out.
    pub(in crate::aws) fn required<T: std::str::FromStr>(&self, name: &str) -> Result<T, Fault> {
        self.number(name)?.ok_or_else(|| self.fault(name))
    }

    /// Returns the key of the row, as an operator looks it up.
    pub(in crate::aws) fn key(&self) -> String {
        let key = |name| match self.row.get(name) {
            Some(AttributeValue::S(text)) => text.as_str(),
            Some(_) | None => "?",
        };
        format!("{} / {}", key("pk"), key("sk"))
    }

    /// Makes the fault that names the attribute.
    pub(in crate::aws) fn fault(&self, name: &str) -> Fault {
        let detail = format!(
            "attribute '{}{name}' of the mapping {} is missing or not as branchline writes it: correct or remove the row, then replay",
            self.path,
            self.key()
        );
        Fault::new(Reason::MappingUnreadable, detail)
    }
}
