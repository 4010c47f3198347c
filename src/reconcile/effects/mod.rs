//! The effects that a plan may ask for, one file each.

pub(super) mod adopt;
pub(super) mod create;
pub(super) mod delete;
pub(super) mod ownership;
pub(super) mod projects;
pub(super) mod quota;
pub(super) mod retry;
pub(super) mod slots;
pub(super) mod stack_ids;
pub(super) mod stacks;
pub(super) mod start;
pub(super) mod teardown;
