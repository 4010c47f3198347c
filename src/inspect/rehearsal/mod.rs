//! Rehearsal ports: they read from the real ports, and remember writes instead of making them. The
//! daemon's own path runs over them, so a prediction cannot differ from what the daemon does.
//!
//! Guarantees: nothing is written and nothing is started. Messages that are rehearsed over the same
//! ports see each other's effects: if two dead letters need the last slot, one gets it. Caveat:
//! changes that others make in the meantime are not predicted.

mod comments;
mod commits;
mod deployments;
mod pipelines;
mod projects;
mod slots;
mod stacks;
mod store;

pub use pipelines::{CloneComparison, EffectKind, PredictedEffect, RehearsalPipelines};
pub use projects::{PredictedProject, ProjectCall, RehearsalProjects};
pub use stacks::RehearsalStacks;
pub use store::RehearsalStore;
