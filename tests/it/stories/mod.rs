//! Stories: what webhooks do in a world of fakes.

mod bound_secrets;
mod budget;
mod clones;
mod comments;
mod deployments;
mod event_names;
mod evictions;
mod fakes;
mod identity;
mod idle;
mod idle_races;
mod jobs;
mod lost_webhooks;
mod merge_groups;
mod missed_deliveries;
mod missed_reports;
mod payloads;
mod reliability;
mod reports;
mod repository_ends;
mod reruns;
mod steps;
mod teardowns;
mod ties;
mod trail;
mod worker;
