//! Goes through the lines of Go's output and hands out the benchmarks.

use std::collections::HashMap;
use std::ops::ControlFlow;

use super::HELP;
use super::entry::Entry;
use super::settings::Settings;
use super::survey::{Place, Survey, Surveying};
use super::text::{Found, figures, figures_at_end, is_key, meaning, result, simple, split_processors};
use crate::harness::adapter::OnBenchmark;
use crate::harness::gather::{Gather, metric, middle_of};
use crate::harness::lines::{Line, without_colours};
use crate::harness::mould::Mould;
use crate::harness::pool::Texts;
use crate::harness::{HarnessError, Warning, quoted};
use crate::results::{Direction, Metric};

const NOTHING: &str = "no line like `BenchmarkName-8 100 12.5 ns/op`";

/// What is done with figures.
enum Stage {
    /// Nothing: only what must be known beforehand is found out.
    Survey(Box<Surveying>),
    /// Benchmarks whose lines all follow each other go out at once. Without a survey, none does.
    Read(Option<Box<Survey>>),
}

/// Goes through lines.
pub(super) struct Reader {
    stage: Stage,
    gather: Gather,
    /// The figures of the line that is being read: the number of the unit, and the value.
    figures: Vec<(u32, f64)>,
    units: Texts,
    /// What figures of each unit become, with what they are multiplied with, as far as that was asked for.
    likes: Vec<Option<(Metric, f64)>>,
    /// The benchmark whose lines are being read.
    current: Option<Entry>,
    /// Memory for the next one.
    spare: Entry,
    mould: Mould,
    sorted: Vec<f64>,
    /// Those that may come again.
    kept: Vec<Entry>,
    places: HashMap<Place<String>, usize>,
    settings: Settings,
    /// Directions from `Unit` lines.
    better: HashMap<String, Direction>,
    /// A name whose figures have not come yet, because the benchmark printed something.
    waiting: Option<(u64, String)>,
    /// A package was named, and has not ended.
    open: bool,
    any: bool,
    stopped: bool,
}

impl Reader {
    /// Holds all benchmarks until the end.
    pub(super) fn holding() -> Self {
        Self::at(Stage::Read(None))
    }

    /// Finds out what has to be known beforehand.
    pub(super) fn surveying() -> Self {
        Self::at(Stage::Survey(Box::default()))
    }

    /// Hands out benchmarks as early as a survey of the same output allows.
    pub(super) fn streaming(survey: Survey) -> Self {
        let better = survey.better.clone();
        Self { better, ..Self::at(Stage::Read(Some(Box::new(survey)))) }
    }

    fn at(stage: Stage) -> Self {
        Self {
            stage,
            gather: Gather::default(),
            figures: Vec::new(),
            units: Texts::default(),
            likes: Vec::new(),
            current: None,
            spare: Entry::default(),
            mould: Mould::default(),
            sorted: Vec::new(),
            kept: Vec::new(),
            places: HashMap::new(),
            settings: Settings::default(),
            better: HashMap::new(),
            waiting: None,
            open: false,
            any: false,
            stopped: false,
        }
    }

    /// Nothing more is wanted.
    pub(super) fn is_stopped(&self) -> bool {
        self.stopped
    }

    /// Takes the next line.
    ///
    /// # Errors
    /// If the output breaks off in it.
    pub(super) fn line(&mut self, line: &Line<'_>, take: &mut OnBenchmark<'_>) -> Result<(), HarnessError> {
        if let Some((name, iterations)) = self.simple(line.text) {
            self.result(line.number, name, iterations, take);
            return Ok(());
        }
        let text = without_colours(line.text);
        let text = text.trim();
        if text.starts_with("Benchmark") {
            match result(text) {
                Some(Ok(found)) => self.found(line.number, &found, take),
                Some(Err(name)) => self.odd(line, text, name, take)?,
                None => {}
            }
        } else if let Some((from, name)) = self.waiting.take() {
            match figures(text).filter(|found| found.1.iter().any(|(_, unit)| *unit == "ns/op")) {
                Some((iterations, values)) => {
                    self.found(line.number, &Found { name: &name, iterations, values }, take);
                }
                None => {
                    self.waiting = Some((from, name));
                    self.other(line.number, text);
                }
            }
        } else {
            self.other(line.number, text);
        }
        Ok(())
    }

