//! Reads the form of a TOML document: types, unknown keys, missing keys.
//!
//! It is our own code, since serde stops at the first error. Here every mistake is recorded with
//! its line and key, and reading goes on.

use std::cell::RefCell;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::config::closest::closest;
use crate::config::digest::digest_without;
use crate::config::problem::{Place, Problem};

/// The mistakes that were found so far in a text.
pub(super) struct Diagnostics<'a> {
    name: &'a str,
    /// The offsets of the ends of the lines, in order.
    ends: Vec<usize>,
    problems: RefCell<Vec<Problem>>,
}

/// A value with its source location.
#[derive(Clone, Debug)]
pub(super) struct Located<T> {
    /// The value.
    pub(super) value: T,
    /// Where the value is, for a mistake in it.
    pub(super) place: Place,
}

impl<'a> Diagnostics<'a> {
    pub(super) fn new(name: &'a str, text: &str) -> Self {
        let newlines = text.match_indices('\n');
        Self {
            name,
            ends: newlines.map(|(at, _)| at).collect(),
            problems: RefCell::default(),
        }
    }

    /// Records a mistake, once: several readers may find the same one.
    pub(super) fn note(&self, place: impl Into<Place>, what: impl Into<String>) {
        let problem = Problem::new(place, what);
        let mut problems = self.problems.borrow_mut();
        if !problems.contains(&problem) {
            problems.push(problem);
        }
    }

    /// Returns the value, or records the error.
    pub(super) fn record_error<T, E: ToString>(
        &self,
        place: impl Into<Place>,
        result: Result<T, E>,
    ) -> Option<T> {
        result.map_err(|why| self.note(place, why.to_string())).ok()
    }

    pub(super) fn into_problems(self) -> Vec<Problem> {
        self.problems.into_inner()
    }

    /// Records every syntax error.
    pub(super) fn syntax(&self, errors: &[toml::de::Error]) {
        for error in errors {
            let at = error.span().map_or(0, |span| span.start);
            self.note(self.line(at, ""), format!("not TOML: {}", error.message()));
        }
    }

    /// Returns the place of a key at a byte offset of the text.
    fn line(&self, offset: usize, key: &str) -> Place {
        let before = self.ends.partition_point(|end| *end < offset);
        Place::in_line(self.name, before + 1, key)
    }

    fn place(&self, span: &Range<usize>, key: &str) -> Place {
        self.line(span.start, key)
    }
}

/// A table that is being read. It remembers the keys that were read: every other key is unknown.
pub(super) struct Table<'a, 't> {
    diagnostics: &'a Diagnostics<'a>,
    fields: Option<&'t DeTable<'t>>,
    path: String,
    place: Place,
    known: RefCell<Vec<&'static str>>,
}

impl<'a, 't> Table<'a, 't> {
    /// Makes the table of the whole document.
    pub(super) fn root(diagnostics: &'a Diagnostics<'a>, fields: &'t DeTable<'t>) -> Self {
        let place = Place::from(diagnostics.name);
        Self {
            diagnostics,
            fields: Some(fields),
            path: String::new(),
            place,
            known: RefCell::default(),
        }
    }

    /// Returns the location of the table, for a key that is missing in it.
    pub(super) fn place(&self) -> &Place {
        &self.place
    }

    pub(super) fn text(&self, key: &'static str) -> Option<Located<String>> {
        self.read(key, "text in quotes", |value| {
            value.as_str().map(str::to_owned)
        })
    }

    pub(super) fn flag(&self, key: &'static str) -> Option<Located<bool>> {
        self.read(key, "true or false", DeValue::as_bool)
    }

    pub(super) fn number(&self, key: &'static str) -> Option<Located<i64>> {
        self.read(key, "a whole number", |value| {
            let integer = value.as_integer()?;
            i64::from_str_radix(&integer.as_str().replace('_', ""), integer.radix()).ok()
        })
    }

