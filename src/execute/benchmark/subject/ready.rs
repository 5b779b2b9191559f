//! Makes a command ready: finds its program, opens its input, settles where and how it may run.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Write};
use std::marker::PhantomData;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use super::counters::Counters;
use super::{Callgrind, Subject, SubjectError, callgrind};
use crate::execute::benchmark::memory::MemoryGroup;
use crate::execute::benchmark::rig::Rig;
use crate::execute::launch::{Launcher, Processors, find, may_have_priority};
use crate::execute::{Place, Workshop};
use crate::pipeline::{MetricName, Pin, PinRule, Stdin};
use crate::plan::{Invocation, Item, Manner, Measure};

/// Processors from which on `pin: auto` leaves one to us.
const ENOUGH_TO_SHARE: usize = 3;

/// The nice value of measured commands where none is asked for and this one is permitted: what else runs on the host waits.
pub(in crate::execute) const FIRST: i32 = -20;

/// Whether measured commands may go before everything else here.
pub(in crate::execute) fn first_is_permitted() -> bool {
    may_have_priority(FIRST).is_ok()
}

/// What is to be executed, where, and how.
#[derive(Debug)]
pub struct Setup<'a> {
    /// The command.
    pub run: &'a Invocation,
    /// What surrounds it.
    pub manner: &'a Manner,
    /// The metrics that are asked for; counters are only opened for these.
    pub metrics: &'a [MetricName],
    /// The folder that paths are relative to.
    pub workspace: PathBuf,
    /// The folder it is executed in.
    pub folder: PathBuf,
    /// Its whole environment.
    pub env: BTreeMap<String, String>,
}

impl<'a> Setup<'a> {
    /// A step's measured command, or another one in its place.
    pub(in crate::execute) fn of(
        (item, measure): (&Item, &'a Measure),
        run: &'a Invocation,
        place: &Place,
        workshop: &Workshop,
    ) -> Self {
        let own = place.step_env(item, 1, &[]);
        let environment = &workshop.environment;
        let env = if measure.manner.clean_env {
            environment.clean(&own, &item.secrets)
        } else {
            environment.whole(&own, &item.secrets)
        };
        Self {
            run,
            manner: &measure.manner,
            metrics: &measure.metrics,
            workspace: place.workspace.clone(),
            folder: place.folder(item),
            env,
        }
    }
}

impl Subject {
    /// Makes a command ready to be executed by this thread, and measured with this rig.
    ///
    /// # Errors
    /// If a program or the input cannot be found, or a processor is not ours.
    pub fn open(setup: &Setup<'_>, rig: &Rig) -> Result<Self, SubjectError> {
        let Setup { run, manner, metrics, workspace, folder, env } = setup;
        let argv = words(run, env, folder);
        let stderr = tempfile::tempfile()?;
        let stdin = manner.stdin.as_ref().map(|stdin| input(stdin, workspace)).transpose()?;
        let launch = |argv: &[String]| {
            Launcher::reading(argv, env, folder, stdin.as_ref().map(AsFd::as_fd), Some(stderr.as_fd()))
        };
        let mut launcher = launch(&argv)?;
        let mut remarks = Vec::new();
        if let Some(set) = processors(&manner.pin)? {
            launcher.pin(set);
        }
        let asked = manner.priority;
        if asked.is_none() && first_is_permitted() {
            launcher.set_priority(FIRST);
        }
        if let Some(nice) = asked {
            match may_have_priority(nice) {
                Ok(()) => launcher.set_priority(nice),
                Err(error) => remarks.push(format!(
                    "priority {nice} is not permitted here, the command keeps ours: {error}; below 0 it takes root or \
                     CAP_SYS_NICE"
                )),
            }
        }
        if let Some(group) = rig.memory.as_ref().ok().and_then(MemoryGroup::folder) {
            launcher.start_in(group)?;
        }
        let around = |name: &'static str, command: &Option<Invocation>| {
            let ready = command
                .as_ref()
                .map(|command| Launcher::new(&words(command, env, folder), env, folder, Some(stderr.as_fd())));
            ready.transpose().map_err(|error| SubjectError::Around(name, error))
        };
        let counters = Counters::open(metrics, manner.source, env, folder);
        let callgrind = counters.valgrind.as_ref().map(|valgrind| -> Result<Callgrind, SubjectError> {
            let reports = tempfile::tempdir()?;
            let argv = [callgrind::words(valgrind, reports.path()), argv.clone()].concat();
            Ok(Callgrind { launcher: launch(&argv)?, reports })
        });
        Ok(Self {
            prepare: around("prepare", &manner.prepare)?,
            cleanup: around("cleanup", &manner.cleanup)?,
            callgrind: callgrind.transpose()?,
            shown: shell_words::join(&argv),
            launcher,
            stdin,
            stderr,
            counters,
            remarks,
            thread: PhantomData,
        })
    }
}

