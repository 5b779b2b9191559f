//! divan: the tree of benchmarks that it prints, with counters and allocations below each.
//!
//! `docs/harness/divan.md` has the rules.

use super::adapter::{Adapter, Reading};
use super::gather::{Gather, metric, plain};
use super::lines::without_colours;
use super::numbers::with_unit;
use super::units::Unit;
use super::{HarnessError, Parsed, decoded, quoted};
use crate::results::{Benchmark, Direction, Metric};

const FORMAT: &str = "divan";
const HELP: &str = "run `cargo bench` with divan's benchmarks and keep its output";

/// The format.
pub const ADAPTER: Adapter = Adapter {
    name: "divan",
    title: "divan's table of benchmarks",
    reading: Reading::Benchmarks(parse),
    sniff: |head| {
        head.line("`name  fastest │ slowest │ median │ mean │ samples │ iters`", |line| {
            header(line).is_some()
        })
    },
};

/// Where the figures start, in characters, and what the program is called.
fn header(line: &str) -> Option<(usize, &str)> {
    let (name, rest) = line.split_once("fastest")?;
    let titles: Vec<&str> = rest.split('│').map(str::trim).collect();
    (titles == ["", "slowest", "median", "mean", "samples", "iters"]).then(|| (name.chars().count(), name.trim()))
}

/// A table on its way.
#[derive(Default)]
struct Table {
    gather: Gather,
    column: Option<usize>,
    path: Vec<String>,
    /// What the rows below are counts of: `alloc`, `max alloc`, `dealloc`, `grow`, `shrink`.
    counted: String,
    /// The latest benchmark takes rows of counters.
    open: bool,
}

/// Reads the output.
///
/// # Errors
/// Where it holds no benchmark, or the last row breaks off.
pub fn parse(bytes: &[u8]) -> Result<Parsed, HarnessError> {
    let text = decoded(bytes);
    let mut table = Table::default();
    let mut last = 1;
    let lines = text.lines().count() as u64;
    for (index, line) in text.lines().enumerate() {
        last = index as u64 + 1;
        let line = without_colours(line);
        let line = line.trim_end();
        let broken = table.line(last, line).is_none();
        if broken && last == lines && !text.ends_with('\n') {
            let text = format!("cut off in the middle of `{}`", quoted(line));
            return Err(HarnessError::new(last, 1, text, "did `cargo bench` run to its end?"));
        }
        if broken {
            table.gather.broken(last, line);
        }
    }
    table.gather.finish(last, "no row below the header `fastest │ slowest │ median │ mean`", HELP)
}

impl Table {
    /// `None` for a row that cannot be read.
    fn line(&mut self, number: u64, line: &str) -> Option<()> {
        if let Some((column, program)) = header(line) {
            self.column = Some(column);
            self.path = vec![program.to_owned()];
            self.open = false;
            return Some(());
        }
        let Some(column) = self.column else { return Some(()) };
        let split = line.char_indices().nth(column).map_or(line.len(), |(at, _)| at);
        let (left, right) = line.split_at(split);
        let cells: Vec<&str> = right.split('│').map(str::trim).collect();
        let branch = left.char_indices().find(|(_, c)| matches!(c, '├' | '╰'));
        match branch {
            Some((at, _)) => {
                let depth = left.get(..at)?.chars().count() / 3 + 1;
                let name = left.get(at..)?.trim_start_matches(['├', '╰', '─', ' ']).trim();
                self.path.truncate(depth);
                self.path.push(name.to_owned());
                self.counted.clear();
                self.open = false;
                if cells.first().is_some_and(|cell| !cell.is_empty()) && !cells.contains(&"(ignored)") {
                    self.gather.add(number, benchmark(&self.path.join("::"), &cells)?);
                    self.open = true;
                }
                Some(())
            }
            None if line.is_empty() => {
                self.column = None;
                Some(())
            }
            None if self.open => self.counters(&cells),
            None => Some(()),
        }
    }

