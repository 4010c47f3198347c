//! The files of a repository with which its clone is made.

use crate::domain::clone::file::RepositoryFile;
use crate::domain::clone::template_file::TemplateFile;
use crate::domain::clone::variables::Variable;
use crate::domain::clone::{CloneRequest, NewPipeline, Template};
use crate::domain::fault::{Fault, Reason};
use crate::domain::rules::placeholder::PlaceholderValues;
use crate::domain::rules::rule::Rule;

/// The files of a repository that a rule reads. Without any, the clone is that of the template.
#[derive(Clone, Debug, Default)]
pub struct CloneFiles {
    /// The file that declares the clone in place of the template.
    pub template: Option<TemplateFile>,
    /// The file that changes the clone.
    pub changes: Option<RepositoryFile>,
}

impl CloneFiles {
    /// Builds the clone for a request, with the files.
    ///
    /// # Errors
    /// Those of [`Template::clone_for`], and `repository-file-invalid` for a clone that is refused
    /// only because of a file.
    pub fn clone_for(
        &self,
        template: &Template,
        request: &CloneRequest<'_>,
    ) -> Result<NewPipeline, Fault> {
        let Some(file) = &self.template else {
            return self.change(template, request);
        };
        let made = file
            .apply(template, request.rule)
            .and_then(|(declared, rule)| {
                let request = CloneRequest {
                    rule: &rule,
                    ..*request
                };
                self.change(&declared, &request)
            });
        match made {
            Ok(mut clone) => {
                if request.with_notes {
                    let warnings = file.warnings(&template.declaration);
                    clone.notes.warnings.extend(warnings);
                }
                Ok(clone)
            }
            Err(fault) if fault.reason == Reason::RepositoryFileInvalid => Err(fault),
            Err(fault) => {
                // A rule that cannot clone its template is at fault itself.
                template.clone_for(request)?;
                Err(file.blamed(fault))
            }
        }
    }

    fn change(
        &self,
        template: &Template,
        request: &CloneRequest<'_>,
    ) -> Result<NewPipeline, Fault> {
        match &self.changes {
            Some(file) => file.clone_for(template, request),
            None => template.clone_for(request),
        }
    }

    /// Returns the values of the variables that the rule and the files set for one subject.
    ///
    /// # Errors
    /// Those of [`RepositoryFile::variables`].
    pub fn variables(
        &self,
        rule: &Rule,
        values: &PlaceholderValues<'_>,
    ) -> Result<Vec<Variable>, Fault> {
        match &self.changes {
            Some(file) => file.variables(rule, values),
            None => rule.overrides.variables(values),
        }
    }

    /// Returns the fault of a call with the clone. What CodePipeline refuses in a declaration from
    /// a repository is the file's mistake: it checks more than branchline can.
    #[must_use]
    pub fn blamed(&self, fault: Fault) -> Fault {
        match &self.template {
            Some(file) if fault.reason == Reason::DeclarationRefused => file.blamed(fault),
            Some(_) | None => fault,
        }
    }

    /// Returns true if a file changes a CodeBuild project.
    #[must_use]
    pub fn have_build(&self) -> bool {
        self.changes.as_ref().is_some_and(RepositoryFile::has_build)
    }

    /// Returns the fault of a call with a CodeBuild project of the clone, for which a file may be
    /// to blame.
    #[must_use]
    pub fn blamed_for_project(&self, fault: Fault) -> Fault {
        match &self.changes {
            Some(file) => file.blamed_for_project(fault),
            None => fault,
        }
    }
}