/// The words of a command: without a shell where it needs none.
fn words(run: &Invocation, env: &BTreeMap<String, String>, folder: &Path) -> Vec<String> {
    direct(run, env, folder).unwrap_or_else(|| run.argv())
}

/// The words of a command in string form that needs no shell: starting one would be measured with it.
fn direct(run: &Invocation, env: &BTreeMap<String, String>, cwd: &Path) -> Option<Vec<String>> {
    let Invocation::Shell { script, .. } = run else { return None };
    let plain = |c: char| c.is_ascii_alphanumeric() || " /._-+,:@%=^'\"".contains(c);
    if !script.chars().all(plain) {
        return None;
    }
    let words = shell_words::split(script).ok()?;
    let program = words.first().filter(|word| !word.contains('='))?;
    find(program, env.get("PATH").map_or("", String::as_str), cwd)?;
    Some(words)
}

/// What it reads, open for reading only: a command must not change what the next run gets.
fn input(stdin: &Stdin, workspace: &Path) -> Result<File, SubjectError> {
    match stdin {
        Stdin::File(path) => {
            let path = workspace.join(path);
            let failed = |source| SubjectError::Stdin { path: path.clone(), source };
            let file = File::open(&path).map_err(failed)?;
            // A pipe or a terminal would be empty at the second run.
            if !file.metadata().map_err(failed)?.is_file() {
                return Err(failed(io::Error::other("it is not a regular file")));
            }
            Ok(file)
        }
        Stdin::Text { text } => {
            let mut kept = tempfile::NamedTempFile::new()?;
            kept.write_all(text.as_bytes())?;
            Ok(File::open(kept.path())?)
        }
    }
}

/// The processors that it is held to; `None` for those that we may use ourselves.
fn processors(pin: &Pin) -> Result<Option<Processors>, SubjectError> {
    match pin {
        Pin::Rule(PinRule::None) => Ok(None),
        Pin::Rule(PinRule::Auto) => {
            let allowed = Processors::allowed()?;
            let others = allowed.get(1..).filter(|_| allowed.len() >= ENOUGH_TO_SHARE);
            Ok(others.map(Processors::of))
        }
        Pin::Processors(asked) => {
            let allowed = Processors::allowed()?;
            if let Some(asked) = asked.iter().copied().find(|asked| !allowed.contains(&usize::from(*asked))) {
                let allowed = allowed.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
                return Err(SubjectError::Pin { asked, allowed });
            }
            Ok(Some(Processors::of(&asked.iter().map(|number| usize::from(*number)).collect::<Vec<_>>())))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::path::Path;

    use super::{direct, processors};
    use crate::pipeline::{Pin, Shell};
    use crate::plan::Invocation;

    fn words(script: &str) -> Option<Vec<String>> {
        let env = BTreeMap::from([("PATH".to_owned(), "/usr/bin:/bin".to_owned())]);
        direct(&Invocation::Shell { shell: Shell::Sh, script: script.into() }, &env, Path::new("/"))
    }

    #[test]
    fn a_plain_command_needs_no_shell() {
        assert_eq!(words("sleep 0.1").unwrap(), ["sleep", "0.1"]);
        assert_eq!(words("env 'a b'").unwrap(), ["env", "a b"]);
    }

    #[test]
    fn whatever_a_shell_would_read_goes_to_the_shell() {
        for script in [
            "sleep $X",
            "a | b",
            "sleep 1 > x",
            "X=1 sleep 1",
            "cd /",
            "ls *",
            "sleep 1 &",
            "echo `x`",
            "~/x",
            "exit 3",
        ] {
            assert_eq!(words(script), None, "{script}");
        }
    }

    #[test]
    fn a_processor_that_is_not_ours_is_named_with_those_that_are() {
        let error = processors(&Pin::Processors(vec![1023])).unwrap_err().to_string();
        assert!(error.contains("processor 1023") && error.contains("it may use"), "{error}");
        assert!(processors(&Pin::default()).unwrap().is_none());
    }
}
