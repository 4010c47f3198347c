//! Reads the file. Mistakes have their line and column.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;

use crate::domain::clone::file::{FileContent, Named, Origin, RepositoryFile, Stage, words};
use crate::domain::clone::limits::VARIABLES;
use crate::domain::clone::overrides::buildspec_path;
use crate::domain::clone::projects::{BuildSettings, build_compute, build_image, build_timeout};
use crate::domain::clone::variables::{check_environment, check_variable};
use crate::domain::fault::Fault;
use crate::domain::ids::CommitId;
use crate::domain::rules::placeholder::FormatString;
use crate::domain::rules::repository_file::{FileKey, FileRule};
use crate::domain::rules::rule::Rule;

/// The file, as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    variables: Option<Spanned<Texts>>,
    environment: Option<Spanned<Texts>>,
    buildspec: Option<Spanned<String>>,
    keep_stages: Option<Spanned<Vec<Spanned<String>>>>,
    image: Option<Spanned<String>>,
    compute: Option<Spanned<String>>,
    timeout: Option<Spanned<i64>>,
}

type Texts = BTreeMap<Spanned<String>, Spanned<String>>;

/// The text, its rule, and the mistakes that were found so far.
struct Reader<'a> {
    text: &'a str,
    rule: &'a Rule,
    file: &'a FileRule,
    /// Each with its first byte.
    mistakes: Vec<(usize, String)>,
}

impl RepositoryFile {
    /// Reads what a commit has under the path of the file.
    ///
    /// # Errors
    /// `repository-file-invalid` with the first mistakes, each with its line and column.
    pub fn read(
        content: &FileContent,
        commit: Option<&CommitId>,
        rule: &Rule,
        file: &FileRule,
    ) -> Result<Self, Fault> {
        let origin = Origin::new(&file.path, commit, file.from);
        let Some(text) = origin.text(content)? else {
            return Ok(Self::default());
        };
        let document: Document = toml::from_str(text).map_err(|error| {
            let place = place(text, error.span().map_or(0, |span| span.start));
            let message = error.message();
            let what = words::of_form(message, "a table");
            let what = what.unwrap_or_else(|| format!("not TOML: {message}"));
            origin.invalid(&format!("{place}: {what}"))
        })?;
        let mut reader = Reader {
            text,
            rule,
            file,
            mistakes: Vec::new(),
        };
        let read = reader.document(document, origin.clone());
        let mut mistakes = reader.mistakes;
        mistakes.sort();
        origin.refuse(mistakes.into_iter().map(|(_, text)| text).collect())?;
        Ok(read)
    }
}

