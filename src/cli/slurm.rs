//! `backsight run --executor slurm`: what is seen while jobs of a cluster carry out the steps.

use super::output::{Console, Format};
use super::run::{tell, tell_planning_error};
use crate::distribute::slurm::{End, Told};
use crate::ops::shards::MakeError;
use crate::ops::slurm::{Event, LeadError, Request, attach, run};
use crate::report::escape;
use crate::results::ExitCode;

/// Leads a run, or goes on with one.
pub(super) fn lead(request: &Request, which: Option<&str>, format: Format, console: Console) -> ExitCode {
    let mut hear = |event| console.say(&line(&event));
    let led = match which {
        Some(which) => attach(request, which, &mut hear),
        None => run(request, &mut hear),
    };
    match led {
        Ok(answer) => tell(&answer, format, console),
        Err(LeadError::Make(MakeError::Planning(error))) => tell_planning_error(&error, console),
        Err(error) => {
            console.error(&escape::line(&error.to_string()));
            error.exit_code()
        }
    }
}

/// What is told of an event, on one line.
fn line(event: &Event) -> String {
    let n = |n: usize, word: &str| if n == 1 { format!("1 {word}") } else { format!("{n} {word}s") };
    let text = match event {
        Event::Begun { run, steps, jobs } => {
            format!("run {run}: {} in {} on Slurm", n(*steps, "step"), n(*jobs, "job"))
        }
        Event::Note(text) => format!("note: {text}"),
        Event::Jobs(Told::Submitted { name, id, tasks: 1 }) => format!(" job {id}: {name}"),
        Event::Jobs(Told::Submitted { name, id, tasks }) => format!(" job {id}: {name}, an array of {tasks}"),
        Event::Jobs(Told::Waits { name, tasks, reason }) => {
            format!(" {name}: {} in the queue: {reason}", n(*tasks, "task"))
        }
        Event::Jobs(Told::Began { name, node }) => format!(" {name}: on {node}"),
        Event::Jobs(Told::Ended { name, end, done, all }) => format!(" [{done}/{all}] {name}: {}", ended(end)),
        Event::Jobs(Told::Cancelling(jobs)) => format!(" cancelling {}", n(*jobs, "job")),
        Event::Jobs(Told::Trouble(text)) => format!("note: {text}"),
    };
    escape::line(&text).into_owned()
}

fn ended(end: &End) -> String {
    match (end.trouble(), end.exit) {
        (Some(trouble), _) => trouble,
        (None, Some(0)) => "passed".to_owned(),
        (None, code) => format!("exit code {}", code.unwrap_or_default()),
    }
}
