//! GitHub's webhooks: payloads in GitHub's format, signed, with the attributes that the gateway
//! sends to SQS.

use branchline::domain::ids::{CheckRunId, Timestamp};
use branchline::domain::intake::authenticated::{
    CONTENT_TYPE, DELIVERY, EVENT, SIGNATURE, Secrets,
};
use branchline::domain::intake::envelope::Attribute;
use branchline::domain::report::Report;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::clock::START;

/// The webhook secret.
pub(crate) const SECRET: &str = "It's a Secret to Everybody";
/// The repository of a webhook, unless it names another.
pub(crate) const REPOSITORY: (u64, &str) = (1_001, "acme/api");

/// Returns the secrets that the daemon is configured with.
pub(crate) fn secrets() -> Secrets {
    Secrets::new([SECRET])
}

/// Returns a commit id that tests tell apart by its number. Zero is git's "no commit".
pub(crate) fn commit(number: u64) -> String {
    format!("{number:040x}")
}

/// A message for the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sealed {
    pub(crate) body: String,
    pub(crate) attributes: Vec<(String, Attribute)>,
}

/// A webhook under construction. The same webhook sealed twice at one time is the same delivery, as
/// with GitHub's "Redeliver".
#[derive(Clone, Debug)]
pub(crate) struct Webhook {
    event: &'static str,
    payload: Value,
    /// The fields that hold the event's own time, and the time, if the test sets one.
    times: &'static [&'static str],
    at: Option<Timestamp>,
    delivery: Option<String>,
    secret: Option<String>,
    form: bool,
    raw: Option<String>,
}

