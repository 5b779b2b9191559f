//! Go's output: the given files, one recorded here, and what can go wrong.

use super::*;
use crate::harness::Parsed;
use crate::harness::testing::{close, fixture, listed};
use crate::results::{Benchmark, Direction};

fn text(text: &str) -> Result<Parsed, HarnessError> {
    ADAPTER.parse(text.as_bytes())
}

#[test]
fn given_and_recorded_files_are_read() {
    for file in [
        "go_output.txt",
        "go_fiber_output.txt",
        "go_fiber_duplicate_names_output.txt",
        "go_single_package_output.txt",
        "recorded.txt",
    ] {
        let parsed = ADAPTER.parse(&fixture("go", file)).unwrap();
        insta::assert_snapshot!(file, listed(&parsed));
    }
}

#[test]
fn repeats_are_samples_and_units_have_directions() {
    let parsed = text(
        "Unit hits/op better=higher\nBenchmarkA-2 10 3 ns/op 5 hits/op 7 p99-ns\r\nBenchmarkA-2 10 1 ns/op 6 hits/op\n\
         BenchmarkA-2 10 2 ns/op 7 hits/op\nBenchmarkA-4 1 9 ns/op\nPASS\n",
    )
    .unwrap();
    assert_eq!(parsed.benchmarks.len(), 2);
    let metrics = &parsed.benchmarks[0].metrics;
    assert_eq!(
        (metrics[0].value, metrics[0].samples.as_slice(), metrics[0].iterations),
        (2.0, &[3.0, 1.0, 2.0][..], Some(30))
    );
    assert_eq!((metrics[1].direction, metrics[1].metric.as_str()), (Direction::Higher, "hits"));
    assert_eq!((metrics[2].unit.as_str(), metrics[2].metric.as_str()), ("ns", "p99"));
}

#[test]
fn configuration_that_changes_tells_results_apart() {
    let parsed = text(
        "goos: linux\ncompiler: gc\nBenchmarkA 1 1 ns/op\ncompiler: gccgo\nBenchmarkA 1 2 ns/op\ncompiler: gc\nBenchmarkA 1 3 ns/op\n",
    )
    .unwrap();
    assert_eq!(parsed.benchmarks.len(), 2);
    assert_eq!(parsed.benchmarks[0].parameters["compiler"], "gc");
    assert_eq!(parsed.benchmarks[0].metrics[0].samples, [1.0, 3.0]);
    assert!(!parsed.benchmarks[0].parameters.contains_key("goos"));
}

#[test]
fn what_a_benchmark_prints_does_not_hide_its_figures() {
    let parsed =
        text("BenchmarkA-8 \thello\nmore\n     100\t 12,5 ns/op\nBenchmarkB-8 hi 7\t   3.5 ns/op\t 1 B/op\n").unwrap();
    close(Some(parsed.benchmarks[0].metrics[0].value), 12.5);
    close(Some(parsed.benchmarks[1].metrics[0].value), 3.5);
    assert_eq!(parsed.benchmarks[1].metrics.len(), 2);
}

#[test]
fn nothing_and_halves_are_never_fine() {
    for bad in [
        "",
        "PASS\nok  \tx\t0.1s\n",
        "BenchmarkA-8 100",
        "BenchmarkB 1 2 ns/op\nBenchmarkA-8 100 12.5 ns/op 3",
        "Benchmarks are fun\n",
    ] {
        assert!(text(bad).is_err(), "{bad}");
    }
    let warned =
        text("pkg: a\nBenchmarkA 1 2 ns/op\nBenchmarkB 1 x ns/op\n--- FAIL: BenchmarkC\nBenchmarkD\n").unwrap();
    let lines: Vec<u64> = warned.warnings.iter().map(|warning| warning.line).collect();
    assert_eq!(lines, [3, 4, 5, 5], "{:?}", warned.warnings);
}

