use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::*;
use crate::domain::fault::Reason;
use crate::domain::intake::authenticated::{
    Authenticator, CONTENT_TYPE, DELIVERY, EVENT, SIGNATURE, Secrets,
};
use crate::domain::intake::envelope::{Attribute, Envelope, Receipt};
use crate::domain::intake::event::payloads::TimePayload;

fn read_text(event: &str, content_type: &str, body: &str) -> Result<Decision<Event>, Fault> {
    let mut mac = Hmac::<Sha256>::new_from_slice(b"secret").unwrap();
    mac.update(body.as_bytes());
    let signature = format!("sha256={}", hex::encode(mac.finalize().into_bytes()));
    let headers = [
        (SIGNATURE, signature.as_str()),
        (EVENT, event),
        (DELIVERY, "guid-1"),
        (CONTENT_TYPE, content_type),
    ];
    let attributes = headers
        .iter()
        .map(|(name, value)| ((*name).to_owned(), Attribute::text(*value)));
    let envelope = Envelope::new(
        "m".into(),
        Receipt("r".into()),
        body.into(),
        attributes.collect(),
        Timestamp(0),
        1,
    );
    let authenticator = Authenticator::source_queues(Secrets::new(["secret"]));
    Event::read(&envelope.authenticate(&authenticator).unwrap())
}

fn read(event: &str, body: &Value) -> Result<Decision<Event>, Fault> {
    read_text(event, "application/json", &body.to_string())
}

fn repository() -> Value {
    json!({"id": 1, "full_name": "acme/api", "pushed_at": "2026-01-01T00:00:00Z"})
}

fn pull_request(action: &str) -> Value {
    json!({
        "action": action,
        "number": 7,
        "pull_request": {
            "state": "open", "title": "Add login", "draft": false, "updated_at": "2026-01-01T00:00:05Z",
            "user": {"login": "octocat"},
            "head": {"ref": "feature/x", "sha": "a".repeat(40), "repo": {"id": 1}},
            "base": {"ref": "main"},
        },
        "repository": repository(),
        "sender": {"login": "hubot"},
    })
}

fn pull(body: &Value) -> PullRequest {
    match read("pull_request", body).unwrap() {
        Decision::Handle(Event {
            change: Change::PullRequest(pull),
            ..
        }) => *pull,
        other @ Decision::Handle(Event {
            change:
                Change::Branch(..)
                | Change::Repository(_)
                | Change::Renamed(_)
                | Change::Rerun(_)
                | Change::Repair(_)
                | Change::Wake(_)
                | Change::Sleep(_),
            ..
        })
        | other @ Decision::Ignore(_) => panic!("{other:?}"),
    }
}

fn refusal(event: &str, body: &Value) -> String {
    let fault = read(event, body).unwrap_err();
    assert_eq!(fault.reason, Reason::InvalidPayload);
    fault.detail
}

fn push(before: &str, after: &str) -> Decision<Event> {
    let body = push_body("refs/heads/a/b", &before.repeat(40), &after.repeat(40));
    read("push", &body).unwrap()
}

fn push_body(reference: &str, before: &str, after: &str) -> Value {
    json!({
        "ref": reference, "before": before, "after": after, "created": false, "deleted": false,
        "forced": false, "commits": [], "repository": repository(),
    })
}

#[test]
fn a_pull_request_is_read_field_by_field() {
    let pull = pull(&pull_request("opened"));
    assert_eq!(
        (pull.number, pull.action, pull.open, pull.fork),
        (7, Action::Opened, true, false)
    );
    assert_eq!(
        (pull.head.as_str(), pull.base.as_str(), pull.title.as_str()),
        ("feature/x", "main", "Add login")
    );
    assert_eq!(pull.author.as_deref(), Some("octocat"));
}

#[test]
fn a_form_body_is_read_like_a_json_body() {
    let json = pull_request("opened").to_string();
    let form: String = form_urlencoded::Serializer::new(String::new())
        .append_pair("payload", &json)
        .finish();
    let from_form = read_text("pull_request", "application/x-www-form-urlencoded", &form).unwrap();
    assert_eq!(
        from_form,
        read_text("pull_request", "application/json", &json).unwrap()
    );
}

