//! A CodeBuild project as JSON. It is kept whole: what branchline does not know is copied.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use crate::domain::clone::canonical_json;
use crate::domain::clone::projects::{BuildCache, BuildSettings, ProjectClone};
use crate::domain::clone::tags::{OWN, Tags};
use crate::domain::fault::{Fault, Reason};
use crate::domain::ids::ProjectName;

/// What BatchGetProjects returns of a project and CreateProject does not take (CodeBuild API
/// reference, `Project` and CreateProject). The clone has no webhook, no badge, and is not public.
pub(crate) const ANSWER_ONLY: [&str; 8] = [
    "arn",
    "badge",
    "created",
    "lastModified",
    "projectVisibility",
    "publicProjectAlias",
    "resourceAccessRole",
    "webhook",
];
/// The members that an audit compares.
const COMPARED: [&str; 6] = [
    "environment",
    "serviceRole",
    "timeoutInMinutes",
    "cache",
    "vpcConfig",
    "logsConfig",
];
/// The beginning of the names of CodeBuild's own images.
const CURATED: &str = "aws/codebuild/";
/// The registry of an image that names none.
const DOCKER_HUB: &str = "docker.io";
/// The most tags of a project (CodeBuild user guide, "Quotas for AWS CodeBuild").
const TAGS: usize = 50;

/// A project as BatchGetProjects returns it. Its environment variables may be secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Project(Map<String, Value>);

/// Leaves out everything but the name.
impl std::fmt::Debug for Project {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Project").field(&self.name()).finish()
    }
}

/// A project ready to be created, or to replace what it was.
#[derive(Clone, PartialEq, Eq)]
pub struct NewProject {
    /// The name.
    pub name: ProjectName,
    /// The request, in the form of CreateProject. It may contain secrets.
    pub request: Map<String, Value>,
    /// The fingerprint that the mapping keeps: SHA-256 of the request.
    pub fingerprint: String,
}

/// Leaves out the request.
impl std::fmt::Debug for NewProject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NewProject")
            .field("name", &self.name)
            .field("fingerprint", &self.fingerprint)
            .finish_non_exhaustive()
    }
}

impl NewProject {
    /// Returns the project as it is read once it was created.
    #[must_use]
    pub fn as_made(&self) -> Project {
        Project(self.request.clone())
    }
}

impl Project {
    /// Wraps a JSON object. Returns `None` for any other JSON.
    #[must_use]
    pub fn new(json: Value) -> Option<Self> {
        match json {
            Value::Object(fields) => Some(Self(fields)),
            Value::Null
            | Value::Bool(_)
            | Value::Number(_)
            | Value::String(_)
            | Value::Array(_) => None,
        }
    }

    /// Returns the JSON object.
    #[must_use]
    pub fn as_json(&self) -> &Map<String, Value> {
        &self.0
    }

    /// Returns the name; `None` if there is none, or it is not a legal one.
    #[must_use]
    pub fn name(&self) -> Option<ProjectName> {
        ProjectName::parse(self.0.get("name")?.as_str()?).ok()
    }

    /// Returns the ARN of the role that runs the builds.
    #[must_use]
    pub fn role(&self) -> Option<&str> {
        self.0.get("serviceRole")?.as_str()
    }

    /// Returns the tags.
    #[must_use]
    pub fn tags(&self) -> Tags {
        let tags = self.0.get("tags").and_then(Value::as_array);
        let text = |tag: &Value, key: &str| Some(tag.get(key)?.as_str()?.to_owned());
        tags.into_iter()
            .flatten()
            .filter_map(|tag| Some((text(tag, "key")?, text(tag, "value")?)))
            .collect()
    }

    /// Returns the first member in which the project differs from what was written. What CodeBuild
    /// added makes no difference.
    #[must_use]
    pub fn differs_from(&self, written: &NewProject) -> Option<&'static str> {
        let differs = |key: &&&str| match written.request.get(**key) {
            Some(wanted) => !self.0.get(**key).is_some_and(|live| contains(live, wanted)),
            None => false,
        };
        COMPARED.iter().find(differs).copied()
    }

    /// Returns true if the project is what `new` would make of it: nothing has to be written.
    #[must_use]
    pub fn is_already(&self, new: &NewProject) -> bool {
        let is_there = |(key, wanted): (&String, &Value)| match key.as_str() {
            "tags" => self.tags() == new.as_made().tags(),
            _ => self.0.get(key).is_some_and(|live| contains(live, wanted)),
        };
        self.can_become(new) && new.request.iter().all(is_there)
    }

    /// Returns true if UpdateProject makes the project equal to `new`. It leaves alone what the
    /// request does not name, so it cannot take away what the project has and `new` does not.
    #[must_use]
    pub fn can_become(&self, new: &NewProject) -> bool {
        let mut kept = self.0.keys();
        kept.all(|key| ANSWER_ONLY.contains(&key.as_str()) || new.request.contains_key(key))
    }
}

impl ProjectClone {
    /// Builds the project from the template's.
    ///
    /// # Errors
    /// A permanent fault when the settings do not fit the template's project, or when the project
    /// would have too many tags.
    pub fn from_template(&self, template: &Project) -> Result<NewProject, Fault> {
        let mut request = template.0.clone();
        request.retain(|key, _| !ANSWER_ONLY.contains(&key.as_str()));
        request.insert("name".to_owned(), self.name.as_str().into());
        self.set_log(&mut request);
        self.settings.apply(&mut request, &self.template)?;
        // CodeBuild refuses it for other artifacts than those in S3, where false says nothing.
        if let Some(Value::Object(artifacts)) = request.get_mut("artifacts")
            && artifacts.get("type").and_then(Value::as_str) != Some("S3")
            && artifacts.get("encryptionDisabled") == Some(&Value::Bool(false))
        {
            artifacts.remove("encryptionDisabled");
        }
        request.insert("tags".to_owned(), self.all_tags(template)?);
        let fingerprint = hex::encode(Sha256::digest(canonical_json::json(&request)));
        Ok(NewProject {
            name: self.name.clone(),
            request,
            fingerprint,
        })
    }

