//! Catch2's benchmarks, versions 2 and 3: what it prints, and its XML (`-r xml`).
//!
//! `docs/harness/catch2.md` has the rules.

mod console;
mod xml;

use super::adapter::{Adapter, Confidence, Head, Reading};
use super::gather::{between, metric};
use super::units::Unit;
use super::{HarnessError, Parsed, decoded};
use crate::results::Benchmark;

const HELP: &str = "run the test program with its `BENCHMARK`s, without `--skip-benchmarks`";

/// The adapter.
pub const ADAPTER: Adapter = Adapter {
    name: "catch2",
    title: "Catch2's benchmarks, console and XML",
    reading: Reading::Benchmarks(parse),
    sniff,
};

fn sniff(head: &Head) -> Result<Confidence, String> {
    match head.with_root(&["Catch2TestRun", "Catch"]) {
        Ok(found) => Ok(found),
        Err(_) => head.line("`benchmark name  samples  iterations`", console::is_header),
    }
}

/// Reads the output.
///
/// # Errors
/// Where it holds no benchmark, or is cut off.
pub fn parse(bytes: &[u8]) -> Result<Parsed, HarnessError> {
    let text = decoded(bytes);
    match text.trim_start().starts_with('<') {
        true => xml::parse(bytes),
        false => console::parse(&text),
    }
}

/// A benchmark of a test case, with nothing measured yet.
fn named(name: &str, case: &str) -> Benchmark {
    let mut found = Benchmark::new(name);
    if !case.is_empty() {
        found.parameters.insert("test_case".into(), case.into());
    }
    found
}

/// A mean with its interval, in its unit.
fn benchmark(name: &str, case: &str, value: f64, bounds: (Option<f64>, Option<f64>), unit: &Unit) -> Benchmark {
    let mut found = named(name, case);
    found.metrics.push(between(metric("catch2", "wall_time", value, unit), bounds.0, bounds.1, unit));
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::harness::testing::{fixture, listed};
    use crate::results::Validity;

    #[test]
    fn given_and_documented_files_are_read() {
        for file in
            ["catch2_output_v2.txt", "catch2_output_v3.txt", "issue16_output.txt", "documented.xml", "documented.txt"]
        {
            insta::assert_snapshot!(file, listed(&parse(&fixture("catch2", file)).unwrap()));
        }
    }

    #[test]
    fn recorded_files_are_read() {
        for file in [
            "recorded-2.13.txt",
            "recorded-2.13.xml",
            "no-analysis-2.13.txt",
            "no-analysis-2.13.xml",
            "colour-2.13.txt",
        ] {
            insta::assert_snapshot!(file, listed(&parse(&fixture("catch2", file)).unwrap()));
        }
    }

    #[test]
    fn a_benchmark_that_throws_does_not_lend_its_name_to_the_next() {
        for file in ["recorded-2.13.txt", "recorded-2.13.xml"] {
            let parsed = parse(&fixture("catch2", file)).unwrap();
            let [.., throws, fine] = &parsed.benchmarks[..] else { panic!("{file}") };
            assert_eq!((parsed.benchmarks.len(), throws.name.as_str(), fine.name.as_str()), (9, "throws", "fine"));
            assert!(throws.metrics.is_empty() && throws.validity != Validity::Valid, "{file}");
        }
    }

    #[test]
    fn nothing_and_halves_are_never_fine() {
        let whole = fixture("catch2", "catch2_output_v3.txt");
        let text = String::from_utf8(whole).unwrap();
        let half = text.split("41.731 us").next().unwrap();
        assert!(parse(half.as_bytes()).is_err());
        for bad in [
            "",
            "All tests passed\n",
            "<Catch2TestRun></Catch2TestRun>",
            "<Catch2TestRun><TestCase>",
            "benchmark name samples iterations estimated\n",
        ] {
            assert!(parse(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
