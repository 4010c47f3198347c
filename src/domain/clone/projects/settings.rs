//! The settings of a CodeBuild project that a rule changes, and no action of a pipeline can.

use crate::domain::clone::declaration::ActionPath;

/// The longest timeout of a build, in minutes, and the shortest (CodeBuild API reference,
/// `BuildTimeOut`).
const TIMEOUT: std::ops::RangeInclusive<i64> = 5..=2_160;
/// The longest image, in characters. CodeBuild documents no limit; a registry's name, a path and a
/// digest are shorter.
const MAX_IMAGE: usize = 500;

/// The settings in which the projects of a clone differ from those of its template. `None` keeps
/// the template's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BuildSettings {
    /// The image.
    pub image: Option<String>,
    /// The compute type, as CodeBuild spells it.
    pub compute: Option<String>,
    /// True if the build may run a Docker daemon.
    pub privileged: Option<bool>,
    /// The timeout of a build, in minutes.
    pub timeout: Option<i64>,
    /// The cache.
    pub cache: Option<BuildCache>,
}

/// The cache of a project. An S3 cache that a clone shares with its template lets a pull request
/// write what the builds of the main branch read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BuildCache {
    /// No cache.
    None,
    /// The disk of the build host: the source and the paths of the buildspec.
    Local,
}

impl BuildCache {
    /// Every value, to parse them.
    pub const ALL: [(&'static str, Self); 2] = [("none", Self::None), ("local", Self::Local)];
}

impl BuildSettings {
    /// Returns these settings, and where they have none, those of `general`.
    #[must_use]
    pub fn or(&self, general: &Self) -> Self {
        let either = |own: &Option<String>, other: &Option<String>| own.clone().or(other.clone());
        Self {
            image: either(&self.image, &general.image),
            compute: either(&self.compute, &general.compute),
            privileged: self.privileged.or(general.privileged),
            timeout: self.timeout.or(general.timeout),
            cache: self.cache.or(general.cache),
        }
    }

    /// Returns true if nothing differs from the template.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The settings of a rule, for its CodeBuild actions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BuildOverrides {
    /// Those for all actions.
    pub all: BuildSettings,
    /// Those of single actions, which win.
    pub actions: Vec<(ActionPath, BuildSettings)>,
}

impl BuildOverrides {
    /// Returns true if no action has a setting, so that the clone needs no project of its own.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty() && self.actions.iter().all(|(_, own)| own.is_empty())
    }

    /// Returns the settings of an action.
    pub(super) fn of(&self, action: &ActionPath) -> BuildSettings {
        let own = self.actions.iter().find(|(path, _)| path == action);
        own.map_or_else(|| self.all.clone(), |(_, own)| own.or(&self.all))
    }
}

/// Accepts the name of an image: of CodeBuild, of Amazon ECR or of another registry.
///
/// # Errors
/// What is allowed.
pub fn build_image(text: String) -> Result<String, &'static str> {
    let legal = |c: char| c.is_ascii_alphanumeric() || "._/:@-".contains(c);
    let fits = (1..=MAX_IMAGE).contains(&text.len()) && text.chars().all(legal);
    let begins = text.starts_with(|c: char| c.is_ascii_alphanumeric());
    match fits && begins && text.split('/').all(|part| !part.is_empty() && part != "..") {
        true => Ok(text),
        false => Err(
            "not the name of an image: expected A-Z a-z 0-9 . _ / : @ -, such as aws/codebuild/standard:7.0",
        ),
    }
}

/// Accepts a compute type of CodeBuild. The types that need more than a name are none.
///
/// # Errors
/// What is allowed.
pub fn build_compute(text: String) -> Result<String, &'static str> {
    let legal = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    let size = text.strip_prefix("BUILD_").unwrap_or_default();
    match (1..=50).contains(&size.len()) && size.chars().all(legal) {
        true => Ok(text),
        false => {
            Err("not a compute type: expected one of CodeBuild's, such as BUILD_GENERAL1_MEDIUM")
        }
    }
}

/// Accepts the timeout of a build, in minutes.
///
/// # Errors
/// What is allowed.
pub fn build_timeout(minutes: i64) -> Result<i64, &'static str> {
    match TIMEOUT.contains(&minutes) {
        true => Ok(minutes),
        false => Err("expected 5 to 2160 minutes"),
    }
}
