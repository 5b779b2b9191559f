//! Renders files from templates, within the workspace and within bounds, and verifies them.

use std::io::{self, Read, Write};
use std::path::{Component, Path, PathBuf};

use cap_std::ambient_authority;
use cap_std::fs::{Dir, OpenOptions};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, ErrorKind, UndefinedBehavior};
use sha2::{Digest, Sha256};

use super::ended::Ended;
use super::log::Log;
use super::process::{Job, Streams, supervise};
use super::{Emitter, Place, Workshop};
use crate::plan::{Invocation, Item, Output};
use crate::results::{Case, Event, Failure, Generation, GenerationState, Kind, Outcome, RemarkLevel, StepStatus};

/// Instructions one file may take: some seconds of work, far more than a large file needs.
const FUEL: u64 = 20_000_000;
/// The largest template and the largest result, in bytes.
const LARGEST: usize = 16 << 20;
/// The largest text that is compared line by line, and the largest diff that is kept, in bytes.
const LARGEST_DIFFED: usize = 1 << 20;
const LARGEST_DIFF: usize = 32 << 10;

/// Renders (or checks) all outputs of a step.
pub(super) fn run(item: &Item, template: &str, outputs: &[Output], workshop: &Workshop, emitter: &Emitter) -> Ended {
    let started =
        Event::StepStarted { step: item.id.clone(), kind: Kind::Generation, attempt: 1, at_ns: emitter.elapsed_ns() };
    emitter.emit(started);
    let renderer = match Renderer::open(&workshop.workspace, &workshop.workspace, template) {
        Ok(renderer) => renderer,
        Err(text) => return Ended::because(StepStatus::Errored, "template", text),
    };
    let mut log =
        match Log::create(&workshop.run_dir, Workshop::log_name(item, "log"), workshop.environment.masker(), None) {
            Ok(log) => log,
            Err(error) => {
                return Ended::because(StepStatus::Errored, "log", format!("the log cannot be written: {error}"));
            }
        };
    let mut failed = 0;
    for (done, output) in outputs.iter().enumerate() {
        if workshop.cancel.is_asked() {
            return Ended { log: Some(log.finish().0), ..Ended::cancelled() };
        }
        progress(item, done, outputs.len(), emitter);
        let generation = renderer.produce(item, output, workshop.check_only);
        let right = matches!(generation.state, GenerationState::Written | GenerationState::Unchanged);
        emitter.emit(Event::GenerationFinished { generation });
        let verified = !right || workshop.check_only || verify(item, output, workshop, emitter, &mut log);
        failed += usize::from(!right || !verified);
    }
    let (log, error) = log.finish();
    if let Some(error) = error {
        emitter.remark(RemarkLevel::Error, Some(&item.id), format!("the log is incomplete: {error}"));
    }
    let log = Some(log).filter(|log| log.bytes > 0);
    match failed {
        // Asked again: the last verification may have been stopped.
        n if n > 0 && workshop.cancel.is_asked() => Ended { log, attempts: 1, ..Ended::cancelled() },
        0 => Ended { log, attempts: 1, ..Ended::new(StepStatus::Passed) },
        n => Ended {
            log,
            attempts: 1,
            ..Ended::because(
                StepStatus::Failed,
                "generation_failed",
                format!("{n} of {} files are not right", outputs.len()),
            )
        },
    }
}

/// Renders all outputs of a step once more, into an arm of a paired measurement, and verifies them there. The templates
/// are those of the workspace. The error says which file is not right.
pub(super) fn into_arm(
    item: &Item,
    (template, outputs): (&str, &[Output]),
    place: &Place,
    workshop: &Workshop,
    log: &mut Log<'_>,
) -> Result<(), String> {
    let renderer = Renderer::open(&workshop.workspace, &place.workspace, template)?;
    for output in outputs {
        let generation = renderer.produce(item, output, false);
        let right = matches!(generation.state, GenerationState::Written | GenerationState::Unchanged);
        if !right {
            let why = generation.failure.and_then(|failure| failure.message).unwrap_or_default();
            return Err(format!("{}: {why}", output.path));
        }
        if workshop.cancel.is_asked() {
            return Err("the run was stopped".to_owned());
        }
        let Some(invocation) = &output.verify else { continue };
        let job = Verification::new(item, output, invocation, place);
        log.say(&format!("verify {}: {}", output.path, invocation.display()));
        let ended = supervise(&job.job(item), &workshop.environment, Streams::Merged(log), &workshop.cancel);
        let ended = ended.map_err(|error| format!("{}: {error}", output.path))?;
        if !ended.success() {
            return Err(format!("{}: `{}` ended with {}", output.path, invocation.display(), ended.status));
        }
    }
    Ok(())
}

