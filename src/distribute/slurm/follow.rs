//! Follows the jobs of a run to their ends.
//!
//! The signs that jobs leave in the run's folder are looked at often, the controller is asked seldom: after a second at
//! first, then less and less often, down to every 15 s. A task is over when it left its exit code; where it could not, when
//! Slurm says so, or does not know it any more.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::call::{Slurm, SlurmError};
use super::journal::{Folder, Job, Journal};
use super::rows::{Row, Stage, after, stage};
use super::{job_name, submit};
use crate::execute::Cancel;

/// How often signs are looked at.
const LOOK: Duration = Duration::from_millis(200);
/// How often the controller is asked.
const SHORTEST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(15);
/// How long a file of a node may take to be seen here.
const SHARED: Duration = Duration::from_secs(10);
/// How long a controller may be away that answered before. The jobs go on meanwhile.
const AWAY: Duration = Duration::from_secs(600);
/// How long jobs that were cancelled may take: `KillWait` is 30 s where nobody changed it.
const ENDING: Duration = Duration::from_secs(60);
/// The terminal is gone, and nobody asked the jobs to end.
const HANG_UP: u32 = 1;
/// What a process returns that a signal ended.
const SIGNALLED: i32 = 128;

/// What happens while jobs are followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// A job was handed over.
    Submitted {
        /// What it is for people.
        name: String,
        /// Slurm's id.
        id: String,
        /// How many tasks it has.
        tasks: usize,
    },
    /// Tasks wait, for this reason.
    Waits {
        /// The job.
        name: String,
        /// How many of its tasks.
        tasks: usize,
        /// Slurm's reason, with what to do about it.
        reason: String,
    },
    /// A task began.
    Began {
        /// The shard.
        name: String,
        /// The node.
        node: String,
    },
    /// A task is over.
    Ended {
        /// The shard.
        name: String,
        /// What came of it.
        end: End,
        /// How many are over.
        done: usize,
        /// Of how many.
        all: usize,
    },
    /// The jobs are being cancelled.
    Cancelling(usize),
    /// Something that may pass.
    Trouble(String),
}

/// What came of a task.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct End {
    /// The shard.
    pub shard: u32,
    /// Slurm's word, where it was asked and knew it.
    pub state: String,
    /// What its script returned, where it came so far.
    pub exit: Option<i32>,
    /// The node, where it had one.
    pub node: String,
    /// Whether it began in a folder that is seen here.
    pub began: bool,
    /// Why we gave it up, if we did.
    pub given_up: Option<String>,
}

impl End {
    /// Whether the script came to its end, whatever it found.
    pub fn is_whole(&self) -> bool {
        self.given_up.is_none() && self.exit.is_some_and(|code| code < SIGNALLED && code != 97 && code != 98)
    }

    /// What kept it from ending, in words; nothing where nothing did.
    pub fn trouble(&self) -> Option<String> {
        if self.is_whole() {
            return None;
        }
        let on = if self.node.is_empty() { String::new() } else { format!(" on {}", self.node) };
        if let Some(reason) = &self.given_up {
            return Some(format!("it was given up in the queue: {reason}"));
        }
        Some(match (self.state.as_str(), self.exit) {
            ("" | "COMPLETED" | "FAILED", Some(code)) => format!("its job ended{on} with {code}"),
            ("" | "COMPLETED" | "FAILED", None) if self.began => {
                format!("its job ended{on} and left no sign of how; Slurm does not know more")
            }
            ("" | "COMPLETED" | "FAILED", None) => format!(
                "its job ended{on} without a sign in the run's folder: is the workspace on a file system that this node shares, \
                 and may the job's user write there?"
            ),
            (state, _) => format!("Slurm says {state}{on}: {}", after(state)),
        })
    }
}