impl Reader<'_> {
    fn document(&mut self, document: Document, origin: Origin) -> RepositoryFile {
        let Document {
            variables,
            environment,
            buildspec,
            keep_stages,
            image,
            compute,
            timeout,
        } = document;
        let variables = self.texts(FileKey::Variables, variables);
        let environment = self.texts(FileKey::Environment, environment);
        let buildspec = self.allowed_at(FileKey::Buildspec, buildspec);
        let keep_stages = self.allowed_at(FileKey::KeepStages, keep_stages);
        RepositoryFile {
            origin,
            variables: self.variables(variables),
            environment: self.environment(environment),
            buildspec: buildspec.and_then(|(span, path)| {
                let path = buildspec_path(path);
                path.map_err(|why| self.note(&span, "buildspec", why)).ok()
            }),
            keep_stages: keep_stages.map(|(span, stages)| self.stages(&span, stages)),
            build: BuildSettings {
                image: self.image(image),
                compute: self.checked(FileKey::Compute, compute, build_compute),
                timeout: self.checked(FileKey::Timeout, timeout, build_timeout),
                ..BuildSettings::default()
            },
        }
    }

    fn variables(&mut self, texts: Texts) -> Vec<Named> {
        let mut read = Vec::new();
        for (name, value) in texts {
            let is_taken = |name: &str, rule: &Rule| has(&rule.overrides.variables, name);
            let Some((named, span)) =
                self.format(FileKey::Variables, name, value, check_variable, is_taken)
            else {
                continue;
            };
            match named.format.literal_problem() {
                Some(problem) => self.note(&span, &format!("variables.{}", named.name), problem),
                None => read.push(named),
            }
        }
        read
    }

    fn environment(&mut self, texts: Texts) -> Vec<Named> {
        let mut read = Vec::new();
        for (name, value) in texts {
            let is_taken = |name: &str, rule: &Rule| has(&rule.overrides.environment, name);
            let key = FileKey::Environment;
            let format = self.format(key, name, value, check_environment, is_taken);
            read.extend(format.map(|(named, _)| named));
        }
        read
    }

    /// Reads one name and its value. The rule's own values cannot be changed: they may tell the
    /// targets of pull requests apart.
    fn format(
        &mut self,
        key: FileKey,
        name: Spanned<String>,
        value: Spanned<String>,
        check_name: fn(&str) -> Result<(), &'static str>,
        is_taken: impl Fn(&str, &Rule) -> bool,
    ) -> Option<(Named, Range<usize>)> {
        let (span, value) = (value.span(), value.into_inner());
        let (name_span, name) = (name.span(), name.into_inner());
        let key = format!("{}.{name}", key.as_str());
        if let Err(why) = check_name(&name) {
            self.note(&name_span, &key, why);
            return None;
        }
        if is_taken(&name, self.rule) {
            let what = format!("rule '{}' sets it: remove it here", self.rule.name);
            self.note(&name_span, &key, &what);
            return None;
        }
        if value.contains("#{") {
            self.note(
                &span,
                &key,
                "has '#{', which CodePipeline reads as a variable",
            );
            return None;
        }
        let format = match FormatString::parse(&value) {
            Ok(format) => format,
            Err(why) => {
                self.note(&span, &key, &why);
                return None;
            }
        };
        let on = self.rule.on;
        if let Some(wrong) = format.placeholders().find(|found| !on.has(*found)) {
            let what = format!("a {} has no {{{}}}", on.in_words(), wrong.as_str());
            self.note(&span, &key, &what);
            return None;
        }
        let place = place(self.text, span.start);
        let named = Named {
            name,
            format,
            place,
        };
        Some((named, span))
    }

    fn stages(&mut self, span: &Range<usize>, stages: Vec<Spanned<String>>) -> Vec<Stage> {
        if stages.is_empty() {
            let what = "an empty list keeps no stage: name the stages to keep";
            self.note(span, FileKey::KeepStages.as_str(), what);
        }
        let stages = stages.into_iter();
        stages
            .map(|stage| Stage {
                place: place(self.text, stage.span().start),
                name: stage.into_inner(),
            })
            .collect()
    }

    /// Returns the image, if the rule permits it.
    fn image(&mut self, image: Option<Spanned<String>>) -> Option<String> {
        let span = image.as_ref().map(Spanned::span).unwrap_or_default();
        let image = self.checked(FileKey::Image, image, build_image)?;
        if self.file.images.is_match(&image) {
            return Some(image);
        }
        let what = format!(
            "rule '{}' permits {} (repository_file.images): choose one of these",
            self.rule.name, self.file.images
        );
        self.note(&span, FileKey::Image.as_str(), &what);
        None
    }

    /// Returns a setting of CodeBuild projects, or records why it is not accepted.
    fn checked<T>(
        &mut self,
        key: FileKey,
        value: Option<Spanned<T>>,
        accept: fn(T) -> Result<T, &'static str>,
    ) -> Option<T> {
        let (span, value) = self.allowed_at(key, value)?;
        match accept(value) {
            Ok(value) => Some(value),
            Err(why) => {
                self.note(&span, key.as_str(), why);
                None
            }
        }
    }

    /// Returns the values of a table; none if the rule does not allow the key, or if there are more
    /// than AWS accepts, so that no file costs the time of thousands.
    fn texts(&mut self, key: FileKey, texts: Option<Spanned<Texts>>) -> Texts {
        let Some((span, texts)) = self.allowed_at(key, texts) else {
            return Texts::new();
        };
        if texts.len() <= VARIABLES {
            return texts;
        }
        let what = format!(
            "has {} variables, and AWS accepts at most {VARIABLES}",
            texts.len()
        );
        self.note(&span, key.as_str(), &what);
        Texts::new()
    }

    /// Returns the value of a key with its place, or records that the rule does not allow the key.
    fn allowed_at<T>(
        &mut self,
        key: FileKey,
        value: Option<Spanned<T>>,
    ) -> Option<(Range<usize>, T)> {
        let value = value?;
        let span = value.span();
        if !self.file.allow.contains(&key) {
            let what = format!(
                "rule '{}' does not allow it here (repository_file.allow): remove it",
                self.rule.name
            );
            self.note(&span, key.as_str(), &what);
            return None;
        }
        Some((span, value.into_inner()))
    }

    fn note(&mut self, span: &Range<usize>, key: &str, what: &str) {
        let place = place(self.text, span.start);
        let mistake = format!("{place}: {key}: {what}");
        self.mistakes.push((span.start, mistake));
    }
}

fn has<T>(named: &[(String, T)], name: &str) -> bool {
    named.iter().any(|(taken, _)| taken == name)
}

/// Returns the line and the column of a byte, both counted from 1.
fn place(text: &str, offset: usize) -> String {
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() + 1;
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    let column = before.get(start..).unwrap_or_default().chars().count() + 1;
    format!("line {line}, column {column}")
}
