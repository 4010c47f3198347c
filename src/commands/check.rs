//! `branchline check`: examines the configuration, the account and GitHub, piece by piece.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use crate::aws::{Aws, audit_table};
use crate::cli::Check;
use crate::cli::output::OutputFormat;
use crate::cli::output::colour::Colour;
use crate::cli::output::notes::notes;
use crate::commands::connect::connect;
use crate::commands::system_clock::SystemClock;
use crate::config::{self, Config, ProcessEnvironment};
use crate::domain::clone::{NewPipeline, Template};
use crate::domain::fault::Fault;
use crate::domain::github::Credentials;
use crate::domain::github::needs::Uses;
use crate::domain::ids::{PipelineName, ProjectName, RepositoryName};
use crate::domain::report::ReportForm;
use crate::domain::report::target::CommentPolicy;
use crate::domain::rules::rule::On;
use crate::domain::text::{one_line, plural};
use crate::github::NoClient;
use crate::inspect::preflight::{
    self, Finding, ProjectRequest, Role, RuleStacks, StackRequest, without_daemon_role_for_stacks,
};
use crate::ports::{Clock, DeliveryReader, GitHubReader, PipelineReader, ProjectReader};

use crate::cli::terminal::{Done, code, colours, format, stopped};

/// The longest line of the text, in characters. The JSON has the whole values.
const LINE: usize = 1_000;
/// The most repositories whose installation is looked at.
const INSTALLATIONS: usize = 20;
/// The most projects in one read (CodeBuild API reference, BatchGetProjects, `names`).
const BATCH: usize = 100;

pub(crate) async fn run(args: &Check) -> Done {
    let config = config::load(&args.options.overrides(), &ProcessEnvironment)?;
    let rules = plural(config.rules.all().len(), "rule");
    let detail = format!("{rules}, and every secret can be read");
    let mut findings = vec![Finding::good("configuration", detail)];
    if !args.offline {
        let aws = connect(&config).await?;
        let (in_account, repositories) = account(&aws, &config, args.daemon_role.as_deref()).await;
        findings.extend(in_account);
        findings.extend(github(&config, &repositories).await?);
    }
    let format = format(args.output);
    let mut text = String::new();
    for finding in &findings {
        text.push_str(&match format {
            OutputFormat::Table => line(finding, colours()),
            OutputFormat::Json | OutputFormat::Csv => serde_json::to_string(finding)?,
        });
        text.push('\n');
    }
    stopped(io::stdout().write_all(text.as_bytes()))?;
    let problems = findings.iter().any(|finding| finding.ok == Some(false));
    Ok(code(problems))
}

/// Examines the account. Returns the repositories of the templates as well.
async fn account(
    aws: &Aws,
    config: &Config,
    daemon: Option<&str>,
) -> (Vec<Finding>, BTreeSet<RepositoryName>) {
    let mut findings = queues(aws, config).await;
    match aws.describe_table(&config.table).await {
        Ok(facts) => findings.extend(preflight::table(&facts)),
        Err(fault) => findings.push(Finding::from_fault(
            "table",
            &fault,
            "dynamodb:DescribeTable and dynamodb:DescribeTimeToLive",
        )),
    }
    let trail = audit_table(&config.table);
    match aws.describe_table(&trail).await {
        Ok(facts) => findings.extend(preflight::audit_table(&facts)),
        Err(fault) => findings.push(preflight::audit_table_fault(&trail, &fault)),
    }
    let templates = templates(aws, config).await;
    findings.extend(templates.findings);
    let (projects, project_roles) = projects(aws, &templates.clones).await;
    findings.extend(projects);
    let mut roles = preflight::roles(&templates.clones);
    roles.extend(project_roles);
    match daemon {
        None => {
            findings.extend(preflight::without_daemon_role(&roles));
            let stacks = (!templates.stacks.is_empty()).then(without_daemon_role_for_stacks);
            findings.extend(stacks);
        }
        Some(daemon) => {
            for role in &roles {
                findings.push(passing(aws, daemon, role).await);
            }
            for request in preflight::project_requests(&templates.clones, &config.owner) {
                findings.push(may(aws, daemon, &request).await);
            }
            for request in &templates.stacks {
                let roles = aws.roles();
                let answer = roles.decision(daemon, request.action, &request.stack, None);
                findings.push(preflight::may_delete(request, daemon, answer.await));
            }
        }
    }
    (findings, templates.repositories)
}

