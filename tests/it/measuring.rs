//! What surrounds a measured command and what is read of it, by the real binary.

use backsight::results::{Benchmark, Document, Metric, StepStatus, Validity, Verdict};

use crate::sandbox::{Sandbox, step};

/// A pipeline of one benchmark of three samples with these lines besides.
fn pipeline(lines: &str) -> String {
    let lines: String = lines.lines().map(|line| format!("    {}\n", line.trim_end())).collect();
    format!("version: 1\nbenchmarks:\n  - name: b\n    samples: 3\n    warm_up: 1\n{lines}")
}

fn run(lines: &str) -> (Sandbox, Document) {
    let sandbox = Sandbox::with(&pipeline(lines));
    let outcome = sandbox.run(&["run"]);
    assert!([0, 3].contains(&outcome.code), "{outcome:?}");
    let document = sandbox.document();
    (sandbox, document)
}

#[track_caller]
fn metric<'a>(benchmark: &'a Benchmark, name: &str) -> &'a Metric {
    benchmark.metric(name).unwrap_or_else(|| panic!("no {name} in {:?}", benchmark.metrics))
}

#[test]
fn prepare_and_cleanup_surround_every_execution() {
    let (sandbox, document) = run("prepare: echo prepare >> log\nrun: echo run >> log\ncleanup: echo cleanup >> log");
    assert_eq!(sandbox.read("log"), "prepare\nrun\ncleanup\n".repeat(4), "a warm-up and three samples");
    assert_eq!(metric(&document.benchmarks[0], "wall_time").samples.len(), 3);
}

#[test]
fn the_part_that_fails_is_named() {
    for (part, lines, words) in [
        ("prepare", "prepare: echo no space left >&2; exit 4\nrun: \"true\"", "exit 4 in prepare: no space left"),
        ("cleanup", "run: \"true\"\ncleanup: exit 5", "exit 5 in cleanup"),
    ] {
        let sandbox = Sandbox::with(&pipeline(lines));
        let outcome = sandbox.run(&["run"]);
        assert_eq!(outcome.code, 3, "{outcome:?}");
        let document = sandbox.document();
        let step = step(&document, "benchmarks/b");
        assert_eq!(step.status, StepStatus::Failed, "{part}");
        let reason = &step.reason.as_ref().unwrap().text;
        assert!(reason.contains(words), "{part}: {reason}");
        assert!(document.benchmarks[0].metrics.is_empty(), "{part}: no sample of a failed execution");
    }
}

#[test]
fn input_reaches_every_execution_whole() {
    let sandbox = Sandbox::with(&pipeline("run: cat >> got\nstdin: data/in-{{ target }}.txt"));
    sandbox.write("data/in-cpu.txt", "one\n");
    sandbox.run(&["run"]).says(0, &[]);
    assert_eq!(sandbox.read("got"), "one\n".repeat(4));
    let (sandbox, _) = run("run: cat >> got\nstdin: { text: \"two {{ step.name }}\\n\" }");
    assert_eq!(sandbox.read("got"), "two b\n".repeat(4));
    let sandbox = Sandbox::with(&pipeline("run: cat\nstdin: missing.txt"));
    assert_eq!(sandbox.run(&["run"]).code, 3);
    let reason = step(&sandbox.document(), "benchmarks/b").reason.clone().unwrap().text;
    assert!(reason.contains("missing.txt") && reason.contains("relative to the workspace"), "{reason}");
}

#[test]
fn a_clean_environment_has_the_least_and_what_was_asked_for() {
    let lines = "run: env | sort > got\nclean_env: true\nenv: { OWN: \"1\" }";
    let sandbox = Sandbox::with(&pipeline(lines)).env("NOISE", "x").env("LANG", "xx_XX");
    sandbox.run(&["run"]).says(0, &[]);
    let got = sandbox.read("got");
    let names: Vec<&str> = got.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
    let ours = |name: &&str| !name.starts_with("BACKSIGHT") && !matches!(*name, "PWD" | "OLDPWD" | "SHLVL" | "_");
    assert_eq!(names.into_iter().filter(ours).collect::<Vec<_>>(), ["HOME", "LANG", "OWN", "PATH"], "{got}");
    assert!(got.contains("LANG=C.UTF-8\n"), "{got}");
}

