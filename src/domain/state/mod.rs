//! What should be true of a subject, what is recorded of it, and what to do about the difference.

pub mod activity;
pub mod claim;
pub mod desired;
pub mod difference;
pub mod effect;
pub mod idle;
pub mod intent;
pub mod mapping;
pub mod ordering;
pub mod plan;
pub mod repository;
pub mod resources;
pub mod slots;
pub mod teardown;
