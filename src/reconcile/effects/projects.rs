//! The CodeBuild projects of a clone. They are created before the clone and deleted after it.
//!
//! What there is, and what is needed, is read before the claim, so that the claim records the names
//! before anything is created: a worker that takes over finds them in the row.

use std::collections::BTreeSet;

use crate::domain::clone::NewPipeline;
use crate::domain::clone::files::CloneFiles;
use crate::domain::clone::overrides::TeardownPolicy;
use crate::domain::clone::projects::{NewProject, Project, ProjectClone};
use crate::domain::clone::stacks::Stack;
use crate::domain::clone::tags::is_ours;
use crate::domain::fault::{Fault, Reason};
use crate::domain::ids::{ProjectName, Subject};
use crate::domain::rules::rule::{Rule, Update};
use crate::domain::state::claim::Transition;
use crate::domain::state::desired::Spec;
use crate::domain::state::effect::Effect;
use crate::domain::state::mapping::Mapping;
use crate::domain::state::plan::rule_of;
use crate::domain::state::resources::ProjectResource;
use crate::ports::{Clock, CreateResult, Pipelines, Projects, Store};

use crate::reconcile::execute::{ClaimedAction, Executor};
use crate::reconcile::prepared::{BuiltClone, PreparedProjects};

impl<S: Store, P: Pipelines, C: Clock> Executor<S, P, C> {
    /// Reads what an effect needs to know of CodeBuild, and writes the names of the projects, and
    /// of the stacks that the clone deploys, into the claim. Returns `None`, and asks AWS for
    /// nothing, if the subject has no projects and its rule makes neither.
    pub(in crate::reconcile) async fn prepare_projects(
        &self,
        transition: &mut Transition,
        effect: &Effect,
        files: &CloneFiles,
    ) -> Result<Option<PreparedProjects>, Fault> {
        let next = &mut transition.next;
        let rule = effect
            .spec()
            .and_then(|spec| Some((spec, self.rule_of_template(spec, next)?)));
        let is_asked_for = rule.is_some_and(|(_, rule)| {
            !rule.overrides.build.is_empty() || rule.overrides.tears_down()
        });
        let policy = rule.map(|(_, rule)| rule.overrides.preview.teardown.clone());
        let policy = policy.unwrap_or_default();
        if next.resources.projects.is_empty() && !is_asked_for && !files.have_build() {
            if policy == TeardownPolicy::None {
                next.resources.record_policy(&policy);
            }
            return Ok(None);
        }
        // Such a clone stays as it is, whatever has become of its template.
        let stays = matches!(effect, Effect::Start(_))
            && next.fingerprint().is_some()
            && rule.is_some_and(|(_, rule)| rule.update == Update::Never);
        let (clone, stacks) = match rule {
            None => (None, Vec::new()),
            Some((spec, rule)) => {
                let built = self.clone_with_stacks(spec, rule, next, effect, stays, files);
                match (built.await, effect) {
                    (Ok((built, stacks)), _) => (Some(Ok(built)), stacks),
                    (Err(fault), Effect::Create(_)) => (Some(Err(fault)), Vec::new()),
                    (Err(_), _) if stays => (None, Vec::new()),
                    (Err(fault), Effect::Start(_) | Effect::Adopt(_) | Effect::Delete(_)) => {
                        return Err(fault);
                    }
                }
            }
        };
        let built = clone.as_ref().and_then(|clone| clone.as_ref().ok());
        let found = self.find_projects(next, built).await?;
        let copies = built.into_iter().flat_map(|(clone, _)| &clone.projects);
        let copies: Vec<&ProjectClone> = copies.collect();
        let wanted = match effect {
            // The projects of an adopted clone are recorded as they are.
            Effect::Adopt(_) => Ok(Vec::new()),
            Effect::Create(_) | Effect::Start(_) | Effect::Delete(_) => {
                wanted_projects(&copies, &found, files)
            }
        };
        let wanted = if stays {
            wanted.unwrap_or_default()
        } else {
            wanted?
        };
        copies.iter().for_each(|copy| record(next, &copy.name));
        let recorded = u32::try_from(next.resources.projects.len()).unwrap_or(u32::MAX);
        if let Some((clone, _)) = built.filter(|_| !stays) {
            self.record_stacks(transition, clone, &stacks, &policy)
                .await?;
        }
        Ok(Some(PreparedProjects {
            recorded,
            clone,
            wanted,
            found,
        }))
    }