/// Examines what GitHub lets branchline do, if it is configured.
async fn github(
    config: &Config,
    repositories: &BTreeSet<RepositoryName>,
) -> Result<Vec<Finding>, NoClient> {
    let Some(access) = &config.github else {
        return Ok(Vec::new());
    };
    let forms = config.rules.all().iter().filter_map(|rule| rule.report);
    let forms: Vec<ReportForm> = forms.collect();
    let mut comments = config.rules.all().iter().map(|rule| rule.comment);
    let uses = Uses {
        checks: forms.contains(&ReportForm::Check),
        statuses: forms.contains(&ReportForm::Status),
        comments: comments.any(|comment| comment != CommentPolicy::Never),
        deployments: config
            .rules
            .all()
            .iter()
            .any(|rule| rule.deployment.is_some()),
        merge_groups: config
            .rules
            .all()
            .iter()
            .any(|rule| rule.on == On::MergeGroup),
    };
    let github = crate::github::connect(access.clone(), SystemClock)?;
    let answer = github.sign_in().await;
    let mut findings = preflight::github(&access.api, answer.as_ref(), uses, SystemClock.now());
    let is_app = matches!(access.credentials, Credentials::App { .. });
    if is_app && answer.is_ok() {
        for repository in repositories.iter().take(INSTALLATIONS) {
            let answer = github.installation(repository).await;
            let answer = answer.as_ref().map(Option::as_ref);
            findings.push(preflight::github_installation(repository, answer, uses));
        }
    }
    if answer.is_ok() {
        findings.extend(deliveries(&github).await);
    }
    Ok(findings)
}

/// Examines whether the deliveries of the webhooks can be read.
async fn deliveries(github: &impl DeliveryReader) -> Vec<Finding> {
    let mut findings = Vec::new();
    for hook in github.hooks() {
        let answer = github.deliveries(hook, None).await;
        findings.push(preflight::deliveries(hook, answer.as_ref().err()));
    }
    if findings.is_empty() {
        findings.push(preflight::without_hooks());
    }
    findings
}

async fn queues(aws: &Aws, config: &Config) -> Vec<Finding> {
    let urls = &config.queues;
    let webhooks = aws.queue_attributes(&urls.webhooks).await;
    let internal = aws.queue_attributes(&urls.internal).await;
    let dead_letters = aws.queue_attributes(&urls.dead_letters).await;
    let quarantine = aws.queue_attributes(&urls.quarantine).await;
    preflight::queues(&preflight::Queues {
        webhooks: webhooks.as_ref(),
        internal: internal.as_ref(),
        dead_letters: dead_letters.as_ref(),
        quarantine: quarantine.as_ref(),
        reports: config.github.is_some()
            && config.rules.all().iter().any(|rule| rule.report.is_some()),
    })
}

/// What the templates of the rules tell.
#[derive(Default)]
struct Templates {
    findings: Vec<Finding>,
    /// What the daemon has to be allowed to do with stacks.
    stacks: BTreeSet<StackRequest>,
    /// The stacks that the rules would make.
    rule_stacks: RuleStacks,
    /// The clones that could be created.
    clones: Vec<NewPipeline>,
    /// The repositories that the rules are about.
    repositories: BTreeSet<RepositoryName>,
}

/// Reads a template that no installation of branchline has created.
async fn template(pipelines: &impl PipelineReader, name: &PipelineName) -> Result<Template, Fault> {
    let template = pipelines.template(name).await?;
    let found = pipelines.find(name, Some(&template.arn)).await?;
    found.map_or(Ok(()), |found| preflight::refuse_clone(name, &found.tags))?;
    Ok(template)
}

