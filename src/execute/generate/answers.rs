//! Has a model answer the prompts of a step: our own program asks, in a process of its own, and tells each answer as a line
//! of JSON; here each is kept as soon as it is there, so that a run that is killed keeps what it has.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use minijinja::Value;
use serde_json::json;

use super::batch::{Line, Message, Sum, tell};
use super::book::Book;
use super::decide::Wish;
use super::folder::{Folder, confined, refused};
use super::held::{Holder, jobs};
use super::keeper::Keeper;
use super::ladder::Climb;
use super::lines::{LastWords, Lines};
use super::lock::Part;
use super::worker::Made;
use crate::execute::process::{Job, Streams, supervise};
use crate::execute::{Emitter, Place, Workshop, file_stem};
use crate::plan::{Batch, Cell, Completion, Expander, Item, PromptText, Request};
use crate::results::{Answer, Reason};
use crate::templating::engine;

/// Answers that wait for being kept.
const WAITING: usize = 1024;
/// What one request may take where the pipeline says nothing, and what may be added to it.
const TIMEOUT: Duration = Duration::from_secs(120);
const SLACK: Duration = Duration::from_secs(60);
/// The longest that all requests together may take.
const LONGEST: Duration = Duration::from_secs(30 * 86_400);

/// What a step's answers are made with.
#[derive(Clone, Copy)]
pub(super) struct Means<'a, 'c> {
    pub item: &'a Item,
    pub batch: &'a Batch,
    pub completion: &'a Completion,
    /// What earlier generations made.
    pub generated: &'a Value,
    pub climb: &'a Climb<'c>,
    pub book: &'a Book,
    pub workshop: &'a Workshop,
}

/// What is to be done with one file.
enum Task {
    /// Look at what is stored.
    Look(usize),
    /// Keep this.
    Keep(usize, Box<Answer>),
}

/// Carries out a step whose files a model writes.
///
/// # Errors
/// If there is no place for what is asked, or the system gives no threads.
pub(super) fn carry_out(means: Means<'_, '_>, emitter: &Emitter) -> Result<Sum, String> {
    let Means { item, batch, completion, workshop, .. } = means;
    let holder = Holder::new(completion)?;
    let part = Part::create().map_err(|error| format!("there is no place for temporary files: {error}"))?;
    let line = Line::new(batch.len());
    let (made, receiver) = channel::<Message>();
    let (tasks, waiting) = sync_channel::<Task>(WAITING);
    // Owned by those who keep: when they are gone, nobody waits for them.
    let waiting = Arc::new(Mutex::new(waiting));
    std::thread::scope(|scope| {
        let thread = |name: String| std::thread::Builder::new().name(name);
        let none = |error: std::io::Error| format!("the system gives no threads: {error}");
        for number in 0..jobs(batch) {
            let (made, waiting, holder) = (made.clone(), Arc::clone(&waiting), &holder);
            let keep = move || means.keep_all(&waiting, &made, holder);
            thread(format!("keep-{number}")).spawn_scoped(scope, keep).map_err(none)?;
        }
        drop(waiting);
        let asker = Asker { means, tasks, made };
        thread("ask".into()).spawn_scoped(scope, move || asker.ask_all()).map_err(none)?;
        tell((item, batch), part, &line, &receiver, emitter)
    })
    .inspect(|_| tidy(item, workshop))
}

impl Means<'_, '_> {
    fn keeper(&self) -> Result<Keeper<'_>, String> {
        let expander = Expander::new(self.batch, engine(), self.generated).map_err(|error| error.to_string())?;
        Ok(Keeper {
            item: self.item,
            batch: self.batch,
            completion: self.completion,
            expander,
            folder: Folder::open(&self.workshop.workspace)?,
            book: self.book,
            masker: self.workshop.environment.masker(),
            wish: Wish { check: self.workshop.check_only, force: self.workshop.force },
        })
    }

    /// Keeps what comes until nothing comes any more.
    fn keep_all(&self, waiting: &Mutex<Receiver<Task>>, made: &Sender<Message>, holder: &Holder<'_>) {
        let mut keeper = self.keeper();
        loop {
            let task = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
            let Ok(task) = task else { return };
            let (Task::Look(number) | Task::Keep(number, _)) = &task;
            let number = *number;
            let result = match (&mut keeper, task) {
                (Err(text), _) => Err(text.clone()),
                (Ok(keeper), Task::Look(_)) => Ok(vec![keeper.stored(number, holder, self.climb)]),
                (Ok(keeper), Task::Keep(_, answer)) => Ok(vec![keeper.keep(number, &answer, holder, self.climb)]),
            };
            if made.send((number, result)).is_err() {
                return;
            }
        }
    }
}

