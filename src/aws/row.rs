//! A mapping as a DynamoDB item, and back. Attribute names as in ARCHITECTURE.md; what is `None` is not written.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;

use crate::domain::clone::fingerprint::CloneFingerprint;
use crate::domain::fault::{Fault, Reason, Step};
use crate::domain::ids::{
    Branch, CommitId, DeliveryId, PipelineArn, PipelineName, RepositoryId, RepositoryName, Subject,
    Timestamp,
};
use crate::domain::state::desired::{AbsenceReason, Spec};
use crate::domain::state::mapping::{ClaimInfo, Mapping, State};
use crate::domain::state::ordering::{EventKind, EventOrder};

/// One item of the table.
pub(super) type Item = HashMap<String, AttributeValue>;

/// Text.
pub(super) fn s(text: impl Into<String>) -> AttributeValue {
    AttributeValue::S(text.into())
}

/// A whole number.
pub(super) fn n(number: impl Into<i128>) -> AttributeValue {
    AttributeValue::N(number.into().to_string())
}

/// The partition of a repository.
pub(super) fn repository_key(repository: RepositoryId) -> String {
    format!("REPO#{repository}")
}

/// Writes a mapping.
pub(super) fn write(mapping: &Mapping) -> Item {
    let order = &mapping.order;
    let mut item = Item::from([
        (
            "pk".to_owned(),
            s(repository_key(mapping.subject.repository)),
        ),
        ("sk".to_owned(), s(mapping.subject.key())),
        ("repository".to_owned(), s(mapping.repository.as_str())),
        ("state".to_owned(), s(mapping.state.as_str())),
        ("generation".to_owned(), n(mapping.generation)),
        ("event_time".to_owned(), n(order.event_time.0)),
        ("received_at".to_owned(), n(order.received_at.0)),
        ("event_kind".to_owned(), s(order.kind.as_str())),
        ("attempts".to_owned(), n(mapping.attempts)),
        ("created_at".to_owned(), s(mapping.created_at.to_string())),
        ("updated_at".to_owned(), s(mapping.updated_at.to_string())),
    ]);
    let mut put = |name: &str, value: Option<AttributeValue>| {
        if let Some(value) = value {
            item.insert(name.to_owned(), value);
        }
    };
    put("head_sha", order.head.as_ref().map(|sha| s(sha.as_str())));
    put(
        "head_before",
        order.before.as_ref().map(|sha| s(sha.as_str())),
    );
    put("absence", mapping.absence.map(|why| s(why.as_str())));
    put(
        "pipeline_arn",
        mapping.arn.as_ref().map(|arn| s(arn.as_str())),
    );
    put("template_version", mapping.template_version.map(n));
    put(
        "built_sha",
        mapping.built.as_ref().map(|sha| s(sha.as_str())),
    );
    put(
        "start_token",
        mapping.start_token.as_ref().map(|id| s(id.as_str())),
    );
    put("place", mapping.place.as_deref().map(s));
    if let Some(fingerprint) = &mapping.fingerprint {
        let names = fingerprint.variables.iter().map(s).collect();
        put("clone_variables", Some(AttributeValue::L(names)));
        put("clone_digest", fingerprint.digest.as_deref().map(s));
        put("clone_pin", fingerprint.pinned_source.as_deref().map(s));
    }
    if !mapping.executions.is_empty() {
        let json = serde_json::to_string(&mapping.executions).unwrap_or_default();
        put("executions", Some(s(json)));
    }
    put(
        "claim_owner",
        mapping.claim.as_ref().map(|claim| s(claim.owner.as_str())),
    );
    put(
        "claim_until",
        mapping.claim.as_ref().map(|claim| n(claim.until.0)),
    );
    put("last_error", mapping.last_error.as_deref().map(s));
    if let Some(spec) = &mapping.spec {
        put("pipeline", Some(s(spec.pipeline.as_str())));
        put("template", Some(s(spec.template.as_str())));
        put("branch", Some(s(spec.branch.as_str())));
        put("rule", Some(s(spec.rule.as_str())));
        put("base", spec.base.as_ref().map(|base| s(base.as_str())));
        put("title", spec.title.as_deref().map(s));
        put("author", spec.author.as_deref().map(s));
    }
    item
}

