//! Many files on all processors: workers take numbers, and what they made is told in the order of the numbers, so that a
//! run tells the same whatever was faster. No worker runs further ahead than a window, so that nothing piles up.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::book::Book;
use super::decide::Wish;
use super::diff;
use super::ladder::Climb;
use super::lock::Part;
use super::worker::{Made, Templates, Worker};
use crate::execute::{Emitter, Workshop};
use crate::plan::{Batch, Item};
use crate::results::{Event, GenerationState, UnlistedGenerations};

/// Files of a state that are listed one by one; the rest is counted.
const LISTED: u64 = 1000;
/// Files of a step whose diff is kept.
const DIFFS: u64 = 100;
/// Files that a worker takes at once: a message for each would cost more than making it.
const CHUNK: usize = 16;
/// How far the fastest worker may be ahead of what has been told.
const WINDOW: usize = 1024;
/// How often people are told how far it is.
const TICK: Duration = Duration::from_millis(100);

/// What became of a batch.
#[derive(Debug)]
pub(super) struct Sum {
    /// Files that are not right.
    pub failed: usize,
    /// The lines of the lock file.
    pub part: Part,
    /// The keys of all paths that are made, or may be made elsewhere.
    pub made: HashSet<u64>,
}

/// Carries out a batch.
///
/// # Errors
/// If there is no place for the lines of the lock file, or the system gives no threads.
pub(super) fn carry_out(
    item: &Item,
    batch: &Batch,
    templates: &Templates,
    climb: &Climb<'_>,
    book: &Book,
    workshop: &Workshop,
    emitter: &Emitter,
) -> Result<Sum, String> {
    let wish = Wish { check: workshop.check_only, force: workshop.force };
    let part = Part::create().map_err(|error| format!("there is no place for temporary files: {error}"))?;
    let threads = threads(batch, climb);
    // A command takes its time, and its result is told at once.
    let chunk = if climb.has_commands() { 1 } else { CHUNK };
    let line = Line::new(batch.len());
    let (sender, receiver) = sync_channel::<Message>(WINDOW / CHUNK);
    std::thread::scope(|scope| {
        for number in 0..threads {
            let (sender, line) = (sender.clone(), &line);
            let work = move || {
                let mut worker = Worker::new(item, batch, templates, &workshop.workspace, Some(book));
                while let Some(numbers) = line.take(workshop, chunk) {
                    let first = numbers.start;
                    let made = match &mut worker {
                        Ok(worker) => Ok(numbers.map(|number| worker.make(number, climb, wish)).collect()),
                        Err(text) => Err(text.clone()),
                    };
                    if sender.send((first, made)).is_err() {
                        break;
                    }
                }
            };
            let started = std::thread::Builder::new().name(format!("generate-{number}")).spawn_scoped(scope, work);
            started.map_err(|error| format!("the system gives no threads: {error}"))?;
        }
        drop(sender);
        tell((item, batch), part, &line, &receiver, emitter)
    })
}

/// Tells what was made, in the order of the numbers, until nobody makes anything any more.
pub(super) fn tell(
    (item, batch): (&Item, &Batch),
    part: Part,
    line: &Line,
    receiver: &Receiver<Message>,
    emitter: &Emitter,
) -> Result<Sum, String> {
    Teller { item, batch, emitter, part, line, sum: Totals::default() }.tell_all(receiver)
}

pub(super) fn threads(batch: &Batch, climb: &Climb<'_>) -> usize {
    let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let wanted =
        batch.ladder.jobs.map_or(processors, |jobs| if climb.has_commands() { jobs as usize } else { processors });
    wanted.clamp(1, batch.len().max(1))
}

/// The number of the first file of a chunk, and what was made.
pub(super) type Message = (usize, Result<Vec<Made>, String>);

/// The numbers that workers take.
pub(super) struct Line {
    next: AtomicUsize,
    told: Mutex<usize>,
    moved: Condvar,
    total: usize,
}

impl Line {
    /// So many numbers.
    pub(super) fn new(total: usize) -> Self {
        Self { next: AtomicUsize::new(0), told: Mutex::new(0), moved: Condvar::new(), total }
    }

