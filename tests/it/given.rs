//! The files that were given with the project, copied to `tests/fixtures/harness`: each is converted by the program, by
//! name and with `auto`, and holds exactly these benchmarks. The figures were taken from the files by hand.

use std::path::Path;

use serde_json::Value;

use crate::sandbox::Sandbox;

/// A name, its first metric, the value, the unit, and whether higher is better.
type Row = (&'static str, &'static str, f64, &'static str, bool);

const fn time(name: &'static str, nanoseconds: f64) -> Row {
    (name, "wall_time", nanoseconds, "ns", false)
}

const fn rate(name: &'static str, per_second: f64) -> Row {
    (name, "rate", per_second, "1/s", true)
}

const JMH: &str = "org.openjdk.jmh.samples.JMHSample_01_HelloWorld.wellHelloThere";

const CATCH2: &[Row] = &[
    time("Fibonacci 10", 344.0),
    time("Fibonacci 20", 41_731.0),
    time("Fibonacci~ 5!", 36.0),
    time("Fibonacci-15_bench", 3_789.0),
];

/// Format, file, benchmarks in their order.
const GIVEN: &[(&str, &str, &[Row])] = &[
    (
        "benchmarkdotnet",
        "benchmarkdotnet/benchmarkdotnet.json",
        &[
            time("Sample.Benchmarks.Fib10", 24.420_208_500_964_3),
            time("Sample.Benchmarks.Fib20", 51.520_081_515_495_59),
        ],
    ),
    (
        "benchmarkjs",
        "benchmarkjs/benchmarkjs_output.txt",
        &[rate("fib(10)", 1_431_759.0), rate("fib(20)", 12_146.0), rate("createObjectBuffer with 200 comments", 81.61)],
    ),
    ("catch2", "catch2/catch2_output_v2.txt", CATCH2),
    ("catch2", "catch2/catch2_output_v3.txt", CATCH2),
    ("catch2", "catch2/issue16_output.txt", &[time("Fibonacci 10", 0.0), time("Fibonacci 20", 1.0)]),
    (
        "gab-custom",
        "gab-custom/customBiggerIsBetter_output.json",
        &[
            rate("My Custom Bigger Is Better Benchmark - Throughput", 70.0),
            ("My Custom Bigger Is Better Benchmark - Free Memory", "bytes", 150e6, "bytes", true),
        ],
    ),
    (
        "gab-custom",
        "gab-custom/customSmallerIsBetter_output.json",
        &[
            ("My Custom Smaller Is Better Benchmark - CPU Load", "percent", 50.0, "Percent", false),
            ("My Custom Smaller Is Better Benchmark - Memory Used", "bytes", 100e6, "bytes", false),
        ],
    ),
    (
        "gab-custom",
        "gab-custom/customSmallerIsBetter_output2.json",
        &[
            time("No instrumentation", 90.9439),
            time("Deactivated probe", 445.661),
            time("No logging", 1_847.38),
            time("Binary file", 3_886.75),
        ],
    ),
    (
        "go",
        "go/go_fiber_duplicate_names_output.txt",
        &[
            time("BenchmarkAppendMsgitem", 55.76),
            time("BenchmarkUnmarshalitem", 174.0),
            time("BenchmarkAppendMsgitem", 0.3733),
            time("BenchmarkUnmarshalitem", 4.36),
        ],
    ),
    (
        "go",
        "go/go_fiber_output.txt",
        &[
            time("Benchmark_Ctx_Accepts/run-[]string{\".xml\"}", 247.6),
            time("Benchmark_Ctx_Accepts/run-[]string{\"json\",_\"xml\"}", 307.1),
            time("Benchmark_Ctx_Accepts/run-[]string{\"application/json\",_\"application/xml\"}", 316.1),
            time("Benchmark_Utils_GetOffer/mime_extension#01", 390.7),
            time("Benchmark_Utils_GetOffer/mime_extension#02", 602.1),
            time("Benchmark_Utils_GetOffer/mime_extension#03", 286.3),
        ],
    ),
    (
        "go",
        "go/go_output.txt",
        &[
            time("BenchmarkFib10", 325.0),
            time("BenchmarkFib20", 40_537.123),
            time("BenchmarkFib/my_tabled_benchmark_-_10", 325.0),
            time("BenchmarkFib/my_tabled_benchmark_-_20", 40_537.123),
            time("BenchmarkFib/my/tabled/benchmark_-_20", 40_537.456),
            time("BenchmarkFib/my/tabled/benchmark_-_20,var1=13,var2=14", 40_537.456),
            time("BenchmarkFib11", 262.7),
            time("BenchmarkFib22", 31_915.0),
        ],
    ),
    ("go", "go/go_single_package_output.txt", &[time("BenchmarkFib10", 325.0), time("BenchmarkFib20", 40_537.0)]),
    (
        "google-benchmark",
        "google-benchmark/googlecpp_output.json",
        &[time("fib_10", 214.989_801_145_479_53), time("fib_20", 27_455.600_415_007_055)],
    ),
    ("jmh", "jmh/jmh_output.json", &[rate(JMH, 3_376_238_873.122_818_5)]),
    ("jmh", "jmh/jmh_output_2.json", &[rate(JMH, 3_376_238_873.122_818_5)]),
    ("julia", "julia/julia_output.json", &[time("fib/20", 31_028.0), time("fib/10", 246.038_461_538_461_55)]),
    ("libtest", "libtest/cargo_output.txt", &[time("bench_fib_10", 135.0), time("bench_fib_20", 18_149.0)]),
    (
        "libtest",
        "libtest/cargo_output2.txt",
        &[
            time("bench_engine_new", 211_834.0),
            time("bench_engine_new_raw", 197.0),
            time("bench_engine_new_raw_core", 196.0),
            time("bench_engine_register_fn", 493.0),
        ],
    ),
    ("libtest", "libtest/cargo_output3.txt", &[time("bench_fib_10", 148.7), time("bench_fib_20", 18_794.12)]),
    (
        "libtest",
        "libtest/cargo_output_units.txt",
        &[
            ("cmov", "cycles", 2_835.0, "cycles", false),
            ("cmov2", "cycles", 2_845.0, "cycles", false),
            ("mov", "cycles", 1_508.0, "cycles", false),
            ("upload", "rate", 1_911.0, "MS/s", true),
            ("download", "rate", 9_001.0, "MS/s", true),
        ],
    ),
    (
        "libtest",
        "libtest/criterion_output.txt",
        &[
            time("Create Realm", 329.0),
            time("Symbols (Execution)", 3_268.0),
            time("For loop (Execution)", 12_314.0),
            time("Fibonacci (Execution)", 1_672_496.0),
        ],
    ),
    (
        "luau",
        "luau/benchmarkluau_output.txt",
        &[time("base64", 15_041_000.0), time("chess", 69_560_000.0), time("life", 85_089_000.0)],
    ),
    (
        "pytest-benchmark",
        "pytest-benchmark/pytest_output.json",
        &[
            time("bench.py::test_fib_10", 22_300.000_000_363_696),
            time("bench.py::test_fib_20", 2_960_582.500_000_308_3),
        ],
    ),
    (
        "pytest-benchmark",
        "pytest-benchmark/pytest_several_units.json",
        &[
            time("bench.py::test_fib_1", 143.760_000_002_046_7),
            time("bench.py::test_fib_10", 28_052.999_999_861_328),
            time("bench.py::test_fib_20", 3_471_104.000_000_169),
            time("bench.py::test_sleep_2", 2_005_124_842.999_999),
        ],
    ),
];

/// The benchmarks of a document that `convert` printed, as rows.
fn rows(document: &Value) -> Vec<(String, String, f64, String, bool)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let row = |benchmark: &Value| {
        let metric = &benchmark["metrics"][0];
        let is_higher = metric["direction"] == "higher";
        let value = metric["value"].as_f64().unwrap();
        (text(&benchmark["name"]), text(&metric["metric"]), value, text(&metric["unit"]), is_higher)
    };
    document["benchmarks"].as_array().unwrap().iter().map(row).collect()
}

#[test]
fn given_files_are_read_right_by_name_and_with_auto() {
    let sandbox = Sandbox::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/harness");
    for (format, file, expected) in GIVEN {
        let path = root.join(file);
        let by_name = sandbox.run(&["convert", "--harness", format, path.to_str().unwrap()]);
        by_name.says(0, &[]);
        let found = rows(&serde_json::from_str(&by_name.stdout).unwrap());
        assert_eq!(found.len(), expected.len(), "{file}");
        for (found, (name, metric, value, unit, is_higher)) in found.iter().zip(*expected) {
            let told = (found.0.as_str(), found.1.as_str(), found.3.as_str(), found.4);
            assert_eq!(told, (*name, *metric, *unit, *is_higher), "{file}");
            assert!((found.2 - value).abs() <= 1e-9 * value.abs(), "{file}: {name} is {}, not {value}", found.2);
        }
        let guessed = sandbox.run(&["convert", "--harness", "auto", path.to_str().unwrap()]);
        guessed.says(0, &[&format!("read as `{format}`")]);
        assert_eq!(guessed.stdout, by_name.stdout, "{file}");
    }
}