    /// Builds a clone, and returns the stacks that are deleted with it. One that stays as it is
    /// deploys no new stacks, and an adopted one is not changed either.
    async fn clone_with_stacks(
        &self,
        spec: &Spec,
        rule: &Rule,
        row: &Mapping,
        effect: &Effect,
        stays: bool,
        files: &CloneFiles,
    ) -> Result<(BuiltClone, Vec<Stack>), Fault> {
        let built = self.clone_of(spec, row, rule, files).await?;
        let stacks = match effect {
            _ if stays => Vec::new(),
            Effect::Adopt(_) => self.deployed_stacks(&built.0).await?,
            Effect::Create(_) | Effect::Start(_) | Effect::Delete(_) => {
                self.own_stacks(&built.0, rule, row).await?
            }
        };
        Ok((built, stacks))
    }

    /// Returns the projects of a row and of its clone, and those that they are copied from.
    async fn find_projects(
        &self,
        row: &Mapping,
        clone: Option<&BuiltClone>,
    ) -> Result<Projects, Fault> {
        let recorded = row.resources.projects.iter().map(|one| &one.name);
        let copies = clone.iter().flat_map(|(clone, _)| &clone.projects);
        let names = copies.flat_map(|copy| [&copy.name, &copy.template]);
        let names: BTreeSet<&ProjectName> = recorded.chain(names).collect();
        let names: Vec<ProjectName> = names.into_iter().cloned().collect();
        match names.is_empty() {
            true => Ok(Projects::new()),
            false => self.projects.projects(&names).await,
        }
    }

    /// Returns the clone that was built before the claim.
    pub(in crate::reconcile) fn prepared_clone(
        &self,
        action: &ClaimedAction<'_>,
    ) -> Option<Result<BuiltClone, Fault>> {
        action.projects.as_ref()?.clone.clone()
    }

    /// Creates and updates the projects that the clone needs, and returns them.
    ///
    /// # Errors
    /// `project-not-ours` if one of them is not branchline's for this subject: it is left alone.
    pub(in crate::reconcile) async fn ensure_projects(
        &self,
        clone: &NewPipeline,
        action: &ClaimedAction<'_>,
    ) -> Result<Vec<ProjectResource>, Fault> {
        let prepared = action.projects.as_ref();
        let wanted = prepared.map_or(&[][..], |prepared| &prepared.wanted);
        if wanted.len() != clone.projects.len() {
            let detail = format!(
                "the CodeBuild projects of '{}' are not known yet",
                clone.name
            );
            return Err(Fault::new(Reason::AwsConflict, detail));
        }
        let mut made = Vec::new();
        for new in wanted {
            let found = prepared.and_then(|prepared| prepared.found.get(&new.name));
            match found {
                None => self.create_project(new, action).await?,
                Some(found) if !self.owns_project(found, action) => return Err(not_ours(new)),
                Some(found) if is_written(action.claim.mapping(), new) || found.is_already(new) => {
                }
                Some(found) if found.can_become(new) => {
                    self.check_claim(action)?;
                    let updated = self.projects.update(new, action.claim).await;
                    updated.map_err(|fault| action.repository.blamed_for_project(fault))?;
                }
                Some(_) => {
                    self.check_claim(action)?;
                    self.projects.delete(&new.name, action.claim).await?;
                    self.create_project(new, action).await?;
                }
            }
            made.push(ProjectResource {
                name: new.name.clone(),
                fingerprint: Some(new.fingerprint.clone()),
            });
        }
        Ok(made)
    }

    async fn create_project(
        &self,
        new: &NewProject,
        action: &ClaimedAction<'_>,
    ) -> Result<(), Fault> {
        self.check_claim(action)?;
        let created = self.projects.create(new, action.claim).await;
        match created.map_err(|fault| action.repository.blamed_for_project(fault))? {
            CreateResult::Made => Ok(()),
            CreateResult::NameInUse => {
                let detail = format!(
                    "the CodeBuild project '{}' exists, and did not a moment ago",
                    new.name
                );
                Err(Fault::new(Reason::AwsConflict, detail))
            }
        }
    }

