//! The rungs that a generated file climbs after it is rendered: parses, holds nothing forbidden, lints, compiles, collects,
//! runs. Each is a test case; the first that fails ends it for the file.

use std::io::{self, Seek, Write};
use std::process::Stdio;
use std::sync::{Mutex, PoisonError};

use crate::execute::log::Log;
use crate::execute::process::{Ended, Job, ProcessError, Sink, Streams, supervise_fed};
use crate::execute::{Place, Workshop};
use crate::pipeline::{Command, Ladder, ParseRung};
use crate::plan::{Batch, Cell, Expander, Invocation, Item};
use crate::results::{Case, Failure, Outcome};
use crate::syntax::{self, Language, Rules};

/// What is kept of a command's output until its file is verified, and what of it is quoted, in bytes.
const KEPT: usize = 64 << 10;
const QUOTED: usize = 8 << 10;

/// Verifies the files of one step, in one place.
#[derive(Debug)]
pub(super) struct Climb<'a> {
    item: &'a Item,
    ladder: &'a Ladder,
    /// Only one command was asked for, in the short form.
    plain: bool,
    rules: Rules,
    place: Place,
    workshop: &'a Workshop,
    log: Mutex<Log<'a>>,
}

impl<'a> Climb<'a> {
    /// A ladder with its rules compiled.
    ///
    /// # Errors
    /// If a rule of one's own cannot be understood.
    pub(super) fn new(
        item: &'a Item,
        batch: &'a Batch,
        place: Place,
        workshop: &'a Workshop,
        log: Log<'a>,
    ) -> Result<Self, String> {
        let ladder = &batch.ladder;
        Ok(Self {
            item,
            ladder,
            plain: batch.plain,
            rules: Rules::of(ladder).map_err(|error| error.to_string())?,
            place,
            workshop,
            log: Mutex::new(log),
        })
    }

    /// Whether there is a rung at all.
    pub(super) fn is_empty(&self) -> bool {
        self.ladder.parse.is_none() && self.rules.is_empty() && self.commands().next().is_none()
    }

    /// Whether a command is started for each file.
    pub(super) fn has_commands(&self) -> bool {
        self.commands().next().is_some()
    }