/// A task as it is followed.
#[derive(Debug, Default)]
struct Task {
    shard: u32,
    name: String,
    job: u32,
    row: Option<Row>,
    /// The node it began on; another one where Slurm put it back into the queue.
    node: Option<String>,
    /// Since when Slurm does not know it any more, or says that it ended.
    over_since: Option<Instant>,
    given_up: Option<String>,
    end: Option<End>,
}

/// Follows the jobs of a run.
pub struct Follow<'a> {
    /// The commands.
    pub slurm: Slurm,
    /// The run's folder.
    pub folder: &'a Folder,
    /// What was handed over.
    pub journal: &'a Journal,
    /// How it is told to stop; then it cancels the jobs.
    pub cancel: &'a Cancel,
}

/// When the controller is asked, and whether it answers.
struct Asking {
    next: Instant,
    wait: Duration,
    answered: Instant,
    told: bool,
    accounts: bool,
    /// The wish to stop was heard, so that it ends no question any more.
    heard: bool,
}

impl Follow<'_> {
    /// Follows all jobs to their ends.
    ///
    /// # Errors
    /// If the controller does not answer for long. The jobs go on.
    pub fn follow(&self, tell: &mut dyn FnMut(Told)) -> Result<Vec<End>, SlurmError> {
        let mut tasks = self.tasks();
        let now = Instant::now();
        let mut asking = Asking { next: now, wait: SHORTEST, answered: now, told: false, accounts: true, heard: false };
        let mut waits: BTreeMap<u32, (usize, String)> = BTreeMap::new();
        let mut cancelled: Option<Instant> = None;
        loop {
            let mut changed = self.look(&mut tasks, tell);
            if self.cancel.signal() == Some(HANG_UP) {
                return Err(SlurmError::Left);
            }
            if tasks.iter().all(|task| task.end.is_some()) {
                break;
            }
            if self.cancel.is_asked() && cancelled.is_none() {
                cancelled = Some(Instant::now());
                self.cancel_all(&tasks, tell);
                asking.next = Instant::now() + SHORTEST;
                asking.wait = SHORTEST;
            }
            if cancelled.is_some_and(|since| since.elapsed() > ENDING || self.cancel.is_urgent()) {
                break;
            }
            if Instant::now() >= asking.next {
                asking.heard = cancelled.is_some();
                changed |= self.ask(&mut tasks, &mut asking, tell)?;
                self.waiting(&mut tasks, &mut waits, now, tell);
                asking.wait = if changed { SHORTEST } else { asking.wait.mul_f64(1.5).min(LONGEST) };
                asking.next = Instant::now() + asking.wait;
            }
            std::thread::sleep(LOOK);
        }
        let end =
            |task: Task| task.end.unwrap_or(End { shard: task.shard, began: task.node.is_some(), ..End::default() });
        Ok(tasks.into_iter().map(end).collect())
    }

    fn tasks(&self) -> Vec<Task> {
        let handed_over = |job: &&Job| self.journal.id(job.number).is_some();
        let of = |job: &Job| {
            let number = job.number;
            let task = move |(shard, name): &(u32, String)| Task {
                shard: *shard,
                name: name.clone(),
                job: number,
                ..Task::default()
            };
            job.shards.iter().map(task).collect::<Vec<_>>()
        };
        self.journal.batch.jobs.iter().filter(handed_over).flat_map(of).collect()
    }

    /// Looks at the signs in the folder. Whether anything changed.
    fn look(&self, tasks: &mut [Task], tell: &mut dyn FnMut(Told)) -> bool {
        let all = tasks.len();
        let mut done = tasks.iter().filter(|task| task.end.is_some()).count();
        let mut changed = false;
        for task in tasks.iter_mut().filter(|task| task.end.is_none()) {
            let node = self.folder.began(task.shard).map(|(_, node)| node);
            if let Some(node) = node.filter(|node| task.node.as_ref() != Some(node)) {
                changed = true;
                tell(Told::Began { name: task.name.clone(), node: node.clone() });
                task.node = Some(node);
            }
            if let Some(end) = self.end(task) {
                done += 1;
                changed = true;
                tell(Told::Ended { name: task.name.clone(), end: end.clone(), done, all });
                task.end = Some(end);
            }
        }
        changed
    }

    /// What came of a task, once that is certain.
    fn end(&self, task: &mut Task) -> Option<End> {
        let began = task.node.is_some();
        let exit = if began { self.folder.exit(task.shard) } else { None };
        let ended = task.row.as_ref().filter(|row| stage(&row.state) == Stage::Ended);
        let known = ended.is_some();
        let state = ended.map(|row| row.state.clone()).unwrap_or_default();
        let node = task.row.as_ref().map(|row| row.node.clone()).filter(|node| !node.is_empty());
        let node = node.or_else(|| task.node.clone()).unwrap_or_default();
        let end = End { shard: task.shard, state, exit, node, began, given_up: task.given_up.clone() };
        // One that a signal ended has a reason that only Slurm knows.
        let is_over = end.is_whole()
            || (exit.is_some() && known)
            || task.over_since.is_some_and(|since| since.elapsed() > SHARED)
            || (known && !began && task.row.as_ref().is_some_and(|row| row.node.is_empty()));
        is_over.then_some(end)
    }

    /// Asks the controller. Whether anything changed.
    fn ask(&self, tasks: &mut [Task], asking: &mut Asking, tell: &mut dyn FnMut(Told)) -> Result<bool, SlurmError> {
        let run = self.journal.batch.run;
        let names: Vec<String> = self.journal.ids.iter().map(|(job, _)| job_name(run, *job)).collect();
        let heard = asking.heard;
        let rows = match self.slurm.queue(&names, &|| !heard && self.cancel.is_asked()) {
            Ok(rows) => rows,
            Err(_) if !heard && self.cancel.is_asked() => return Ok(true),
            Err(error @ SlurmError::Program { .. }) => return Err(error),
            Err(error) if asking.answered.elapsed() > AWAY => return Err(error),
            Err(error) => {
                if !std::mem::replace(&mut asking.told, true) {
                    tell(Told::Trouble(format!("{error}; the jobs go on, and it is asked again")));
                }
                return Ok(false);
            }
        };
        asking.answered = Instant::now();
        asking.told = false;
        let mut changed = false;
        for task in tasks.iter_mut().filter(|task| task.end.is_none()) {
            changed |= self.take(task, find(&rows, self.journal, task));
        }
        if asking.accounts && tasks.iter().any(|task| task.end.is_none() && task.over_since.is_some()) {
            asking.accounts = self.ask_accounts(tasks);
        }
        Ok(changed)
    }

    fn take(&self, task: &mut Task, row: Option<&Row>) -> bool {
        let over = row.is_none_or(|row| stage(&row.state) == Stage::Ended);
        if !over {
            task.over_since = None;
        } else if task.over_since.is_none() {
            task.over_since = Some(Instant::now());
        }
        let Some(row) = row else { return false };
        let changed = task.row.as_ref().is_none_or(|known| known.state != row.state);
        task.row = Some(row.clone());
        changed
    }

    /// Asks the accounting about what the controller has forgotten. Whether there is one.
    fn ask_accounts(&self, tasks: &mut [Task]) -> bool {
        let ids: Vec<String> = self.journal.ids.iter().map(|(_, id)| id.clone()).collect();
        let Ok(rows) = self.slurm.accounts(&ids) else { return false };
        for task in tasks.iter_mut().filter(|task| task.end.is_none() && task.over_since.is_some()) {
            if let Some(row) = find(&rows, self.journal, task) {
                task.row = Some(row.clone());
            }
        }
        true
    }

    /// Tells why jobs wait, once for each reason, and gives up those that have waited too long.
    fn waiting(
        &self,
        tasks: &mut [Task],
        told: &mut BTreeMap<u32, (usize, String)>,
        since: Instant,
        tell: &mut dyn FnMut(Told),
    ) {
        let patience = self.journal.batch.patience.map(Duration::from_secs);
        for job in &self.journal.batch.jobs {
            let mut waiting: Vec<&mut Task> = tasks.iter_mut().filter(|task| waits(task, job.number)).collect();
            let (tasks, reason) = (waiting.len(), waiting.first().and_then(|task| task.row.as_ref()));
            let reason = reason.map(|row| row.reason.clone()).filter(|reason| reason != "None");
            let Some(reason) = reason else { continue };
            if patience.is_some_and(|patience| since.elapsed() > patience) {
                let text = format!("after {} s for {}", since.elapsed().as_secs(), submit::waiting(&reason));
                waiting.iter_mut().for_each(|task| task.given_up = Some(text.clone()));
                let ids: Vec<String> = waiting.iter().filter_map(|task| self.id(task)).collect();
                if let Err(error) = self.slurm.cancel(&ids) {
                    tell(Told::Trouble(error.to_string()));
                }
            }
            if told.get(&job.number).is_none_or(|(_, known)| *known != reason) {
                tell(Told::Waits { name: job.name.clone(), tasks, reason: submit::waiting(&reason) });
                told.insert(job.number, (tasks, reason));
            }
        }
    }

    /// The id of a task as `scancel` takes it.
    fn id(&self, task: &Task) -> Option<String> {
        let id = self.journal.id(task.job)?;
        let of_array = task.row.as_ref().and_then(|row| row.task);
        Some(of_array.map_or_else(|| id.to_owned(), |number| format!("{id}_{number}")))
    }

    fn cancel_all(&self, tasks: &[Task], tell: &mut dyn FnMut(Told)) {
        let open = |job: u32| tasks.iter().any(|task| task.job == job && task.end.is_none());
        let ids: Vec<String> =
            self.journal.ids.iter().filter(|(job, _)| open(*job)).map(|(_, id)| id.clone()).collect();
        tell(Told::Cancelling(ids.len()));
        // Not stopped by the wish to stop: this is what it asks for.
        let cancel = |call: &dyn Fn() -> Result<(), SlurmError>| submit::patiently(&Cancel::new(), call);
        if !ids.is_empty()
            && let Err(error) = cancel(&|| self.slurm.cancel(&ids))
        {
            tell(Told::Trouble(format!("{error}; cancel them by `scancel {}`", ids.join(" "))));
        }
        for name in self.journal.open.iter().map(|job| job_name(self.journal.batch.run, *job)) {
            if let Err(error) = cancel(&|| self.slurm.cancel_named(&name)) {
                tell(Told::Trouble(format!("{error}; cancel it by `scancel --name={name}`")));
            }
        }
    }
}

