//! A fake CodePipeline: pipelines by name, with what they declare, their tags and how often they ran.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use branchline::aws::OPERATION_TIMEOUT;
use branchline::line::declaration::Declaration;
use branchline::line::fault::{Fault, Reason, Room};
use branchline::line::ids::{PipelineArn, PipelineName};
use branchline::line::mapping::Claim;
use branchline::line::template::{NewPipeline, Tags, Template};
use branchline::ports::{Created, Found, Pipelines};
use serde_json::{Map, Value};
use tokio::time::sleep;

use super::weather::{Op, Weather};
use super::{declared, lock};

/// Account and Region of the fake.
const PLACE: &str = "arn:aws:codepipeline:eu-west-1:123456789012";
/// The key whose value GetPipeline masks.
const SECRET: &str = "OAuthToken";
/// What it shows instead.
const MASK: &str = "****";

/// A pipeline that exists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pipeline {
    /// What it declares, secrets included.
    pub(crate) declaration: Map<String, Value>,
    pub(crate) tags: Tags,
    pub(crate) version: i32,
    /// How many executions were started.
    pub(crate) executions: u32,
    /// Made by the test, not through the port: a template or a stranger's.
    pub(crate) given: bool,
}

impl Pipeline {
    /// The configuration value of its first source action.
    pub(crate) fn source(&self, key: &str) -> Option<&str> {
        let place = format!("/0/actions/0/configuration/{key}");
        self.declaration.get("stages")?.pointer(&place)?.as_str()
    }
}

#[derive(Default)]
struct Account {
    pipelines: BTreeMap<PipelineName, Pipeline>,
    /// Those that a call is changing now.
    touched: BTreeSet<PipelineName>,
    violations: Vec<String>,
    limit: Option<usize>,
}

/// A handle on the account. Clones are handles on the same account.
#[derive(Clone)]
pub(crate) struct FakePipelines {
    account: Arc<Mutex<Account>>,
    weather: Weather,
}

impl FakePipelines {
    /// An account without pipelines.
    pub(crate) fn new(weather: &Weather) -> Self {
        Self {
            account: Arc::default(),
            weather: weather.clone(),
        }
    }

    /// The same account under another worker's weather.
    pub(crate) fn under(&self, weather: &Weather) -> Self {
        Self {
            weather: weather.clone(),
            ..self.clone()
        }
    }

    /// Somebody else makes a pipeline, or updates one: a template, or a stranger's.
    ///
    /// # Errors
    /// What CodePipeline says when it refuses it.
    pub(crate) fn give(&self, declaration: Value, tags: Tags) -> Result<(), String> {
        let Value::Object(declaration) = declaration else {
            return Err("ValidationException: no object".to_owned());
        };
        declared::check(&declaration, &tags)?;
        let name = declaration.get("name").and_then(Value::as_str);
        let name = PipelineName::parse(name.unwrap_or_default()).map_err(|why| why.to_string())?;
        let mut account = lock(&self.account);
        let version = account
            .pipelines
            .get(&name)
            .map_or(1, |old| old.version + 1);
        let pipeline = Pipeline {
            declaration,
            tags,
            version,
            executions: 1,
            given: true,
        };
        account.pipelines.insert(name, pipeline);
        Ok(())
    }

    /// Somebody else deletes a pipeline. Whether there was one.
    pub(crate) fn take(&self, name: &str) -> bool {
        let mut account = lock(&self.account);
        let before = account.pipelines.len();
        account.pipelines.retain(|other, _| other.as_str() != name);
        account.pipelines.len() < before
    }

    /// The account takes no more than so many pipelines.
    pub(crate) fn limit(&self, pipelines: usize) {
        lock(&self.account).limit = Some(pipelines);
    }

    /// The law of claims: one worker at a time.
    fn touch(&self, name: &PipelineName) -> Touch {
        let mut account = lock(&self.account);
        if !account.touched.insert(name.clone()) {
            // A panic would end the walk, and its message would come back as if nothing had happened.
            let wrong = format!("two workers changed '{name}' at once");
            account.violations.push(wrong);
        }
        drop(account);
        Touch {
            account: Arc::clone(&self.account),
            name: name.clone(),
        }
    }

    /// How the law of claims was broken.
    pub(crate) fn violations(&self) -> Vec<String> {
        lock(&self.account).violations.clone()
    }

    /// Every pipeline, by name.
    pub(crate) fn all(&self) -> BTreeMap<String, Pipeline> {
        let account = lock(&self.account);
        let pipelines = account.pipelines.iter();
        pipelines
            .map(|(name, pipeline)| (name.to_string(), pipeline.clone()))
            .collect()
    }
}

impl Account {
    fn template(&self, name: &PipelineName) -> Result<Template, Fault> {
        let missing = || {
            let detail = format!("no pipeline '{name}'");
            Fault::new(Room::Plan, Reason::TemplateMissing, detail)
        };
        let pipeline = self.pipelines.get(name).ok_or_else(missing)?;
        let mut fields = pipeline.declaration.clone();
        fields.insert("version".to_owned(), Value::from(pipeline.version));
        let mut json = Value::Object(fields);
        mask(&mut json);
        Ok(Template {
            declaration: Declaration::new(json).ok_or_else(missing)?,
            arn: arn(name)?,
            version: Some(pipeline.version),
        })
    }

