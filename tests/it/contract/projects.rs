//! The contract of [`ProjectReader`] and [`ProjectWriter`].

use branchline::domain::clone::projects::{NewProject, Project, ProjectClone};
use branchline::domain::clone::tags::{MANAGED_BY, Tags};
use branchline::domain::fault::Reason;
use branchline::domain::ids::ProjectName;
use branchline::domain::state::claim::Claim;
use branchline::domain::state::resources::ProjectResource;
use branchline::ports::{CreateResult, ProjectReader, ProjectWriter};
use serde_json::Value;

use crate::world::projects::{project, setting};
use crate::world::rules::with_image;
use crate::world::samples::{creating, pull};
use crate::world::story::owner;

/// An account without CodeBuild projects, and access to it past the port.
pub(crate) trait ProjectsStage {
    type Port: ProjectWriter;

    /// Returns the port.
    fn projects(&self) -> &Self::Port;
    /// Makes a project as another user of the account.
    async fn give(&self, project: Value);
}

/// Makes every test of this contract for a stage: `projects_contract!(Stage::new().await)`.
macro_rules! projects_contract {
    ($stage:expr) => {
        crate::contract::contract_tests!(projects, $stage;
            those_that_exist_are_returned_with_their_tags,
            create_writes_the_project_and_its_tags,
            a_project_whose_name_is_in_use_is_not_changed,
            a_deleted_project_is_gone,
            deleting_a_missing_project_succeeds,
        );
    };
}
pub(crate) use projects_contract;

fn name(text: &str) -> ProjectName {
    ProjectName::parse(text).unwrap()
}

/// Returns a claim on a subject whose row has this project.
pub(crate) fn claim(project: &str) -> Claim {
    let mut row = creating(pull(7), "api-pr-7", "worker/1");
    row.resources.projects = vec![ProjectResource::named(name(project))];
    Claim::proven(row)
}

/// Returns a copy of the template's project in this image.
pub(crate) fn copy(template: &Value, copied: &str, image: &str) -> NewProject {
    let template = Project::new(template.clone()).unwrap();
    let clone = ProjectClone {
        name: name(copied),
        template: template.name().unwrap(),
        settings: with_image(image).build.all,
        tags: Tags::from([
            ("branchline:rule".to_owned(), "pulls ü".to_owned()),
            (MANAGED_BY.to_owned(), owner().to_string()),
        ]),
    };
    clone.from_template(&template).unwrap()
}

fn tag(project: &Project, key: &str) -> String {
    project.tags().remove(key).unwrap()
}

async fn found<S: ProjectsStage>(stage: &S, wanted: &str) -> Option<Project> {
    let names = [name(wanted)];
    let mut found = stage.projects().projects(&names).await.unwrap();
    found.remove(&name(wanted))
}

/// "Returns those of these projects that exist, with their tags."
pub(crate) async fn those_that_exist_are_returned_with_their_tags<S: ProjectsStage>(stage: &S) {
    stage.give(project("api")).await;
    stage.give(project("web")).await;
    let names = ["api", "no-such", "web"].map(name);
    let found = stage.projects().projects(&names).await.unwrap();
    let keys: Vec<&str> = found.keys().map(ProjectName::as_str).collect();
    assert_eq!(keys, ["api", "web"]);
    let api = found.get(&name("api")).unwrap();
    assert_eq!(tag(api, "team"), "api");
    let image = setting(api, "/environment/image");
    assert_eq!(image, "aws/codebuild/standard:7.0");
}

/// "Creates a project with its tags."
pub(crate) async fn create_writes_the_project_and_its_tags<S: ProjectsStage>(stage: &S) {
    stage.give(project("api")).await;
    let template = found(stage, "api").await.unwrap();
    let template = Value::Object(template.as_json().clone());
    let new = copy(&template, "api-pr-7-api", "ci:2");
    let claim = claim("api-pr-7-api");
    let made = stage.projects().create(&new, &claim).await.unwrap();
    assert_eq!(made, CreateResult::Made);
    let made = found(stage, "api-pr-7-api").await.unwrap();
    assert_eq!(tag(&made, "branchline:rule"), "pulls ü");
    assert_eq!(tag(&made, "team"), "api");
    assert_eq!(setting(&made, "/environment/image"), "ci:2");
    assert_eq!(
        setting(&made, "/environment/environmentVariables/0/name"),
        "REGISTRY"
    );
    assert_eq!(made.role(), Some("arn:aws:iam::123456789012:role/build"));
}

/// "A second call then returns `NameInUse`", and changes nothing.
pub(crate) async fn a_project_whose_name_is_in_use_is_not_changed<S: ProjectsStage>(stage: &S) {
    stage.give(project("api")).await;
    let new = copy(&project("web"), "api", "ci:2");
    let answer = stage.projects().create(&new, &claim("api")).await.unwrap();
    assert_eq!(answer, CreateResult::NameInUse);
    let kept = found(stage, "api").await.unwrap();
    let image = setting(&kept, "/environment/image");
    assert_eq!(image, "aws/codebuild/standard:7.0");
}

/// "Deletes a project", which can be created again.
pub(crate) async fn a_deleted_project_is_gone<S: ProjectsStage>(stage: &S) {
    let new = copy(&project("api"), "api-pr-7-api", "ci:2");
    let claim = claim("api-pr-7-api");
    for _ in 0..2 {
        let made = stage.projects().create(&new, &claim).await.unwrap();
        assert_eq!(made, CreateResult::Made);
        stage.projects().delete(&new.name, &claim).await.unwrap();
        assert!(found(stage, "api-pr-7-api").await.is_none());
    }
}

/// "Deleting one that does not exist succeeds."
pub(crate) async fn deleting_a_missing_project_succeeds<S: ProjectsStage>(stage: &S) {
    let missing = name("no-such");
    let deleted = stage.projects().delete(&missing, &claim("no-such")).await;
    assert_eq!(deleted.map_err(|fault| fault.reason), Ok::<_, Reason>(()));
}