fn waits(task: &Task, job: u32) -> bool {
    task.job == job
        && task.end.is_none()
        && task.given_up.is_none()
        && task.row.as_ref().is_some_and(|row| stage(&row.state) == Stage::Waits)
}

/// The row of a task: of several of one name, that of the id that was written down.
fn find<'a>(rows: &'a [Row], journal: &Journal, task: &Task) -> Option<&'a Row> {
    let id = journal.id(task.job)?;
    rows.iter().find(|row| row.id == id && row.task.is_none_or(|number| number == task.shard))
}

#[cfg(test)]
mod tests {
    use super::End;

    #[test]
    fn what_kept_a_task_from_ending_is_told_with_what_to_do() {
        let end = |state: &str, exit: Option<i32>, began: bool| {
            End { state: state.into(), exit, node: "n1".into(), began, ..End::default() }.trouble().unwrap_or_default()
        };
        assert_eq!(end("", Some(1), true), "");
        assert_eq!(end("", Some(0), true), "");
        assert!(
            end("OUT_OF_MEMORY", Some(137), true).contains("OUT_OF_MEMORY on n1: ask for more by `resources: { memory")
        );
        assert!(end("TIMEOUT", Some(143), true).contains("time"));
        assert!(end("FAILED", None, false).contains("file system that this node shares"));
        assert!(end("FAILED", Some(98), true).contains("with 98"));
    }
}
