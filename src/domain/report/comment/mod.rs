//! The comment of a pull request: one, which is edited in place. It follows the newest head.
//!
//! Pure: it is derived from the record of the head commit and from what the table knows of the
//! comment.

mod due;
pub mod record;
pub(super) mod text;

pub use due::CommentDue;