    /// Reads a text, or a whole number as text.
    pub(super) fn text_or_number(&self, key: &'static str) -> Option<Located<String>> {
        self.read(key, "text in quotes, or a whole number", |value| {
            let number = || value.as_integer().map(|number| number.as_str().to_owned());
            value.as_str().map(str::to_owned).or_else(number)
        })
    }

    /// Reads one text, or a list of texts.
    pub(super) fn texts(&self, key: &'static str) -> Option<Located<Vec<String>>> {
        self.read(key, "text in quotes, or a list of texts", |value| {
            match (value.as_str(), value.as_array()) {
                (Some(text), _) => Some(vec![text.to_owned()]),
                (None, Some(items)) => items
                    .iter()
                    .map(|item| item.get_ref().as_str().map(str::to_owned))
                    .collect::<Option<Vec<_>>>(),
                (None, None) => None,
            }
        })
    }

    /// Reads every text of a table with free keys.
    pub(super) fn named_texts(&self) -> Vec<(String, Located<String>)> {
        let fields = self.fields.iter().flat_map(|fields| fields.iter());
        let texts = fields.filter_map(|(key, value)| {
            let name = key.get_ref().to_string();
            let place = self.diagnostics.place(&key.span(), &self.path(&name));
            let text = value.get_ref().as_str().ok_or("expected text in quotes");
            let value = self.diagnostics.record_error(&place, text)?.to_owned();
            Some((name, Located { value, place }))
        });
        texts.collect()
    }

    /// Returns the value of every key, which is a text or a table with details.
    pub(super) fn named_tables(&self) -> Vec<(String, Result<Located<String>, Table<'a, 't>>)> {
        let fields = self.fields.iter().flat_map(|fields| fields.iter());
        let values = fields.filter_map(|(key, value)| {
            let name = key.get_ref().to_string();
            let path = self.path(&name);
            let place = self.diagnostics.place(&key.span(), &path);
            let value = match value.get_ref() {
                DeValue::String(text) => Ok(Located {
                    value: text.to_string(),
                    place,
                }),
                DeValue::Table(fields) => Err(self.nested(fields, path, place)),
                DeValue::Integer(_)
                | DeValue::Float(_)
                | DeValue::Boolean(_)
                | DeValue::Datetime(_)
                | DeValue::Array(_) => {
                    let what = "expected text in quotes, or { value = \"...\", raw = true }";
                    self.diagnostics.note(place, what);
                    return None;
                }
            };
            Some((name, value))
        });
        values.collect()
    }

    /// Returns the tables in this one whose names have this sign, which no other key has.
    pub(super) fn tables_with(&self, sign: char) -> Vec<(String, Table<'a, 't>)> {
        let fields = self.fields.iter().flat_map(|fields| fields.iter());
        let tables = fields.filter_map(|(key, value)| {
            let name = key.get_ref().to_string();
            let path = self.path(&name);
            let place = self.diagnostics.place(&key.span(), &path);
            let table = value.get_ref().as_table().filter(|_| name.contains(sign))?;
            let table = self.nested(table, path, place);
            Some((name, table))
        });
        tables.collect()
    }

    /// Reads a table in this one. A missing table is empty.
    pub(super) fn table(&self, key: &'static str) -> Table<'a, 't> {
        let found = self.find(key).and_then(|(span, value)| {
            let fields = value.as_table();
            if fields.is_none() {
                self.diagnostics.note(
                    self.diagnostics.place(&span, &self.path(key)),
                    format!("expected a table: {key} = {{ ... }}"),
                );
            }
            fields.map(|fields| (span, fields))
        });
        let place = match &found {
            Some((span, _)) => self.diagnostics.place(span, &self.path(key)),
            None => Place::from(format!("{}: {}", self.diagnostics.name, self.path(key))),
        };
        let fields = found.map(|(_, fields)| fields);
        Table {
            diagnostics: self.diagnostics,
            fields,
            path: self.path(key),
            place,
            known: RefCell::default(),
        }
    }

