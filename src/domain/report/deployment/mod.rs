//! The deployments of a subject's environment at GitHub: one for each commit that is deployed
//! there. That of the newest commit follows its execution. When it has succeeded, those before it
//! become inactive, and all of them when the environment is removed.
//!
//! Pure: what is due is derived from the records of the deployments and of the newest commit, and
//! from the mapping.

mod due;
pub mod record;

pub use due::{
    DeploymentDue, DeploymentStatus, DeploymentStep, Environment, Situation, has_deployment, marker,
};