/// The command that verifies one file, ready to be run.
struct Verification {
    argv: Vec<String>,
    cwd: PathBuf,
    env: Vec<(String, String)>,
}

impl Verification {
    fn new(item: &Item, output: &Output, invocation: &Invocation, place: &Place) -> Self {
        let mut own = vec![("BACKSIGHT_OUTPUT", output.path.clone())];
        if let Some(model) = &output.model {
            own.push(("BACKSIGHT_MODEL_ID", model.id.clone()));
        }
        Self { argv: invocation.argv(), cwd: place.folder(item), env: place.step_env(item, 1, &own) }
    }

    fn job<'a>(&'a self, item: &'a Item) -> Job<'a> {
        Job { argv: &self.argv, cwd: &self.cwd, env: &self.env, secrets: &item.secrets, timeout: item.timeout }
    }
}

fn progress(item: &Item, done: usize, total: usize, emitter: &Emitter) {
    emitter.emit(Event::Progress {
        step: item.id.clone(),
        doing: "rendering".into(),
        done: done as u64,
        total: Some(total as u64),
        figure: None,
    });
}

/// Runs the verification of one file as a test case; `true` if it passed or there is none.
fn verify(item: &Item, output: &Output, workshop: &Workshop, emitter: &Emitter, log: &mut Log<'_>) -> bool {
    let Some(invocation) = &output.verify else { return true };
    let job = Verification::new(item, output, invocation, &workshop.here());
    log.say(&format!("verify {}: {}", output.path, display(invocation)));
    let ended = supervise(&job.job(item), &workshop.environment, Streams::Merged(log), &workshop.cancel);
    let mut case =
        Case { step: item.id.clone(), class: Some(output.path.clone()), ..Case::new("verify", Outcome::Passed) };
    match ended {
        Ok(ended) => {
            case.duration_ns = u64::try_from(ended.duration.as_nanos()).ok();
            if !ended.success() {
                case.outcome = if ended.timed_out {
                    Outcome::TimedOut
                } else if ended.cancelled {
                    Outcome::Cancelled
                } else {
                    Outcome::Failed
                };
                let message = format!("`{}` ended with {}", display(invocation), ended.status);
                case.failures.push(Failure { message: Some(message), kind: None, text: Some(log.tail()) });
            }
        }
        Err(error) => {
            case.outcome = Outcome::Errored;
            case.failures.push(Failure { message: Some(error.to_string()), ..Failure::default() });
        }
    }
    let passed = case.outcome == Outcome::Passed;
    emitter.emit(Event::CaseFinished { case });
    passed
}

fn display(invocation: &Invocation) -> String {
    invocation.display()
}

/// A template, ready; every file it reads lies below the workspace, every file it writes below the folder for which it
/// was opened, symbolic links included.
struct Renderer {
    workspace: Dir,
    engine: Environment<'static>,
    template: String,
}

