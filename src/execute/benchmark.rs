//! Measures all benchmarks of a phase together: builds first, then rounds in which each takes its turn.
//!
//! With two arms a turn is a pair of runs, base and head, in a drawn order; without a base it is one run of the head.
//! [`crate::compare::Trial`] decides who takes the next pair and what is concluded; here are the processes.

mod bench;
mod clock;
mod command;
mod figures;
mod harness;
mod prepare;
mod rounds;
mod side;
mod turns;
mod verdicts;

pub(super) use bench::Finished;
pub use command::calibrate;
pub(super) use prepare::Preparation;
pub(super) use rounds::{Phase, measure};
