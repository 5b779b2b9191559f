//! What a format is to the rest of the program: a name, a reader, and a way to recognise it.

use std::io::{Read, Seek};
use std::ops::ControlFlow;

use super::cases::{CaseTotals, OnCase};
use super::lines::without_colours;
use super::{HarnessError, Parsed, Warning, decoded};
use crate::results::Benchmark;

/// How much of an output is looked at to find out its format, in bytes.
pub const HEAD: usize = 64 << 10;

/// Reads the test cases of one output, as a stream.
pub type ReadCases = fn(&mut dyn Read, &mut OnCase<'_>) -> Result<CaseTotals, HarnessError>;

/// Reads the benchmarks of one output.
pub type ParseBenchmarks = fn(&[u8]) -> Result<Parsed, HarnessError>;

/// Reads the benchmarks of one output, as a stream.
pub type ReadLines = fn(&mut dyn Read) -> Result<Parsed, HarnessError>;

/// Takes a benchmark; breaks off where no more is wanted. The next one is made in the memory of what is left in its place.
pub type OnBenchmark<'a> = dyn FnMut(&mut Benchmark) -> ControlFlow<()> + 'a;

/// Reads the benchmarks of one output as a stream, and only when all of it could be read hands them out one by one.
/// What it returns was odd.
pub type ReadEach = fn(&mut dyn Read, &mut OnBenchmark<'_>) -> Result<Vec<Warning>, HarnessError>;

/// What can be read more than once.
pub trait Source: Read + Seek {}

impl<T: Read + Seek> Source for T {}

/// Reads the benchmarks of one output as a stream, perhaps twice, and hands them out one by one, but none before it is
/// known that all of it can be read. What it returns was odd.
pub type ReadTwice = fn(&mut dyn Source, &mut OnBenchmark<'_>) -> Result<Vec<Warning>, HarnessError>;

/// A file of a folder: its path below the folder, with `/`, and its content.
pub type TreeFile = (String, Vec<u8>);

/// How a folder of files that belong together is read.
#[derive(Debug, Clone, Copy)]
pub struct Tree {
    /// The format.
    pub adapter: &'static Adapter,
    /// Whether a file of this path below the folder, with `/`, is needed.
    pub wants: fn(&str) -> bool,
    /// Reads the files that were wanted, sorted by path.
    pub read: fn(&[TreeFile]) -> Result<Parsed, HarnessError>,
}

/// How an output is read, and what comes of it.
#[derive(Debug, Clone, Copy)]
pub enum Reading {
    /// Benchmarks, from the whole output.
    Benchmarks(ParseBenchmarks),
    /// Benchmarks, line by line, in memory that does not grow with the output beyond its results.
    Lines(ReadLines),
    /// Benchmarks, for formats whose outputs get large: only what was measured is held in memory, in a compact form.
    Each(ReadEach),
    /// Benchmarks, in memory that does not grow with the output.
    Twice(ReadTwice),
    /// Test cases, one by one, in memory that does not grow with the output.
    Cases(ReadCases),
}

/// How sure a format is that an output is its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Confidence {
    /// It could be another one's too.
    Likely,
    /// Nothing else writes this.
    Certain,
}

/// One format. Each stands as `ADAPTER` in a file of its own.
#[derive(Debug, Clone, Copy)]
pub struct Adapter {
    /// The canonical name: `harness:` in a pipeline and `--harness` take it.
    pub name: &'static str,
    /// What it is, for people.
    pub title: &'static str,
    /// How it is read.
    pub reading: Reading,
    /// Whether an output that starts like this is in this format; otherwise why not, as a lowercase fragment.
    pub sniff: fn(&Head) -> Result<Confidence, String>,
}

impl Adapter {
    /// Whether it has benchmarks, and no test cases.
    pub const fn has_benchmarks(&self) -> bool {
        !matches!(self.reading, Reading::Cases(_))
    }

    /// Reads benchmarks from memory.
    ///
    /// # Errors
    /// Where there is none, it is damaged or cut off, or where this format has test cases.
    pub fn parse(&self, mut bytes: &[u8]) -> Result<Parsed, HarnessError> {
        match self.reading {
            Reading::Benchmarks(parse) => parse(bytes),
            Reading::Lines(read) => read(&mut bytes),
            Reading::Each(read) => collected(|take| read(&mut bytes, take)),
            Reading::Twice(read) => collected(|take| read(&mut std::io::Cursor::new(bytes), take)),
            Reading::Cases(_) => {
                let text = format!("`{}` has test cases, not benchmarks", self.name);
                Err(HarnessError::new(1, 1, text, "name the benchmark harness"))
            }
        }
    }
}

fn collected(
    read: impl FnOnce(&mut OnBenchmark<'_>) -> Result<Vec<Warning>, HarnessError>,
) -> Result<Parsed, HarnessError> {
    let mut benchmarks = Vec::new();
    let warnings = read(&mut |benchmark| {
        benchmarks.push(std::mem::replace(benchmark, Benchmark::new("")));
        ControlFlow::Continue(())
    })?;
    Ok(Parsed { benchmarks, warnings })
}

/// The start of an output.
#[derive(Debug, Clone)]
pub struct Head {
    /// Decoded, without colours.
    text: String,
}

impl Head {
    /// The start of an output, of which [`HEAD`] bytes are enough.
    pub fn new(bytes: &[u8]) -> Self {
        let bytes = bytes.get(..HEAD).unwrap_or(bytes);
        Self { text: without_colours(&decoded(bytes)).into_owned() }
    }

    /// Whether it holds this.
    pub(super) fn has(&self, text: &str) -> bool {
        self.text.contains(text)
    }

    /// Sure if all of these texts stand in it; the first that is missing is the reason otherwise.
    pub(super) fn with(&self, texts: &[&str]) -> Result<Confidence, String> {
        match texts.iter().find(|text| !self.has(text)) {
            Some(missing) => Err(format!("there is no `{missing}`")),
            None => Ok(Confidence::Certain),
        }
    }

    /// Sure if it is JSON, and each of these keys stands somewhere in it.
    pub(super) fn with_keys(&self, keys: &[&str]) -> Result<Confidence, String> {
        if !self.lines().any(|line| line.trim_start().starts_with(['{', '['])) {
            return Err("it holds no JSON".into());
        }
        match keys.iter().find(|key| !self.has(&format!("\"{key}\""))) {
            Some(missing) => Err(format!("there is no key `{missing}`")),
            None => Ok(Confidence::Certain),
        }
    }

    /// Sure if one line is an event with all of these keys.
    pub(super) fn with_event(&self, keys: &[&str]) -> Result<Confidence, String> {
        let fits = |line: &str| {
            line.trim_start().starts_with('{') && keys.iter().all(|key| line.contains(&format!("\"{key}\"")))
        };
        match self.lines().any(fits) {
            true => Ok(Confidence::Certain),
            false => Err(format!("no line is an event with `{}`", keys.join("` and `"))),
        }
    }

    /// Sure if the first element has one of these names.
    pub(super) fn with_root(&self, names: &[&str]) -> Result<Confidence, String> {
        match self.root() {
            Some(root) if names.contains(&root) => Ok(Confidence::Certain),
            Some(root) => {
                Err(format!("the first element is `<{}>`, not `<{}>`", super::quoted(root), names.join(">` or `<")))
            }
            None => Err("it holds no XML element".into()),
        }
    }

    /// Whether a JSON object has this key somewhere.
    pub(super) fn has_key(&self, key: &str) -> bool {
        let quoted = format!("\"{key}\"");
        self.text
            .match_indices(&quoted)
            .any(|(at, found)| self.text.get(at + found.len()..).is_some_and(|rest| rest.trim_start().starts_with(':')))
    }

    /// Sure if a line opens a JSON object, and each of these keys stands somewhere in it.
    pub(super) fn json_object(&self, keys: &[&str]) -> Result<Confidence, String> {
        self.json('{', "object", keys)
    }

    /// Sure if a line opens a JSON list, and each of these keys stands somewhere in it.
    pub(super) fn json_list(&self, keys: &[&str]) -> Result<Confidence, String> {
        self.json('[', "list", keys)
    }

    fn json(&self, open: char, what: &str, keys: &[&str]) -> Result<Confidence, String> {
        match self.lines().map(str::trim).find(|line| super::documents::opens(line)) {
            None => return Err("it holds no JSON".into()),
            Some(line) if !line.starts_with(open) => return Err(format!("the JSON is no {what}")),
            Some(_) => {}
        }
        match keys.iter().find(|key| !self.has_key(key)) {
            Some(key) => Err(format!("there is no key `{key}`")),
            None => Ok(Confidence::Certain),
        }
    }

    /// Sure if a line, without white space around it, is as asked; `what` is how it would look.
    pub(super) fn line(&self, what: &str, test: impl Fn(&str) -> bool) -> Result<Confidence, String> {
        match self.lines().map(str::trim).filter(|line| !line.is_empty()).any(test) {
            true => Ok(Confidence::Certain),
            false => Err(format!("there is no line like {what}")),
        }
    }

    /// The text.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// The lines.
    pub(super) fn lines(&self) -> impl Iterator<Item = &str> {
        self.text.lines()
    }

    /// The name of the first element, without a prefix.
    fn root(&self) -> Option<&str> {
        let mut rest = self.text.as_str();
        loop {
            rest = &rest[rest.find('<')? + 1..];
            let skipped = [("!--", "-->"), ("?", "?>"), ("!", ">")].iter().find(|(start, _)| rest.starts_with(start));
            if let Some((_, end)) = skipped {
                rest = &rest[rest.find(end)? + end.len()..];
                continue;
            }
            let end =
                rest.find(|c: char| !(c.is_alphanumeric() || matches!(c, '-' | '_' | ':' | '.'))).unwrap_or(rest.len());
            let name = &rest[..end];
            if !name.is_empty() {
                return Some(name.rsplit(':').next().unwrap_or(name));
            }
        }
    }
}

/// Why no format was chosen.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Undecided {
    /// Several formats claim it equally.
    #[error("the output could be {}; name the format with `--harness`", .0.join(" or "))]
    Ambiguous(Vec<&'static str>),
    /// None claims it; each with its reason.
    #[error("the output is in none of the known formats:{}\nname the format with `--harness`", list(.0))]
    Unknown(Vec<(&'static str, String)>),
}

impl Undecided {
    /// The reason in a pipeline, where `harness` names the format; what each of the others refused is left out.
    pub fn in_pipeline(&self) -> String {
        match self {
            Self::Ambiguous(names) => {
                format!("the output could be {}; name the format with `harness`", names.join(" or "))
            }
            Self::Unknown(_) => {
                "the output is in none of the known formats; `backsight convert FILE` says why, and `harness` names one"
                    .into()
            }
        }
    }
}

fn list(refused: &[(&'static str, String)]) -> String {
    refused.iter().map(|(name, why)| format!("\n  {name}: {why}")).collect()
}

/// The format of an output, from its content alone.
///
/// # Errors
/// If none fits, or several fit equally.
pub fn detect(head: &Head) -> Result<&'static Adapter, Undecided> {
    let (mut best, mut refused): (Vec<(Confidence, &'static Adapter)>, _) = (Vec::new(), Vec::new());
    for adapter in super::ADAPTERS {
        match (adapter.sniff)(head) {
            Ok(confidence) => best.push((confidence, adapter)),
            Err(why) => refused.push((adapter.name, why)),
        }
    }
    let most = best.iter().map(|(confidence, _)| *confidence).max();
    best.retain(|(confidence, _)| Some(*confidence) == most);
    match best[..] {
        [(_, adapter)] => Ok(adapter),
        [] => Err(Undecided::Unknown(refused)),
        _ => Err(Undecided::Ambiguous(best.iter().map(|(_, adapter)| adapter.name).collect())),
    }
}

#[cfg(test)]
mod tests;