#[test]
fn a_pinned_command_runs_there_and_nowhere_else() {
    let allowed = |text: &str| {
        let line = text.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"));
        line.map(|list| list.trim().to_owned()).unwrap()
    };
    let ours = allowed(&std::fs::read_to_string("/proc/self/status").unwrap());
    let last = ours.rsplit([',', '-']).next().unwrap();
    let (sandbox, _) = run(&format!("run: cat /proc/self/status > got\npin: [{last}]"));
    assert_eq!(allowed(&sandbox.read("got")), last);
    let (sandbox, _) = run("run: cat /proc/self/status > got\npin: none");
    assert_eq!(allowed(&sandbox.read("got")), ours, "and the next run is free again");
    let sandbox = Sandbox::with(&pipeline("run: \"true\"\npin: [1023]"));
    assert_eq!(sandbox.run(&["run"]).code, 3);
    let reason = step(&sandbox.document(), "benchmarks/b").reason.clone().unwrap().text;
    assert!(reason.contains("processor 1023 is not one"), "{reason}");
}

#[test]
fn a_nice_value_reaches_the_command() {
    // The value is set just after the start, so the command looks a little later.
    let (sandbox, _) = run("run: sleep 0.05; nice > got\npriority: 9");
    assert_eq!(sandbox.read("got").trim(), "9");
}

#[test]
fn what_the_kernel_accounts_is_recorded() {
    let (_, document) = run("run: head -c 20000000 /dev/zero | tail -c 1 > got; sleep 0.01");
    let bench = &document.benchmarks[0];
    for name in ["wall_time", "cpu_time", "peak_memory", "minor_faults", "voluntary_switches"] {
        assert!(metric(bench, name).value > 0.0, "{name}");
    }
    assert_eq!(metric(bench, "minor_faults").unit, "count");
    assert!(["rusage", "cgroup_v1", "cgroup_v2"].contains(&metric(bench, "peak_memory").source.as_str()));
    assert!(bench.metric("instructions").is_none(), "nobody asked for it");
}

#[test]
fn conditions_and_the_own_overhead_stand_in_the_document() {
    let sandbox = Sandbox::with(&pipeline("run: \"true\""));
    sandbox.run(&["--verbose", "run"]).says(0, &["starting and ending a process takes"]);
    let document = sandbox.document();
    let measuring = document.measuring.as_ref().unwrap();
    assert!(measuring.overhead_ns.unwrap() > 10_000.0 && measuring.overhead_runs > 0, "{measuring:?}");
    let whole = measuring.conditions.as_ref().unwrap();
    let one = document.benchmarks[0].conditions.as_ref().unwrap();
    assert!(whole.duration_ns >= one.duration_ns && one.duration_ns > 0);
    for conditions in [whole, one] {
        let told = [
            ("cpu_pressure", conditions.cpu_pressure.is_some()),
            ("steal", conditions.steal.is_some()),
            ("load", conditions.load.is_some()),
            ("frequency", conditions.frequency.is_some()),
            ("throttled", conditions.throttled.is_some()),
        ];
        for (field, told) in told {
            assert_ne!(told, conditions.unread.contains_key(field), "{field}: a value or a reason, in {conditions:?}");
        }
    }
    assert!(sandbox.report("report.md").contains("starting and ending a process takes"));
}

/// The instructions of a benchmark, or the reason why there are none here.
fn instructions(document: &Document) -> Result<Metric, String> {
    match document.benchmarks[0].metric("instructions") {
        Some(metric) => Ok(metric.clone()),
        None => Err(document.remarks.iter().map(|remark| remark.text.clone()).collect::<Vec<_>>().join("; ")),
    }
}

#[test]
fn callgrind_counts_the_same_twice_and_differently_for_different_work() {
    let count = |turns: u32| {
        let lines = format!(
            "run: [sh, -c, \"i=0; while [ $i -lt {turns} ]; do i=$((i+1)); done\"]\nmetrics: [instructions]\n\
             source: callgrind"
        );
        instructions(&run(&lines).1)
    };
    let (small, large) = match (count(2000), count(2010)) {
        (Ok(small), Ok(large)) => (small, large),
        (Err(reason), _) | (_, Err(reason)) => {
            assert!(reason.contains("install valgrind"), "{reason}");
            return eprintln!("skipped: {reason}");
        }
    };
    assert_eq!((small.samples.len(), small.note.as_deref()), (2, Some("deterministic")));
    assert_eq!((small.source.as_str(), small.unit.as_str()), ("callgrind", "count"));
    let change = large.value / small.value - 1.0;
    assert!(change > 0.0005 && change < 0.01, "half a per cent of the turns is {change}");
}

