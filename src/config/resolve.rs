//! Resolves the tables of the file, together with the values that win over them.

use std::num::NonZeroU32;

use toml::de::DeTable;

use crate::domain::intake::authenticated::Secrets;
use crate::domain::rules::rule::Rules;

use crate::config::environment::Environment;
use crate::config::limits::{self, Limits};
use crate::config::overrides::Overrides;
use crate::config::valid::{AccountConfig, Config, Queues};
use crate::config::values::{http_url, queue_url, region_name, table_name};
use crate::config::words::{Diagnostics, Located, Table};
use crate::config::{rules, secrets};

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
    secrets: Secrets,
    rules: Rules,
}

struct Aws {
    region: Option<String>,
    endpoint_url: Option<String>,
    codepipeline_rate: Option<NonZeroU32>,
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
            queues: resolved.queues?,
            concurrency: limits.concurrency,
            drain_timeout: limits.drain_timeout,
            max_attempts: limits.max_attempts,
            table: resolved.table?,
            secrets: resolved.secrets,
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
            table: resolved.table?,
            max_attempts: resolved.limits?.max_attempts,
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
        let resolved = Resolved {
            queues: self.queues(&queue),
            limits: limits::read(self.diagnostics, &queue, self.overrides),
            aws: self.aws(&aws),
            table: self.table(&store),
            secrets: secrets::read(self.diagnostics, &github, self.environment),
            rules: rules::read(self.diagnostics, &root, self.environment),
        };
        [aws, queue, store, github, root]
            .into_iter()
            .for_each(Table::finish);
        if let Some(queues) = &resolved.queues {
            self.check_queues(queues);
        }
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
        }
    }

    /// The URLs of `[queue]`
    fn queues(&self, queue: &Table<'_, '_>) -> Option<Queues> {
        let required = |key, flag, variable, given| {
            let setting = Setting {
                key,
                flag,
                variable,
                given,
            };
            let located = match self.needs_queues {
                true => self.required(queue, &setting),
                false => self.optional(queue, &setting),
            };
            self.parsed(located, queue_url)
        };
        let webhooks = required(
            "url",
            "queue-url",
            "BRANCHLINE_QUEUE_URL",
            &self.overrides.queue_url,
        );
        let internal = required(
            "internal_url",
            "internal-queue-url",
            "BRANCHLINE_INTERNAL_QUEUE_URL",
            &self.overrides.internal_queue_url,
        );
        let dead_letters = required(
            "dead_letter_url",
            "dead-letter-url",
            "BRANCHLINE_DEAD_LETTER_URL",
            &self.overrides.dead_letter_url,
        );
        let quarantine = Setting {
            key: "quarantine_url",
            flag: "quarantine-url",
            variable: "BRANCHLINE_QUARANTINE_URL",
            given: &self.overrides.quarantine_url,
        };
        let quarantine = match self.optional(queue, &quarantine) {
            Some(located) => self.parsed(Some(located), queue_url),
            None => dead_letters.clone(),
        };
        Some(Queues {
            webhooks: webhooks?,
            internal: internal?,
            dead_letters: dead_letters?,
            quarantine: quarantine?,
        })
    }

    /// Reports queues that must differ and do not.
    fn check_queues(&self, queues: &Queues) {
        let failure_queues = [&queues.dead_letters, &queues.quarantine];
        for (key, url) in [
            ("queue.url", &queues.webhooks),
            ("queue.internal_url", &queues.internal),
        ] {
            if failure_queues.contains(&url) {
                let what = "is also the dead-letter or the quarantine queue, so a dead-lettered message would be received again and again: use two queues";
                self.diagnostics.note(key, what);
            }
        }
        if queues.internal == queues.webhooks {
            let what = "is also the webhook queue, but a webhook is authenticated by its signature and an internal message by the queue's policy: use two queues";
            self.diagnostics.note("queue.internal_url", what);
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

    /// Returns the value that wins; `None` if there is none.
    fn optional(&self, table: &Table<'_, '_>, setting: &Setting<'_>) -> Option<Located<String>> {
        let in_file = table.text(setting.key);
        let Some(value) = setting.given else {
            return in_file;
        };
        let place = format!("--{} / {}", setting.flag, setting.variable);
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
            let place = format!("{}.{}", table.place(), setting.key);
            self.diagnostics.note(place, what);
        }
        located
    }

    fn parsed(
        &self,
        located: Option<Located<String>>,
        parse: fn(String) -> Result<String, &'static str>,
    ) -> Option<String> {
        let located = located?;
        self.diagnostics
            .record_error(&located.place, parse(located.value))
    }
}
