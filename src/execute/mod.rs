//! Carries out a plan and emits events.
//!
//! The engine never prints and never decides what a result means for the build: it starts processes, keeps their
//! output within bounds, reads what they report, and tells every finished thing to the [`Emitter`], whose listeners are
//! the journal on disk, the terminal and the document in the making.

mod arms;
mod benchmark;
mod cancel;
mod emitter;
mod ended;
mod environment;
mod files;
mod folder;
mod generate;
mod journal;
mod launch;
mod log;
mod mask;
mod process;
mod schedule;
mod test_step;
mod watch;

use std::path::PathBuf;
use std::time::Duration;

use crate::host::DeviceAsker;
use crate::plan::Item;

pub use arms::{Arms, Place};
pub use benchmark::{CountError, Part, Reading, ReportError, Rig, Setup, Subject, SubjectError, calibrate};
pub use cancel::Cancel;
pub use emitter::{Emitter, Listener};
pub use environment::Environment;
pub use folder::{FileBelow, FolderError, files_below, load_tree};
pub use generate::LOCK_FILE;
pub use journal::{Journal, JournalError, replay};
pub use launch::{LaunchError, Launcher, Usage};
pub use log::Log;
pub use mask::Masker;
pub use schedule::execute;
pub use test_step::adopt_reports;
pub use watch::Watch;

/// What the engine works with, the same for all steps of a run.
#[derive(Debug)]
pub struct Workshop {
    /// The folder of the pipeline file, absolute.
    pub workspace: PathBuf,
    /// The run's own folder, absolute; logs and reports of steps go below it.
    pub run_dir: PathBuf,
    /// Environment of child processes and what is secret in it.
    pub environment: Environment,
    /// How the run is told to stop.
    pub cancel: Cancel,
    /// How many test steps run at the same time.
    pub jobs: usize,
    /// Generations are compared with the files on disk, and nothing is written.
    pub check_only: bool,
    /// Generated files that were changed by hand are overwritten.
    pub force: bool,
    /// Files that nothing generates any more are removed.
    pub prune: bool,
    /// Time for all benchmarks together.
    pub budget: Duration,
    /// The working copies of a paired measurement; without them only the workspace is measured.
    pub arms: Option<Arms>,
    /// How long another run that generates files in this workspace is waited for.
    pub others: Duration,
    /// Where the order of the measurements is drawn from.
    pub seed: u64,
    /// The chance of calling any change of the run when there is none.
    pub false_alarms: f64,
    /// Who is asked for the state of GPUs before and after benchmarks; `None` where there is none.
    pub devices: Option<DeviceAsker>,
}

impl Workshop {
    /// The folder a step's commands run in.
    fn folder(&self, item: &Item) -> PathBuf {
        self.here().folder(item)
    }

    /// The workspace itself, as a place to work in.
    fn here(&self) -> Place {
        Place { workspace: self.workspace.clone(), variables: Vec::new() }
    }

    /// The environment of one attempt of a step, its own variables last.
    fn step_env(&self, item: &Item, attempt: u32, own: &[(&str, String)]) -> Vec<(String, String)> {
        self.here().step_env(item, attempt, own)
    }

    /// Where a step's output goes, relative to the run's folder.
    fn log_name(item: &Item, ending: &str) -> String {
        format!("logs/{}.{ending}", file_stem(&item.id))
    }
}

impl Place {
    /// The folder a step's commands run in.
    fn folder(&self, item: &Item) -> PathBuf {
        if item.working_dir.is_empty() { self.workspace.clone() } else { self.workspace.join(&item.working_dir) }
    }

    /// The environment of one attempt of a step in this place; what tells the arms apart wins over the step's own.
    fn step_env(&self, item: &Item, attempt: u32, own: &[(&str, String)]) -> Vec<(String, String)> {
        let given = [
            ("BACKSIGHT_WORKSPACE", self.workspace.display().to_string()),
            ("BACKSIGHT_STEP", item.id.clone()),
            ("BACKSIGHT_TARGET", item.target.clone()),
            ("BACKSIGHT_ATTEMPT", attempt.to_string()),
        ];
        let given = given.iter().chain(own).map(|(name, value)| ((*name).to_owned(), value.clone()));
        item.env.iter().cloned().chain(given).chain(self.variables.iter().cloned()).collect()
    }
}

/// A file name for an id: readable, safe everywhere, and different for different ids.
fn file_stem(id: &str) -> String {
    let safe = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' };
    let readable: String = id.chars().map(safe).take(80).collect();
    if readable == id.replace('/', "-") {
        return readable;
    }
    use sha2::{Digest, Sha256};
    let hash: String = Sha256::digest(id).iter().take(4).map(|byte| format!("{byte:02x}")).collect();
    format!("{readable}-{hash}")
}
