//! What the errors of CodePipeline mean, by their codes.

/// GetPipeline's error for a pipeline that does not exist.
pub(super) const NOT_FOUND: &str = "PipelineNotFoundException";

/// Returns true if the stage cannot be retried, because it did not fail or runs, or because a later
/// execution came (API reference, RetryStageExecution, "Errors").
pub(super) fn is_not_retryable(code: Option<&str>) -> bool {
    matches!(
        code,
        Some(
            "NotLatestPipelineExecutionException"
                | "StageNotFoundException"
                | "StageNotRetryableException"
        )
    )
}

/// Returns true if the execution has ended or is already stopping (API reference,
/// StopPipelineExecution, "Errors").
pub(super) fn is_stopped(code: Option<&str>) -> bool {
    matches!(
        code,
        Some(
            NOT_FOUND | "PipelineExecutionNotStoppableException" | "DuplicatedStopRequestException"
        )
    )
}

/// Returns true if the pipeline's name is in use. The API reference lists the first error;
/// CodePipeline was also seen to answer with the second one.
pub(super) fn is_name_in_use(code: Option<&str>, message: Option<&str>) -> bool {
    match code {
        Some("PipelineNameInUseException") => true,
        Some("InvalidStructureException") => {
            message.is_some_and(|message| message.contains("already exists"))
        }
        Some(_) | None => false,
    }
}

/// Returns true if the pipeline does not exist. ListTagsForResource uses the second error.
pub(super) fn is_missing(code: Option<&str>) -> bool {
    matches!(code, Some(NOT_FOUND | "ResourceNotFoundException"))
}
