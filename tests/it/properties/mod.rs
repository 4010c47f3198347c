//! Properties that hold for any history: convergence, crashes, simulation, isolation, hostile
//! input, reports, and the conditions of rules.

mod conditions;
mod convergence;
mod crashes;
mod hostile;
mod isolation;
mod replay;
mod reports;
mod simulation;
