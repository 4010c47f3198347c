//! Stories: what webhooks do in a world of fakes.

mod budget;
mod clones;
mod fakes;
mod payloads;
mod reliability;
mod steps;
mod trail;
mod worker;
