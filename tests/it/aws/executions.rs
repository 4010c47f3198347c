//! Executions: the requests that start and stop them, which the emulator does not check.

use aws_sdk_codepipeline::error::ErrorMetadata;
use aws_sdk_codepipeline::operation::get_pipeline_state::{
    GetPipelineStateError, GetPipelineStateOutput,
};
use aws_sdk_codepipeline::operation::list_action_executions::ListActionExecutionsOutput;
use aws_sdk_codepipeline::operation::list_pipeline_executions::ListPipelineExecutionsOutput;
use aws_sdk_codepipeline::operation::start_pipeline_execution::{
    StartPipelineExecutionError, StartPipelineExecutionOutput,
};
use aws_sdk_codepipeline::operation::stop_pipeline_execution::{
    StopPipelineExecutionError, StopPipelineExecutionOutput,
};
use aws_sdk_codepipeline::types::{
    ActionExecution, ActionExecutionDetail, ActionExecutionOutput, ActionExecutionResult,
    ActionState, ErrorDetails, PipelineExecutionStatus, PipelineExecutionSummary, SourceRevision,
    SourceRevisionType, StageExecution, StageExecutionStatus, StageState,
};
use aws_smithy_mocks::mock;
use aws_smithy_types::DateTime;
use branchline::domain::clone::declaration::ActionPath;
use branchline::domain::clone::execution::{ActionResult, Execution, Run, Stage};
use branchline::domain::fault::Reason;
use branchline::domain::ids::{CommitId, DeliveryId, ExecutionId};
use branchline::domain::state::claim::Claim;
use branchline::ports::PipelineReader;
use branchline::ports::Pipelines;

use super::clients;
use crate::world::samples::{creating, pipeline, pull};

fn claim() -> Claim {
    Claim::proven(creating(pull(7), "api-pr-7", "worker/1"))
}

fn run() -> Run {
    Run {
        revision: Some(("GitHub".into(), CommitId::parse("a".repeat(40)).unwrap())),
        variables: vec![("PR".into(), "7".into())],
        token: Some(DeliveryId::parse("d-1").unwrap()),
    }
}

#[tokio::test]
async fn a_start_names_the_commit_the_variables_and_the_token() {
    let rule = mock!(aws_sdk_codepipeline::Client::start_pipeline_execution)
        .match_requests(|request| {
            let revision = &request.source_revisions()[0];
            let variable = &request.variables()[0];
            request.name() == Some("api-pr-7")
                && request.client_request_token() == Some("d-1")
                && revision.action_name() == "GitHub"
                && *revision.revision_type() == SourceRevisionType::CommitId
                && revision.revision_value() == "a".repeat(40)
                && (variable.name(), variable.value()) == ("PR", "7")
        })
        .then_output(|| {
            StartPipelineExecutionOutput::builder()
                .pipeline_execution_id("e-1")
                .build()
        });
    let started = clients::pipelines(&[&rule])
        .start(&pipeline("api-pr-7"), &run(), &claim())
        .await;
    assert_eq!(started, Ok("e-1".to_owned()));
}

#[tokio::test]
async fn a_start_of_the_branchs_head_names_nothing() {
    let rule = mock!(aws_sdk_codepipeline::Client::start_pipeline_execution)
        .match_requests(|request| request.source_revisions.is_none() && request.variables.is_none())
        .then_output(|| {
            StartPipelineExecutionOutput::builder()
                .pipeline_execution_id("e-1")
                .build()
        });
    let head = Run {
        revision: None,
        variables: Vec::new(),
        ..run()
    };
    let started = clients::pipelines(&[&rule])
        .start(&pipeline("api-pr-7"), &head, &claim())
        .await;
    assert_eq!(started, Ok("e-1".to_owned()));
}

#[tokio::test]
async fn the_response_to_a_start_is_classified() {
    let cases = [
        ("ConflictException", Reason::AwsConflict),
        (
            "ConcurrentPipelineExecutionsLimitExceededException",
            Reason::AwsQuota,
        ),
        ("PipelineNotFoundException", Reason::AwsConflict),
        ("ThrottlingException", Reason::AwsThrottled),
        ("ValidationException", Reason::DeclarationRefused),
    ];
    for (code, reason) in cases {
        let rule =
            mock!(aws_sdk_codepipeline::Client::start_pipeline_execution).then_error(move || {
                StartPipelineExecutionError::generic(ErrorMetadata::builder().code(code).build())
            });
        let fault = clients::pipelines(&[&rule])
            .start(&pipeline("api-pr-7"), &run(), &claim())
            .await
            .unwrap_err();
        assert_eq!(fault.reason, reason, "{code}");
        assert!(
            fault.detail.starts_with("StartPipelineExecution api-pr-7"),
            "{fault}"
        );
    }
}