    /// The step's log.
    pub(super) fn into_log(self) -> Log<'a> {
        self.log.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn commands(&self) -> impl Iterator<Item = (&'static str, &'a Command)> + use<'a> {
        let ladder = self.ladder;
        let run = if self.plain { "verify" } else { "runs" };
        let rungs =
            [("lints", &ladder.lint), ("compiles", &ladder.compile), ("collects", &ladder.collect), (run, &ladder.run)];
        rungs.into_iter().filter_map(|(name, command)| Some((name, command.as_ref()?)))
    }

    /// Climbs as far as it goes; each rung that was tried is a case.
    pub(super) fn climb(&self, expander: &Expander<'_>, cell: &Cell, text: &[u8]) -> Vec<Case> {
        let mut cases = self.static_rungs(&cell.path, text);
        for (name, command) in self.commands() {
            if cases.iter().any(|case| stops(case.outcome)) || self.workshop.cancel.is_asked() {
                break;
            }
            cases.push(self.command(name, command, (expander, cell), None));
        }
        cases
    }

    /// The rungs that need no command.
    fn static_rungs(&self, path: &str, text: &[u8]) -> Vec<Case> {
        let mut cases = Vec::new();
        let wanted = match &self.ladder.parse {
            Some(ParseRung::ByEnding(true)) => Some(Language::of_path(path)),
            Some(ParseRung::Language(name)) => Some(Language::by_name(name)),
            Some(ParseRung::ByEnding(false)) | None => None,
        };
        let language = wanted.flatten().or_else(|| Language::of_path(path));
        if wanted.is_none() && self.rules.is_empty() {
            return cases;
        }
        let Some(language) = language else {
            let rung = if wanted.is_some() { "parses" } else { "forbidden patterns" };
            let message = "there is no parser for files of this kind".to_owned();
            cases.push(self.failed(rung, path, Outcome::Skipped, message, None));
            return cases;
        };
        let text = String::from_utf8_lossy(text);
        let parsed = match syntax::parse(language, &text) {
            Ok(parsed) => parsed,
            Err(error) => {
                let case = self.failed("parses", path, Outcome::Failed, format!("{path}:{error}"), None);
                cases.push(Case { line: Some(error.line), ..case });
                return cases;
            }
        };
        if wanted.is_some() {
            cases.push(self.case("parses", path, Outcome::Passed));
        }
        if !self.rules.is_empty() {
            let found = self.rules.find(language, &parsed, &text);
            let mut case = self.case("forbidden patterns", path, Outcome::Passed);
            for finding in found {
                case.outcome = Outcome::Failed;
                case.line = case.line.or(Some(finding.line));
                let message = format!("{path}:{}:{}: {}", finding.line, finding.column, finding.message);
                case.failures.push(Failure { message: Some(message), kind: Some(finding.rule), text: None });
            }
            cases.push(case);
        }
        cases
    }

    /// A rung that is a command, with something on its standard input.
    pub(super) fn command(
        &self,
        name: &str,
        command: &Command,
        (expander, cell): (&Expander<'_>, &Cell),
        input: Option<&[u8]>,
    ) -> Case {
        let path = &cell.path;
        let invocation = match expander.command(command, cell) {
            Ok(invocation) => invocation,
            Err(error) => return self.failed(name, path, Outcome::Errored, error.to_string(), None),
        };
        let mut output = Kept::default();
        let ended = self.start(&invocation, (expander, cell), input, &mut output);
        let display = invocation.display();
        let text = String::from_utf8_lossy(&output.0).into_owned();
        {
            let mut log = self.log.lock().unwrap_or_else(PoisonError::into_inner);
            log.say(&format!("{name} {path}: {display}"));
            log.write(&output.0);
        }
        match ended {
            Ok(ended) if ended.success() => Case {
                duration_ns: u64::try_from(ended.duration.as_nanos()).ok(),
                ..self.case(name, path, Outcome::Passed)
            },
            Ok(ended) => {
                let outcome = match (ended.timed_out, ended.cancelled) {
                    (true, _) => Outcome::TimedOut,
                    (_, true) => Outcome::Cancelled,
                    _ => Outcome::Failed,
                };
                let message = format!("`{display}` ended with {}", ended.status);
                let case = self.failed(name, path, outcome, message, Some(tail(&text)));
                Case { duration_ns: u64::try_from(ended.duration.as_nanos()).ok(), ..case }
            }
            Err(error) => self.failed(name, path, Outcome::Errored, error.to_string(), None),
        }
    }

    fn start(
        &self,
        invocation: &Invocation,
        (expander, cell): (&Expander<'_>, &Cell),
        input: Option<&[u8]>,
        output: &mut Kept,
    ) -> Result<Ended, ProcessError> {
        let mut own = vec![("BACKSIGHT_OUTPUT", cell.path.clone())];
        if let Some(model) = expander.model(cell) {
            own.push(("BACKSIGHT_MODEL_ID", model.id.clone()));
        }
        let env = self.place.step_env(self.item, 1, &own);
        let (argv, cwd) = (invocation.argv(), self.place.folder(self.item));
        let secrets = &self.item.secrets;
        let job = Job { argv: &argv, cwd: &cwd, env: &env, secrets, timeout: self.item.timeout };
        let wrong = |error| ProcessError::Start(argv.first().cloned().unwrap_or_default(), error);
        let input = input.map_or_else(|| Ok(Stdio::null()), |input| fed(input).map_err(wrong))?;
        supervise_fed(&job, input, &self.workshop.environment, Streams::Merged(output), &self.workshop.cancel)
    }

    /// Where its commands run, and with what.
    pub(super) const fn place(&self) -> &Place {
        &self.place
    }

    /// Writes to the step's log.
    pub(super) fn note(&self, piece: &[u8]) {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).write(piece);
    }

    pub(super) fn case(&self, rung: &str, path: &str, outcome: Outcome) -> Case {
        let file = Some(path.to_owned());
        Case { step: self.item.id.clone(), class: file.clone(), file, ..Case::new(rung, outcome) }
    }

    pub(super) fn failed(
        &self,
        rung: &str,
        path: &str,
        outcome: Outcome,
        message: String,
        text: Option<String>,
    ) -> Case {
        let failures = vec![Failure { message: Some(message), kind: None, text }];
        Case { failures, ..self.case(rung, path, outcome) }
    }
}

/// Whether a rung with this outcome is the last that a file climbs.
pub(super) fn stops(outcome: Outcome) -> bool {
    outcome.is_failure() || outcome == Outcome::Cancelled
}

/// The end of an output.
#[derive(Debug, Default)]
struct Kept(Vec<u8>);

impl Sink for Kept {
    fn take(&mut self, piece: &[u8]) {
        self.0.extend_from_slice(piece);
        let surplus = self.0.len().saturating_sub(KEPT);
        if surplus > KEPT {
            self.0.drain(..surplus);
        }
    }
}

/// A file without a name that holds this, to be read from its beginning.
fn fed(bytes: &[u8]) -> io::Result<Stdio> {
    let mut file = tempfile::tempfile()?;
    file.write_all(bytes)?;
    file.rewind()?;
    Ok(file.into())
}

fn tail(text: &str) -> String {
    let mut start = text.len().saturating_sub(QUOTED);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    text.get(start..).unwrap_or_default().trim_end().to_owned()
}