impl Webhook {
    fn new(event: &'static str, times: &'static [&'static str], payload: Value) -> Self {
        let bare = Self {
            event,
            payload,
            times,
            at: None,
            delivery: None,
            secret: Some(SECRET.to_owned()),
            form: false,
            raw: None,
        };
        let (id, name) = REPOSITORY;
        let repository = json!({
            "id": id, "full_name": name, "name": "api", "private": true,
            "default_branch": "main", "pushed_at": null,
        });
        bare.with("/repository", repository)
            .with("/sender", json!({"login": "octocat", "type": "User"}))
    }

    /// Makes `pull_request`: number 7, from `feature/x` at commit 1 into `main`; closed if the
    /// action says so.
    pub(crate) fn pull_request(action: &str) -> Self {
        let state = if action == "closed" { "closed" } else { "open" };
        let payload = json!({
            "action": action,
            "number": 7,
            "pull_request": {
                "number": 7, "state": state, "title": "Add login", "draft": false, "merged": false,
                "updated_at": null, "labels": [],
                "user": {"login": "hubot"},
                "head": {"ref": "feature/x", "sha": commit(1), "repo": {"id": REPOSITORY.0, "fork": false}},
                "base": {"ref": "main", "sha": commit(0xbace), "repo": {"id": REPOSITORY.0}},
            },
        });
        Self::new("pull_request", &["/pull_request/updated_at"], payload)
    }

    /// Makes a `push` that moves a branch from one commit to another; 0 is no commit.
    pub(crate) fn push(branch: &str, before: u64, after: u64) -> Self {
        let payload = json!({
            "ref": format!("refs/heads/{branch}"), "before": commit(before), "after": commit(after),
            "created": before == 0, "deleted": after == 0, "forced": false, "commits": [],
        });
        Self::new("push", &["/repository/pushed_at"], payload)
    }

    /// Makes the `create` of a branch.
    pub(crate) fn create(branch: &str) -> Self {
        let payload = json!({"ref": branch, "ref_type": "branch", "master_branch": "main", "pusher_type": "user"});
        Self::new("create", &["/repository/pushed_at"], payload)
    }

    /// Makes the `delete` of a branch.
    pub(crate) fn delete(branch: &str) -> Self {
        let payload = json!({"ref": branch, "ref_type": "branch", "pusher_type": "user"});
        Self::new("delete", &["/repository/pushed_at"], payload)
    }

    /// Makes the `merge_group` of a group in the queue of a base, whose head is a commit.
    pub(crate) fn merge_group(action: &str, base: &str, sha: u64) -> Self {
        let payload = json!({
            "action": action,
            "merge_group": {
                "head_sha": commit(sha),
                "head_ref": format!("refs/heads/{}", Self::queued(base)),
                "base_sha": commit(0xbace), "base_ref": format!("refs/heads/{base}"),
            },
        });
        Self::new("merge_group", &["/repository/pushed_at"], payload)
    }

    /// Returns the branch of a merge group.
    pub(crate) fn queued(base: &str) -> String {
        format!("gh-readonly-queue/{base}/pr-7-{}", commit(0xbace))
    }

    /// Makes the `check_run` of the button "Re-run".
    pub(crate) fn rerun_check(check_run: CheckRunId, report: &Report) -> Self {
        let payload = json!({
            "action": "rerequested",
            "check_run": {
                "id": check_run.0, "name": report.context, "head_sha": report.commit.as_str(),
                "external_id": report.external_id, "status": "completed",
            },
        });
        Self::new("check_run", &[], payload)
    }

    /// Makes the `check_suite` of the button "Re-run all checks", for a commit of pull request 7.
    pub(crate) fn rerun_suite(sha: u64, branch: &str) -> Self {
        let base = json!({"ref": "main", "repo": {"id": REPOSITORY.0}});
        let payload = json!({
            "action": "rerequested",
            "check_suite": {
                "id": 1, "head_sha": commit(sha), "head_branch": branch, "updated_at": null,
                "pull_requests": [{"number": 7, "base": base}],
            },
        });
        Self::new("check_suite", &["/check_suite/updated_at"], payload)
    }

    /// Makes the `ping` of a new webhook.
    pub(crate) fn ping() -> Self {
        let payload = json!({"zen": "Keep it logically awesome.", "hook_id": 1, "hook": {}});
        Self::new("ping", &[], payload)
    }

    /// Makes any event with any payload.
    pub(crate) fn event(event: &'static str, payload: Value) -> Self {
        Self {
            payload,
            ..Self::new(event, &[], json!({}))
        }
    }

    /// Sends it under the name of another event: the name is a header, which is not signed.
    pub(crate) fn named(mut self, event: &'static str) -> Self {
        // The body stays as it was sent under its own name.
        let time = self.at.unwrap_or(START);
        self.raw = Some(
            self.raw
                .take()
                .unwrap_or_else(|| self.clone().seal(time).body),
        );
        self.event = event;
        self
    }

    /// Returns the client request token of the execution that it starts. Its time must be set.
    pub(crate) fn token(&self) -> String {
        let time = self.at.expect("a time");
        let body = self.clone().seal(time).body;
        hex::encode(Sha256::digest(body.as_bytes()))
    }

    /// Returns the event with its action: `pull_request opened`.
    pub(crate) fn kind(&self) -> String {
        let action = self.payload.get("action").and_then(Value::as_str);
        format!("{} {}", self.event, action.unwrap_or_default())
    }

    /// Sets a field, by JSON pointer. The field's parent must exist.
    pub(crate) fn with(mut self, pointer: &str, value: impl Into<Value>) -> Self {
        let (parent, key) = pointer.rsplit_once('/').unwrap_or_default();
        let parent = self.payload.pointer_mut(parent);
        let fields = parent.and_then(Value::as_object_mut);
        fields
            .expect("the field's parent exists")
            .insert(key.to_owned(), value.into());
        self
    }

    /// Sets the repository.
    pub(crate) fn of(mut self, id: u64, name: &str) -> Self {
        for repo in ["/pull_request/head/repo/id", "/pull_request/base/repo/id"] {
            if let Some(field) = self.payload.pointer_mut(repo) {
                *field = json!(id);
            }
        }
        self.with("/repository/id", id)
            .with("/repository/full_name", name)
    }

    /// Returns the event's name and its payload.
    pub(crate) fn content(&self) -> (&'static str, &Value) {
        (self.event, &self.payload)
    }

    /// Returns the time that was set.
    pub(crate) fn time(&self) -> Option<Timestamp> {
        self.at
    }

    /// Returns the number of the repository.
    pub(crate) fn repository(&self) -> Option<u64> {
        self.payload.pointer("/repository/id")?.as_u64()
    }

    /// Makes a `repository` event at a time, with what changed.
    pub(crate) fn repository_event(
        action: &str,
        (id, name): (u64, &str),
        at: Timestamp,
        changes: Value,
    ) -> Self {
        let at = rfc3339(at.seconds());
        let repository = json!({"id": id, "full_name": name, "updated_at": at});
        let payload = json!({"action": action, "repository": repository, "changes": changes});
        Self::event("repository", payload)
    }

    /// Sets the number of the pull request.
    pub(crate) fn number(self, number: u64) -> Self {
        self.with("/number", number)
            .with("/pull_request/number", number)
    }

    /// Sets the branch of the head.
    pub(crate) fn head(self, branch: &str) -> Self {
        self.with("/pull_request/head/ref", branch)
    }

    /// Sets the commit of the head.
    pub(crate) fn sha(self, number: u64) -> Self {
        self.with("/pull_request/head/sha", commit(number))
    }

    /// Sets the commit that was the head before a `synchronize`.
    pub(crate) fn before(self, number: u64) -> Self {
        self.with("/before", commit(number))
    }

    /// Sets the base branch.
    pub(crate) fn base(self, branch: &str) -> Self {
        self.with("/pull_request/base/ref", branch)
    }

    /// Sets the title.
    pub(crate) fn title(self, title: &str) -> Self {
        self.with("/pull_request/title", title)
    }

    /// Makes it a draft.
    pub(crate) fn draft(self) -> Self {
        self.with("/pull_request/draft", true)
    }

    /// Makes it come from a fork.
    pub(crate) fn fork(self) -> Self {
        self.with("/pull_request/head/repo/id", REPOSITORY.0 + 1_000_000)
    }

    /// Makes it come from a fork that was deleted since.
    pub(crate) fn deleted_fork(self) -> Self {
        self.with("/pull_request/head/repo", Value::Null)
    }

    /// Sets the account that caused the event.
    pub(crate) fn by(self, login: &str) -> Self {
        self.with("/sender/login", login)
    }

    /// Sets the time of the event; without it, the time of sealing counts.
    pub(crate) fn at(mut self, time: Timestamp) -> Self {
        self.at = Some(time);
        self
    }

    /// Sets the delivery's GUID; without it, the GUID follows from the body.
    pub(crate) fn delivery(mut self, id: &str) -> Self {
        self.delivery = Some(id.to_owned());
        self
    }

    /// Signs it with another secret: a forgery.
    pub(crate) fn signed_with(mut self, secret: &str) -> Self {
        self.secret = Some(secret.to_owned());
        self
    }

    /// Leaves out the signature.
    pub(crate) fn unsigned(mut self) -> Self {
        self.secret = None;
        self
    }

    /// Sends it as `application/x-www-form-urlencoded`.
    pub(crate) fn in_form(mut self) -> Self {
        self.form = true;
        self
    }

    /// Replaces the body, with a valid signature.
    pub(crate) fn body(mut self, text: &str) -> Self {
        self.raw = Some(text.to_owned());
        self
    }

    /// Writes the body, signs it and adds the attributes.
    pub(crate) fn seal(mut self, now: Timestamp) -> Sealed {
        let seconds = self.at.unwrap_or(now).seconds();
        for pointer in self.times {
            let Some(field) = self.payload.pointer_mut(pointer) else {
                continue;
            };
            // `pushed_at` is a number in `push` and text elsewhere; both have a resolution of one
            // second.
            *field = match self.event {
                "push" => json!(seconds),
                _ => json!(rfc3339(seconds)),
            };
        }
        let json = self.payload.to_string();
        let (kind, body) = match (self.raw, self.form) {
            (Some(raw), _) => ("application/json", raw),
            (None, false) => ("application/json", json),
            (None, true) => ("application/x-www-form-urlencoded", form(&json)),
        };
        let delivery = self.delivery.unwrap_or_else(|| guid(&body));
        let mut headers = vec![
            (EVENT, self.event.to_owned()),
            (DELIVERY, delivery),
            (CONTENT_TYPE, kind.to_owned()),
        ];
        if let Some(secret) = self.secret {
            headers.push((SIGNATURE, sign(&secret, &body)));
        }
        let attributes = headers
            .into_iter()
            .map(|(name, value)| (name.to_owned(), Attribute::text(value)))
            .collect();
        Sealed { body, attributes }
    }
}

/// Returns the `X-Hub-Signature-256` of a body.
pub(crate) fn sign(secret: &str, body: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).expect("HMAC takes any key");
    mac.update(body.as_bytes());
    format!("sha256={}", hex::encode(mac.finalize().into_bytes()))
}

fn form(json: &str) -> String {
    form_urlencoded::Serializer::new(String::new())
        .append_pair("payload", json)
        .finish()
}

/// Formats a time as GitHub does: to the second.
fn rfc3339(seconds: i64) -> String {
    let time = Timestamp::from_seconds(seconds).expect("a time of this age");
    time.to_string().replace(".000Z", "Z")
}

fn guid(body: &str) -> String {
    let hash = hex::encode(Sha256::digest(body.as_bytes()));
    let part = |from: usize, to: usize| hash.get(from..to).unwrap_or_default();
    let parts = [
        part(0, 8),
        part(8, 12),
        part(12, 16),
        part(16, 20),
        part(20, 32),
    ];
    parts.join("-")
}
