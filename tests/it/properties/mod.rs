//! Properties that claim for any history: convergence, crashes, simulation and hostile input.

mod convergence;
mod crashes;
mod hostile;
mod simulation;
