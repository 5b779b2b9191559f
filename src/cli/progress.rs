//! What is seen while a run goes on: on a terminal a live line per running step, elsewhere one line per finished thing.

use std::collections::BTreeMap;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::output::Console;
use crate::execute::Listener;
use crate::report::{self, escape, figures};
use crate::results::{Counts, Event, GenerationState, Outcome, Step, StepStatus};

/// A listener that tells people.
pub(super) struct Progress {
    console: Console,
    live: Option<MultiProgress>,
    running: BTreeMap<String, Running>,
    total: u64,
    begun: u64,
    /// Live lines that are shown.
    bars: usize,
}

/// The most live lines at once: all benchmarks are measured together, and a terminal has some twenty lines.
const BARS: usize = 12;
/// Frames drawn in a second at most: drawing takes time from the host that is measured on.
const FRAMES: u8 = 5;

#[derive(Default)]
struct Running {
    title: String,
    /// What is measured takes turns: only so many live lines are shown as a terminal has room for.
    waiting: bool,
    bar: Option<ProgressBar>,
    counts: Counts,
    files: u64,
    figure: Option<String>,
}

impl Progress {
    pub(super) fn new(console: Console, terminal: bool) -> Self {
        let target = || ProgressDrawTarget::stderr_with_hz(FRAMES);
        let live = terminal.then(|| MultiProgress::with_draw_target(target()));
        Self { console, live, running: BTreeMap::new(), total: 0, begun: 0, bars: 0 }
    }

    fn line(&self, text: &str) {
        match &self.live {
            // Suspends the live lines, so that ours stays above them.
            Some(live) => live.suspend(|| self.console.say(text)),
            None => self.console.say(text),
        }
    }

    fn started(&mut self, step: &str, attempt: u32) {
        if attempt == 1 {
            self.begun += 1;
            let title = format!("[{}/{}] {}", self.begun, self.total, escape::line(step));
            if self.live.is_none() {
                self.line(&format!(" {title}"));
            }
            self.running.insert(step.to_owned(), Running { title, ..Running::default() });
        }
        let Some(running) = self.running.get_mut(step) else { return };
        if let Some(live) = &self.live {
            let again = if attempt > 1 { format!(" (attempt {attempt})") } else { String::new() };
            if running.bar.is_none() && self.bars >= BARS {
                running.waiting = true;
                return;
            }
            self.bars += usize::from(running.bar.is_none());
            let bar = running.bar.get_or_insert_with(|| spinner(live));
            bar.set_message(format!("{}{again}", running.title));
        }
    }

    fn moved(&mut self, step: &str, doing: &str, done: u64, total: Option<u64>, figure: Option<&str>) {
        let Some(running) = self.running.get_mut(step) else { return };
        if let Some(live) = self.live.as_ref().filter(|_| running.waiting && self.bars < BARS) {
            running.waiting = false;
            running.bar = Some(spinner(live));
            self.bars += 1;
        }
        let Some(bar) = &running.bar else { return };
        if !["building", "generating"].iter().any(|word| doing.starts_with(word)) {
            // From now on something is measured: draw between the runs only, when there is news.
            bar.disable_steady_tick();
        }
        // A bare number is a time in nanoseconds; anything else is ready to be shown.
        let figure = figure.map(|text| text.parse().map_or_else(|_| escape::line(text).into_owned(), figures::time));
        let done = match (total, &figure) {
            (Some(total), _) => format!(" {done}/{total}"),
            // A sentence tells how many itself.
            (None, Some(text)) if text.contains(',') => String::new(),
            (None, _) => format!(" {done}"),
        };
        let figure = figure.map(|text| format!("   {text}")).unwrap_or_default();
        bar.set_message(format!("{}   {doing}{done}{figure}", running.title));
    }

    fn finished(&mut self, step: &Step) {
        let running = self.running.remove(&step.id).unwrap_or_default();
        if let Some(bar) = &running.bar {
            bar.finish_and_clear();
            self.bars = self.bars.saturating_sub(1);
        }
        let word = match step.status {
            StepStatus::Passed => "ok",
            StepStatus::Failed => "FAILED",
            StepStatus::Errored => "ERROR",
            StepStatus::Skipped => "skipped",
            StepStatus::TimedOut => "TIMED OUT",
            StepStatus::Cancelled => "cancelled",
        };
        let took = if step.duration_ns > 0 { figures::time(step.duration_ns as f64) } else { String::new() };
        let told = running.told(step);
        let text = format!(" {word:9}  {}  {}  {took}", escape::line(&step.id), escape::line(&told));
        self.line(text.trim_end());
    }
}

impl Running {
    fn told(&self, step: &Step) -> String {
        let counts = &self.counts;
        let words = [
            (counts.passed, "passed"),
            (counts.failed + counts.errored, "failed"),
            (counts.flaky, "flaky"),
            (counts.skipped, "skipped"),
            (self.files, "files"),
        ];
        let mut told: Vec<String> =
            words.iter().filter(|(n, _)| *n > 0).map(|(n, word)| format!("{n} {word}")).collect();
        told.extend(self.figure.clone());
        told.extend(step.reason.as_ref().map(|reason| reason.text.clone()));
        told.join(", ")
    }
}

impl Listener for Progress {
    fn hear(&mut self, event: &Event) {
        match event {
            Event::RunStarted { steps, .. } => self.total = *steps,
            Event::StepStarted { step, attempt, .. } => self.started(step, *attempt),
            Event::Progress { step, doing, done, total, figure } => {
                self.moved(step, doing, *done, *total, figure.as_deref());
            }
            Event::CaseFinished { case } => {
                if let Some(running) = self.running.get_mut(&case.step) {
                    running.counts.add_case(case.outcome);
                }
                if self.console.verbose || case.outcome.is_failure() || case.outcome == Outcome::Flaky {
                    self.line(&format!("   {}", report::case_line(case)));
                }
            }
            Event::GenerationFinished { generation } => {
                if let Some(running) =
                    self.running.get_mut(&generation.step).filter(|_| generation.state != GenerationState::Skipped)
                {
                    running.files += 1;
                }
            }
            Event::GenerationsCounted { files } => {
                if let Some(running) =
                    self.running.get_mut(&files.step).filter(|_| files.state != GenerationState::Skipped)
                {
                    running.files += files.files;
                }
            }
            Event::BenchmarkFinished { benchmark } => {
                let wall = benchmark.metric("wall_time").or(benchmark.metrics.first());
                if let (Some(running), Some(metric)) = (self.running.get_mut(&benchmark.step), wall) {
                    running.figure = Some(figures::value(metric.value, &metric.unit));
                }
            }
            Event::Measuring { measuring } => {
                if let (true, None, Some(text)) =
                    (self.console.verbose, &measuring.conditions, report::overhead(measuring))
                {
                    self.line(&format!("   {text}"));
                }
            }
            Event::StepFinished { step } => self.finished(step),
            Event::SampleTaken { .. }
            | Event::Quarantined { .. }
            | Event::Remarked { .. }
            | Event::Compared { .. }
            | Event::RunFinished { .. } => {}
        }
    }
}

fn spinner(live: &MultiProgress) -> ProgressBar {
    // Before it ticks: a bar that is not among the others yet draws for itself, and that line would stay.
    let bar = live.add(ProgressBar::new_spinner());
    if let Ok(style) = ProgressStyle::with_template(" {spinner} {elapsed:>4} {wide_msg}") {
        bar.set_style(style);
    }
    bar.enable_steady_tick(Duration::from_millis(100));
    bar
}