#[test]
fn a_counter_that_is_not_there_is_said_with_its_reason() {
    let (_, document) = run("run: \"true\"\nmetrics: [instructions, cycles]\nsource: perf");
    for name in ["instructions", "cycles"] {
        let there = document.benchmarks[0].metric(name);
        let said = format!("{name}: not available here: ");
        let reason = document.remarks.iter().find_map(|remark| remark.text.strip_prefix(&said));
        match (there, reason) {
            (Some(metric), None) => assert!(metric.value > 0.0 && metric.source == "perf", "{metric:?}"),
            (None, Some(reason)) => assert!(reason.len() > 10, "{reason}"),
            (there, reason) => panic!("{name}: {there:?}, {reason:?}"),
        }
    }
}

#[test]
fn bench_takes_the_same_options() {
    let sandbox = Sandbox::new();
    sandbox.write("in.txt", "input\n");
    let line = [
        "bench",
        "--budget",
        "300ms",
        "--format",
        "json",
        "--prepare",
        "echo prepare >> log",
        "--cleanup",
        "echo cleanup >> log",
        "--stdin",
        "in.txt",
        "--priority",
        "3",
        "--pin",
        "auto",
        "--clean-env",
        "--metric",
        "instructions",
        "--source",
        "callgrind",
        "--vs",
        "cat >> log",
        "--",
        "sh",
        "-c",
        "cat >> log",
    ];
    let outcome = sandbox.run(&line);
    let bench = outcome.document().benchmarks.remove(0);
    assert!(sandbox.read("log").starts_with("prepare\ninput\ncleanup\nprepare\ninput\ncleanup\n"));
    match (bench.metric("instructions"), bench.base.iter().find(|metric| metric.metric == "instructions")) {
        (Some(head), Some(base)) => assert!(head.value > 0.0 && base.value > 0.0),
        (None, None) => assert!(outcome.stderr.contains("install valgrind"), "{}", outcome.stderr),
        other => panic!("one arm only: {other:?}"),
    }
    let wrong = |args: &[&str], word: &str| {
        let line = [&["bench"], args, &["--vs", "true", "--", "true"]].concat();
        sandbox.run(&line).says(2, &[word]);
    };
    wrong(&["--metric", "speed"], "speed");
    wrong(&["--pin", "most"], "numbers such as");
    wrong(&["--priority", "20"], "20");
    wrong(&["--stdin", "missing"], "missing");
}

#[test]
fn two_counts_an_arm_decide_half_a_per_cent_exactly() {
    let sandbox = Sandbox::new();
    sandbox.write("loop.sh", "i=0; while [ $i -lt $1 ]; do i=$((i+1)); done\n");
    let options =
        ["bench", "--budget", "300ms", "--limit", "0.5%", "--metric", "instructions", "--source", "callgrind"];
    let row = |base: &str, head: &str| {
        let arms = ["--format", "json", "--vs", base, "--", "sh", "loop.sh", head];
        let document = sandbox.run(&[&options[..], &arms[..]].concat()).document();
        let rows = document.comparison.unwrap().rows;
        let row = rows.into_iter().find(|row| row.metric == "instructions").unwrap();
        row.head.is_some().then_some(row).ok_or(document.remarks)
    };
    // Nearly all that the shell executes are its turns: twelve more in two thousand are 0.6 %.
    let (slower, equal) = match (row("sh loop.sh 2000", "2012"), row("sh loop.sh 2000", "2000")) {
        (Ok(slower), Ok(equal)) => (slower, equal),
        (slower, equal) => return eprintln!("skipped: {slower:?} {equal:?}"),
    };
    assert_eq!((slower.verdict, slower.p, slower.n), (Verdict::Regressed, None, (2, 2)), "{slower:?}");
    assert_eq!((slower.validity.clone(), slower.low), (Validity::Valid, slower.high), "{slower:?}");
    assert!(slower.change.is_some_and(|change| change > 0.005 && change < 0.007), "{slower:?}");
    assert_eq!((equal.verdict, equal.change), (Verdict::Unchanged, Some(0.0)), "{equal:?}");
}

#[test]
fn check_shows_how_a_command_is_executed() {
    let sandbox = Sandbox::with(&pipeline(
        "run: \"true\"\nprepare: sync\npin: [0]\npriority: -3\nclean_env: true\nmetrics: [instructions]",
    ));
    let outcome = sandbox.run(&["check"]);
    assert_eq!(outcome.code, 0, "{outcome:?}");
    let manner = "prepare: sync; pin: 0; priority: -3; clean environment; counts instructions (auto)";
    assert!(outcome.stdout.contains(manner), "{}", outcome.stdout);
}
