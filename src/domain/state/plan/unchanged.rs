//! Why a message changes nothing.

/// The reason for doing nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unchanged {
    /// A later event was accepted before.
    Stale,
    /// This event was settled before.
    Repeated,
    /// The mapping's pipeline exists, so the mapping is not forgotten.
    PipelineExists,
    /// Another commit is the head now, so this one is not built again.
    NotHead,
    /// There is no pipeline to build the commit again.
    NoPipeline,
    /// There is no clone to adopt, or its tags do not describe it.
    NoClone,
    /// The commit is being built.
    Running,
    /// The subject still waits for a slot: it is not in turn.
    StillWaiting,
    /// Something happened to the subject since, so it keeps its pipeline.
    NotIdle,
    /// Nobody waits for the slot of its pipeline any more.
    NobodyWaits,
}

impl Unchanged {
    /// Returns the word in logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stale => "stale",
            Self::Repeated => "repeated",
            Self::PipelineExists => "pipeline-exists",
            Self::NotHead => "not-head",
            Self::NoPipeline => "no-pipeline",
            Self::NoClone => "no-clone",
            Self::Running => "running",
            Self::StillWaiting => "still-waiting",
            Self::NotIdle => "not-idle",
            Self::NobodyWaits => "nobody-waits",
        }
    }
}
