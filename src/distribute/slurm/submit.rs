//! Hands over the jobs of a run, each once.
//!
//! Before a job is handed over that is written down, and its id right after. Where something came between, the job is looked
//! for by its name, which holds the run's id, before it is handed over again.

use std::fs::TryLockError;
use std::time::{Duration, Instant};

use super::call::{Slurm, SlurmError};
use super::follow::Told;
use super::journal::{Folder, Job, Journal, file_error};
use super::{job_name, rows};
use crate::execute::Cancel;

/// The waits between tries where the controller does not answer.
const WAITS: [Duration; 3] = [Duration::from_secs(2), Duration::from_secs(5), Duration::from_secs(15)];
/// A `sbatch` of a process that is dead may take as long as one of ours.
const HELD: Duration = Duration::from_secs(120);

/// Hands over what was not handed over yet. Gives the job that was refused with the reason, if any; those before it are in
/// the journal.
///
/// # Errors
/// If the journal cannot be written.
pub fn submit(
    slurm: Slurm,
    folder: &Folder,
    journal: &mut Journal,
    cancel: &Cancel,
    tell: &mut dyn FnMut(Told),
) -> Result<Option<(Job, SlurmError)>, SlurmError> {
    adopt(slurm, folder, journal, cancel)?;
    let waiting: Vec<Job> = journal.batch.jobs.iter().filter(|job| journal.id(job.number).is_none()).cloned().collect();
    for job in waiting {
        if cancel.is_asked() {
            return Ok(None);
        }
        match one(slurm, folder, journal, &job, cancel) {
            Ok(id) => {
                journal.submitted(job.number, &id)?;
                tell(Told::Submitted { name: job.name.clone(), id, tasks: job.shards.len() });
            }
            Err(error) => {
                // Where nobody answered, it may have been taken all the same.
                if !error.passes() {
                    journal.refused(job.number)?;
                }
                return Ok(Some((job, error)));
            }
        }
    }
    Ok(None)
}

/// Finds jobs that a process handed over which was killed before it could write that down.
fn adopt(slurm: Slurm, folder: &Folder, journal: &mut Journal, cancel: &Cancel) -> Result<(), SlurmError> {
    if journal.open.is_empty() {
        return Ok(());
    }
    let (hold, began) = (folder.hold()?, Instant::now());
    loop {
        match hold.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) if began.elapsed() < HELD && !cancel.is_asked() => {
                std::thread::sleep(Duration::from_millis(100));
            }
            Err(TryLockError::WouldBlock) => break,
            Err(TryLockError::Error(source)) => return Err(file_error(folder.path(), source)),
        }
    }
    for number in journal.open.clone() {
        let Some(job) = journal.batch.jobs.iter().find(|job| job.number == number).cloned() else { continue };
        if let Some(id) = patiently(cancel, || found(slurm, folder, journal, &job))? {
            journal.submitted(number, &id)?;
        }
    }
    Ok(())
}

/// The id of a job that may have been handed over, by its name or by the signs it left.
fn found(slurm: Slurm, folder: &Folder, journal: &Journal, job: &Job) -> Result<Option<String>, SlurmError> {
    if let Some((id, _)) = job.shards.iter().find_map(|(shard, _)| folder.began(*shard)) {
        return Ok(Some(id));
    }
    let name = job_name(journal.batch.run, job.number);
    let rows = slurm.queue(std::slice::from_ref(&name), &|| false)?;
    Ok(rows.into_iter().find(|row| row.name == name).map(|row| row.id))
}

fn one(slurm: Slurm, folder: &Folder, journal: &mut Journal, job: &Job, cancel: &Cancel) -> Result<String, SlurmError> {
    let hold = folder.hold()?;
    // Held already where another of ours does; then that one tells.
    let _ = hold.try_lock();
    let mut options = job.options.clone();
    let first = journal.batch.jobs.first().and_then(|first| journal.id(first.number));
    if let Some(first) = first.filter(|_| job.after_first) {
        options.push(format!("--dependency=afterany:{first}"));
    }
    let tried = journal.open.contains(&job.number);
    if !tried {
        journal.submitting(job.number)?;
    }
    let mut again = false;
    patiently(cancel, || {
        // Nobody answered, and the job may be there all the same.
        if std::mem::replace(&mut again, true)
            && let Some(id) = found(slurm, folder, journal, job)?
        {
            return Ok(id);
        }
        slurm.submit(&folder.jobs(), &folder.script(job.number), &options, &hold)
    })
}

/// Tries again where the controller does not answer, a few times.
pub(super) fn patiently<T>(cancel: &Cancel, mut call: impl FnMut() -> Result<T, SlurmError>) -> Result<T, SlurmError> {
    for wait in WAITS {
        match call() {
            Err(error) if error.passes() => {
                let until = Instant::now() + wait;
                while Instant::now() < until && !cancel.is_asked() {
                    std::thread::sleep(Duration::from_millis(100));
                }
                if cancel.is_asked() {
                    return Err(error);
                }
            }
            other => return other,
        }
    }
    call()
}

/// What a person is told of a job that waits.
pub(super) fn waiting(reason: &str) -> String {
    match rows::help(reason) {
        Some(help) => format!("{reason}; {help}"),
        None => reason.to_owned(),
    }
}
