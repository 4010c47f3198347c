//! Resolves the tables of the file, together with the values that win over them.

use std::num::NonZeroU32;

use toml::de::DeTable;

use crate::domain::github::GitHubAccess;
use crate::domain::ids::Owner;
use crate::domain::intake::authenticated::Secrets;
use crate::domain::jobs::Periods;
use crate::domain::rules::rule::Rules;
use crate::domain::state::slots::PipelineQuota;

use crate::config::environment::Environment;
use crate::config::limits::{self, Limits};
use crate::config::overrides::Overrides;
use crate::config::problem::Place;
use crate::config::valid::{AccountConfig, Config, Queues};
use crate::config::values::{http_url, queue_region, queue_url, region_name, table_name};
use crate::config::words::{Diagnostics, Located, Table};
use crate::config::{github, report, rules, secrets};

/// Resolves one document. Mistakes go to the diagnostics.
pub(super) struct Resolver<'a, E> {
    pub(super) diagnostics: &'a Diagnostics<'a>,
    pub(super) overrides: &'a Overrides,
    pub(super) environment: &'a E,
    /// Reports queue URLs that are missing.
    pub(super) needs_queues: bool,
}

/// A key of the file, with its flag and its environment variable.
struct Setting<'a> {
    key: &'static str,
    flag: &'static str,
    variable: &'static str,
    given: &'a Option<String>,
}

/// The document, table by table. `None` is a value that is missing or wrong.
struct Resolved {
    aws: Aws,
    queues: Option<Queues>,
    limits: Option<Limits>,
    table: Option<String>,
    owner: Option<Owner>,
    secrets: Secrets,
    github: Option<GitHubAccess>,
    periods: Periods,
    rules: Rules,
}

struct Aws {
    region: Option<String>,
    endpoint_url: Option<String>,
    codepipeline_rate: Option<NonZeroU32>,
    quota: Option<PipelineQuota>,
}