/// What is asked of one model: the prompts in a file, and which files they are for.
struct Group {
    path: PathBuf,
    out: BufWriter<File>,
    numbers: Vec<usize>,
}

struct Asker<'a, 'c> {
    means: Means<'a, 'c>,
    tasks: std::sync::mpsc::SyncSender<Task>,
    made: Sender<Message>,
}

impl Asker<'_, '_> {
    /// Gathers what is to be asked, and asks model by model.
    fn ask_all(self) {
        match self.gather() {
            Ok(groups) => {
                for (request, group) in groups {
                    if self.means.workshop.cancel.is_asked() {
                        return;
                    }
                    self.ask(&request, group);
                }
            }
            // The first file tells it, and ends the step.
            Err(text) => drop(self.made.send((0, Err(text)))),
        }
    }

    fn gather(&self) -> Result<BTreeMap<Request, Group>, String> {
        let Means { batch, workshop, .. } = self.means;
        let keeper = self.means.keeper()?;
        let mut groups = BTreeMap::new();
        for number in 0..batch.len() {
            if workshop.cancel.is_asked() {
                break;
            }
            let tell = |made: Made| drop(self.made.send((number, Ok(vec![made]))));
            let cell = match keeper.expander.cell(number) {
                Ok(cell) => cell,
                Err(error) => {
                    tell(keeper.failed(None, &Reason::new("not_asked", error.to_string())));
                    continue;
                }
            };
            if let Some(made) = keeper.left_out(&cell) {
                tell(made);
            } else if workshop.check_only {
                let _ = self.tasks.send(Task::Look(number));
            } else if let Err(text) = confined(&cell.path) {
                // Nothing is paid for what cannot be stored.
                tell(keeper.failed(Some(&cell), &Reason::new("not_stored", text)));
            } else if let Err(text) = self.add(&keeper, &cell, &mut groups)? {
                tell(keeper.failed(Some(&cell), &Reason::new("not_asked", text)));
            }
        }
        Ok(groups)
    }

    /// Adds what is asked for a file to its group; the inner error is the file's own.
    fn add(
        &self,
        keeper: &Keeper<'_>,
        cell: &Cell,
        groups: &mut BTreeMap<Request, Group>,
    ) -> Result<Result<(), String>, String> {
        let asked = match keeper.expander.asked(cell) {
            Ok(Some(asked)) => asked,
            Ok(None) => return Ok(Err("nothing is asked for this file".into())),
            Err(error) => return Ok(Err(error.to_string())),
        };
        let count = groups.len();
        let place = |error: std::io::Error| format!("what is asked cannot be written: {error}");
        let group = match groups.entry(asked.request) {
            std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::btree_map::Entry::Vacant(entry) => {
                let path = folder(self.means.item, self.means.workshop).join(format!("{count}.jsonl"));
                std::fs::create_dir_all(path.parent().unwrap_or(&path)).map_err(place)?;
                let out = BufWriter::new(File::create(&path).map_err(place)?);
                entry.insert(Group { path, out, numbers: Vec::new() })
            }
        };
        let id = cell.number.to_string();
        let line = match &asked.prompt.text {
            PromptText::Text(text) => json!({ "id": id, "prompt": text }),
            PromptText::Messages(messages) => json!({ "id": id, "messages": messages }),
        };
        writeln!(group.out, "{line}").map_err(place)?;
        group.numbers.push(cell.number);
        Ok(Ok(()))
    }

