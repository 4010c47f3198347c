//! The rules of the configuration, and how they name pipelines.

mod beginnings;
pub mod glob;
pub mod merge_queue;
pub mod pipeline_name;
pub mod placeholder;
pub mod repository_file;
pub mod retention;
pub mod rule;
pub(in crate::domain) mod slug;
pub mod template_file;