    fn create(&mut self, new: &NewPipeline) -> Result<Created, Fault> {
        let name = &new.name;
        assert_eq!(new.declaration.name(), name.as_str(), "two names");
        if self.pipelines.contains_key(name) {
            return Ok(Created::NameInUse);
        }
        let fields = new.declaration.as_json();
        declared::check(fields, &new.tags)
            .map_err(|why| Fault::new(Room::Plan, Reason::DeclarationRefused, why))?;
        if self
            .limit
            .is_some_and(|limit| self.pipelines.len() >= limit)
        {
            let detail = "LimitExceededException";
            return Err(Fault::new(Room::Plan, Reason::AwsQuota, detail));
        }
        let mut declaration = fields.clone();
        declaration.remove("version");
        let pipeline = Pipeline {
            declaration,
            tags: new.tags.clone(),
            version: 1,
            // CreatePipeline starts the first one by itself.
            executions: 1,
            given: false,
        };
        self.pipelines.insert(name.clone(), pipeline);
        Ok(Created::Made)
    }

    fn find(&self, name: &PipelineName, at: Option<&PipelineArn>) -> Result<Option<Found>, Fault> {
        let arn = arn(name)?;
        let here = at.is_none_or(|at| *at == arn);
        let pipeline = self.pipelines.get(name).filter(|_| here);
        Ok(pipeline.map(|pipeline| Found {
            arn,
            tags: pipeline.tags.clone(),
        }))
    }

    fn delete(&mut self, name: &PipelineName) {
        let gone = self.pipelines.remove(name);
        let given = gone.is_some_and(|pipeline| pipeline.given);
        assert!(!given, "'{name}' was not branchline's to delete");
    }
}

/// The port's word: touched under a claim on the subject that owns it.
fn under(name: &PipelineName, claim: &Claim) {
    let spec = claim.mapping().spec.as_ref();
    let owned = spec.map(|spec| &spec.pipeline);
    assert_eq!(owned, Some(name), "the claim is on another pipeline");
}

fn arn(name: &PipelineName) -> Result<PipelineArn, Fault> {
    PipelineArn::parse(format!("{PLACE}:{name}"))
        .map_err(|why| Fault::new(Room::Plan, Reason::AwsUnknown, why.to_string()))
}

fn mask(json: &mut Value) {
    match json {
        Value::Object(fields) => {
            for (key, value) in fields {
                if key == SECRET {
                    *value = Value::from(MASK);
                }
                mask(value);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(mask),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

impl Pipelines for FakePipelines {
    async fn template(&self, name: &PipelineName) -> Result<Template, Fault> {
        let effect = || lock(&self.account).template(name);
        self.weather.pass(Op::Template, effect).await
    }

    async fn create(&self, pipeline: &NewPipeline, claim: &Claim) -> Result<Created, Fault> {
        under(&pipeline.name, claim);
        let touch = self.touch(&pipeline.name);
        if let Some(after) = self.weather.echo() {
            let (fakes, pipeline) = (self.clone(), pipeline.clone());
            let late = move || lock(&fakes.account).create(&pipeline).map(|_| ());
            return Err(echo(touch, after, late).await);
        }
        let effect = || {
            let created = lock(&self.account).create(pipeline);
            drop(touch);
            created
        };
        self.weather.pass(Op::Create, effect).await
    }

    async fn find(
        &self,
        name: &PipelineName,
        arn: Option<&PipelineArn>,
    ) -> Result<Option<Found>, Fault> {
        let op = arn.map_or(Op::FindByName, |_| Op::Find);
        let effect = || lock(&self.account).find(name, arn);
        self.weather.pass(op, effect).await
    }

    async fn delete(&self, name: &PipelineName, claim: &Claim) -> Result<(), Fault> {
        under(name, claim);
        let touch = self.touch(name);
        if let Some(after) = self.weather.echo() {
            let (fakes, name) = (self.clone(), name.clone());
            let late = move || {
                lock(&fakes.account).delete(&name);
                Ok(())
            };
            return Err(echo(touch, after, late).await);
        }
        let effect = || {
            lock(&self.account).delete(name);
            drop(touch);
            Ok(())
        };
        self.weather.pass(Op::Remove, effect).await
    }
}

/// A call that is given up at its time limit, and takes effect so long after.
async fn echo(
    touch: Touch,
    after: Duration,
    effect: impl FnOnce() -> Result<(), Fault> + Send + 'static,
) -> Fault {
    sleep(OPERATION_TIMEOUT).await;
    tokio::spawn(async move {
        sleep(after).await;
        // Nobody hears the answer.
        let _ = effect();
        drop(touch);
    });
    Fault::new(Room::Plan, Reason::AwsUnavailable, "no answer in time")
}

/// Nobody else changes a pipeline while this is there.
struct Touch {
    account: Arc<Mutex<Account>>,
    name: PipelineName,
}

impl Drop for Touch {
    fn drop(&mut self) {
        lock(&self.account).touched.remove(&self.name);
    }
}