#[tokio::test]
async fn an_execution_is_stopped_at_once_and_one_that_ended_is_stopped() {
    let rule = mock!(aws_sdk_codepipeline::Client::stop_pipeline_execution)
        .match_requests(|request| {
            request.abandon() == Some(true) && request.pipeline_execution_id() == Some("e-1")
        })
        .then_output(|| StopPipelineExecutionOutput::builder().build());
    let name = pipeline("api-pr-7");
    assert_eq!(
        clients::pipelines(&[&rule])
            .stop(&name, "e-1", &claim())
            .await,
        Ok(())
    );
    for code in [
        "PipelineExecutionNotStoppableException",
        "DuplicatedStopRequestException",
        "PipelineNotFoundException",
    ] {
        let rule =
            mock!(aws_sdk_codepipeline::Client::stop_pipeline_execution).then_error(move || {
                StopPipelineExecutionError::generic(ErrorMetadata::builder().code(code).build())
            });
        let stopped = clients::pipelines(&[&rule])
            .stop(&name, "e-1", &claim())
            .await;
        assert_eq!(stopped, Ok(()), "{code}");
    }
}

/// Returns an execution as AWS lists it, with the revisions of these source actions.
fn listed(revisions: &[(&str, &str)]) -> ListPipelineExecutionsOutput {
    let mut summary = PipelineExecutionSummary::builder()
        .pipeline_execution_id("e-1")
        .status(PipelineExecutionStatus::Failed)
        .start_time(DateTime::from_secs(1_767_225_600))
        .last_update_time(DateTime::from_secs(1_767_225_660));
    for (action, commit) in revisions {
        let revision = SourceRevision::builder()
            .action_name(*action)
            .revision_id(*commit)
            .revision_url(format!("https://github.com/acme/api/commit/{commit}"));
        summary = summary.source_revisions(revision.build().unwrap());
    }
    ListPipelineExecutionsOutput::builder()
        .pipeline_execution_summaries(summary.build())
        .build()
}

#[tokio::test]
async fn an_execution_is_read_with_its_commit_and_its_page() {
    let rule = mock!(aws_sdk_codepipeline::Client::list_pipeline_executions)
        .then_output(|| listed(&[("GitHub", "abc")]));
    let executions = clients::pipelines(&[&rule])
        .executions(&pipeline("api-pr-7"), Some("GitHub"))
        .await;
    let text = |text: &str| Some(text.to_owned());
    let wanted = Execution {
        id: "e-1".into(),
        state: "Failed".into(),
        started: text("2026-01-01T00:00:00Z"),
        updated: text("2026-01-01T00:01:00Z"),
        commit: text("abc"),
        link: text("https://github.com/acme/api/commit/abc"),
    };
    assert_eq!(executions, Ok(vec![wanted]));
}

#[tokio::test]
async fn the_commit_of_an_execution_is_that_of_the_named_source_action() {
    let both = [
        ("Shared", "shared"),
        ("GitHub", "abc"),
        ("Image", "sha256:1"),
    ];
    let alone = [("GitHub", "abc")];
    for (revisions, source, commit) in [
        (&both[..], Some("GitHub"), Some("abc")),
        (&both[..], Some("Shared"), Some("shared")),
        (&both[..1], Some("GitHub"), None),
        (&both[..], None, None),
        (&alone[..], None, Some("abc")),
        (&[], Some("GitHub"), None),
    ] {
        let revisions = revisions.to_vec();
        let rule = mock!(aws_sdk_codepipeline::Client::list_pipeline_executions)
            .then_output(move || listed(&revisions));
        let executions = clients::pipelines(&[&rule])
            .executions(&pipeline("api-pr-7"), source)
            .await;
        let found = executions.unwrap().remove(0).commit;
        assert_eq!(found.as_deref(), commit, "{source:?}");
    }
}

