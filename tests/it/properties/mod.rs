//! Properties that hold for any history: convergence, crashes, simulation, isolation and hostile
//! input.

mod convergence;
mod crashes;
mod hostile;
mod isolation;
mod replay;
mod simulation;