#[test]
fn a_head_in_another_or_in_no_repository_is_a_fork() {
    let mut body = pull_request("opened");
    body["pull_request"]["head"]["repo"]["id"] = json!(2);
    assert!(pull(&body).fork);
    body["pull_request"]["head"]["repo"] = Value::Null;
    assert!(pull(&body).fork);
}

#[test]
fn an_irrelevant_event_is_ignored_with_its_kind() {
    assert_eq!(
        read("pull_request", &pull_request("assigned")),
        Ok(Decision::Ignore(Ignored::Action(
            ActionName::parse("assigned").unwrap()
        )))
    );
    assert_eq!(
        read_text("ping", "application/json", "not even JSON"),
        Ok(Decision::Ignore(Ignored::Ping))
    );
    assert_eq!(
        read_text("issues", "application/json", "not even JSON"),
        Ok(Decision::Ignore(Ignored::Event))
    );
    let tag = json!({
        "ref": "v1", "ref_type": "tag", "master_branch": "main", "pusher_type": "user",
        "repository": repository(),
    });
    assert_eq!(
        read("create", &tag),
        Ok(Decision::Ignore(Ignored::NotABranch))
    );
    let zero = "0".repeat(40);
    let tag = push_body("refs/tags/v1", &zero, &zero);
    assert_eq!(
        read("push", &tag),
        Ok(Decision::Ignore(Ignored::NotABranch))
    );
}

#[test]
fn a_push_gives_the_commit_of_the_branch() {
    let tip = |decision| match decision {
        Decision::Handle(Event {
            change: Change::Branch(_, tip),
            ..
        }) => tip,
        other @ (Decision::Handle(_) | Decision::Ignore(_)) => panic!("{other:?}"),
    };
    let commit = |c: &str| CommitId::parse(c.repeat(40)).unwrap();
    assert_eq!(
        tip(push("0", "a")),
        Tip::At {
            sha: commit("a"),
            before: None,
            skip: false
        }
    );
    assert_eq!(
        tip(push("a", "b")),
        Tip::At {
            sha: commit("b"),
            before: Some(commit("a")),
            skip: false
        }
    );
    assert_eq!(
        tip(push("b", "0")),
        Tip::Gone {
            before: Some(commit("b"))
        }
    );
}

#[test]
fn pushed_at_is_read_as_seconds_and_as_text() {
    let seconds = TimePayload::Seconds(1_767_225_600);
    let repository = |pushed_at| RepositoryPayload {
        id: 1,
        full_name: String::new(),
        pushed_at: Some(pushed_at),
        updated_at: None,
        created_at: None,
    };
    let text = TimePayload::Text("2026-01-01T00:00:00Z".into());
    assert_eq!(
        repository(seconds).pushed_at(),
        repository(text).pushed_at()
    );
}

#[test]
fn a_branch_event_without_a_time_of_its_own_is_refused() {
    let mut body = push_body("refs/heads/x", &"a".repeat(40), &"b".repeat(40));
    let time = |body: &Value| match read("push", body) {
        Ok(Decision::Handle(event)) => event.time,
        other @ (Ok(Decision::Ignore(_)) | Err(_)) => panic!("{other:?}"),
    };
    body["repository"]["created_at"] = json!(1_700_000_000);
    assert_eq!(time(&body), Timestamp::from_rfc3339("2026-01-01T00:00:00Z"));
    body["repository"]["pushed_at"] = Value::Null;
    assert_eq!(time(&body), Timestamp::from_seconds(1_700_000_000));
    body["repository"]["created_at"] = Value::Null;
    let refused = "repository.pushed_at is not of its documented form";
    assert_eq!(refusal("push", &body), refused);
    body["repository"]["pushed_at"] = json!("yesterday");
    assert_eq!(refusal("push", &body), refused);
}