    /// Reads a list of tables, `[[key]]`; `None` if it is missing.
    pub(super) fn tables(&self, key: &'static str) -> Option<Vec<Table<'a, 't>>> {
        let (span, value) = self.find(key)?;
        let items = value.as_array().into_iter().flat_map(|items| items.iter());
        let tables: Option<Vec<_>> = items
            .map(|item| Some((item.span(), item.get_ref().as_table()?)))
            .collect();
        let Some(tables) = tables.filter(|tables| !tables.is_empty()) else {
            self.diagnostics.note(
                self.diagnostics.place(&span, &self.path(key)),
                format!("expected tables: [[{}]]", self.path(key)),
            );
            return Some(Vec::new());
        };
        let numbered = tables
            .into_iter()
            .enumerate()
            .map(|(place, (span, fields))| {
                let path = format!("{}[{}]", self.path(key), place + 1);
                let place = self.diagnostics.place(&span, &path);
                self.nested(fields, path, place)
            });
        Some(numbered.collect())
    }

    /// Returns a digest of the table's values without one key.
    pub(super) fn digest_without(&self, key: &str) -> String {
        self.fields
            .map(|fields| digest_without(key, fields))
            .unwrap_or_default()
    }

    /// Names a key that is read here or elsewhere.
    pub(super) fn expect(&self, key: &'static str) {
        let mut known = self.known.borrow_mut();
        if !known.contains(&key) {
            known.push(key);
        }
    }

    /// Records every key that was not read.
    pub(super) fn finish(self) {
        self.finish_without(&[]);
    }

    /// Records every key that was not read, except these.
    pub(super) fn finish_without(self, read: &[&str]) {
        let known = self.known.into_inner();
        let is_read = |key: &str| known.contains(&key) || read.contains(&key);
        let unknown = self
            .fields
            .into_iter()
            .flatten()
            .filter(|(key, _)| !is_read(key.get_ref()));
        for (key, _) in unknown {
            let name = key.get_ref();
            let path = if self.path.is_empty() {
                name.to_string()
            } else {
                format!("{}.{name}", self.path)
            };
            let what = match closest(name, &known) {
                Some(close) => format!("unknown key: did you mean '{close}'?"),
                None => format!("unknown key: expected one of {}", known.join(", ")),
            };
            self.diagnostics
                .note(self.diagnostics.place(&key.span(), &path), what);
        }
    }

    fn read<T>(
        &self,
        key: &'static str,
        expected: &str,
        read: impl FnOnce(&DeValue<'t>) -> Option<T>,
    ) -> Option<Located<T>> {
        let (span, value) = self.find(key)?;
        let place = self.diagnostics.place(&span, &self.path(key));
        match read(value) {
            Some(value) => Some(Located { value, place }),
            None => {
                self.diagnostics.note(place, format!("expected {expected}"));
                None
            }
        }
    }

    fn find(&self, key: &'static str) -> Option<(Range<usize>, &'t DeValue<'t>)> {
        self.expect(key);
        let (name, value): (_, &'t Spanned<DeValue<'t>>) = self
            .fields?
            .iter()
            .find(|(name, _)| name.get_ref() == key)?;
        Some((name.span(), value.get_ref()))
    }

    /// Returns true if the value of the key is a table.
    pub(super) fn is_table(&self, key: &str) -> bool {
        let mut fields = self.fields.into_iter().flat_map(|fields| fields.iter());
        fields.any(|(name, value)| name.get_ref() == key && value.get_ref().is_table())
    }

    /// Returns true if the key is present, whatever its value.
    pub(super) fn has(&self, key: &str) -> bool {
        self.fields
            .is_some_and(|fields| fields.iter().any(|(name, _)| name.get_ref() == key))
    }

    /// Returns a table in this one.
    fn nested(&self, fields: &'t DeTable<'t>, path: String, place: Place) -> Table<'a, 't> {
        Table {
            diagnostics: self.diagnostics,
            fields: Some(fields),
            path,
            place,
            known: RefCell::default(),
        }
    }

    fn path(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }
}
