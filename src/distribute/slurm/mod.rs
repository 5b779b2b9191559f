//! Slurm: parts of a plan as batch jobs on an existing cluster.
//!
//! Each part is a task of a job: `backsight run --shard` with the plan, in the workspace, which the nodes must share. What
//! was handed over is written down before anything else happens, so that another process can follow the jobs when this one
//! is killed, and none is handed over twice.

mod call;
mod follow;
mod journal;
mod rows;
mod script;
mod submit;

pub use call::{Slurm, SlurmError};
pub use follow::{End, Follow, Told};
pub use journal::{Batch, Folder, Job, Journal};
pub use rows::{Row, Stage, accounts, queue, stage};
pub use script::{Script, options, script};
pub use submit::submit;

use uuid::Uuid;

/// The name of a job, by which it is found again when nobody wrote down its id.
pub fn job_name(run: Uuid, number: u32) -> String {
    format!("backsight-{run}-{number}")
}
