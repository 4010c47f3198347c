//! Properties that hold for any history: convergence, crashes, simulation, isolation, hostile
//! input, and the conditions of rules.

mod conditions;
mod convergence;
mod crashes;
mod hostile;
mod isolation;
mod replay;
mod simulation;
