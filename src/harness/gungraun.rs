//! gungraun, before that iai-callgrind: what it prints. `iai` reads the older form of iai itself.
//!
//! `docs/harness/gungraun.md` has the rules.

use std::io::Read;

use super::adapter::{Adapter, Reading};
use super::gather::{Gather, plain};
use super::lines::{Lines, without_colours};
use super::numbers::number;
use super::units::snake_case;
use super::{HarnessError, Parsed, quoted, unreadable};
use crate::results::{Benchmark, Direction};

const HELP: &str = "run `cargo bench` and keep its output";

/// The format.
pub const ADAPTER: Adapter = Adapter {
    name: "gungraun",
    title: "what gungraun and iai-callgrind print",
    reading: Reading::Lines(|input| read(input, "gungraun")),
    sniff: |head| {
        head.line("`Instructions:  1734|1734  (No change)`", |line| {
            line.starts_with("Instructions:") && line.contains('|')
        })
    },
};

/// iai, whose counts have no second column.
pub const IAI: Adapter = Adapter {
    name: "iai",
    title: "what iai prints",
    reading: Reading::Lines(|input| read(input, "iai")),
    sniff: |head| head.line("`Instructions:  1734`", |line| line.starts_with("Instructions:") && !line.contains('|')),
};

fn read(input: &mut dyn Read, format: &'static str) -> Result<Parsed, HarnessError> {
    let mut lines = Lines::new(input).map_err(|error| unreadable(&error, 1))?;
    let mut gather = Gather::default();
    let mut name: Option<(u64, String)> = None;
    let mut open: Option<(u64, Benchmark)> = None;
    loop {
        let last = lines.number() + 1;
        let Some(line) = lines.next().map_err(|error| unreadable(&error, last))? else { break };
        let text = without_colours(line.text);
        let indented = text.starts_with([' ', '\t']);
        let text = text.trim();
        match text.split_once(':').filter(|(key, _)| indented && is_count(key)) {
            Some((key, figure)) => {
                let Some(value) = count(figure) else {
                    if !line.ended {
                        let text = format!("cut off in the middle of `{}`", quoted(text));
                        return Err(HarnessError::new(line.number, 1, text, "did `cargo bench` run to its end?"));
                    }
                    gather.broken(line.number, text);
                    continue;
                };
                if let Some((from, name)) = name.take() {
                    open = Some((from, Benchmark::new(name)));
                }
                if let Some((_, benchmark)) = &mut open {
                    let ratio = key.ends_with("Rate");
                    let unit = if ratio { "%" } else { "count" };
                    let name = snake_case(key);
                    // Hits in a nearer cache are better than in a further one, but fewer accesses are better than more.
                    let direction = if name.ends_with("hit_rate") { Direction::Higher } else { Direction::Lower };
                    benchmark.metrics.push(plain(format, &name, value, unit, direction));
                }
            }
            None if indented || text.is_empty() => {}
            None => {
                if let Some((from, done)) = open.take() {
                    gather.add(from, done);
                }
                name = Some((line.number, text.to_owned()));
            }
        }
    }
    if let Some((from, done)) = open {
        gather.add(from, done);
    }
    gather.finish(lines.number(), "no line like `Instructions:  1734`", HELP)
}

/// The counts that callgrind gives, and what is computed of them.
fn is_count(key: &str) -> bool {
    const KNOWN: [&str; 18] = [
        "Instructions",
        "L1 Hits",
        "L2 Hits",
        "LL Hits",
        "RAM Hits",
        "L1 Accesses",
        "L2 Accesses",
        "RAM Accesses",
        "Total read+write",
        "Estimated Cycles",
        "Total bytes",
        "Total blocks",
        "At t-gmax bytes",
        "At t-gmax blocks",
        "At t-end bytes",
        "At t-end blocks",
        "Reads bytes",
        "Writes bytes",
    ];
    KNOWN.contains(&key) || key.ends_with(" Miss Rate") || key.ends_with(" Hit Rate")
}

/// `1734`, `1,734|1700 (+2%) [+1.02x]`: the new count stands before the line.
fn count(figure: &str) -> Option<f64> {
    let figure = figure.split('|').next()?.trim();
    let (value, rest) = number(figure)?;
    let rest = rest.trim();
    (rest.is_empty() || rest.starts_with('(') || rest == "%").then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::testing::{fixture, listed};

    #[test]
    fn documented_files_are_read() {
        insta::assert_snapshot!("gungraun", listed(&ADAPTER.parse(&fixture("gungraun", "documented.txt")).unwrap()));
        insta::assert_snapshot!("iai", listed(&IAI.parse(&fixture("iai", "documented.txt")).unwrap()));
    }

    #[test]
    fn nothing_and_halves_are_never_fine() {
        for bad in ["", "name\n", "name\n  Instructions:   ", "name\n  Instructions: many\n"] {
            assert!(ADAPTER.parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
