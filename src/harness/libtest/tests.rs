//! Real output, and one test per rule.

use super::parse;
use crate::results::{Direction, Metric};

macro_rules! fixture {
    ($name:literal) => {
        include_bytes!(concat!("../../../tests/fixtures/harness/libtest/", $name))
    };
}

/// Name, metric, value, unit, lower and upper of each first metric; there must be no warning.
fn figures(bytes: &[u8]) -> Vec<(String, String, f64, String, f64, f64)> {
    let parsed = parse(bytes).unwrap();
    assert_eq!(parsed.warnings, []);
    let row = |metric: &Metric| (metric.metric.clone(), metric.value, metric.unit.clone(), metric.lower, metric.upper);
    parsed
        .benchmarks
        .iter()
        .map(|benchmark| {
            assert_eq!(benchmark.metrics.len(), 1);
            let (metric, value, unit, lower, upper) = row(&benchmark.metrics[0]);
            (benchmark.name.clone(), metric, value, unit, lower.unwrap(), upper.unwrap())
        })
        .collect()
}

fn row(name: &str, metric: &str, value: f64, unit: &str, spread: f64) -> (String, String, f64, String, f64, f64) {
    (name.into(), metric.into(), value, unit.into(), value - spread, value + spread)
}

fn time(name: &str, value: f64, spread: f64) -> (String, String, f64, String, f64, f64) {
    row(name, "wall_time", value, "ns", spread)
}

#[test]
fn output_of_cargo_bench_is_read() {
    assert_eq!(
        figures(fixture!("cargo_output.txt")),
        [time("bench_fib_10", 135.0, 24.0), time("bench_fib_20", 18_149.0, 755.0)]
    );
    assert_eq!(
        figures(fixture!("cargo_output2.txt")),
        [
            time("bench_engine_new", 211_834.0, 70_126.0),
            time("bench_engine_new_raw", 197.0, 18.0),
            time("bench_engine_new_raw_core", 196.0, 31.0),
            time("bench_engine_register_fn", 493.0, 82.0),
        ]
    );
    assert_eq!(
        figures(fixture!("cargo_output3.txt")),
        [time("bench_fib_10", 148.70, 2.21), time("bench_fib_20", 18_794.12, 440.25)]
    );
}

#[test]
fn other_units_keep_their_direction() {
    assert_eq!(
        figures(fixture!("cargo_output_units.txt")),
        [
            row("cmov", "cycles", 2835.0, "cycles", 14.0),
            row("cmov2", "cycles", 2845.0, "cycles", 19.0),
            row("mov", "cycles", 1508.0, "cycles", 17.0),
            row("upload", "rate", 1911.0, "MS/s", 420.0),
            row("download", "rate", 9001.0, "MS/s", 69.0),
        ]
    );
    let parsed = parse(fixture!("cargo_output_units.txt")).unwrap();
    let directions: Vec<_> = parsed.benchmarks.iter().map(|benchmark| benchmark.metrics[0].direction).collect();
    use Direction::{Higher, Lower};
    assert_eq!(directions, [Lower, Lower, Lower, Higher, Higher]);
}

#[test]
fn output_of_criterion_is_read_among_its_warnings() {
    assert_eq!(
        figures(fixture!("criterion_output.txt")),
        [
            time("Create Realm", 329.0, 4.0),
            time("Symbols (Execution)", 3268.0, 47.0),
            time("For loop (Execution)", 12_314.0, 123.0),
            time("Fibonacci (Execution)", 1_672_496.0, 10_166.0),
        ]
    );
}