/// Gone through twice, an output holds the same benchmarks; only the order may differ where one comes again.
#[test]
fn going_through_it_twice_changes_nothing() {
    let lines = [
        "BenchmarkA-2 10 3 ns/op",
        "BenchmarkA-2 10 4 ns/op 7 B/op",
        "BenchmarkB 1 9 ns/op",
        "BenchmarkC/x-8 1 2.5 hits/op",
        "BenchmarkD prints",
        "     100\t 12,5 ns/op",
        "BenchmarkE 1 x ns/op",
        "pkg: a",
        "pkg: b",
        "compiler: gc",
        "compiler: gccgo",
        "Unit hits/op better=higher",
        "PASS",
        "BenchmarkF 12",
    ];
    let mut random = 0x9e37_79b9_7f4a_7c15u64;
    let (mut read, mut refused) = (0, 0);
    for _ in 0..3_000 {
        let mut output = String::new();
        for _ in 0..10 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            output.push_str(lines[(random >> 33) as usize % lines.len()]);
            output.push('\n');
        }
        let by = |large: u64| {
            let mut benchmarks: Vec<Benchmark> = Vec::new();
            let warnings = read_from(&mut std::io::Cursor::new(&output), large, &mut |benchmark| {
                benchmarks.push(benchmark.clone());
                std::ops::ControlFlow::Continue(())
            });
            benchmarks.sort_by_key(Benchmark::series);
            (benchmarks, warnings)
        };
        let (held, streamed) = (by(u64::MAX), by(0));
        assert_eq!(held, streamed, "{output}");
        *if held.1.is_ok() { &mut read } else { &mut refused } += 1;
    }
    assert!(read > 2_000 && refused > 10, "{read} {refused}");
}

/// Nothing goes out before it is known that all of it can be read.
#[test]
fn a_large_output_that_is_cut_off_gives_nothing() {
    let output = format!("{}BenchmarkZ-8 100", "BenchmarkA-8 100 1 ns/op\n".repeat(100));
    let mut given = 0;
    let error = read_from(&mut std::io::Cursor::new(output), 0, &mut |_| {
        given += 1;
        std::ops::ControlFlow::Continue(())
    });
    assert_eq!((error.unwrap_err().line, given), (101, 0));
}

#[test]
fn reading_ends_where_no_more_is_wanted() {
    let output = (0..100).map(|n| format!("Benchmark{n} 100 1 ns/op\n")).collect::<String>();
    for large in [0, u64::MAX] {
        let mut given = 0;
        let odd = read_from(&mut std::io::Cursor::new(&output), large, &mut |_| {
            given += 1;
            std::ops::ControlFlow::Break(())
        });
        assert_eq!((odd, given), (Ok(Vec::new()), 1));
    }
}

/// What is read the short way is read the long way too, and to the same.
#[test]
fn short_and_long_ways_agree() {
    let parts = [
        "Benchmark",
        "A",
        "b",
        "Ä",
        "-8",
        ":",
        " ",
        "\t",
        "  ",
        "1",
        "12",
        "0.5",
        "7.",
        ".5",
        "1e3",
        "3,5",
        "ns/op",
        "B/op",
        "µs",
        "\u{1b}[1m",
        "\u{a0}",
        "\u{b}",
        "123456789012345",
        "9",
        "0",
        "+1",
        "inf",
    ];
    let mut random = 0x9e37_79b9_7f4a_7c15u64;
    let mut agreed = 0;
    for round in 0..100_000 {
        let mut next = || {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) as usize
        };
        let mut line = if round % 2 == 0 { String::new() } else { "BenchmarkA-8 10 1.25 ns/op".to_owned() };
        for _ in 0..next() % 8 {
            let at = line.floor_char_boundary(next() % (line.len() + 1));
            line.insert_str(if round % 2 == 0 { line.len() } else { at }, parts[next() % parts.len()]);
        }
        let mut values = Vec::new();
        let Some((name, iterations)) = text::simple(&line, |_, value, unit| values.push((value, unit))) else {
            continue;
        };
        let whole = crate::harness::lines::without_colours(&line);
        let Some(Ok(found)) = text::result(whole.trim()) else { panic!("{line:?}") };
        assert_eq!((found.name, found.iterations, found.values), (name, iterations, values), "{line:?}");
        agreed += 1;
    }
    assert!(agreed > 5_000, "{agreed}");
}

/// Numbers of the short way are those that the language reads.
#[test]
fn short_numbers_are_rounded_right() {
    let mut random = 0x9e37_79b9_7f4a_7c15u64;
    for _ in 0..50_000 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (digits, point) = ((random >> 8) as usize % 15 + 1, (random >> 40) as usize % 16);
        let mut number: String = (random >> 2).to_string().chars().cycle().take(digits).collect();
        number.insert(point.min(digits), '.');
        let line = format!("BenchmarkA 1 {number} x");
        let mut read = None;
        if text::simple(&line, |_, value, _| read = Some(value)).is_some() {
            assert_eq!(read, number.parse().ok(), "{number}");
        }
    }
}
