//! The given file, repetitions and aggregates, the console, and what can go wrong.

use super::*;
use crate::harness::testing::{fixture, listed};
use crate::results::{Benchmark, Direction};

#[test]
fn given_and_written_files_are_read() {
    for file in ["googlecpp_output.json", "documented.json", "documented.txt"] {
        insta::assert_snapshot!(file, listed(&ADAPTER.parse(&fixture("google-benchmark", file)).unwrap()));
    }
}

#[test]
fn recorded_files_are_read() {
    for file in [
        "recorded.json",
        "aggregates-only.json",
        "recorded.txt",
        "repetitions.txt",
        "aggregates-only.txt",
        "tabular-colour.txt",
        "recorded.csv",
        "repetitions.csv",
    ] {
        insta::assert_snapshot!(file, listed(&ADAPTER.parse(&fixture("google-benchmark", file)).unwrap()));
    }
}

/// However it is written, and with or without aggregates: the same benchmarks with the same metrics.
#[test]
fn all_forms_of_one_program_agree() {
    let shape = |file: &str| -> Vec<(String, Vec<String>)> {
        let parsed = ADAPTER.parse(&fixture("google-benchmark", file)).unwrap();
        let metrics = |found: &Benchmark| {
            let names = found.metrics.iter().map(|metric| format!("{} {}", metric.metric, metric.unit));
            names.filter(|name| !name.contains("_mean") && !name.starts_with("rate ")).collect()
        };
        parsed.benchmarks.iter().map(|found| (found.name.clone(), metrics(found))).collect()
    };
    let json = shape("recorded.json");
    assert_eq!(json.len(), 8);
    for file in ["aggregates-only.json", "recorded.txt", "repetitions.txt", "aggregates-only.txt", "tabular-colour.txt"]
    {
        assert_eq!(shape(file), json, "{file}");
    }
    assert_eq!(shape("repetitions.csv"), shape("recorded.csv"));
    assert_eq!(shape("recorded.csv").len(), 5);
}

/// The console counts bytes in 1024s without saying so, and prints rates and times with prefixes.
#[test]
fn counters_of_the_console_are_what_the_json_has() {
    let parsed = ADAPTER.parse(&fixture("google-benchmark", "recorded.txt")).unwrap();
    let value = |name: &str, metric: &str| {
        let found = parsed.benchmarks.iter().find(|found| found.name == name).unwrap();
        found.metric(metric).map(|metric| (metric.value, metric.direction))
    };
    let (bytes, _) = value("BM_Sum/4096", "throughput").unwrap();
    // 4 bytes for each item: 3.44468G items.
    assert!((bytes / (4.0 * 3.444_68e9) - 1.0).abs() < 1e-4, "{bytes}");
    let of = "BM_Counters/threads:2";
    assert_eq!(value(of, "rate"), Some((358.892e6, Direction::Higher)));
    assert!((value(of, "inverse").unwrap().0 - 2.786_35e-9).abs() < 1e-15);
    assert_eq!(value("BM_Real/x:1/y:2/min_time:0.010/real_time", "wall_time"), Some((0.0, Direction::Lower)));
    assert!(parsed.warnings.iter().any(|warning| warning.text.contains("rounded to nothing")));
}

#[test]
fn a_csv_that_was_given_up_or_cut_off_is_an_error() {
    let whole = String::from_utf8(fixture("google-benchmark", "recorded.csv")).unwrap();
    let cut = &whole[..whole.find(",2.79").or_else(|| whole.find("BM_Sum/4096")).unwrap() + 20];
    assert!(ADAPTER.parse(cut.as_bytes()).unwrap_err().text.starts_with("cut off"), "{cut}");
    let mut given_up = fixture("google-benchmark", "given-up.csv");
    assert_eq!(ADAPTER.parse(&given_up).unwrap().benchmarks.len(), 4);
    given_up.extend_from_slice(b"./src/csv_reporter.cc:93: ReportRuns: Check `user_counter_names_.find' failed.\n");
    assert!(ADAPTER.parse(&given_up).unwrap_err().text.starts_with("cut off"));
    let odd =
        whole.replace("0.242373", "many").replace(",93126,", ",93126,x").replace("BM_Sum/512\",", "BM_Sum/512\",,");
    let parsed = ADAPTER.parse(odd.as_bytes()).unwrap();
    assert_eq!((parsed.benchmarks.len(), parsed.warnings[0].line), (4, 3));
}

#[test]
fn nothing_and_halves_are_never_fine() {
    for bad in [
        "",
        "{\"context\":{},\"benchmarks\":[]}",
        "{\"context\":{},\"benchmarks\":[{\"name\":\"a\"",
        "Benchmark Time CPU Iterations\n",
        "{}",
    ] {
        assert!(ADAPTER.parse(bad.as_bytes()).is_err(), "{bad}");
    }
    let odd = "Benchmark Time CPU Iterations\nBM_A 1 ns 1 ns 5\nBM_B 1 ns 2 us x\n";
    let parsed = ADAPTER.parse(odd.as_bytes()).unwrap();
    assert_eq!((parsed.benchmarks.len(), parsed.warnings[0].line), (1, 3));
}

#[test]
fn what_failed_is_kept_and_marked() {
    let text = r#"{"context":{"num_cpus":1},"benchmarks":[{"name":"a","run_name":"a","run_type":"iteration","error_occurred":true,"error_message":"no file"}]}"#;
    assert!(listed(&ADAPTER.parse(text.as_bytes()).unwrap()).contains("no file"));
}