#[test]
fn recorded_output_is_read() {
    let names = |bytes: &[u8]| {
        let parsed = parse(bytes).unwrap();
        parsed.benchmarks.iter().map(|benchmark| benchmark.name.clone()).collect::<Vec<_>>()
    };
    let all = ["fast", "inner::nested", "slow", "with_bytes"];
    assert_eq!(names(fixture!("recorded.txt")), all);
    assert_eq!(names(fixture!("recorded-quiet.txt")), all);
    assert_eq!(names(fixture!("recorded.jsonl")), all);
    assert_eq!(
        figures(fixture!("recorded-colour.txt")),
        [("slow".into(), "wall_time".into(), 162_983.79, "ns".into(), 0.0, 366_850.6)]
    );
    let old = figures(fixture!("criterion-0.5.txt"));
    assert_eq!((old.len(), old[5].clone()), (7, time("sums/bytes decimal", 749.0, 196.0)));
    let new = figures(fixture!("criterion-0.8.txt"));
    assert_eq!((new.len(), new[6].clone()), (7, time("flat/slow/one: two", 2_323_825.0, 201_836.0)));
}

/// The key says `mib_per_second`, and means millions of bytes: 4,096 bytes in 1,092 ns.
#[test]
fn benchmarks_among_json_are_read() {
    let parsed = parse(fixture!("recorded.jsonl")).unwrap();
    let [.., found] = &parsed.benchmarks[..] else { panic!("{parsed:?}") };
    let (time, rate) = (found.metric("wall_time").unwrap(), found.metric("throughput").unwrap());
    assert_eq!((time.value, rate.value, rate.unit.as_str()), (1_092.334_390_048_154, 3.75e9, "bytes/s"));
    assert!((rate.value - 4096.0 / time.value * 1e9).abs() < 1e7);
    let odd = "{ \"type\": \"bench\", \"name\": \"a\", \"median\": 1 }\n{ \"type\": \"bench\", \"name\": \"b\" }\n";
    let parsed = parse(odd.as_bytes()).unwrap();
    assert_eq!((parsed.benchmarks.len(), parsed.warnings[0].line), (1, 2));
    let cut = "{ \"type\": \"bench\", \"name\": \"a\", \"median\": 1 }\n{ \"type\": \"bench\", \"na";
    assert!(parse(cut.as_bytes()).unwrap_err().text.starts_with("cut off"));
}

#[test]
fn a_throughput_after_the_time_is_a_second_metric() {
    let parsed = parse(b"test read ... bench:       1,250 us/iter (+/- 50) = 8,000 MB/s\n").unwrap();
    let [time, throughput] = parsed.benchmarks[0].metrics.as_slice() else { panic!("{parsed:?}") };
    assert_eq!((time.value, time.unit.as_str(), time.original_unit.as_deref()), (1.25e6, "ns", Some("us/iter")));
    assert_eq!((time.lower, time.upper), (Some(1.2e6), Some(1.3e6)));
    assert_eq!(
        (throughput.metric.as_str(), throughput.value, throughput.unit.as_str()),
        ("throughput", 8e9, "bytes/s")
    );
    assert_eq!((throughput.direction, throughput.original_unit.as_deref()), (Direction::Higher, Some("MB/s")));
}

#[test]
fn colours_marks_line_ends_and_utf_16_do_not_matter() {
    let plain = "test a b ... bench:         135 ns/iter (+/- 24)\r\ntest c ... \u{1b}[32mok\u{1b}[0m\r\n";
    let coloured = format!("\u{feff}{}", plain.replace("bench:", "\u{1b}[36mbench:\u{1b}[0m"));
    assert_eq!(figures(coloured.as_bytes()), [time("a b", 135.0, 24.0)]);
    let utf_16: Vec<u8> = std::iter::once(0xfeff).chain(plain.encode_utf16()).flat_map(u16::to_le_bytes).collect();
    assert_eq!(figures(&utf_16), [time("a b", 135.0, 24.0)]);
}

#[test]
fn names_may_hold_anything() {
    let text =
        "test a ... b: bench ... bench: 1.5e3 ns/iter (+/- 1)\ntest x::y<(u8, \"...\")> ... bench: 0 ns/iter (+/- 0)\n";
    assert_eq!(figures(text.as_bytes()), [time("a ... b: bench", 1500.0, 1.0), time("x::y<(u8, \"...\")>", 0.0, 0.0)]);
}