    /// The name and the iterations, if the line is simple; its figures are in `figures` then.
    fn simple<'a>(&mut self, line: &'a str) -> Option<(&'a str, u64)> {
        if matches!(self.stage, Stage::Survey(_)) {
            return simple(line, |_, _, _| {});
        }
        let Self { figures, units, .. } = self;
        let mut count = 0;
        let found = simple(line, |index, value, unit| {
            // Mostly the units of the line before stand here again.
            let unit = match figures.get(index) {
                Some((known, _)) if units.text(*known) == unit => *known,
                _ => units.number(unit),
            };
            match figures.get_mut(index) {
                Some(figure) => *figure = (unit, value),
                None => figures.push((unit, value)),
            }
            count = index + 1;
        });
        figures.truncate(count);
        found
    }

    /// A line that starts like a result and is none: a name alone is announced, or the benchmark printed something.
    fn odd(&mut self, line: &Line<'_>, text: &str, name: &str, take: &mut OnBenchmark<'_>) -> Result<(), HarnessError> {
        let rest = text.get(name.len()..).unwrap_or_default().trim();
        let cut = || {
            let text = format!("cut off in the middle of `{}`", quoted(text));
            Err(HarnessError::new(line.number, 1, text, "was `go test` killed, or ran into its time-out?"))
        };
        let starts_with_figures = rest.split_whitespace().next().is_some_and(|word| word.parse::<u64>().is_ok());
        if starts_with_figures {
            if !line.ended {
                return cut();
            }
            self.gather.broken(line.number, text);
        } else if let Some((iterations, values)) = figures_at_end(rest) {
            self.found(line.number, &Found { name, iterations, values }, take);
        } else {
            self.waiting = Some((line.number, name.to_owned()));
        }
        Ok(())
    }

    fn other(&mut self, number: u64, text: &str) {
        if let Some(rest) = text.strip_prefix("Unit ") {
            self.unit(rest);
        } else if let Some(name) = text.strip_prefix("--- FAIL: Benchmark") {
            self.waiting = None;
            let name = name.split_whitespace().next().unwrap_or_default();
            self.gather.warn(number, format!("`Benchmark{}` failed", quoted(name)));
        } else if text.starts_with("FAIL\t") || text.starts_with("FAIL ") {
            self.open = false;
            self.gather.warn(number, format!("a package failed: `{}`", quoted(text)));
        } else if text.starts_with("panic:") {
            self.gather.warn(number, format!("the program ended early: `{}`", quoted(text)));
        } else if text == "PASS" || text.starts_with("ok ") || text.starts_with("ok\t") {
            self.open = false;
        } else if let Some((key, value)) = text.split_once(':').filter(|(key, _)| is_key(key)) {
            self.configure(key, value.trim());
        }
    }

    fn unit(&mut self, text: &str) {
        let mut words = text.split_whitespace();
        let Some(unit) = words.next() else { return };
        for word in words {
            let direction = match word {
                "better=higher" => Direction::Higher,
                "better=lower" => Direction::Lower,
                _ => continue,
            };
            self.better.insert(unit.to_owned(), direction);
            self.likes.clear();
        }
    }

    fn configure(&mut self, key: &str, value: &str) {
        match key {
            "pkg" => {
                self.settings.package(value);
                self.open = true;
            }
            _ => self.settings.set(key, value),
        }
    }

    fn found(&mut self, line: u64, found: &Found<'_>, take: &mut OnBenchmark<'_>) {
        self.figures.clear();
        self.figures.extend(found.values.iter().map(|(value, unit)| (self.units.number(unit), *value)));
        self.result(line, found.name, found.iterations, take);
    }

    /// A result whose figures are in `figures`.
    fn result(&mut self, line: u64, name: &str, iterations: u64, take: &mut OnBenchmark<'_>) {
        (self.waiting, self.any) = (None, true);
        let place = self.settings.place(name);
        if let Stage::Survey(surveying) = &mut self.stage {
            surveying.saw(place);
            return;
        }
        let goes_on = self.current.as_ref().is_some_and(|current| current.place.is(place));
        if !goes_on {
            self.end_of_current(take);
            let mut entry = std::mem::take(&mut self.spare);
            entry.begin(line, place);
            self.current = Some(entry);
        }
        if let Some(entry) = &mut self.current {
            entry.add(iterations, &self.figures);
        }
    }

    fn end_of_current(&mut self, take: &mut OnBenchmark<'_>) {
        let Some(entry) = self.current.take().filter(|_| !self.stopped) else { return };
        match &self.stage {
            Stage::Read(Some(survey)) if !survey.comes_again(&entry.place) => {
                self.hand_out(&entry, take);
                self.spare = entry;
            }
            _ => self.keep(entry),
        }
    }

    fn keep(&mut self, entry: Entry) {
        match self.places.get(&entry.place).and_then(|place| self.kept.get_mut(*place)) {
            Some(known) => known.merge(&entry),
            None => {
                self.places.insert(entry.place.clone(), self.kept.len());
                self.kept.push(entry);
            }
        }
    }

    fn hand_out(&mut self, entry: &Entry, take: &mut OnBenchmark<'_>) {
        let (name, processors) = split_processors(&entry.place.name);
        let (package, config) = self.settings.of(&entry.place);
        let survey = if let Stage::Read(survey) = &self.stage { survey.as_deref() } else { None };
        let varying = survey.zip(config).into_iter().flat_map(|(survey, config)| {
            survey.varying.iter().filter_map(|key| Some((key.as_str(), config.get(key)?.as_str())))
        });
        let parameters = package.map(|package| ("pkg", package)).into_iter();
        let parameters = parameters.chain(processors.map(|processors| ("gomaxprocs", processors))).chain(varying);
        self.mould.begin(name, parameters);
        for (unit, values) in entry.values() {
            self.metric(*unit, values, entry.iterations);
        }
        if self.mould.hand(entry.line, &mut self.gather, take) == ControlFlow::Break(()) {
            self.stopped = true;
        }
    }

    fn metric(&mut self, unit: u32, values: &[f64], iterations: u64) {
        let index = unit as usize;
        if self.likes.len() <= index {
            self.likes.resize(index + 1, None);
        }
        let Some(like) = self.likes.get_mut(index) else { return };
        let (like, scale) = like.get_or_insert_with(|| {
            let written = self.units.text(unit);
            let (name, unit) = meaning(written);
            let mut like = metric("go", &name, 0.0, &unit);
            like.direction = self.better.get(written).copied().unwrap_or(like.direction);
            (like, unit.scale)
        });
        let found = self.mould.metric(like);
        found.iterations = Some(iterations);
        found.value = match values {
            [one] => *one * *scale,
            _ => {
                found.samples.extend(values.iter().map(|value| value * *scale));
                middle_of(values, &mut self.sorted) * *scale
            }
        };
    }

    /// What was found out.
    ///
    /// # Errors
    /// Where there is no benchmark; `last` is the last line.
    pub(super) fn surveyed(self, last: u64) -> Result<Survey, HarnessError> {
        match self.stage {
            Stage::Survey(surveying) if self.any => Ok(surveying.end(self.settings.configs(), self.better)),
            _ => Err(self.gather.nothing(last, NOTHING, HELP)),
        }
    }

    /// Hands out what is left, and returns what was odd.
    ///
    /// # Errors
    /// Where there is no benchmark; `last` is the last line.
    pub(super) fn finish(mut self, last: u64, take: &mut OnBenchmark<'_>) -> Result<Vec<Warning>, HarnessError> {
        if !self.any {
            return Err(self.gather.nothing(last, NOTHING, HELP));
        }
        if let Some((line, name)) = self.waiting.take() {
            self.gather.warn(line, format!("`{}` has no figures; the output ends before them", quoted(&name)));
        }
        if self.open {
            self.gather.warn(last, "the output ends without `PASS` or `ok`; there may have been more benchmarks");
        }
        self.end_of_current(take);
        if let Stage::Read(survey @ None) = &mut self.stage {
            *survey = Some(Box::new(Survey::of(self.settings.configs())));
        }
        for entry in std::mem::take(&mut self.kept) {
            if self.stopped {
                break;
            }
            self.hand_out(&entry, take);
        }
        Ok(self.gather.warnings(last))
    }
}