#[tokio::test]
async fn stages_are_listed_in_order_with_those_that_never_ran() {
    let rule = mock!(aws_sdk_codepipeline::Client::get_pipeline_state)
        .match_requests(|request| request.name() == Some("api-pr-7"))
        .then_output(|| {
            let failed = StageExecution::builder()
                .pipeline_execution_id("e-1")
                .status(StageExecutionStatus::Failed);
            let error = ErrorDetails::builder().message("no such branch").build();
            let latest = ActionExecution::builder().error_details(error).build();
            let refused = ActionState::builder()
                .action_name("GitHub")
                .latest_execution(latest)
                .build();
            let ran = StageState::builder()
                .stage_name("Source")
                .latest_execution(failed.build().unwrap())
                .action_states(refused);
            GetPipelineStateOutput::builder()
                .stage_states(ran.build())
                .stage_states(StageState::builder().stage_name("Build").build())
                .build()
        });
    let stages = clients::pipelines(&[&rule])
        .stages(&pipeline("api-pr-7"))
        .await;
    let source = Stage {
        name: "Source".to_owned(),
        state: Some("Failed".to_owned()),
        execution: Some("e-1".to_owned()),
        failure: Some("GitHub: no such branch".to_owned()),
    };
    let build = Stage {
        name: "Build".to_owned(),
        ..Stage::default()
    };
    let wanted = vec![source, build];
    assert_eq!(stages, Ok(wanted));

    for (code, wanted) in [
        ("PipelineNotFoundException", Ok(Vec::new())),
        ("ThrottlingException", Err(Reason::AwsThrottled)),
    ] {
        let rule = mock!(aws_sdk_codepipeline::Client::get_pipeline_state).then_error(move || {
            GetPipelineStateError::generic(ErrorMetadata::builder().code(code).build())
        });
        let stages = clients::pipelines(&[&rule])
            .stages(&pipeline("api-pr-7"))
            .await;
        assert_eq!(stages.map_err(|fault| fault.reason), wanted, "{code}");
    }
}

/// Returns an attempt of an action that began at this second.
fn attempt(action: &str, began: i64, output: ActionExecutionOutput) -> ActionExecutionDetail {
    ActionExecutionDetail::builder()
        .stage_name("Deploy")
        .action_name(action)
        .start_time(DateTime::from_secs(began))
        .output(output)
        .build()
}

#[tokio::test]
async fn the_last_attempt_of_each_action_counts_on_whatever_page() {
    let failed = || {
        let error = ErrorDetails::builder().message("not\nempty").build();
        let result = ActionExecutionResult::builder().error_details(error);
        let output = ActionExecutionOutput::builder();
        output.execution_result(result.build()).build()
    };
    let with_url = || {
        let output = ActionExecutionOutput::builder();
        output.output_variables("Url", "https://x").build()
    };
    let page = |details: Vec<ActionExecutionDetail>, next: Option<&str>| {
        let page = ListActionExecutionsOutput::builder();
        let page = page.set_action_execution_details(Some(details));
        page.set_next_token(next.map(str::to_owned)).build()
    };
    let rule = mock!(aws_sdk_codepipeline::Client::list_action_executions)
        .match_requests(|request| {
            let filter = request.filter().unwrap();
            request.pipeline_name() == Some("api-pr-7")
                && filter.pipeline_execution_id() == Some("e-1")
        })
        .sequence()
        .output(move || page(vec![attempt("Stack", 2, with_url())], Some("next")))
        .output(move || {
            let earlier = attempt("Stack", 1, failed());
            page(vec![earlier, attempt("Other", 1, failed())], None)
        })
        .build();
    let id = ExecutionId::parse("e-1").unwrap();
    let (pipelines, name) = (clients::pipelines(&[&rule]), pipeline("api-pr-7"));
    let actions = pipelines.actions(&name, &id);
    let result = |action: &str, error: Option<&str>, outputs: &[(&str, &str)]| ActionResult {
        action: ActionPath::parse(&format!("Deploy/{action}")).unwrap(),
        error: error.map(str::to_owned),
        outputs: outputs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect(),
    };
    assert_eq!(
        actions.await,
        Ok(vec![
            result("Other", Some("not\\u{a}empty"), &[]),
            result("Stack", None, &[("Url", "https://x")]),
        ])
    );
}
