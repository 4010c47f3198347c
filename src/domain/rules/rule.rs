//! The rules: which repositories and branches get a pipeline, and from which template. They are
//! read from the configuration.

use std::collections::{HashMap, HashSet};

use crate::domain::clone::overrides::CloneOverrides;
use crate::domain::ids::{Branch, InstallationId, PipelineName, RepositoryName};
use crate::domain::report::ReportForm;
use crate::domain::report::target::{CommentPolicy, ReportTarget};
use crate::domain::rules::beginnings::Beginnings;
use crate::domain::rules::glob::GlobFilter;
use crate::domain::rules::merge_queue::{MERGE_QUEUE, merge_group_base};
use crate::domain::rules::pipeline_name::NamePattern;
use crate::domain::rules::placeholder::{FormatString, Placeholder};
use crate::domain::rules::repository_file::{FileFrom, FileRule};
use crate::domain::rules::retention::Retention;
use crate::domain::rules::template_file::TemplateFileRule;

/// Branches that no operator names. A rule whose `base` has one of them does not limit it.
const ANY_BRANCH: [&str; 2] = ["branchline-any", "branchline/any"];

/// One `[[rule]]`. The first rule that matches is used.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The name, which journals and mappings contain. Without one in the file, it is the rule's
    /// number there.
    pub name: String,
    /// The digest of everything but the name. It follows a rule that was renamed or moved.
    pub digest: String,
    /// The repositories, as `owner/name`.
    pub repository: GlobFilter,
    /// The kind of subject.
    pub on: On,
    /// For pull requests and merge groups: the base branches.
    pub base: GlobFilter,
    /// The branches: the head of the pull request, or the branch itself.
    pub branches: GlobFilter,
    /// For pull requests: true if drafts get a pipeline.
    pub drafts: bool,
    /// The pipeline that is cloned.
    pub template: PipelineName,
    /// The file of the repository that declares the clone in place of the template; `None` if none
    /// does.
    pub template_file: Option<TemplateFileRule>,
    /// The format string of the clone's name.
    pub pipeline_name: NamePattern,
    /// The overrides of the clone.
    pub overrides: CloneOverrides,
    /// The file of the repository that may change the clone; `None` if none may.
    pub repository_file: Option<FileRule>,
    /// The way in which new commits start the clone.
    pub start: Start,
    /// The time when the clone is updated to its template.
    pub update: Update,
    /// True if executions are stopped before the clone is deleted.
    pub stop_on_close: bool,
    /// The highest number of clones; `None` sets no limit.
    pub max_active: Option<u32>,
    /// How long clones of open subjects are kept.
    pub retention: Retention,
    /// The form in which its subjects' commits are reported to GitHub; `None` if they are not.
    pub report: Option<ReportForm>,
    /// The name of the check run, or the context of the commit status.
    pub context: String,
    /// When its pull requests have a comment.
    pub comment: CommentPolicy,
    /// The format string of the name of its subjects' environments at GitHub; `None` if their
    /// commits have no deployments.
    pub deployment: Option<FormatString>,
}

impl Rule {
    /// Returns where the rule's subjects are reported, for an installation of the App.
    #[must_use]
    pub fn report_target(&self, installation: Option<InstallationId>) -> Option<ReportTarget> {
        Some(ReportTarget {
            form: self.report?,
            context: self.context.clone(),
            installation,
            comment: self.comment,
            deployment: self.deployment.clone(),
        })
    }

    /// Returns true if a file of the repository changes the rule's clones.
    #[must_use]
    pub fn reads_files(&self) -> bool {
        self.template_file.is_some() || self.repository_file.is_some()
    }

    /// Returns true if the author of a pull request decides which file counts: that of the head, or
    /// that of any base: a person who may push a branch may push a base of their own.
    #[must_use]
    pub fn lets_author_choose(&self, from: FileFrom) -> bool {
        match from {
            FileFrom::Head => true,
            FileFrom::Base => {
                let is_open = ANY_BRANCH.iter().any(|name| self.base.is_match(name));
                self.on == On::PullRequest && is_open
            }
        }
    }

