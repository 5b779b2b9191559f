//! Goes through the lines of Go's output and hands out the benchmarks.

use std::collections::{BTreeMap, HashMap};
use std::ops::ControlFlow;

use super::HELP;
use super::survey::{Place, Survey, Surveying};
use super::text::{Found, figures, figures_at_end, is_key, meaning, result, split_processors, surely_result};
use crate::harness::adapter::OnBenchmark;
use crate::harness::gather::{Gather, metric, middle, sampled};
use crate::harness::lines::{Line, without_colours};
use crate::harness::{HarnessError, Warning, quoted};
use crate::results::{Benchmark, Direction, Metric};

const NOTHING: &str = "no line like `BenchmarkName-8 100 12.5 ns/op`";

/// A benchmark with all that was measured of it.
struct Entry {
    line: u64,
    place: Place<Box<str>>,
    iterations: u64,
    values: Vec<(Box<str>, Vec<f64>)>,
}

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
    /// The benchmark whose lines are being read.
    current: Option<Entry>,
    /// Those that may come again.
    kept: Vec<Entry>,
    places: HashMap<Place<Box<str>>, usize>,
    /// All packages, and the one that holds now.
    packages: Vec<Option<String>>,
    package_numbers: HashMap<Option<String>, u32>,
    package: u32,
    config: BTreeMap<String, String>,
    /// All states of `config` under which something was measured.
    configs: Vec<BTreeMap<String, String>>,
    config_numbers: HashMap<BTreeMap<String, String>, u32>,
    current_config: u32,
    changed: bool,
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
            current: None,
            kept: Vec::new(),
            places: HashMap::new(),
            packages: vec![None],
            package_numbers: HashMap::from([(None, 0)]),
            package: 0,
            config: BTreeMap::new(),
            configs: Vec::new(),
            config_numbers: HashMap::new(),
            current_config: 0,
            changed: false,
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
        let text = without_colours(line.text);
        let text = text.trim();
        if let (true, Some(name)) = (matches!(self.stage, Stage::Survey(_)), surely_result(text)) {
            self.result(line.number, &Found { name, iterations: 0, values: Vec::new() }, take);
        } else if text.starts_with("Benchmark") {
            match result(text) {
                Some(Ok(found)) => self.result(line.number, &found, take),
                Some(Err(name)) => self.odd(line, text, name, take)?,
                None => {}
            }
        } else if let Some((from, name)) = self.waiting.take() {
            match figures(text).filter(|found| found.1.iter().any(|(_, unit)| *unit == "ns/op")) {
                Some((iterations, values)) => {
                    self.result(line.number, &Found { name: &name, iterations, values }, take);
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
            self.result(line.number, &Found { name, iterations, values }, take);
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
        }
    }

    fn configure(&mut self, key: &str, value: &str) {
        if key == "pkg" {
            let package = Some(value.to_owned()).filter(|value| !value.is_empty());
            let next = self.packages.len() as u32;
            self.package = *self.package_numbers.entry(package.clone()).or_insert(next);
            if self.package == next {
                self.packages.push(package);
            }
            self.open = true;
        } else if self.config.len() < 1_000 && self.config.get(key).is_none_or(|before| before != value) {
            self.config.insert(key.to_owned(), value.to_owned());
            self.changed = true;
        }
    }

    /// The number of the configuration that holds now.
    fn config_number(&mut self) -> u32 {
        if self.changed || self.configs.is_empty() {
            self.changed = false;
            let next = self.configs.len() as u32;
            self.current_config = *self.config_numbers.entry(self.config.clone()).or_insert(next);
            if self.current_config == next {
                self.configs.push(self.config.clone());
            }
        }
        self.current_config
    }

    fn result(&mut self, line: u64, found: &Found<'_>, take: &mut OnBenchmark<'_>) {
        (self.waiting, self.any) = (None, true);
        let place = Place { config: self.config_number(), package: self.package, name: found.name };
        if let Stage::Survey(surveying) = &mut self.stage {
            surveying.saw(place);
            return;
        }
        let goes_on = self.current.as_ref().is_some_and(|current| current.place.is(place));
        if !goes_on {
            self.end_of_current(take);
            self.current = Some(Entry {
                line,
                place: place.owned(),
                iterations: 0,
                values: Vec::with_capacity(found.values.len()),
            });
        }
        let Some(entry) = &mut self.current else { return };
        entry.iterations = entry.iterations.saturating_add(found.iterations);
        for (value, unit) in &found.values {
            match entry.values.iter_mut().find(|(known, _)| **known == **unit) {
                Some((_, values)) => values.push(*value),
                None => entry.values.push(((*unit).into(), vec![*value])),
            }
        }
    }

    fn end_of_current(&mut self, take: &mut OnBenchmark<'_>) {
        let Some(entry) = self.current.take().filter(|_| !self.stopped) else { return };
        match &self.stage {
            Stage::Read(Some(survey)) if !survey.comes_again(&entry.place) => self.hand_out(entry, take),
            _ => self.keep(entry),
        }
    }

    fn keep(&mut self, entry: Entry) {
        match self.places.get(&entry.place).and_then(|place| self.kept.get_mut(*place)) {
            Some(known) => known.merge(entry),
            None => {
                self.places.insert(entry.place.clone(), self.kept.len());
                self.kept.push(entry);
            }
        }
    }

    fn hand_out(&mut self, entry: Entry, take: &mut OnBenchmark<'_>) {
        let line = entry.line;
        let benchmark = self.benchmark(entry);
        if self.gather.hand(line, benchmark, take) == ControlFlow::Break(()) {
            self.stopped = true;
        }
    }

    fn benchmark(&self, entry: Entry) -> Benchmark {
        let (name, processors) = split_processors(&entry.place.name);
        let mut benchmark = Benchmark::new(name);
        let parameters = &mut benchmark.parameters;
        let package = self.packages.get(entry.place.package as usize).and_then(Option::as_ref);
        parameters.extend(package.map(|package| ("pkg".into(), package.clone())));
        parameters.extend(processors.map(|processors| ("gomaxprocs".into(), processors.to_owned())));
        if let (Stage::Read(Some(survey)), Some(config)) = (&self.stage, self.configs.get(entry.place.config as usize))
        {
            let of = |key: &String| Some((key.clone(), config.get(key)?.clone()));
            parameters.extend(survey.varying.iter().filter_map(of));
        }
        benchmark.metrics.reserve(entry.values.len());
        for (unit, values) in entry.values {
            benchmark.metrics.push(self.metric(&unit, &values, entry.iterations));
        }
        benchmark
    }

    fn metric(&self, written: &str, values: &[f64], iterations: u64) -> Metric {
        let (name, unit) = meaning(written);
        let mut found = match values {
            [one] => metric("go", &name, *one, &unit),
            _ => sampled(metric("go", &name, middle(values), &unit), values, &unit),
        };
        found.iterations = Some(iterations);
        if let Some(direction) = self.better.get(written) {
            found.direction = *direction;
        }
        found
    }

    /// What was found out.
    ///
    /// # Errors
    /// Where there is no benchmark; `last` is the last line.
    pub(super) fn surveyed(self, last: u64) -> Result<Survey, HarnessError> {
        match self.stage {
            Stage::Survey(surveying) if self.any => Ok(surveying.end(&self.configs, self.better)),
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
            *survey = Some(Box::new(Survey::of(&self.configs)));
        }
        for entry in std::mem::take(&mut self.kept) {
            if self.stopped {
                break;
            }
            self.hand_out(entry, take);
        }
        Ok(self.gather.warnings(last))
    }
}

impl Entry {
    /// Takes in what was measured of the same benchmark elsewhere.
    fn merge(&mut self, other: Self) {
        self.iterations = self.iterations.saturating_add(other.iterations);
        for (unit, values) in other.values {
            match self.values.iter_mut().find(|(known, _)| *known == unit) {
                Some((_, known)) => known.extend(values),
                None => self.values.push((unit, values)),
            }
        }
    }
}