    /// A row below a benchmark: a rate, a title, or counts and sizes of what the title names.
    fn counters(&mut self, cells: &[&str]) -> Option<()> {
        let first = cells.first().filter(|cell| !cell.is_empty())?;
        if let Some(title) = first.strip_suffix(':') {
            self.counted = title.replace(' ', "_");
            return Some(());
        }
        let median = cells.get(2).filter(|cell| !cell.is_empty()).unwrap_or(first);
        let (value, unit) = with_unit(median)?;
        let of = |name: &str, unit: &Unit| metric(FORMAT, name, value, unit);
        let found = match (unit, self.counted.as_str()) {
            (unit, "") => rate(value, unit)?,
            ("", counted) => plain(FORMAT, &format!("{counted}_count"), value, "count", Direction::Lower),
            (unit, counted) => of(&format!("{counted}_bytes"), &Unit::of(unit)),
        };
        self.gather.benchmarks.last_mut()?.metrics.push(found);
        Some(())
    }
}

/// What a counter counts, per second: bytes, items, characters or cycles. A benchmark may have all of them, and the
/// prefix follows the value, so each has a name and a unit of its own.
fn rate(value: f64, unit: &str) -> Option<Metric> {
    let read = Unit::read(unit).unwrap_or_else(|| Unit::as_written(unit));
    if read.unit == "bytes/s" {
        return Some(metric(FORMAT, &read.metric, value, &read));
    }
    let (name, what) = [("rate", "item/s"), ("chars_per_second", "char/s"), ("cycles_per_second", "Hz")]
        .into_iter()
        .find(|(_, what)| unit.ends_with(what))?;
    let scale = match unit.strip_suffix(what)? {
        "" => 1.0,
        "K" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "P" => 1e15,
        _ => return None,
    };
    let mut found = plain(FORMAT, name, value * scale, "1/s", Direction::Higher);
    found.original_unit = Some(unit.to_owned());
    Some(found)
}

fn benchmark(name: &str, cells: &[&str]) -> Option<Benchmark> {
    let [fastest, slowest, median, mean, _, iterations] = cells else { return None };
    let time = |name: &str, cell: &str| -> Option<Metric> {
        let (value, unit) = with_unit(cell)?;
        Some(metric(FORMAT, name, value, &Unit::time(unit)?))
    };
    let mut found = Benchmark::new(name);
    let mut main = time("wall_time", median)?;
    main.iterations = iterations.parse().ok();
    found.metrics.push(main);
    found.metrics.push(time("wall_time_mean", mean)?);
    found.metrics.push(time("wall_time_min", fastest)?);
    found.metrics.push(time("wall_time_max", slowest)?);
    Some(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::testing::{close, fixture, listed};

    #[test]
    fn the_documented_file_is_read() {
        insta::assert_snapshot!("documented", listed(&parse(&fixture("divan", "documented.txt")).unwrap()));
    }

    #[test]
    fn recorded_files_are_read() {
        for file in ["recorded-alloc.txt", "recorded-plain.txt", "recorded-colour.txt"] {
            let parsed = parse(&fixture("divan", file)).unwrap();
            assert_eq!((parsed.benchmarks.len(), &parsed.warnings[..]), (14, &[][..]), "{file}");
            insta::assert_snapshot!(file, listed(&parsed));
        }
    }

    #[test]
    fn each_counter_has_a_metric_of_its_own_whatever_its_prefix() {
        let parsed = parse(&fixture("divan", "recorded-plain.txt")).unwrap();
        let found = parsed.benchmarks.iter().find(|found| found.name.ends_with("short")).unwrap();
        for (name, value, unit) in
            [("throughput", 251.1e6, "bytes/s"), ("chars_per_second", 251.1e6, "1/s"), ("rate", 150.6e6, "1/s")]
        {
            let metric = found.metric(name).unwrap();
            close(Some(metric.value), value);
            assert_eq!((metric.unit.as_str(), metric.direction), (unit, Direction::Higher));
        }
        assert_eq!(
            rate(2.5, "GHz").map(|metric| (metric.metric, metric.value)),
            Some(("cycles_per_second".into(), 2.5e9))
        );
        assert!(rate(1.0, "Xitem/s").is_none() && rate(1.0, "furlong").is_none());
    }

    #[test]
    fn nothing_and_halves_are_never_fine() {
        let head = "x        fastest       │ slowest       │ median        │ mean          │ samples │ iters\n";
        for bad in [String::new(), head.to_owned(), format!("{head}╰─ add   1.2 ns        │ 3 n")] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