    /// Returns true if the rule uses a placeholder anywhere.
    #[must_use]
    pub fn uses(&self, placeholder: Placeholder) -> bool {
        let formats = self.overrides.formats();
        formats
            .flat_map(FormatString::placeholders)
            .chain(self.pipeline_name.placeholders())
            .any(|used| used == placeholder)
    }

    /// Returns true if the rule is about this branch, or about pull requests from it. A branch of
    /// GitHub's merge queue exists for the time of one merge, so a rule has to be about merge
    /// groups, or name such branches.
    #[must_use]
    pub fn admits_branch(&self, branch: &Branch) -> bool {
        if self.on == On::MergeGroup {
            let base = merge_group_base(branch);
            return base.is_some_and(|base| self.base.is_match(base.as_str()));
        }
        let is_queued = branch.as_str().starts_with(MERGE_QUEUE);
        (!is_queued || self.branches.names(MERGE_QUEUE)) && self.branches.is_match(branch.as_str())
    }

    /// Returns true if everything that `later` admits is certainly admitted by this rule too. If
    /// this rule is earlier, `later` never applies.
    #[must_use]
    pub fn shadows(&self, later: &Self) -> bool {
        self.on == later.on
            && self.repository.includes(&later.repository)
            && self.branches.includes(&later.branches)
            && (self.branches.names(MERGE_QUEUE) || !later.branches.names(MERGE_QUEUE))
            && self.base.includes(&later.base)
            && (self.drafts || !later.drafts)
    }
}

/// `start`: the way in which new commits start a clone. The first execution is always the one that
/// CreatePipeline starts by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// No `start` is configured: like `commit` if the template's type supports it, otherwise like
    /// `head`.
    Auto,
    /// `commit`: branchline starts an execution for each new head commit, which builds that commit.
    Commit,
    /// `head`: branchline starts an execution for each new head commit, which builds whatever the
    /// branch's head is by then.
    Head,
    /// `push`: the clone's own change detection starts executions.
    Push,
}

/// `update`: the time when a clone is updated to its template.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Update {
    /// `next-start`: before its next execution.
    NextStart,
    /// `never`: the clone stays as it was created.
    Never,
}

/// The kind of subject that a rule's pipelines belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum On {
    /// `on = "pull_request"`
    PullRequest,
    /// `on = "branch"`
    Branch,
    /// `on = "merge_group"`: the branches of GitHub's merge queue.
    MergeGroup,
}

impl On {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::PullRequest, Self::Branch, Self::MergeGroup];

    /// Returns the word in the configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::PullRequest => "pull_request",
            Self::Branch => "branch",
            Self::MergeGroup => "merge_group",
        }
    }

    /// Returns the kind in words.
    #[must_use]
    pub fn in_words(self) -> &'static str {
        match self {
            Self::PullRequest => "pull request",
            Self::Branch => "branch",
            Self::MergeGroup => "merge group",
        }
    }

    /// Returns true if subjects of this kind have a value for a placeholder.
    #[must_use]
    pub fn has(self, placeholder: Placeholder) -> bool {
        match self {
            Self::PullRequest => true,
            Self::Branch => !placeholder.is_of_pull_requests(),
            Self::MergeGroup => {
                matches!(placeholder, Placeholder::Base | Placeholder::BaseSlug)
                    || !placeholder.is_of_pull_requests()
            }
        }
    }

    /// Returns true if no two subjects of this kind in a repository have the same text, whatever
    /// people call them.
    #[must_use]
    pub fn tells_apart(self, format: &FormatString) -> bool {
        match self {
            Self::PullRequest => format.differs_by_pull_request(),
            Self::Branch | Self::MergeGroup => format.differs_by_branch(),
        }
    }

    /// Returns the name of the environment at GitHub of a rule that gives it none. A repository may
    /// have environments of its own: none of them begins like this.
    #[must_use]
    pub fn default_environment(self) -> &'static str {
        match self {
            Self::PullRequest => "preview/pr-{number}",
            Self::Branch | Self::MergeGroup => "preview/{branch_slug}",
        }
    }

    /// Returns the `pipeline_name` of a rule that has none. No two subjects of an owner's
    /// repositories share such a name: the name of a repository has no `@`, and what follows the
    /// last `-pr-` of a pull request's name is a number.
    #[must_use]
    pub fn default_pipeline_name(self) -> &'static str {
        match self {
            Self::PullRequest => "{repo}-pr-{number}",
            Self::Branch | Self::MergeGroup => "{repo}@{branch}",
        }
    }
}