impl<E: Environment> Resolver<'_, E> {
    /// Resolves everything. `None` if a value is missing or wrong.
    pub(super) fn config(&self, document: &DeTable<'_>) -> Option<Config> {
        let resolved = self.document(document);
        let limits = resolved.limits?;
        Some(Config {
            region: resolved.aws.region,
            endpoint_url: resolved.aws.endpoint_url,
            codepipeline_rate: resolved.aws.codepipeline_rate?,
            quota: resolved.aws.quota?,
            queues: resolved.queues?,
            concurrency: limits.concurrency,
            drain_timeout: limits.drain_timeout,
            max_attempts: limits.max_attempts,
            table: resolved.table?,
            owner: resolved.owner?,
            secrets: resolved.secrets,
            github: resolved.github,
            periods: resolved.periods,
            rules: resolved.rules,
        })
    }

    /// Resolves what commands without queues use. `None` if a value is missing or wrong.
    pub(super) fn account(&self, document: &DeTable<'_>) -> Option<AccountConfig> {
        let resolved = self.document(document);
        Some(AccountConfig {
            region: resolved.aws.region,
            endpoint_url: resolved.aws.endpoint_url,
            codepipeline_rate: resolved.aws.codepipeline_rate?,
            quota: resolved.aws.quota?,
            table: resolved.table?,
            owner: resolved.owner?,
            max_attempts: resolved.limits?.max_attempts,
            github: resolved.github.map(|access| access.api).unwrap_or_default(),
            periods: resolved.periods,
            rules: resolved.rules,
        })
    }

    fn document(&self, document: &DeTable<'_>) -> Resolved {
        let root = Table::root(self.diagnostics, document);
        let (aws, queue, store, github) = (
            root.table("aws"),
            root.table("queue"),
            root.table("store"),
            root.table("github"),
        );
        let mut aws_settings = self.aws(&aws);
        let queues = self.queues(&queue, &mut aws_settings.region);
        let limits = limits::read(self.diagnostics, &queue, self.overrides);
        let table = self.table(&store);
        let resolved = Resolved {
            queues,
            limits,
            aws: aws_settings,
            owner: self.owner(&store, table.as_deref()),
            table,
            secrets: secrets::read(self.diagnostics, &github, self.environment),
            github: github::read(self.diagnostics, &github, self.environment),
            periods: github::periods(self.diagnostics, &github),
            rules: rules::read(
                self.diagnostics,
                &root,
                self.environment,
                report::richest(&github),
            ),
        };
        [aws, queue, store, github, root]
            .into_iter()
            .for_each(Table::finish);
        resolved
    }

    /// `[aws]`
    fn aws(&self, aws: &Table<'_, '_>) -> Aws {
        let region = Setting {
            key: "region",
            flag: "region",
            variable: "AWS_REGION",
            given: &self.overrides.region,
        };
        let endpoint_url = Setting {
            key: "endpoint_url",
            flag: "endpoint-url",
            variable: "AWS_ENDPOINT_URL",
            given: &self.overrides.endpoint_url,
        };
        Aws {
            region: self.parsed(self.optional(aws, &region), region_name),
            endpoint_url: self.parsed(self.optional(aws, &endpoint_url), http_url),
            codepipeline_rate: limits::codepipeline_rate(self.diagnostics, aws),
            quota: limits::pipeline_quota(self.diagnostics, aws),
        }
    }

    /// The URLs of `[queue]`
    fn queues(&self, queue: &Table<'_, '_>, region: &mut Option<String>) -> Option<Queues> {
        let url = |key, flag, variable, given, is_required| {
            let setting = Setting {
                key,
                flag,
                variable,
                given,
            };
            let located = match is_required {
                true => self.required(queue, &setting),
                false => self.optional(queue, &setting),
            }?;
            let value = self
                .diagnostics
                .record_error(&located.place, queue_url(located.value))?;
            Some(Located { value, ..located })
        };
        let webhooks = url(
            "url",
            "queue-url",
            "BRANCHLINE_QUEUE_URL",
            &self.overrides.queue_url,
            self.needs_queues,
        );
        let internal = url(
            "internal_url",
            "internal-queue-url",
            "BRANCHLINE_INTERNAL_QUEUE_URL",
            &self.overrides.internal_queue_url,
            self.needs_queues,
        );
        let dead_letters = url(
            "dead_letter_url",
            "dead-letter-url",
            "BRANCHLINE_DEAD_LETTER_URL",
            &self.overrides.dead_letter_url,
            self.needs_queues,
        );
        let quarantine = url(
            "quarantine_url",
            "quarantine-url",
            "BRANCHLINE_QUARANTINE_URL",
            &self.overrides.quarantine_url,
            false,
        );
        let all = [&webhooks, &internal, &dead_letters, &quarantine];
        self.set_region(region, all.into_iter().flatten());
        let is_invalid = quarantine.is_none()
            && (queue.has("quarantine_url") || self.overrides.quarantine_url.is_some());
        if is_invalid {
            return None;
        }
        let (webhooks, internal, dead_letters) = (webhooks?, internal?, dead_letters?);
        let quarantine = quarantine.unwrap_or_else(|| dead_letters.clone());
        self.refuse_shared_queues(&[&webhooks, &internal], &[&dead_letters, &quarantine]);
        Some(Queues {
            webhooks: webhooks.value,
            internal: internal.value,
            dead_letters: dead_letters.value,
            quarantine: quarantine.value,
        })
    }

    /// Reports queues that must differ and do not.
    fn refuse_shared_queues(
        &self,
        [webhooks, internal]: &[&Located<String>; 2],
        failure_queues: &[&Located<String>; 2],
    ) {
        for source in [webhooks, internal] {
            if failure_queues
                .iter()
                .any(|queue| queue.value == source.value)
            {
                let what = "is also the dead-letter or the quarantine queue, so a dead-lettered message would be received again and again: use two queues";
                self.diagnostics.note(&source.place, what);
            }
        }
        if internal.value == webhooks.value {
            let what = "is also the webhook queue, but a webhook is authenticated by its signature and an internal message by the queue's policy: use two queues";
            self.diagnostics.note(&internal.place, what);
        }
    }

    /// Reports queues of several Regions. If no Region is configured, sets that of the queues.
    fn set_region<'q>(
        &self,
        region: &mut Option<String>,
        queues: impl Iterator<Item = &'q Located<String>>,
    ) {
        for queue in queues {
            let Some(of_queue) = queue_region(&queue.value) else {
                continue;
            };
            let region = region.get_or_insert_with(|| of_queue.to_owned());
            if region != of_queue {
                let what = format!(
                    "this queue is in {of_queue}, but the Region is {region}: all queues, the table and the pipelines must be in one Region"
                );
                self.diagnostics.note(&queue.place, what);
            }
        }
    }

    /// `[store]`
    fn table(&self, store: &Table<'_, '_>) -> Option<String> {
        let table = Setting {
            key: "table",
            flag: "table",
            variable: "BRANCHLINE_TABLE",
            given: &self.overrides.table,
        };
        self.parsed(self.required(store, &table), table_name)
    }

    /// `store.owner`: the name of the table, unless another one is given.
    fn owner(&self, store: &Table<'_, '_>, table: Option<&str>) -> Option<Owner> {
        let setting = Setting {
            key: "owner",
            flag: "owner",
            variable: "BRANCHLINE_OWNER",
            given: &self.overrides.owner,
        };
        match self.optional(store, &setting) {
            Some(located) => {
                let owner = Owner::parse(located.value);
                self.diagnostics.record_error(&located.place, owner)
            }
            None => Owner::parse(table?).ok(),
        }
    }

    /// Returns the value that wins; `None` if there is none.
    fn optional(&self, table: &Table<'_, '_>, setting: &Setting<'_>) -> Option<Located<String>> {
        let in_file = table.text(setting.key);
        let Some(value) = setting.given else {
            return in_file;
        };
        let place = Place::from(format!("--{} / {}", setting.flag, setting.variable));
        if value.is_empty() {
            let what = "is empty: give it a value, or unset it";
            self.diagnostics.note(place, what);
            return in_file;
        }
        Some(Located {
            value: value.clone(),
            place,
        })
    }

    /// Returns the value that wins, and reports that there is none.
    fn required(&self, table: &Table<'_, '_>, setting: &Setting<'_>) -> Option<Located<String>> {
        let located = self.optional(table, setting);
        if located.is_none() && !table.has(setting.key) && setting.given.is_none() {
            let what = format!(
                "missing: set it here, with --{} or in {}",
                setting.flag, setting.variable
            );
            self.diagnostics.note(table.place().key(setting.key), what);
        }
        located
    }

    fn parsed<E2: ToString>(
        &self,
        located: Option<Located<String>>,
        parse: fn(String) -> Result<String, E2>,
    ) -> Option<String> {
        let located = located?;
        self.diagnostics
            .record_error(&located.place, parse(located.value))
    }
}