/// Enough benchmarks for several threads, with entries of all kinds among them: all there, in order, once.
#[test]
fn large_files_are_read_in_order() {
    let mut text = String::from("{\"context\":{\"num_cpus\":1},\"benchmarks\":[");
    for number in 0..3_000 {
        let entry = match number % 7 {
            3 => {
                format!("{{\"name\":\"b{number}\",\"real_time\":{number}.5e+00,\"cpu_time\":NaN,\"time_unit\":\"ns\"}}")
            }
            5 => format!(
                "{{\"name\":\"b\\u002d{number}\",\"real_time\":{number}.5,\"cpu_time\":1e+002,\"time_unit\":\"ns\"}}"
            ),
            _ => format!(
                "{{\"name\": \"b{number}\", \"real_time\": {number}.5, \"cpu_time\": 1, \"time_unit\": \"ns\"}}"
            ),
        };
        text.push_str(&format!("{}\n{entry}", if number == 0 { "" } else { "," }));
    }
    let whole = format!("{text}\n]}}\n{}", text.replace(":\"b", ":\"c").replace(": \"b", ": \"c") + "]}");
    let parsed = ADAPTER.parse(whole.as_bytes()).unwrap();
    assert_eq!((parsed.benchmarks.len(), parsed.warnings.len()), (6_000, 0));
    for (number, benchmark) in parsed.benchmarks.iter().enumerate() {
        let (letter, number) = (if number < 3_000 { "b" } else { "c" }, number % 3_000);
        let one = if number % 7 == 5 { "-" } else { "" };
        assert_eq!(benchmark.name, format!("{letter}{one}{number}"));
        assert!((benchmark.metrics[0].value - (number as f64 + 0.5)).abs() < 1e-9);
    }
    let wrong = text.replace("2998.5", "2998.5e999");
    let error = ADAPTER.parse(format!("{wrong}]}}").as_bytes()).unwrap_err();
    assert_eq!((error.line, error.text.as_str()), (3_000, "not JSON"));
    let mut given = 0;
    let mut stop = |_: &mut Benchmark| {
        given += 1;
        std::ops::ControlFlow::Break(())
    };
    read(&mut format!("{text}]}}").as_bytes(), &mut stop).unwrap();
    assert_eq!(given, 1);
}

/// The benchmarks and warnings of JSON, with entries of the usual kind read the short way, or as all others.
fn read_json(text: &str, short: bool) -> Result<(Vec<Benchmark>, Vec<Warning>), HarnessError> {
    let mut elements = Elements::new(text.as_bytes(), HELP)?;
    let (mut runs, mut found) = (Runs::default(), Vec::new());
    elements.find(|_| false)?;
    let last = match short {
        true => json::read(&mut elements, &mut runs)?,
        false => json::read_by(&mut elements, &mut runs, |_, _, _| None)?,
    };
    let warnings = runs.hand_out(last, "none", &mut |benchmark| {
        found.push(benchmark.clone());
        std::ops::ControlFlow::Continue(())
    })?;
    Ok((found, warnings))
}

/// Entries of the usual kind are read another way than the others; both ways find the same, however a file is damaged.
#[test]
fn both_ways_of_reading_entries_agree() {
    let own = r#"{"benchmarks": [
        {"name": "a/8", "run_name": "a/8", "run_type": "iteration", "repetitions": 2, "iterations": 10,
            "real_time": 1.5e+00, "cpu_time": 1.25, "time_unit": "us", "n": 1, "label": "x"},
        {"name": "a/8", "run_name": "a/8", "run_type": "iteration", "repetitions": 2, "iterations": 12,
            "real_time": 2.5e+00, "cpu_time": 2.25, "time_unit": "us", "n": 2, "n": 3},
        {"name": "a/8_mean", "run_name": "a/8", "run_type": "aggregate", "aggregate_name": "mean",
            "real_time": 2.0, "cpu_time": 1.75, "time_unit": "us"},
        {"name": "b", "real_time": 1, "time_unit": "ns", "bytes_per_second": 8.0},
        {"name": "b_stddev", "real_time": 1, "time_unit": "ns"},
        {"name": "c", "error_occurred": true, "error_message": "no \"file\""}
    ]}"#;
    let parts = [
        "\"", "\\u0041", "{", "}", "[", "]", ",", ":", "1e999", "-0", "0", "NaN", "null", "true", " ", "\n", "é", "_cv",
    ];
    let words =
        ["\"name\"", "\"n\"", "a/8", "real_time", "1.5", "\"us\"", "iterations", "run_name", "label", "threads", "12"];
    let mut texts = vec![own.to_owned()];
    texts.extend(
        ["recorded.json", "aggregates-only.json", "documented.json"]
            .map(|file| String::from_utf8(fixture("google-benchmark", file)).unwrap()),
    );
    let mut random = 0x9e37_79b9_7f4a_7c15u64;
    let (mut understood, mut refused) = (0, 0);
    for round in 0..2_000 {
        let mut next = || {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (random >> 33) as usize
        };
        let mut text = texts[if round % 8 == 0 { next() % texts.len() } else { 0 }].clone();
        for _ in 0..next() % 3 {
            if next() % 2 == 0 {
                let (from, to) = (words[next() % words.len()], words[next() % words.len()]);
                text = text.replacen(from, to, next() % 3);
            } else {
                let at = text.floor_char_boundary(next() % text.len());
                let end = text.floor_char_boundary(at + next() % 3);
                text.replace_range(at..end.max(at), parts[next() % parts.len()]);
            }
        }
        let short = read_json(&text, true);
        assert_eq!(short, read_json(&text, false), "{text}");
        *if short.is_ok() { &mut understood } else { &mut refused } += 1;
    }
    assert!(understood > 300 && refused > 300, "{understood} {refused}");
}