/// All rules. A webhook asks them several times, so they are indexed.
#[derive(Clone, Debug)]
pub struct Rules {
    all: Vec<Rule>,
    index: Index,
}

/// Where rules are found without looking at each.
#[derive(Clone, Debug)]
struct Index {
    by_repository: Beginnings,
    by_name: HashMap<String, usize>,
    /// The templates, with those of teardowns.
    templates: HashSet<PipelineName>,
}

impl Rules {
    /// Makes them of rules in the order of the file.
    #[must_use]
    pub fn new(rules: Vec<Rule>) -> Self {
        let templates = rules.iter().flat_map(|rule| {
            let teardown = rule.overrides.preview.teardown.template();
            teardown.into_iter().chain([&rule.template]).cloned()
        });
        // Of two rules with the same name, the first one counts.
        let names = rules.iter().enumerate().rev();
        let index = Index {
            by_repository: Beginnings::of(rules.iter().map(|rule| &rule.repository)),
            by_name: names
                .map(|(position, rule)| (rule.name.clone(), position))
                .collect(),
            templates: templates.collect(),
        };
        Self { all: rules, index }
    }

    /// Returns the rules in the order of the file.
    #[must_use]
    pub fn all(&self) -> &[Rule] {
        &self.all
    }

    /// Returns the rules whose repositories this one may be, in order.
    fn candidates(&self, repository: &RepositoryName) -> impl Iterator<Item = &Rule> {
        let positions = self.index.by_repository.candidates(repository.as_str());
        positions.into_iter().filter_map(|one| self.all.get(one))
    }

    /// Returns the rules for this repository, in order.
    fn about<'a>(&'a self, repository: &'a RepositoryName) -> impl Iterator<Item = &'a Rule> {
        let is_about = |rule: &&Rule| rule.repository.is_match(repository.as_str());
        self.candidates(repository).filter(is_about)
    }

    /// Returns the rules for this kind of subject in this repository, in order.
    pub fn of<'a>(
        &'a self,
        on: On,
        repository: &'a RepositoryName,
    ) -> impl Iterator<Item = &'a Rule> {
        self.about(repository).filter(move |rule| rule.on == on)
    }

    /// Returns the rule for a branch itself, not for pull requests from it: the first that is about
    /// branches or merge groups, and about this one.
    #[must_use]
    pub fn for_branch(&self, branch: &Branch, repository: &RepositoryName) -> Option<&Rule> {
        let mut about = self.candidates(repository);
        about.find(|rule| {
            rule.on != On::PullRequest
                && rule.repository.is_match(repository.as_str())
                && rule.admits_branch(branch)
        })
    }

    /// Returns true if a rule says where its environments are found.
    #[must_use]
    pub fn have_pages(&self) -> bool {
        self.all
            .iter()
            .any(|rule| rule.overrides.preview.url.is_some())
    }

    /// Returns true if a rule names this repository.
    #[must_use]
    pub fn covers(&self, repository: &RepositoryName) -> bool {
        self.about(repository).next().is_some()
    }

    /// Returns the rule of this name.
    #[must_use]
    pub fn named(&self, name: &str) -> Option<&Rule> {
        self.all.get(*self.index.by_name.get(name)?)
    }

    /// Returns true if the pipeline is the template of a rule, or its teardown template, and
    /// therefore cannot be a clone.
    #[must_use]
    pub fn has_template(&self, name: &PipelineName) -> bool {
        self.index.templates.contains(name)
    }
}
