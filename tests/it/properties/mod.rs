//! Properties that hold for any history: convergence, crashes, simulation, isolation, hostile
//! input, reports, and the conditions of rules.

mod conditions;
mod convergence;
mod crashes;
mod executions;
mod github_outage;
mod hostile;
mod idle;
mod isolation;
mod replay;
mod report_crashes;
mod reports;
mod simulation;
mod teardowns;
mod waiting;