    /// The next numbers, once they are within the window; `None` at the end, or when the run is to stop.
    fn take(&self, workshop: &Workshop, chunk: usize) -> Option<Range<usize>> {
        let number = self.next.fetch_add(chunk, Ordering::Relaxed);
        if number >= self.total {
            return None;
        }
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        while number >= *told + WINDOW && !workshop.cancel.is_asked() {
            let waited = self.moved.wait_timeout(told, TICK).unwrap_or_else(PoisonError::into_inner);
            told = waited.0;
        }
        let numbers = number..(number + chunk).min(self.total);
        Some(numbers).filter(|_| !workshop.cancel.is_asked())
    }

    fn told(&self, number: usize) {
        *self.told.lock().unwrap_or_else(PoisonError::into_inner) = number;
        self.moved.notify_all();
    }
}

#[derive(Default)]
struct Totals {
    failed: usize,
    made: HashSet<u64>,
    by_state: HashMap<GenerationState, u64>,
    diffs: u64,
}

/// Tells what was made, in the order of the numbers.
struct Teller<'a> {
    item: &'a Item,
    batch: &'a Batch,
    emitter: &'a Emitter,
    part: Part,
    line: &'a Line,
    sum: Totals,
}

impl Teller<'_> {
    fn tell_all(mut self, receiver: &Receiver<Message>) -> Result<Sum, String> {
        let started = Instant::now();
        let mut shown = started;
        let mut waiting = BTreeMap::new();
        let mut next = 0;
        self.progress(0, started);
        for (first, made) in receiver {
            waiting.insert(first, made?);
            let before = next;
            while let Some(made) = waiting.remove(&next) {
                next += made.len();
                made.into_iter().try_for_each(|made| self.tell(made))?;
            }
            if next > before {
                self.line.told(next);
            }
            if shown.elapsed() >= TICK {
                shown = Instant::now();
                self.progress(next, started);
            }
        }
        // Of a run that was stopped, what was made behind a gap.
        for made in std::mem::take(&mut waiting).into_values().flatten() {
            self.tell(made)?;
        }
        self.count_the_rest();
        Ok(Sum { failed: self.sum.failed, part: self.part, made: self.sum.made })
    }

    fn tell(&mut self, made: Made) -> Result<(), String> {
        self.sum.failed += usize::from(!made.is_right());
        self.sum.made.extend(made.key);
        let Made { mut generation, change, cases, entry, .. } = made;
        if let Some(entry) = &entry {
            let added = self.part.add(&self.batch.step, &generation.output, entry);
            added.map_err(|error| format!("there is no place for temporary files: {error}"))?;
        }
        let so_far = self.sum.by_state.entry(generation.state).or_default();
        *so_far += 1;
        if *so_far <= LISTED {
            if let Some((old, new)) = change.filter(|_| self.sum.diffs < DIFFS) {
                let now = if self.batch.completion.is_some() { "answered" } else { "rendered" };
                generation.diff = diff::unified(&old, &new, &generation.output, now);
                self.sum.diffs += 1;
            }
            self.emitter.emit(Event::GenerationFinished { generation });
        }
        for case in cases {
            self.emitter.emit(Event::CaseFinished { case });
        }
        Ok(())
    }

    fn count_the_rest(&self) {
        let mut states: Vec<_> = self.sum.by_state.iter().filter(|(_, files)| **files > LISTED).collect();
        states.sort_unstable();
        for (state, files) in states {
            let files = UnlistedGenerations { step: self.item.id.clone(), state: *state, files: files - LISTED };
            self.emitter.emit(Event::GenerationsCounted { files });
        }
    }

    fn progress(&self, done: usize, started: Instant) {
        let total = self.batch.len();
        let elapsed = started.elapsed().as_secs_f64();
        // An estimate from too little would only jump about.
        let figure = (done >= 50 && elapsed >= 1.0).then(|| {
            let left = elapsed / done as f64 * total.saturating_sub(done) as f64;
            format!("about {left:.0} s left")
        });
        self.emitter.emit(Event::Progress {
            step: self.item.id.clone(),
            doing: "generating".into(),
            done: done as u64,
            total: Some(total as u64),
            figure,
        });
    }
}
