//! What the leader writes down in its run's folder, so that another process can go on where it was killed.
//!
//! `slurm.jsonl` holds one line for each thing that was done, on the disk before the next is begun. The scripts, the logs
//! and the signs of the jobs lie in `jobs`, what they found in `legs`.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::call::SlurmError;

const JOURNAL: &str = "slurm.jsonl";
/// How much is read of a journal, and of a sign of a job.
const JOURNAL_LIMIT: u64 = 16 << 20;
const SIGN_LIMIT: u64 = 4096;
/// How much of the end of a log is read.
const LOG_END: u64 = 2048;

/// What is handed over, as a whole.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Batch {
    /// The leader's run.
    pub run: Uuid,
    /// The pipeline file, absolute.
    pub pipeline: PathBuf,
    /// The jobs.
    pub jobs: Vec<Job>,
    /// After so many seconds in the queue a job is given up.
    pub patience: Option<u64>,
}

/// A job, or an array of jobs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Its number in the run, from 1: the script is `jobs/NUMBER.sh`.
    pub number: u32,
    /// What it is for people.
    pub name: String,
    /// Its shards with their names.
    pub shards: Vec<(u32, String)>,
    /// The options of `sbatch`.
    pub options: Vec<String>,
    /// Whether it begins when the first job has ended.
    pub after_first: bool,
    /// Where the pipeline file says what it needs: file and line.
    pub place: String,
}

/// A line of the journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Line {
    /// What is to be handed over.
    Begun { batch: Batch },
    /// A job is about to be handed over.
    Submitting { job: u32 },
    /// Slurm took it.
    Submitted { job: u32, id: String },
    /// Slurm refused it, or nothing came of it.
    Refused { job: u32 },
}

/// The folder of a run that is carried out by Slurm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Folder(PathBuf);

impl Folder {
    /// That of a run.
    pub fn of(run: &Path) -> Self {
        Self(run.to_owned())
    }

    /// The folder itself.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The plan.
    pub fn plan(&self) -> PathBuf {
        self.0.join("plan.json")
    }

    /// The copy of the store that the legs compare with.
    pub fn store(&self) -> PathBuf {
        self.0.join("store.db")
    }

    /// Where scripts, logs and signs of the jobs are.
    pub fn jobs(&self) -> PathBuf {
        self.0.join("jobs")
    }

    /// Where the legs leave what they found.
    pub fn legs(&self) -> PathBuf {
        self.0.join("legs")
    }

    /// The script of a job.
    pub fn script(&self, number: u32) -> PathBuf {
        self.jobs().join(format!("{number}.sh"))
    }

    /// The log of a shard.
    pub fn log(&self, shard: u32) -> PathBuf {
        self.jobs().join(format!("{shard}.log"))
    }

    /// The last lines that a shard's job said.
    pub fn said(&self, shard: u32) -> Option<String> {
        let mut file = File::open(self.log(shard)).ok()?;
        let length = file.metadata().ok()?.len();
        std::io::Seek::seek(&mut file, std::io::SeekFrom::Start(length.saturating_sub(LOG_END))).ok()?;
        let mut bytes = Vec::new();
        file.take(LOG_END).read_to_end(&mut bytes).ok()?;
        let text = String::from_utf8_lossy(&bytes);
        let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let last = lines.get(lines.len().saturating_sub(3)..).unwrap_or_default();
        Some(last.join(" / ")).filter(|text| !text.is_empty())
    }

    /// The job id and the node that a shard's job began with, where it did.
    pub fn began(&self, shard: u32) -> Option<(String, String)> {
        let text = self.sign(shard, "began")?;
        let (id, node) = text.trim().split_once(' ')?;
        Some((id.to_owned(), node.to_owned()))
    }

    /// What a shard's job came to, where it ended by itself.
    pub fn exit(&self, shard: u32) -> Option<i32> {
        self.sign(shard, "exit")?.trim().parse().ok()
    }

    fn sign(&self, shard: u32, what: &str) -> Option<String> {
        let file = File::open(self.jobs().join(format!("{shard}.{what}"))).ok()?;
        let mut text = String::new();
        file.take(SIGN_LIMIT).read_to_string(&mut text).ok()?;
        Some(text)
    }

    /// A file that is locked as long as a `sbatch` of this run lives, whoever started it.
    pub(super) fn hold(&self) -> Result<File, SlurmError> {
        let path = self.0.join("submit.lock");
        let io = |source| file_error(&path, source);
        File::options().read(true).write(true).create(true).truncate(false).open(&path).map_err(io)
    }

    /// Whether a run is carried out by Slurm.
    pub fn is_one(run: &Path) -> bool {
        run.join(JOURNAL).is_file()
    }
}

/// The journal of a run, open for more lines.
#[derive(Debug)]
pub struct Journal {
    file: File,
    path: PathBuf,
    /// What is handed over.
    pub batch: Batch,
    /// The ids of jobs that Slurm took, by their numbers.
    pub ids: Vec<(u32, String)>,
    /// Jobs that somebody was about to hand over and of which nothing more was written down.
    pub open: Vec<u32>,
}

