//! `go test -bench`: the text format that benchstat reads, with its configuration lines and units.
//!
//! Repeats of a benchmark (`-count`) are its samples. `docs/harness/go.md` has the rules. A [`reader`] goes through the
//! lines; of a large output it does so twice, so that it need not hold it: see [`survey`].

mod entry;
mod reader;
mod settings;
mod survey;
#[cfg(test)]
mod tests;
mod text;

use std::io::{self, SeekFrom};

use self::reader::Reader;
use super::adapter::{Adapter, Confidence, Head, OnBenchmark, Reading, Source};
use super::lines::Lines;
use super::{HarnessError, Warning, unreadable};

const HELP: &str = "run `go test -run '^$' -bench . ./...` and keep its output";

/// From this size on an output is gone through twice, in bytes.
const LARGE: u64 = 16 << 20;

/// The adapter.
pub const ADAPTER: Adapter =
    Adapter { name: "go", title: "the output of `go test -bench`", reading: Reading::Twice(read), sniff };

fn sniff(head: &Head) -> Result<Confidence, String> {
    head.line("`BenchmarkName-8 100 12.5 ns/op`", |line| matches!(text::result(line), Some(Ok(_)))).or_else(|why| {
        match head.lines().any(|line| line.starts_with("pkg: ")) {
            true => Ok(Confidence::Likely),
            false => Err(why),
        }
    })
}

/// Reads the output line by line.
///
/// # Errors
/// Where it holds no benchmark, or breaks off in the middle of one.
pub fn read(input: &mut dyn Source, take: &mut OnBenchmark<'_>) -> Result<Vec<Warning>, HarnessError> {
    read_from(input, LARGE, take)
}

fn read_from(input: &mut dyn Source, large: u64, take: &mut OnBenchmark<'_>) -> Result<Vec<Warning>, HarnessError> {
    let unseekable = |error: io::Error| unreadable(&error, 1);
    let size = input.seek(SeekFrom::End(0)).map_err(unseekable)?;
    input.rewind().map_err(unseekable)?;
    if size < large {
        let mut reader = Reader::holding();
        let last = each_line(input, &mut reader, take)?;
        return reader.finish(last, take);
    }
    let mut reader = Reader::surveying();
    let last = each_line(&mut *input, &mut reader, take)?;
    let survey = reader.surveyed(last)?;
    input.rewind().map_err(unseekable)?;
    let mut reader = Reader::streaming(survey);
    let last = each_line(input, &mut reader, take)?;
    reader.finish(last, take)
}

/// Returns the number of the last line.
fn each_line(input: &mut dyn Source, reader: &mut Reader, take: &mut OnBenchmark<'_>) -> Result<u64, HarnessError> {
    let mut lines = Lines::new(input).map_err(|error| unreadable(&error, 1))?;
    while !reader.is_stopped() {
        let number = lines.number() + 1;
        let Some(line) = lines.next().map_err(|error| unreadable(&error, number))? else { break };
        reader.line(&line, take)?;
    }
    Ok(lines.number())
}