/// Examines the template of each rule.
async fn templates(aws: &Aws, config: &Config) -> Templates {
    let pipelines = aws.pipelines(config.codepipeline_rate);
    let mut known = BTreeMap::new();
    let mut all = Templates::default();
    for rule in config.rules.all() {
        let teardown = rule.overrides.preview.teardown.template();
        for name in [Some(&rule.template), teardown].into_iter().flatten() {
            if !known.contains_key(name) {
                known.insert(name.clone(), template(&pipelines, name).await);
            }
        }
        let mut ordinary = None;
        match known.get(&rule.template) {
            Some(Ok(template)) => {
                let checked = preflight::template(rule, template, &config.owner);
                all.findings.push(checked.finding);
                let mut of_rule = template.repositories();
                let of_rule = of_rule.find(|name| rule.repository.is_match(name.as_str()));
                let covered = of_rule
                    .as_ref()
                    .and_then(|name| preflight::secrets(name, &config.secrets));
                // Several rules may be about one repository.
                let covered = covered.filter(|finding| !all.findings.contains(finding));
                all.findings.extend(covered);
                all.repositories.extend(of_rule);
                if let Some(clone) = checked.clone {
                    all.findings.extend(all.rule_stacks.add(rule, &clone));
                    all.stacks.extend(preflight::stack_requests(rule, &clone));
                    ordinary = Some(clone);
                }
            }
            Some(Err(fault)) => {
                let what = format!("template {}", rule.template);
                all.findings.push(Finding::from_fault(
                    &what,
                    fault,
                    "codepipeline:GetPipeline",
                ));
            }
            None => {}
        }
        match teardown.and_then(|name| Some((name, known.get(name)?))) {
            Some((_, Ok(template))) => {
                let checked = preflight::teardown(rule, template, &config.owner, ordinary.as_ref());
                all.findings.push(checked.finding);
                all.clones.extend(checked.clone);
            }
            Some((name, Err(fault))) => {
                let what = format!("teardown {name}");
                let permission = "codepipeline:GetPipeline";
                all.findings
                    .push(Finding::from_fault(&what, fault, permission));
            }
            None => {}
        }
        all.clones.extend(ordinary);
    }
    all
}

/// Examines the CodeBuild projects that the clones get copies of, and returns their roles.
async fn projects(aws: &Aws, clones: &[NewPipeline]) -> (Vec<Finding>, BTreeSet<Role>) {
    let copies = clones.iter().flat_map(|clone| &clone.projects);
    let names: BTreeSet<&ProjectName> = copies.map(|copy| &copy.template).collect();
    let names: Vec<ProjectName> = names.into_iter().take(BATCH).cloned().collect();
    if names.is_empty() {
        return (Vec::new(), BTreeSet::new());
    }
    let answer = aws.projects().projects(&names).await;
    let roles = answer
        .as_ref()
        .map(|found| preflight::project_roles(clones, found));
    let roles = roles.unwrap_or_default();
    (preflight::projects(clones, answer.as_ref()), roles)
}

async fn may(aws: &Aws, daemon: &str, request: &ProjectRequest) -> Finding {
    let role = request.role.as_deref().unwrap_or(daemon);
    let condition = request.condition.as_ref();
    let condition = condition.map(|(key, value)| (key.as_str(), value.as_str()));
    let roles = aws.roles();
    let answer = roles.decision(role, request.action, &request.project, condition);
    preflight::may(request, daemon, answer.await)
}

async fn passing(aws: &Aws, daemon: &str, role: &Role) -> Finding {
    if let Some(finding) = preflight::without_iam(role) {
        return finding;
    }
    let answer = aws
        .roles()
        .passing(daemon, &role.arn, role.passed_to())
        .await;
    preflight::pass_role(role, daemon, answer)
}

fn line(finding: &Finding, colours: bool) -> String {
    let (mark, colour) = match finding.ok {
        Some(true) => ("✓", Colour::Green),
        Some(false) => ("✗", Colour::Red),
        None => ("-", Colour::Yellow),
    };
    let mark = match colours {
        true => colour.paint(mark),
        false => mark.to_owned(),
    };
    let detail = one_line(&finding.detail, LINE);
    let more = notes(&finding.dangers, &finding.warnings, LINE, colours);
    let more = more.into_iter().chain(finding.fix.clone());
    let more: String = more.map(|line| format!("\n    {line}")).collect();
    format!("{mark} {}: {detail}{more}", finding.what)
}