impl Renderer {
    /// Templates come from `templates`, files go to `workspace`.
    fn open(templates: &Path, workspace: &Path, template: &str) -> Result<Self, String> {
        let open = |folder| Dir::open_ambient_dir(folder, ambient_authority());
        let dir = open(workspace).map_err(|error| format!("the workspace cannot be opened: {error}"))?;
        let loader = open(templates).map_err(|error| format!("the workspace cannot be opened: {error}"))?;
        let mut engine = Environment::new();
        engine.set_undefined_behavior(UndefinedBehavior::Strict);
        engine.set_fuel(Some(FUEL));
        engine.set_syntax(keep_last_newline()?);
        engine.set_auto_escape_callback(|_| AutoEscape::None);
        engine.set_loader(move |name| match read(&loader, Path::new(name)) {
            Ok(text) => Ok(Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(minijinja::Error::new(ErrorKind::InvalidOperation, format!("{name}: {error}"))),
        });
        engine.get_template(template).map_err(|error| describe(&error))?;
        Ok(Self { workspace: dir, engine, template: template.to_owned() })
    }

    fn produce(&self, item: &Item, output: &Output, check_only: bool) -> Generation {
        let mut generation = Generation {
            step: item.id.clone(),
            template: self.template.clone(),
            output: output.path.clone(),
            state: GenerationState::Failed,
            sha256: None,
            bytes: None,
            diff: None,
            failure: None,
        };
        if let Err(text) = self.try_produce(output, check_only, &mut generation) {
            generation.state = GenerationState::Failed;
            let model = output.model.as_ref().map(|model| format!(" (model {})", model.id)).unwrap_or_default();
            generation.failure = Some(Failure { message: Some(format!("{text}{model}")), ..Failure::default() });
        }
        generation
    }

    fn try_produce(&self, output: &Output, check_only: bool, told: &mut Generation) -> Result<(), String> {
        let path = confined(&output.path)?;
        let text = self.render(output)?;
        told.sha256 = Some(Sha256::digest(&text).iter().map(|byte| format!("{byte:02x}")).collect());
        told.bytes = Some(text.len() as u64);
        let place = |error: io::Error| refused(&output.path, &error);
        let existing = match read_bytes(&self.workspace, &path) {
            Ok(bytes) => Some(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(place(error)),
        };
        told.state = match existing {
            Some(existing) if existing == text => GenerationState::Unchanged,
            Some(existing) if check_only => {
                told.diff = diff(&existing, &text, &output.path);
                GenerationState::Drifted
            }
            None if check_only => GenerationState::Missing,
            Some(_) | None => {
                write(&self.workspace, &path, &text).map_err(place)?;
                GenerationState::Written
            }
        };
        Ok(())
    }

    fn render(&self, output: &Output) -> Result<Vec<u8>, String> {
        let template = self.engine.get_template(&self.template).map_err(|error| describe(&error))?;
        let mut text = Bounded(Vec::new());
        template.render_captured_to(Serde(&output.context), &mut text).map_err(|error| describe(&error))?;
        Ok(text.0)
    }
}

/// A generated file ends the way its template ends.
fn keep_last_newline() -> Result<SyntaxConfig, String> {
    SyntaxConfig::builder().keep_trailing_newline(true).build().map_err(|error| error.to_string())
}

/// Refuses more than [`LARGEST`] bytes.
struct Bounded(Vec<u8>);

impl Write for Bounded {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        if self.0.len() + piece.len() > LARGEST {
            return Err(io::Error::other(format!("the result is larger than {} MiB", LARGEST >> 20)));
        }
        self.0.extend_from_slice(piece);
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The engine's words with the template's name and line, the innermost cause included.
fn describe(error: &minijinja::Error) -> String {
    let mut text = match (error.name(), error.line()) {
        (Some(name), Some(line)) => format!("{name}:{line}: "),
        (Some(name), None) => format!("{name}: "),
        (None, _) => String::new(),
    };
    text.push_str(&error.kind().to_string());
    if let Some(detail) = error.detail() {
        text.push_str(&format!(": {detail}"));
    }
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        text.push_str(&format!(": {inner}"));
        cause = inner.source();
    }
    if error.kind() == ErrorKind::OutOfFuel {
        text.push_str("; the template loops too long");
    }
    text
}

/// The path without leaving the workspace, our own folder or git's.
fn confined(path: &str) -> Result<PathBuf, String> {
    let mut clean = PathBuf::new();
    for component in Path::new(path).components() {
        match component {
            Component::Normal(name) => clean.push(name),
            Component::CurDir => {}
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => {
                return Err(format!(
                    "`{path}` leaves the workspace; outputs are relative to the pipeline file, without `..`"
                ));
            }
        }
    }
    if let Some(name) = forbidden(&clean) {
        return Err(format!("`{path}`: nothing is generated into `{name}`"));
    }
    if clean.as_os_str().is_empty() {
        Err(format!("`{path}` names no file"))
    } else if path.chars().any(char::is_control) {
        Err("the output's path holds a control character".into())
    } else {
        Ok(clean)
    }
}

/// The folder of git (at any depth, for the sake of submodules) or ours, if the path lies in one.
fn forbidden(path: &Path) -> Option<&'static str> {
    let is = |part: Option<&std::ffi::OsStr>, name: &str| part.is_some_and(|part| part.eq_ignore_ascii_case(name));
    let git = path.iter().any(|part| is(Some(part), ".git"));
    let ours = is(path.iter().next(), ".backsight");
    if git { Some(".git") } else { ours.then_some(".backsight") }
}

/// Where a path leads when the links in it are followed, as far as it is there already.
fn followed(dir: &Dir, path: &Path) -> io::Result<PathBuf> {
    for there in path.ancestors().filter(|there| !there.as_os_str().is_empty()) {
        match dir.canonicalize(there) {
            Ok(real) => return Ok(path.strip_prefix(there).map_or(real.clone(), |rest| real.join(rest))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(path.to_owned())
}

fn refused(path: &str, error: &io::Error) -> String {
    // cap-std's word for a symbolic link that leads out of the folder it was given.
    if error.to_string().contains("outside of the filesystem") {
        format!("`{path}` leaves the workspace through a symbolic link")
    } else {
        format!("`{path}`: {error}")
    }
}

fn read(dir: &Dir, path: &Path) -> io::Result<String> {
    String::from_utf8(read_bytes(dir, path)?).map_err(|_| io::Error::other("it is not UTF-8"))
}

fn read_bytes(dir: &Dir, path: &Path) -> io::Result<Vec<u8>> {
    // Asked before opening: a pipe would wait for somebody to write.
    if !dir.metadata(path)?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let file = dir.open(path)?;
    let mut bytes = Vec::new();
    file.take(LARGEST as u64 + 1).read_to_end(&mut bytes)?;
    if bytes.len() > LARGEST {
        Err(io::Error::other(format!("it is larger than {} MiB", LARGEST >> 20)))
    } else {
        Ok(bytes)
    }
}

/// Writes beside and renames, so that a killed run leaves the old file or the new one, never half of it.
fn write(dir: &Dir, path: &Path, text: &[u8]) -> io::Result<()> {
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        if let Some(name) = forbidden(&followed(dir, parent)?) {
            return Err(io::Error::other(format!(
                "a symbolic link leads to `{name}`, and nothing is generated into it"
            )));
        }
        dir.create_dir_all(parent)?;
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let beside = path.with_file_name(format!(".{}.backsight-{}", short(&name), std::process::id()));
    let mut options = OpenOptions::new();
    let mut file = dir.open_with(&beside, options.write(true).create(true).truncate(true))?;
    let written = file.write_all(text).and_then(|()| dir.rename(&beside, dir, path));
    if written.is_err() {
        let _ = dir.remove_file(&beside);
    }
    written
}

/// Leaves room for our ending within the 255 bytes of a file name.
fn short(name: &str) -> &str {
    let mut end = name.len().min(200);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    &name[..end]
}

fn diff(old: &[u8], new: &[u8], path: &str) -> Option<String> {
    if old.len().max(new.len()) > LARGEST_DIFFED {
        return None;
    }
    let (old, new) = (String::from_utf8_lossy(old), String::from_utf8_lossy(new));
    let diff = similar::TextDiff::from_lines(old.as_ref(), new.as_ref());
    let mut text = diff.unified_diff().context_radius(3).header(path, &format!("{path} (rendered now)")).to_string();
    if text.len() > LARGEST_DIFF {
        let mut end = LARGEST_DIFF;
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        text.truncate(end);
        text.push_str("\n... (cut)\n");
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::confined;

    #[test]
    fn outputs_stay_in_the_workspace() {
        for wrong in ["../x", "/etc/passwd", "a/../../x", "", ".", ".git/hooks/x", "a/.GIT/x", ".backsight/x", "a\nb"] {
            assert!(confined(wrong).is_err(), "{wrong:?}");
        }
        assert_eq!(confined("./a/b.py").unwrap().to_str(), Some("a/b.py"));
    }
}