impl Journal {
    /// Begins one. Its first line is on the disk when this returns.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn begin(folder: &Folder, batch: Batch) -> Result<Self, SlurmError> {
        let path = folder.0.join(JOURNAL);
        let file = File::create_new(&path).map_err(|source| file_error(&path, source))?;
        let mut journal = Self { file, path, batch: batch.clone(), ids: Vec::new(), open: Vec::new() };
        journal.write(&Line::Begun { batch })?;
        // The name of the file, too.
        let _ = File::open(&folder.0).and_then(|folder| folder.sync_all());
        Ok(journal)
    }

    /// Opens the journal of an earlier process. A last line that was cut off is passed over.
    ///
    /// # Errors
    /// If it cannot be read, or does not say what was handed over.
    pub fn open(folder: &Folder) -> Result<Self, SlurmError> {
        let path = folder.0.join(JOURNAL);
        let io = |source| file_error(&path, source);
        let reader = BufReader::new(File::open(&path).map_err(io)?.take(JOURNAL_LIMIT));
        let (mut batch, mut ids, mut open) = (None, Vec::new(), Vec::<u32>::new());
        for line in reader.split(b'\n') {
            let Ok(line) = serde_json::from_slice::<Line>(&line.map_err(io)?) else { continue };
            match line {
                Line::Begun { batch: found } => batch = Some(found),
                Line::Submitting { job } => open.push(job),
                Line::Submitted { job, id } => {
                    open.retain(|number| *number != job);
                    ids.push((job, id));
                }
                Line::Refused { job } => open.retain(|number| *number != job),
            }
        }
        let text = || "it does not say which jobs the run has; nothing was handed over yet".to_owned();
        let batch = batch.ok_or_else(|| SlurmError::Journal { path: path.display().to_string(), text: text() })?;
        let mut file = File::options().append(true).open(&path).map_err(io)?;
        // A line that was cut off ends here, so that ours is one of its own.
        file.write_all(b"\n").map_err(io)?;
        Ok(Self { file, path, batch, ids, open })
    }

    /// A job is about to be handed over.
    ///
    /// # Errors
    /// If that cannot be written down.
    pub fn submitting(&mut self, job: u32) -> Result<(), SlurmError> {
        self.open.push(job);
        self.write(&Line::Submitting { job })
    }

    /// Slurm took a job.
    ///
    /// # Errors
    /// If that cannot be written down.
    pub fn submitted(&mut self, job: u32, id: &str) -> Result<(), SlurmError> {
        self.open.retain(|number| *number != job);
        self.ids.push((job, id.to_owned()));
        self.write(&Line::Submitted { job, id: id.to_owned() })
    }

    /// Slurm did not take a job.
    ///
    /// # Errors
    /// If that cannot be written down.
    pub fn refused(&mut self, job: u32) -> Result<(), SlurmError> {
        self.open.retain(|number| *number != job);
        self.write(&Line::Refused { job })
    }

    /// The id of a job.
    pub fn id(&self, job: u32) -> Option<&str> {
        self.ids.iter().find(|(number, _)| *number == job).map(|(_, id)| id.as_str())
    }

    fn write(&mut self, line: &Line) -> Result<(), SlurmError> {
        let mut text =
            serde_json::to_vec(line).map_err(|error| file_error(&self.path, std::io::Error::other(error)))?;
        text.push(b'\n');
        self.file.write_all(&text).and_then(|()| self.file.sync_all()).map_err(|source| file_error(&self.path, source))
    }
}

pub(super) fn file_error(path: &Path, source: std::io::Error) -> SlurmError {
    SlurmError::File { path: path.display().to_string(), source }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use uuid::Uuid;

    use super::{Batch, Folder, Journal};

    #[test]
    fn what_was_written_down_is_known_again_and_a_torn_line_is_none() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::of(dir.path());
        let batch =
            Batch { run: Uuid::nil(), pipeline: "/w/backsight.yml".into(), jobs: Vec::new(), patience: Some(3) };
        let mut journal = Journal::begin(&folder, batch.clone()).unwrap();
        journal.submitting(1).unwrap();
        journal.submitted(1, "17").unwrap();
        journal.submitting(2).unwrap();
        journal.refused(2).unwrap();
        journal.submitting(3).unwrap();
        journal.file.write_all(b"{\"event\":\"submitted\",\"job\":3,").unwrap();
        drop(journal);
        let mut again = Journal::open(&folder).unwrap();
        assert_eq!((again.id(1), again.id(3), again.open.as_slice()), (Some("17"), None, &[3][..]));
        assert_eq!(again.batch, batch);
        again.submitted(3, "18").unwrap();
        assert_eq!(Journal::open(&folder).unwrap().id(3), Some("18"));
        assert!(Folder::is_one(dir.path()));
    }

    #[test]
    fn signs_are_read_within_bounds() {
        let dir = tempfile::tempdir().unwrap();
        let folder = Folder::of(dir.path());
        std::fs::create_dir(folder.jobs()).unwrap();
        std::fs::write(folder.jobs().join("2.began"), "17 n1\n").unwrap();
        std::fs::write(folder.jobs().join("2.exit"), "3\n").unwrap();
        std::fs::write(folder.log(2), format!("{}\na\n\nb\nc\n", "x".repeat(9000))).unwrap();
        assert_eq!((folder.began(2), folder.exit(2)), (Some(("17".into(), "n1".into())), Some(3)));
        assert_eq!(folder.said(2).as_deref(), Some("a / b / c"));
        assert_eq!((folder.began(1), folder.exit(1), folder.said(1)), (None, None, None));
    }
}