    /// Lets the builds log into the log group of the template's project, under the clone's name.
    /// Otherwise each clone would leave a log group of its own, which the template's role may not
    /// write.
    fn set_log(&self, request: &mut Map<String, Value>) {
        change(request, "logsConfig", |logs| {
            change(logs, "cloudWatchLogs", |cloud_watch| {
                if cloud_watch.get("status").and_then(Value::as_str) == Some("DISABLED") {
                    return;
                }
                cloud_watch.insert("status".to_owned(), "ENABLED".into());
                let group = cloud_watch.entry("groupName").or_insert(Value::Null);
                if group.as_str().is_none_or(str::is_empty) {
                    *group = format!("/aws/codebuild/{}", self.template).into();
                }
                cloud_watch.insert("streamName".to_owned(), self.name.as_str().into());
            });
        });
    }

    /// Returns the tags of the template's project, those of the rule, and branchline's own. A later
    /// one wins.
    fn all_tags(&self, template: &Project) -> Result<Value, Fault> {
        let is_taken = |key: &String| key.starts_with("aws:") || key.starts_with(OWN);
        let mut tags: BTreeMap<_, _> = template.tags();
        tags.retain(|key, _| !is_taken(key));
        tags.extend(self.tags.clone());
        if tags.len() > TAGS {
            let detail = format!(
                "the CodeBuild project of the clone would have {} tags with those of '{}', but AWS accepts {TAGS}",
                tags.len(),
                self.template
            );
            return Err(Fault::new(Reason::InvalidValue, detail));
        }
        let tags = tags.into_iter();
        Ok(tags
            .map(|(key, value)| json!({"key": key, "value": value}))
            .collect())
    }
}

impl BuildSettings {
    fn apply(&self, request: &mut Map<String, Value>, template: &ProjectName) -> Result<(), Fault> {
        let environment = request.get("environment");
        let has_fleet = environment.is_some_and(|known| known.get("fleet").is_some());
        if self.compute.is_some() && has_fleet {
            let detail = format!(
                "the CodeBuild project '{template}' runs on a fleet, which decides the compute type: remove compute from build"
            );
            return Err(Fault::new(Reason::RuleTemplateMismatch, detail));
        }
        change(request, "environment", |environment| {
            if let Some(image) = &self.image {
                set_image(environment, image);
            }
            if let Some(compute) = &self.compute {
                environment.insert("computeType".to_owned(), compute.as_str().into());
                environment.remove("computeConfiguration");
            }
            if let Some(privileged) = self.privileged {
                environment.insert("privilegedMode".to_owned(), privileged.into());
            }
        });
        if let Some(minutes) = self.timeout {
            request.insert("timeoutInMinutes".to_owned(), minutes.into());
        }
        let cache = self.cache.map(|cache| match cache {
            BuildCache::None => json!({"type": "NO_CACHE"}),
            BuildCache::Local => {
                json!({"type": "LOCAL", "modes": ["LOCAL_SOURCE_CACHE", "LOCAL_CUSTOM_CACHE"]})
            }
        });
        if let Some(cache) = cache {
            request.insert("cache".to_owned(), cache);
        }
        Ok(())
    }
}

/// Sets the image, and the credentials with which CodeBuild pulls it: its own for its images, those
/// of the build role for all others (CodeBuild API reference, `imagePullCredentialsType`). The
/// password of the template's registry is not sent to another registry.
fn set_image(environment: &mut Map<String, Value>, image: &str) {
    let before = environment.insert("image".to_owned(), image.into());
    let before = before.as_ref().and_then(Value::as_str).unwrap_or_default();
    let is_curated = image.starts_with(CURATED);
    if is_curated || registry(before) != registry(image) {
        environment.remove("registryCredential");
    }
    let credentials = if is_curated {
        "CODEBUILD"
    } else {
        "SERVICE_ROLE"
    };
    environment.insert("imagePullCredentialsType".to_owned(), credentials.into());
}

/// Returns the registry of an image, as Docker finds it in the name.
fn registry(image: &str) -> &str {
    match image.split_once('/') {
        Some((host, _)) if host.contains(['.', ':']) || host == "localhost" => host,
        Some(_) | None => DOCKER_HUB,
    }
}

/// Returns true if `live` is `wanted`, perhaps with more keys.
fn contains(live: &Value, wanted: &Value) -> bool {
    match (live, wanted) {
        (Value::Object(live), Value::Object(wanted)) => {
            let is_there = |(key, value)| live.get(key).is_some_and(|live| contains(live, value));
            wanted.iter().all(is_there)
        }
        (live, wanted) => live == wanted,
    }
}

/// Changes an object in another one. What is not an object begins as an empty one.
fn change(
    fields: &mut Map<String, Value>,
    key: &str,
    change: impl FnOnce(&mut Map<String, Value>),
) {
    let mut inner = match fields.remove(key) {
        Some(Value::Object(inner)) => inner,
        Some(_) | None => Map::new(),
    };
    change(&mut inner);
    fields.insert(key.to_owned(), Value::Object(inner));
}