#[test]
fn what_a_benchmark_prints_may_stand_between() {
    let text = "test a ... hello\nworld\nbench: 5 ns/iter (+/- 1)\ntest b ... noise bench: 6 ns/iter (+/- 1)\n";
    assert_eq!(figures(text.as_bytes()), [time("a", 5.0, 1.0), time("b", 6.0, 1.0)]);
}

#[test]
fn lines_that_cannot_be_read_are_warnings_with_their_number() {
    let text = "test a ... bench: 5 ns/iter (+/- 1)\ntest b ... bench: NaN ns/iter (+/- 1)\ntest c ... FAILED\ntest d ... \n\
                test e ... bench: 1 parsec/fortnight (+/- 1)\ntest f ... bench: -3 ns/iter (+/- 1)\n";
    let parsed = parse(text.as_bytes()).unwrap();
    assert_eq!(parsed.benchmarks.len(), 1);
    let lines: Vec<_> = parsed.warnings.iter().map(|warning| (warning.line, warning.text.as_str())).collect();
    assert_eq!(lines[0], (2, "looks like a result, but cannot be read: `test b ... bench: NaN ns/iter (+/- 1)`"));
    assert_eq!(lines[1], (3, "`c` failed"));
    assert_eq!(lines[2], (4, "`d` has no figures"));
    assert_eq!(lines.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [2, 3, 4, 5, 6]);
}

#[test]
fn repeated_names_are_kept_apart() {
    let text = "test a ... bench: 5 ns/iter (+/- 1)\ntest a ... bench: 7 ns/iter (+/- 1)\n";
    let parsed = parse(text.as_bytes()).unwrap();
    assert_eq!(parsed.benchmarks[1].series(), "a occurrence=2");
    assert_eq!(parsed.warnings[0].line, 2);
}

#[test]
fn nothing_and_half_of_something_are_errors() {
    let error = |text: &str| parse(text.as_bytes()).unwrap_err().to_string();
    assert_eq!(
        error(""),
        "no `bench:` line at line 1, column 1; for criterion, run it with `-- --output-format bencher`"
    );
    assert_eq!(
        error("running 1 test\ntest a ... ok\n\ntest result: ok.\n"),
        "only tests, no `bench:` line at line 4, column 1; run `cargo bench`; criterion needs `-- --output-format bencher`"
    );
    assert_eq!(
        error("\ntest a ... bench: fast\n"),
        "cannot read the figures in `test a ... bench: fast` at line 2, column 18; expected `bench: 1,234 ns/iter (+/- 56)`"
    );
    let complete = "test a ... bench: 5 ns/iter (+/- 1)\n";
    assert!(
        error(&format!("{complete}test b ... bench:   1,2"))
            .starts_with("cut off in the middle of `test b ... bench:   1,2` at line 2")
    );
    assert!(error(&format!("{complete}test b ... bench:   12 ns/iter (+/- ")).starts_with("cut off"));
    assert!(error(&format!("{complete}test b ... be")).starts_with("cut off in the middle of `test b` at line 2"));
    assert!(
        error(&format!("running 2 tests\n{complete}")).starts_with("cut off: 2 tests were announced, 1 came at line 1")
    );
    assert!(parse(format!("running 1 test\n{complete}").as_bytes()).is_ok());
}

#[test]
fn no_bytes_make_it_panic() {
    for bytes in
        [&fixture!("cargo_output.txt")[..], fixture!("criterion_output.txt"), fixture!("cargo_output_units.txt")]
    {
        for end in 0..bytes.len() {
            let _ = parse(&bytes[..end]);
            let mut damaged = bytes.to_vec();
            damaged[end] = [0xff, b'\x1b', b'(', b' ', b'9'][end % 5];
            let _ = parse(&damaged);
        }
    }
}
