//! Properties that hold for any history: convergence, crashes, simulation and hostile input.

mod convergence;
mod crashes;
mod hostile;
mod replay;
mod simulation;