/// Reads a mapping.
///
/// # Errors
/// [`Reason::MappingUnreadable`], naming row and attribute: somebody else wrote it, or a newer branchline did.
pub(super) fn read(item: &Item) -> Result<Mapping, Fault> {
    let row = Row(item);
    let repository = row.parse("pk", |pk| {
        pk.strip_prefix("REPO#")?.parse().ok().map(RepositoryId)
    })?;
    let claim = match (row.text("claim_owner")?, row.number("claim_until")?) {
        (Some(owner), Some(until)) => Some(ClaimInfo {
            owner: owner.to_owned(),
            until: Timestamp(until),
        }),
        (None, None) => None,
        (Some(_), None) => return Err(row.fault("claim_until")),
        (None, Some(_)) => return Err(row.fault("claim_owner")),
    };
    Ok(Mapping {
        subject: row.parse("sk", |sk| Subject::from_key(repository, sk))?,
        repository: row.parse("repository", |name| RepositoryName::parse(name).ok())?,
        state: row.parse("state", |word| {
            State::ALL.into_iter().find(|state| state.as_str() == word)
        })?,
        generation: row.required("generation")?,
        order: EventOrder {
            event_time: Timestamp(row.required("event_time")?),
            received_at: Timestamp(row.required("received_at")?),
            kind: row.parse("event_kind", |word| {
                EventKind::ALL
                    .into_iter()
                    .find(|kind| kind.as_str() == word)
            })?,
            head: row.optional("head_sha", |sha| CommitId::parse(sha).ok())?,
            before: row.optional("head_before", |sha| CommitId::parse(sha).ok())?,
        },
        spec: spec(&row)?,
        absence: row.optional("absence", |word| {
            AbsenceReason::ALL
                .into_iter()
                .find(|why| why.as_str() == word)
        })?,
        arn: row.optional("pipeline_arn", |arn| PipelineArn::parse(arn).ok())?,
        template_version: row.number("template_version")?,
        fingerprint: print(&row)?,
        built: row.optional("built_sha", |sha| CommitId::parse(sha).ok())?,
        start_token: row.optional("start_token", |id| DeliveryId::parse(id).ok())?,
        place: row.text("place")?.map(str::to_owned),
        executions: row
            .optional("executions", |json| serde_json::from_str(json).ok())?
            .unwrap_or_default(),
        claim,
        attempts: row.required("attempts")?,
        last_error: row.text("last_error")?.map(str::to_owned),
        created_at: row.parse("created_at", Timestamp::from_rfc3339)?,
        updated_at: row.parse("updated_at", Timestamp::from_rfc3339)?,
    })
}

fn spec(row: &Row<'_>) -> Result<Option<Spec>, Fault> {
    let Some(pipeline) = row.optional("pipeline", |name| PipelineName::parse(name).ok())? else {
        return Ok(None);
    };
    Ok(Some(Spec {
        pipeline,
        template: row.parse("template", |name| PipelineName::parse(name).ok())?,
        branch: row.parse("branch", |name| Branch::parse(name).ok())?,
        rule: row.parse("rule", |name| Some(name.to_owned()))?,
        base: row.optional("base", |name| Branch::parse(name).ok())?,
        title: row.text("title")?.map(str::to_owned),
        author: row.text("author")?.map(str::to_owned),
    }))
}

/// Its variables are there whenever anything of it is.
fn print(row: &Row<'_>) -> Result<Option<CloneFingerprint>, Fault> {
    let Some(variables) = row.0.get("clone_variables") else {
        return Ok(None);
    };
    let names = variables.as_l().ok().and_then(|names| {
        let name = |name: &AttributeValue| name.as_s().ok().cloned();
        names.iter().map(name).collect()
    });
    Ok(Some(CloneFingerprint {
        digest: row.text("clone_digest")?.map(str::to_owned),
        pinned_source: row.text("clone_pin")?.map(str::to_owned),
        variables: names.ok_or_else(|| row.fault("clone_variables"))?,
    }))
}

/// An item while it is being read.
struct Row<'a>(&'a Item);

