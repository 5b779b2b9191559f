//! Measures all benchmarks of a phase together: builds first, then rounds in which each takes its turn.
//!
//! With two arms a turn is a pair of runs, base and head, in a drawn order; without a base it is one run of the head.
//! [`crate::compare::Trial`] decides who takes the next pair and what is concluded; here are the processes.

mod bench;
mod clock;
mod figures;
mod harness;
mod memory;
mod prepare;
mod rig;
mod rounds;
mod side;
mod subject;
mod turns;
mod verdicts;
mod vigil;

pub(super) use bench::Finished;
pub(super) use prepare::Preparation;
pub use rig::{Rig, calibrate};
pub(super) use rounds::{Phase, measure};
pub use subject::{CountError, Part, Reading, ReportError, Setup, Subject, SubjectError};
pub(super) use vigil::Vigil;
