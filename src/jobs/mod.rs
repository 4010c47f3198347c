//! The periodic jobs, under one driver.
//!
//! A job takes no input: no message asks for it, so nothing depends on a message that was lost. It
//! looks at the table, CodePipeline or GitHub, and brings what it finds to where it should be, by
//! the same code as a message would. So it may be cut off or repeated at any time.
//!
//! Each job has an item in the table with its last start, and with its lease while it runs. A run
//! that did its work may leave there since when something is open, which the next one gets. Every
//! daemon looks at these items once a minute and begins what is due, so that several daemons run
//! each job once. An operator's request is a mark in the item.
//!
//! To add a job, add it to [`Job`](crate::domain::jobs::Job), write a file for it here, and call it
//! in [`Jobs::run`](driver::Jobs::run).

pub mod driver;
mod evict_idle;
mod half_way_mappings;
mod idle_subjects;
mod job_fault;
pub mod missed_deliveries;
pub mod reconcile;
mod status;
mod teardowns;
pub mod unrecorded;

pub use driver::{Driver, Jobs};
pub use job_fault::JobFault;
pub use status::JobStatus;
