//! Stories: what becomes of webhooks in a world of fakes.

mod budget;
mod clones;
mod fakes;
mod payloads;
mod reliability;
mod steps;
mod worker;