#[test]
fn an_invalid_payload_is_reported_without_quoting_it() {
    assert_eq!(
        refusal("push", &json!({})),
        "missing field `ref`, at line 1 column 2"
    );
    let secret = json!({"ref": 5, "note": "hunter2"});
    assert_eq!(
        refusal("push", &secret),
        "a field is not of its documented type, at line 1 column 8"
    );
    let mut body = pull_request("opened");
    body["number"] = json!("hunter2");
    assert!(!refusal("pull_request", &body).contains("hunter2"));
    body = pull_request("opened");
    body["pull_request"]["head"]["ref"] = json!("hunter2\u{0}");
    assert_eq!(
        refusal("pull_request", &body),
        "pull_request.head.ref: not a branch: expected 1 to 512 bytes without control characters"
    );
    let deep = "[".repeat(100_000);
    assert!(read_text("push", "application/json", &deep).is_err());
    assert!(read_text("push", "application/x-www-form-urlencoded", "other=1").is_err());
}

#[test]
fn a_long_title_is_cut_at_a_character() {
    let mut body = pull_request("opened");
    body["pull_request"]["title"] = json!("ü".repeat(1_000));
    assert_eq!(pull(&body).title.chars().count(), TEXT_LIMIT);
}

/// A head commit is built, and reported, only while its subject is open.
#[test]
fn only_an_open_subject_has_a_head() {
    let head = |body: &Value| match read("pull_request", body).unwrap() {
        Decision::Handle(event) => event.open_head().cloned(),
        Decision::Ignore(why) => panic!("{why:?}"),
    };
    let mut closed = pull_request("closed");
    assert!(head(&pull_request("opened")).is_some());
    closed["pull_request"]["state"] = json!("closed");
    assert_eq!(head(&closed), None);
}

#[test]
fn the_labels_are_read_and_a_change_of_one_is_not_counted_as_missed() {
    let mut body = pull_request("labeled");
    body["label"] = json!({"name": "keep", "color": "ffffff"});
    body["pull_request"]["labels"] = json!([{"name": "bug"}, {"name": "keep"}]);
    let labeled = pull(&body);
    assert_eq!(labeled.label.as_deref(), Some("keep"));
    assert_eq!(labeled.labels, ["bug", "keep"]);
    for action in ["labeled", "unlabeled"] {
        assert!(!is_handled("pull_request", Some(action)), "{action}");
    }
    body["pull_request"]["labels"] = json!([{"name": 7}]);
    assert!(read("pull_request", &body).is_err());
}

#[test]
fn what_is_ignored_for_its_name_or_its_action_is_known_without_its_body() {
    let ignored = |event: &str, body: &Value| {
        let decision = read(event, body).unwrap();
        matches!(
            decision,
            Decision::Ignore(Ignored::Event | Ignored::Ping | Ignored::Action(_))
        )
    };
    let actions = [
        "opened",
        "reopened",
        "synchronize",
        "edited",
        "ready_for_review",
        "converted_to_draft",
        "closed",
        "assigned",
        "review_requested",
    ];
    for action in actions {
        let is_ignored = ignored("pull_request", &pull_request(action));
        assert_eq!(
            is_handled("pull_request", Some(action)),
            !is_ignored,
            "{action}"
        );
    }
    for action in [
        "deleted",
        "archived",
        "renamed",
        "transferred",
        "publicized",
    ] {
        let body = json!({
            "action": action,
            "repository": {
                "id": 1, "full_name": "acme/api", "updated_at": "2026-01-01T00:00:00Z",
            },
        });
        let is_ignored = ignored("repository", &body);
        assert_eq!(
            is_handled("repository", Some(action)),
            !is_ignored,
            "{action}"
        );
    }
    for action in ["checks_requested", "destroyed", "else"] {
        let group = json!({
            "head_ref": "refs/heads/gh-readonly-queue/main/pr-7-a", "head_sha": "a".repeat(40),
        });
        let body = json!({
            "action": action, "merge_group": group, "repository": repository(),
        });
        let is_ignored = ignored("merge_group", &body);
        assert_eq!(
            is_handled("merge_group", Some(action)),
            !is_ignored,
            "{action}"
        );
    }
    for event in ["ping", "issues", "star", "installation", "workflow_run"] {
        assert!(ignored(event, &json!({})));
        assert!(!is_handled(event, None), "{event}");
    }
    for event in ["check_run", "check_suite"] {
        assert!(is_handled(event, Some("rerequested")));
        assert!(!is_handled(event, Some("completed")));
    }
    assert!(
        ["push", "create", "delete"]
            .iter()
            .all(|event| is_handled(event, None))
    );
}