    /// Asks one model, and passes its answers on as they come.
    fn ask(&self, request: &Request, mut group: Group) {
        let Means { item, completion, climb, workshop, .. } = self.means;
        let mut open: std::collections::BTreeSet<usize> = group.numbers.iter().copied().collect();
        let written = group.out.flush();
        let call = completion.call(request, &group.path.to_string_lossy());
        climb.note(format!("[backsight] {}\n", call.display()).as_bytes());
        let mut lines = Lines::new(|line: &[u8]| {
            let Ok(answer) = serde_json::from_slice::<Answer>(line) else { return };
            if let Some(number) = answer.id.parse().ok().filter(|number| open.remove(number)) {
                let _ = self.tasks.send(Task::Keep(number, Box::new(answer)));
            }
        });
        let mut words = LastWords::new(climb);
        let env = climb.place().step_env(item, 1, &[]);
        let (argv, cwd) = (call.argv(), climb.place().folder(item));
        let timeout = self.timeout(group.numbers.len());
        let job = Job { argv: &argv, cwd: &cwd, env: &env, secrets: &item.secrets, timeout };
        let streams = Streams::Split(&mut lines, &mut words);
        let ended = written.map_err(|error| error.to_string()).and_then(|()| {
            supervise(&job, &workshop.environment, streams, &workshop.cancel).map_err(|error| error.to_string())
        });
        if workshop.cancel.is_asked() {
            return;
        }
        let why = match ended {
            Err(text) => Reason::new("not_started", text),
            Ok(ended) if ended.timed_out => Reason::new("timeout", format!("not answered after {timeout:?}")),
            Ok(ended) => {
                let text = format!("`backsight llm complete` ended with {}: {}", ended.status, words.last());
                Reason::new("not_answered", text)
            }
        };
        for number in std::mem::take(&mut open) {
            let answer = Answer { id: number.to_string(), failure: Some(why.clone()), ..Answer::default() };
            let _ = self.tasks.send(Task::Keep(number, Box::new(answer)));
        }
    }

    /// What all requests together may take at the most.
    fn timeout(&self, requests: usize) -> Duration {
        let step = &self.means.completion.step;
        let each = step.timeout.map_or(TIMEOUT, |time| time.0) + SLACK;
        let rounds = u32::try_from(requests).unwrap_or(u32::MAX);
        let tries = step.retries.unwrap_or(2) + 1;
        each.saturating_mul(rounds).saturating_mul(tries).min(LONGEST)
    }
}

/// The folder of what is asked, until the step is over.
fn folder(item: &Item, workshop: &Workshop) -> PathBuf {
    workshop.run_dir.join("prompts").join(file_stem(&item.id))
}

fn tidy(item: &Item, workshop: &Workshop) {
    let folder = folder(item, workshop);
    // What is asked stands in the file of prompts; a copy that is left does no harm.
    let _ = std::fs::remove_dir_all(&folder);
    let _ = folder.parent().map(std::fs::remove_dir);
}

/// Copies the stored answers of a step into an arm of a paired measurement: nobody is asked twice. The error says which is
/// not there.
pub(super) fn into_arm(batch: &Batch, generated: &Value, workshop: &Workshop, place: &Place) -> Result<(), String> {
    let expander = Expander::new(batch, engine(), generated).map_err(|error| error.to_string())?;
    let mut from = Folder::open(&workshop.workspace)?;
    let mut to = Folder::open(&place.workspace)?;
    for number in 0..batch.len() {
        let cell = expander.cell(number).map_err(|error| error.to_string())?;
        if cell.left_out.is_some() {
            continue;
        }
        let path = confined(&cell.path)?;
        let wrong = |error: std::io::Error| refused(&cell.path, &error);
        let stored = from.read(&path).map_err(wrong)?;
        let stored = stored.ok_or_else(|| format!("{}: no answer is stored", cell.path))?;
        to.write(&path, &stored).map_err(wrong)?;
    }
    Ok(())
}
