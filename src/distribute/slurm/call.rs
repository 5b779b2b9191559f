//! The programs of Slurm: the only place that starts them. Each call has a time limit and a bounded answer.

use std::fs::File;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use super::rows::{self, ACCOUNT_FIELDS, QUEUE_FORMAT, Row};
use crate::host::{AskError, Leash, ask_leashed};

/// How long handing over may take: `sbatch` waits for the controller by itself, and then says that it is not there.
const TIME: Duration = Duration::from_secs(90);
/// How long a question may take, which is asked again.
const QUESTION: Duration = Duration::from_secs(30);
/// What is read of an answer: 256 tasks a run, a line each.
const ANSWER_BYTES: usize = 4 << 20;
/// Words in what Slurm says when the same request may be taken later.
const PASSING: [&str; 9] = [
    "Unable to contact slurm controller",
    "Socket timed out",
    "Connection refused",
    "connect failure",
    "temporarily un",
    "Zero Bytes were transmitted",
    "Unexpected message received",
    "Unable to establish",
    "Timed out",
];

/// Why Slurm did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum SlurmError {
    /// A program is not there.
    #[error(
        "{program} cannot be started ({source}): `--executor slurm` needs Slurm's commands on PATH, as on the cluster's login nodes"
    )]
    Program {
        /// Which one.
        program: &'static str,
        /// The system's words.
        source: std::io::Error,
    },
    /// The controller does not answer, or not in time.
    #[error("the Slurm controller does not answer ({said}); `scontrol ping` tells whether it is up")]
    Away {
        /// What was said.
        said: String,
    },
    /// A request was refused.
    #[error("Slurm refused {what}: {said}")]
    Refused {
        /// What was asked for.
        what: String,
        /// Slurm's words.
        said: String,
    },
    /// We were left alone: the jobs go on without us.
    #[error("the terminal of this run is gone")]
    Left,
    /// A file of the run.
    #[error("{path}: {source}")]
    File {
        /// Which one.
        path: String,
        /// The system's words.
        source: std::io::Error,
    },
    /// The journal of a run cannot be understood.
    #[error("{path}: {text}")]
    Journal {
        /// The file.
        path: String,
        /// What is wrong.
        text: String,
    },
}

impl SlurmError {
    /// Whether the same request may be taken later.
    pub const fn passes(&self) -> bool {
        matches!(self, Self::Away { .. } | Self::Left)
    }
}

/// The commands of Slurm as they are found on the path, for the cluster that the environment names.
#[derive(Debug, Clone, Copy, Default)]
pub struct Slurm;

impl Slurm {
    /// Hands over a job; gives its id. `hold` is a locked file: it stays locked as long as `sbatch` lives, even where we do
    /// not.
    ///
    /// # Errors
    /// If it is refused, or nobody answers. Then the job may still have been taken.
    pub fn submit(self, folder: &Path, script: &Path, options: &[String], hold: &File) -> Result<String, SlurmError> {
        let mut chdir = std::ffi::OsString::from("--chdir=");
        chdir.push(folder);
        let mut command = Command::new("sbatch");
        command.arg("--parsable").arg(chdir).args(options).arg(script).current_dir(folder);
        // Those of a job that the leader runs in, and what would turn one job into another.
        for name in ["SBATCH_ARRAY_INX", "SBATCH_WAIT", "SBATCH_WAIT4SWITCH", "SBATCH_TEST_ONLY"] {
            command.env_remove(name);
        }
        let said = call("sbatch", &mut command, "the job", (TIME, Leash { stop: None, hold: Some(hold) }))?;
        let refused = || SlurmError::Refused { what: "the job".into(), said: format!("no id in `{}`", said.trim()) };
        rows::submitted(&said).ok_or_else(refused)
    }

    /// The tasks of jobs with these names, those that ended a short time ago included. `stop` ends the question.
    ///
    /// # Errors
    /// If nobody answers.
    pub fn queue(self, names: &[String], stop: &dyn Fn() -> bool) -> Result<Vec<Row>, SlurmError> {
        let user = rustix::process::getuid().as_raw();
        let mut command = Command::new("squeue");
        command.args(["--noheader", "--array", "--states=all"]).arg(format!("--format={QUEUE_FORMAT}"));
        command.arg(format!("--user={user}")).arg(format!("--name={}", names.join(",")));
        without(&mut command, "SQUEUE_");
        Ok(rows::queue(&call(
            "squeue",
            &mut command,
            "to list jobs",
            (QUESTION, Leash { stop: Some(stop), hold: None }),
        )?))
    }

    /// What the accounting knows of these jobs, where there is one.
    ///
    /// # Errors
    /// If there is none.
    pub fn accounts(self, ids: &[String]) -> Result<Vec<Row>, SlurmError> {
        let mut command = Command::new("sacct");
        command.args(["--noheader", "--parsable2", "--allocations"]);
        command.arg(format!("--format={ACCOUNT_FIELDS}")).arg(format!("--jobs={}", ids.join(",")));
        without(&mut command, "SACCT_");
        Ok(rows::accounts(&call("sacct", &mut command, "to list ended jobs", (QUESTION, Leash::default()))?))
    }

    /// Ends jobs by their ids.
    ///
    /// # Errors
    /// If nobody answers.
    pub fn cancel(self, ids: &[String]) -> Result<(), SlurmError> {
        let mut command = Command::new("scancel");
        command.args(ids);
        without(&mut command, "SCANCEL_");
        call("scancel", &mut command, "to cancel jobs", (QUESTION, Leash::default())).map(drop)
    }

    /// Ends a job by its name, where its id is not known.
    ///
    /// # Errors
    /// If nobody answers.
    pub fn cancel_named(self, name: &str) -> Result<(), SlurmError> {
        self.cancel(&[format!("--user={}", rustix::process::getuid().as_raw()), format!("--name={name}")])
    }
}

/// What users set for themselves would change what is listed.
fn without(command: &mut Command, prefix: &str) {
    let names = std::env::vars_os().map(|(name, _)| name).filter(|name| name.to_string_lossy().starts_with(prefix));
    for name in names.collect::<Vec<_>>() {
        command.env_remove(name);
    }
}

fn call(
    program: &'static str,
    command: &mut Command,
    what: &str,
    (time, leash): (Duration, Leash<'_>),
) -> Result<String, SlurmError> {
    let answer = ask_leashed(command, b"", ANSWER_BYTES, time, leash).map_err(|error| match error {
        AskError::Start { source, .. } => SlurmError::Program { program, source },
        other => SlurmError::Away { said: other.to_string() },
    })?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    if answer.success {
        return Ok(text(&answer.output));
    }
    let complaint = text(&answer.complaint);
    let lines: Vec<&str> = complaint.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let start = format!("{program}: error: ");
    let said = lines.iter().map(|line| line.trim_start_matches(start.as_str())).collect::<Vec<_>>().join("; ");
    if PASSING.iter().any(|word| said.contains(word)) {
        return Err(SlurmError::Away { said });
    }
    let said = if said.is_empty() { format!("{program} failed and said nothing") } else { said };
    Err(SlurmError::Refused { what: what.to_owned(), said })
}