impl<'a> Row<'a> {
    fn text(&self, name: &str) -> Result<Option<&'a str>, Fault> {
        match self.0.get(name) {
            None => Ok(None),
            Some(value) => value
                .as_s()
                .map(|text| Some(text.as_str()))
                .map_err(|_| self.fault(name)),
        }
    }

    fn optional<T>(
        &self,
        name: &str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, Fault> {
        match self.text(name)? {
            None => Ok(None),
            Some(text) => read(text).map(Some).ok_or_else(|| self.fault(name)),
        }
    }

    fn parse<T>(&self, name: &str, read: impl FnOnce(&str) -> Option<T>) -> Result<T, Fault> {
        self.optional(name, read)?.ok_or_else(|| self.fault(name))
    }

    fn number<T: std::str::FromStr>(&self, name: &str) -> Result<Option<T>, Fault> {
        match self.0.get(name) {
            None => Ok(None),
            Some(value) => {
                let digits = value.as_n().map_err(|_| self.fault(name))?;
                digits.parse().map(Some).map_err(|_| self.fault(name))
            }
        }
    }

    fn required<T: std::str::FromStr>(&self, name: &str) -> Result<T, Fault> {
        self.number(name)?.ok_or_else(|| self.fault(name))
    }

    fn fault(&self, name: &str) -> Fault {
        let key = |name: &str| {
            self.0
                .get(name)
                .and_then(|value| value.as_s().ok())
                .map_or("?", String::as_str)
        };
        let (pk, sk) = (key("pk"), key("sk"));
        let detail = format!(
            "attribute '{name}' of the mapping {pk} / {sk} is missing or not as branchline writes it: mend or remove the row, then replay"
        );
        Fault::new(Step::Mapping, Reason::MappingUnreadable, detail)
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::clone::execution::Execution;
    use crate::domain::ids::SubjectKind;

    use super::*;

    fn mapping() -> Mapping {
        let commit = |c: &str| CommitId::parse(c.repeat(40)).unwrap();
        Mapping {
            subject: Subject {
                repository: RepositoryId(u64::MAX),
                kind: SubjectKind::PullRequest(7),
            },
            repository: RepositoryName::parse("acme/api").unwrap(),
            state: State::Creating,
            generation: u64::MAX,
            order: EventOrder {
                event_time: Timestamp(i64::MAX),
                received_at: Timestamp(-1),
                kind: EventKind::Reopened,
                head: Some(commit("a")),
                before: Some(commit("b")),
            },
            spec: Some(Spec {
                pipeline: PipelineName::parse("api-pr-7").unwrap(),
                template: PipelineName::parse("api-main").unwrap(),
                branch: Branch::parse("feature/ü#1").unwrap(),
                rule: "rule 1".into(),
                base: Some(Branch::parse("main").unwrap()),
                title: Some("\u{1F680}".into()),
                author: Some("octocat".into()),
            }),
            absence: Some(AbsenceReason::Draft),
            arn: Some(
                PipelineArn::parse("arn:aws:codepipeline:eu-west-1:123456789012:api-pr-7").unwrap(),
            ),
            template_version: Some(3),
            fingerprint: Some(CloneFingerprint {
                digest: Some("d".into()),
                pinned_source: Some("Source".into()),
                variables: vec!["PR".into()],
            }),
            built: Some(commit("c")),
            start_token: Some(DeliveryId::parse("d-1").unwrap()),
            place: Some("rule 1".into()),
            executions: vec![Execution {
                id: "e-1".into(),
                state: "Succeeded".into(),
                ..Execution::default()
            }],
            claim: Some(ClaimInfo {
                owner: "worker/1".into(),
                until: Timestamp(5),
            }),
            attempts: 2,
            last_error: Some("why".into()),
            created_at: Timestamp(1_767_225_600_123),
            updated_at: Timestamp(1_767_225_601_456),
        }
    }

    #[test]
    fn a_full_and_an_empty_mapping_read_back() {
        let full = mapping();
        assert_eq!(read(&write(&full)), Ok(full.clone()));
        let empty = Mapping {
            subject: Subject {
                kind: SubjectKind::Branch(Branch::parse("a/#").unwrap()),
                ..full.subject
            },
            order: EventOrder {
                head: None,
                before: None,
                ..full.order
            },
            spec: None,
            absence: None,
            arn: None,
            template_version: None,
            fingerprint: None,
            built: None,
            start_token: None,
            place: None,
            executions: Vec::new(),
            claim: None,
            last_error: None,
            ..full
        };
        assert_eq!(read(&write(&empty)), Ok(empty));
    }

    #[test]
    fn damage_to_any_attribute_is_named() {
        let whole = write(&mapping());
        for name in whole.keys() {
            let mut item = whole.clone();
            item.insert(name.clone(), AttributeValue::Bool(true));
            let fault = read(&item).unwrap_err();
            assert_eq!(fault.reason, Reason::MappingUnreadable);
            assert!(
                fault.detail.contains(&format!("'{name}'")),
                "{name}: {fault}"
            );
        }
        for name in [
            "state",
            "generation",
            "event_kind",
            "template",
            "claim_owner",
            "claim_until",
        ] {
            let mut item = whole.clone();
            item.remove(name);
            assert!(read(&item).unwrap_err().detail.contains(name), "{name}");
        }
    }
}