    /// Returns the projects that were found, and that stay as they are.
    pub(in crate::reconcile) fn kept_projects(
        &self,
        action: &ClaimedAction<'_>,
    ) -> Vec<ProjectResource> {
        let Some(prepared) = &action.projects else {
            return Vec::new();
        };
        let recorded = action.claim.mapping().resources.projects.iter();
        let is_ours = |name: &ProjectName| {
            let found = prepared.found.get(name);
            found.is_some_and(|found| self.owns_project(found, action))
        };
        recorded
            .filter(|project| is_ours(&project.name))
            .cloned()
            .collect()
    }

    /// Returns these projects, and the others that were found: a clone that an earlier attempt
    /// created may use them until its next start.
    pub(in crate::reconcile) fn with_earlier_projects(
        &self,
        mut projects: Vec<ProjectResource>,
        action: &ClaimedAction<'_>,
    ) -> Vec<ProjectResource> {
        let earlier = self.kept_projects(action).into_iter();
        let known: BTreeSet<ProjectName> = projects.iter().map(|one| one.name.clone()).collect();
        projects.extend(earlier.filter(|one| !known.contains(&one.name)));
        projects
    }

    /// Deletes the projects of the row that the clone does not need any more. It does not use them.
    pub(in crate::reconcile) async fn delete_unused_projects(
        &self,
        used: &[ProjectResource],
        action: &ClaimedAction<'_>,
    ) -> Result<(), Fault> {
        let unused = self.kept_projects(action);
        let is_used = |name: &ProjectName| used.iter().any(|one| one.name == *name);
        for project in unused.iter().filter(|project| !is_used(&project.name)) {
            self.delete_project(&project.name, action).await?;
        }
        Ok(())
    }

    /// Deletes every project of the row that is ours, and those that were `made` under this claim.
    pub(in crate::reconcile) async fn delete_projects(
        &self,
        made: &[ProjectResource],
        action: &ClaimedAction<'_>,
    ) -> Result<(), Fault> {
        let kept = self.kept_projects(action);
        let names = kept.iter().chain(made).map(|project| &project.name);
        let names: BTreeSet<&ProjectName> = names.collect();
        for name in names {
            self.delete_project(name, action).await?;
        }
        Ok(())
    }

    async fn delete_project(
        &self,
        name: &ProjectName,
        action: &ClaimedAction<'_>,
    ) -> Result<(), Fault> {
        self.check_claim(action)?;
        self.projects.delete(name, action.claim).await
    }

    fn owns_project(&self, found: &Project, action: &ClaimedAction<'_>) -> bool {
        let subject: &Subject = &action.claim.mapping().subject;
        is_ours(&found.tags(), subject, &self.owner)
    }

    /// Returns the rule of a spec, unless it has another template today.
    pub(in crate::reconcile) fn rule_of_template<'a>(
        &'a self,
        spec: &Spec,
        row: &'a Mapping,
    ) -> Option<&'a Rule> {
        let rule = rule_of(row, spec, &self.rules);
        rule.filter(|rule| rule.template == spec.template)
    }
}

/// Builds the projects of a clone from those of its template.
fn wanted_projects(
    copies: &[&ProjectClone],
    found: &Projects,
    files: &CloneFiles,
) -> Result<Vec<NewProject>, Fault> {
    let wanted = copies.iter().map(|copy| {
        let template = found.get(&copy.template).ok_or_else(|| {
            let detail = format!(
                "the CodeBuild project '{}' of the template does not exist in this account and Region: create it, or correct the template",
                copy.template
            );
            Fault::new(Reason::TemplateMissing, detail)
        })?;
        let new = copy.from_template(template);
        new.map_err(|fault| files.blamed_for_project(fault))
    });
    wanted.collect()
}

/// Records the name of a project that is about to be created.
fn record(row: &mut Mapping, name: &ProjectName) {
    let projects = &mut row.resources.projects;
    if !projects.iter().any(|known| known.name == *name) {
        projects.push(ProjectResource::named(name.clone()));
    }
}

/// Returns true if this was last written to the project of a row.
fn is_written(row: &Mapping, new: &NewProject) -> bool {
    let mut projects = row.resources.projects.iter();
    let project = projects.find(|project| project.name == new.name);
    project.and_then(|project| project.fingerprint.as_ref()) == Some(&new.fingerprint)
}

fn not_ours(project: &NewProject) -> Fault {
    let detail = format!(
        "a CodeBuild project '{}' exists that does not carry this subject's branchline tags: rename or delete it by hand, then replay",
        project.name
    );
    Fault::new(Reason::ProjectNotOurs, detail)
}
