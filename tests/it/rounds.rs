//! All benchmarks of a run measured together, in rounds: one arm by the real binary, two arms through the operation
//! behind `run`.

use std::collections::BTreeMap;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use backsight::execute::{Arms, Cancel, Place};
use backsight::ops::run::{Answer, Base, Request, Share, run};
use backsight::plan::Selection;
use backsight::results::{
    Arm, Basis, Benchmark, Document, Dropped, Event, ExitCode, Metric, MetricChange, Status, StepStatus, Validity,
    Verdict,
};

use crate::sandbox::{Sandbox, read_document, step, wait_for};

/// A loop of so many turns.
const LOOP: &str = "i=0; while [ $i -lt $1 ]; do i=$((i+1)); done\n";

/// A workspace with a pipeline, and two working copies beside it with the same scripts.
fn paired(pipeline: &str) -> Sandbox {
    let sandbox = Sandbox::with(pipeline);
    both(&sandbox, "loop.sh", LOOP);
    sandbox
}

fn both(sandbox: &Sandbox, name: &str, content: &str) {
    for arm in ["base", "head"] {
        sandbox.write(&format!("arms/{arm}/{name}"), content);
    }
}

fn request(work: &Path, budget: Duration) -> Request {
    let place = |arm: &str| Place {
        workspace: work.join("arms").join(arm),
        variables: vec![("ARM".to_owned(), arm.to_owned())],
    };
    let path = std::env::var("PATH").unwrap();
    Request {
        pipeline: work.join("backsight.yml"),
        selection: Selection::new(Vec::new(), &[], &[]).unwrap(),
        part: None,
        results: None,
        check_only: false,
        force: false,
        prune: false,
        jobs: None,
        budget: Some(budget),
        seed: Some(20_261_123),
        base: Base::Copies(Arms { base: place("base"), head: place("head") }),
        share: Share::All,
        env: BTreeMap::from([("PATH".to_owned(), path), ("LANG".to_owned(), "C.UTF-8".to_owned())]),
        cancel: Cancel::new(),
    }
}

fn measure(sandbox: &Sandbox, budget: Duration) -> Document {
    let Answer { document, folder, problems, .. } = run(request(&sandbox.work(), budget), Vec::new()).unwrap();
    assert!(problems.is_empty(), "{problems:?}");
    let written = std::fs::read_to_string(folder.join("results.json")).unwrap();
    assert_eq!(read_document(&written), document);
    document
}

fn row<'a>(document: &'a Document, benchmark: &str, metric: &str) -> &'a MetricChange {
    let rows = &document.comparison.as_ref().unwrap().rows;
    let found = rows.iter().find(|row| row.benchmark == benchmark && row.metric == metric);
    found.unwrap_or_else(|| panic!("no {metric} of {benchmark} in {rows:?}"))
}

fn benchmark<'a>(document: &'a Document, name: &str) -> &'a Benchmark {
    document.benchmarks.iter().find(|benchmark| benchmark.name == name).unwrap()
}

/// Start and name of each execution that was not a warm-up, in the order of time.
fn order(document: &Document) -> Vec<(u64, &str, Option<Arm>)> {
    let runs = document.benchmarks.iter().flat_map(|benchmark| {
        let measured = benchmark.iterations.iter().filter(|run| !run.warm_up);
        measured.map(|run| (run.at_ns, benchmark.name.as_str(), run.arm))
    });
    let mut all: Vec<_> = runs.collect();
    all.sort_unstable_by_key(|run| run.0);
    all
}

/// Both arms have their samples, pair by pair.
fn assert_pairs(benchmark: &Benchmark) {
    let wall = benchmark.metric("wall_time").unwrap();
    let base = benchmark.base.iter().find(|metric| metric.metric == "wall_time").unwrap();
    assert_eq!(wall.samples.len(), base.samples.len());
    assert!(wall.samples.iter().chain(&base.samples).all(|value| *value > 0.0));
    for arm in [Arm::Base, Arm::Head] {
        let counted = benchmark.iterations.iter().filter(|run| run.counts() && run.arm == Some(arm)).count();
        assert_eq!(counted, wall.samples.len(), "{arm:?}");
    }
}

const THREE: &str = "version: 1
gate: { regression: 20% }
benchmarks:
  - { name: one, run: sh loop.sh 300 }
  - { name: two, run: sh work.sh }
  - { name: three, run: sh loop.sh 300, metrics: [cpu_time] }
";

#[test]
fn a_planted_slow_down_is_found_among_three_that_take_turns() {
    let sandbox = paired(THREE);
    sandbox.write("arms/base/work.sh", "sh loop.sh 300");
    sandbox.write("arms/head/work.sh", "sh loop.sh 6000");
    let document = measure(&sandbox, Duration::from_secs(6));
    let comparison = document.comparison.as_ref().unwrap();
    assert_eq!((comparison.basis, comparison.false_alarms), (Basis::Paired, Some(0.01)));
    assert_eq!(document.run.seed, Some(20_261_123));
    let slower = row(&document, "two", "cpu_time");
    assert_eq!(slower.verdict, Verdict::Regressed, "{slower:?}");
    assert!(slower.change.unwrap() > 1.0 && slower.p.unwrap() < 0.01 && slower.pairs.is_some(), "{slower:?}");
    assert_eq!(comparison.rows.iter().filter(|row| row.benchmark == "three").count(), 1);
    for equal in comparison.rows.iter().filter(|row| row.benchmark != "two") {
        assert!(!matches!(equal.verdict, Verdict::Regressed | Verdict::Improved), "{equal:?}");
    }
    let expected = if slower.validity == Validity::Valid { ExitCode::Failed } else { ExitCode::Undecided };
    assert_eq!(document.run.exit_code, expected);
    document.benchmarks.iter().for_each(assert_pairs);
    let runs = order(&document);
    let pairs: Vec<&[(u64, &str, Option<Arm>)]> = runs.chunks(2).collect();
    assert!(pairs.iter().all(|pair| pair[0].1 == pair[1].1 && pair[0].2 != pair[1].2), "a turn is a pair");
    let mut first: Vec<&str> = pairs[..3].iter().map(|pair| pair[0].1).collect();
    first.sort_unstable();
    assert_eq!(first, ["one", "three", "two"], "each takes its turn");
    // The slow one soon has had its share; the other two go on side by side.
    let turns = |name| pairs[..14].iter().filter(|pair| pair[0].1 == name).count();
    assert!(turns("one") >= 3 && turns("three") >= 3, "{pairs:?}");
}

#[test]
fn arms_have_their_own_files_and_environments_of_one_size() {
    let sandbox = paired(
        "version: 1
generations:
  - { name: files, template: t.j2, output: out/made.txt, verify: 'test -s \"$BACKSIGHT_OUTPUT\" && touch verified' }
benchmarks:
  - { name: sees, needs: [files], build: 'echo $ARM > built', warm_up: 0,
      run: 'cat out/made.txt verified; test $(cat built) = $ARM; test \"$PWD\" = \"$BACKSIGHT_WORKSPACE\"; env | wc -c >> size' }
",
    );
    sandbox.write("t.j2", "made\n");
    let document = measure(&sandbox, Duration::from_millis(100));
    assert_eq!(step(&document, "benchmarks/sees").status, StepStatus::Passed, "{:?}", document.steps);
    assert_pairs(benchmark(&document, "sees"));
    assert_eq!(document.counts.tests, 1, "the verification in the arms is no test of the run");
    let sizes = |arm: &str| {
        let text = sandbox.read(&format!("arms/{arm}/size"));
        let mut sizes: Vec<String> = text.lines().map(str::to_owned).collect();
        sizes.dedup();
        sizes
    };
    assert_eq!(sizes("base"), sizes("head"));
    assert_eq!(sizes("base").len(), 1);
    assert_eq!(sandbox.read("arms/base/out/made.txt"), "made\n");
}

#[test]
fn a_base_that_fails_or_does_not_build_leaves_the_head_measured() {
    let pipeline = "version: 1
benchmarks:
  - { name: broken, run: sh work.sh, samples: 7 }
  - { name: unbuilt, build: 'test -e built || { echo no such thing >&2; exit 4; }', run: 'true', samples: 7 }
  - { name: absent, run: ./tool, samples: 7 }
  - { name: fine, run: sh loop.sh 10 }
";
    let sandbox = paired(pipeline);
    sandbox.write("arms/base/work.sh", "echo it hurts >&2; exit 9");
    sandbox.write("arms/head/work.sh", "true");
    sandbox.write("arms/head/built", "");
    sandbox.write("arms/head/tool", "#!/bin/sh\n");
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(sandbox.path("arms/head/tool"), executable).unwrap();
    let document = measure(&sandbox, Duration::from_millis(600));
    for (name, words) in [
        ("broken", "base: 3 runs in a row failed, the last with exit 9: it hurts"),
        ("unbuilt", "no such thing"),
        ("absent", "base: "),
    ] {
        let row = row(&document, name, "wall_time");
        assert_eq!((row.verdict, row.base), (Verdict::NoBase, None), "{row:?}");
        assert!(row.note.as_ref().unwrap().contains(words), "{row:?}");
        let head = benchmark(&document, name);
        assert_eq!(head.metric("wall_time").unwrap().samples.len(), 7);
        // A busy host may be told beside it; nothing speaks against the samples themselves.
        assert!(!matches!(head.validity, Validity::Invalid { .. }), "{:?}", head.validity);
        let told = document.remarks.iter().any(|remark| remark.text.contains("there is no base to compare with"));
        assert!(told && step(&document, &format!("benchmarks/{name}")).status == StepStatus::Passed);
    }
    assert!(!matches!(row(&document, "fine", "wall_time").verdict, Verdict::NoBase));
    assert_eq!((document.run.status, document.run.exit_code), (Status::Undecided, ExitCode::Undecided));
    sandbox.write("backsight.yml", format!("{pipeline}gate: {{ missing: warn }}\n"));
    assert_eq!(measure(&sandbox, Duration::from_millis(600)).run.exit_code, ExitCode::Passed);
}

#[test]
fn a_head_that_fails_is_no_result() {
    let sandbox =
        paired("version: 1\nbenchmarks:\n  - { name: broken, run: sh work.sh }\n  - { name: fine, run: 'true' }\n");
    sandbox.write("arms/base/work.sh", "true");
    sandbox.write("arms/head/work.sh", "exit 9");
    let document = measure(&sandbox, Duration::from_millis(300));
    let broken = row(&document, "broken", "cpu_time");
    assert_eq!((broken.verdict, document.run.exit_code), (Verdict::Missing, ExitCode::Undecided));
    assert!(broken.note.as_ref().unwrap().contains("head: 3 runs in a row failed"), "{broken:?}");
    assert_eq!(step(&document, "benchmarks/broken").status, StepStatus::Failed);
    assert_pairs(benchmark(&document, "fine"));
}

#[test]
fn failed_runs_never_enter_the_statistics() {
    let sandbox = paired("version: 1\nbenchmarks:\n  - { name: sometimes, warm_up: 0, run: sh work.sh }\n");
    sandbox.write("arms/base/work.sh", "true");
    sandbox.write("arms/head/work.sh", "echo x >> n; test $(($(wc -l < n) % 4)) != 0");
    let document = measure(&sandbox, Duration::from_millis(800));
    let sometimes = benchmark(&document, "sometimes");
    assert_pairs(sometimes);
    let Validity::Noisy { reason } = &sometimes.validity else { panic!("{:?}", sometimes.validity) };
    assert!(reason.text.contains("runs failed beside"), "{}", reason.text);
    let failed = sometimes.iterations.iter().filter(|run| run.failed.is_some()).count();
    let dropped = sometimes.iterations.iter().filter(|run| run.dropped == Some(Dropped::Partner)).count();
    assert!(failed >= 2 && dropped > 0 && dropped <= failed, "{failed} {dropped}");
    let always = paired(
        "version: 1\nbenchmarks:\n  - { name: x, warm_up: 0, run: 'echo x >> n; test $(($(wc -l < n) % 2)) = 0' }\n",
    );
    // Of two runs one fails, so that no pair is ever complete, and neither arm fails three times in a row.
    always.write("arms/head/n", "x\n");
    let document = measure(&always, Duration::from_millis(300));
    assert!(!document.comparison.as_ref().unwrap().rows.is_empty());
}

#[test]
fn a_budget_for_nothing_still_takes_a_pair_of_each() {
    let sandbox =
        paired("version: 1\nbenchmarks:\n  - { name: a, run: sh loop.sh 200 }\n  - { name: b, run: 'true' }\n");
    let document = measure(&sandbox, Duration::from_millis(1));
    for name in ["a", "b"] {
        let row = row(&document, name, "wall_time");
        assert_eq!((row.verdict, row.n), (Verdict::Inconclusive, (1, 1)));
        let note = row.note.as_ref().unwrap();
        assert!(note.contains("one pair decides nothing; a budget of about"), "{note}");
        assert_pairs(benchmark(&document, name));
    }
    assert_eq!(document.run.exit_code, ExitCode::Passed, "an open question is no failure of a run");
}

/// Prints these benchmarks as libtest would, the value of `a` from a file.
fn harness(lines: &[(&str, &str)]) -> String {
    let line = |(name, value): &(&str, &str)| format!("echo 'test {name} ... bench: {value} ns/iter (+/- 1)'\n");
    lines.iter().map(line).collect()
}

#[test]
fn a_harness_is_called_in_pairs_and_each_of_its_benchmarks_decided() {
    let sandbox = paired("version: 1\nbenchmarks:\n  - { name: own, run: sh bench.sh, harness: libtest }\n");
    let base = [("same", "500"), ("slower", "100"), ("gone", "7"), ("nothing", "0"), ("zero", "0")];
    let head = [("same", "500"), ("slower", "130"), ("fresh", "7"), ("nothing", "0"), ("zero", "5")];
    sandbox.write("arms/base/bench.sh", harness(&base));
    sandbox.write("arms/head/bench.sh", harness(&head));
    let document = measure(&sandbox, Duration::from_millis(1500));
    let metric = &document.benchmarks[0].metrics[0].metric;
    let verdict = |name: &str| row(&document, &format!("own/{name}"), metric).verdict;
    assert_eq!(verdict("same"), Verdict::Unchanged);
    assert_eq!(verdict("slower"), Verdict::Regressed);
    assert_eq!(verdict("gone"), Verdict::Missing);
    assert_eq!(verdict("fresh"), Verdict::New);
    assert_eq!(verdict("nothing"), Verdict::Unchanged);
    let zero = row(&document, "own/zero", metric);
    assert!(
        matches!(&zero.validity, Validity::Invalid { reason } if reason.text.contains("zero or below")),
        "{zero:?}"
    );
    assert_eq!(document.run.exit_code, ExitCode::Failed);
    let slower = benchmark(&document, "slower");
    let calls = slower.metrics[0].samples.len();
    assert!(calls >= 12 && slower.base[0].samples.len() == calls && slower.iterations.len() == 2 * calls);
    assert!((row(&document, "own/slower", metric).change.unwrap() - 0.3).abs() < 1e-9);
}

#[test]
fn a_base_that_begins_to_fail_keeps_its_samples_and_the_head_goes_on() {
    let sandbox = paired("version: 1\nbenchmarks:\n  - { name: tired, warm_up: 0, run: sh work.sh, samples: 15 }\n");
    sandbox.write("arms/base/work.sh", "echo x >> n; test $(wc -l < n) -le 5");
    sandbox.write("arms/head/work.sh", "true");
    let document = measure(&sandbox, Duration::from_secs(20));
    assert_eq!(row(&document, "tired", "wall_time").verdict, Verdict::NoBase);
    let tired = benchmark(&document, "tired");
    let samples = |metrics: &[Metric]| metrics[0].samples.len();
    assert_eq!((samples(&tired.base), samples(&tired.metrics)), (5, 15));
    assert_eq!(tired.validity, Validity::Valid, "a base that fails says nothing against the head");
}

#[test]
fn harnesses_with_nothing_in_common_and_a_harness_without_a_base_are_called_no_more_than_needed() {
    let sandbox = paired(
        "version: 1\nbenchmarks:\n  - { name: own, run: 'echo x >> calls; sh bench.sh', harness: libtest }\n  - { name: alone, \
         build: test -e built, run: 'echo x >> alone; sh bench.sh', harness: libtest }\n",
    );
    sandbox.write("arms/base/bench.sh", harness(&[("old", "1")]));
    sandbox.write("arms/head/bench.sh", harness(&[("fresh", "1")]));
    sandbox.write("arms/head/built", "");
    let document = measure(&sandbox, Duration::from_secs(20));
    let metric = &document.benchmarks.iter().find(|found| found.name == "fresh").unwrap().metrics[0].metric;
    assert_eq!(row(&document, "own/fresh", metric).verdict, Verdict::New);
    assert_eq!(row(&document, "own/old", metric).verdict, Verdict::Missing);
    assert_eq!(row(&document, "alone/fresh", metric).verdict, Verdict::NoBase);
    for calls in ["arms/base/calls", "arms/head/calls", "arms/head/alone"] {
        assert_eq!(sandbox.read(calls), "x\n", "{calls}");
    }
}

const KILLED: &str = "version: 1
benchmarks:
  - { name: one, run: sleep 0.01, warm_up: 1 }
  - { name: two, run: sleep 0.01, warm_up: 0 }
  - { name: own, run: sh bench.sh, harness: libtest }
";

/// Not a test by itself: what the next one starts, to kill it.
#[test]
#[ignore = "started by a_killed_paired_run_is_restored_with_both_arms"]
fn measured_in_a_child() {
    let work = std::env::var_os("BACKSIGHT_TEST_WORK").expect("only the other test starts this one");
    run(request(Path::new(&work), Duration::from_secs(60)), Vec::new()).unwrap();
}

#[test]
fn a_killed_paired_run_is_restored_with_both_arms() {
    let sandbox = paired(KILLED);
    both(&sandbox, "bench.sh", &harness(&[("a", "100"), ("b", "7")]));
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "rounds::measured_in_a_child", "--ignored"])
        .env("BACKSIGHT_TEST_WORK", sandbox.work())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .unwrap();
    let journal = || {
        let folder = sandbox.run_folders().pop()?;
        std::fs::read_to_string(folder.join("journal.jsonl")).ok()
    };
    let taken = |text: String| text.lines().filter(|line| line.contains("\"sample_taken\"")).count();
    wait_for(|| journal().map_or(0, taken) >= 30, "thirty samples");
    child.kill().unwrap();
    child.wait().unwrap();
    let text = journal().unwrap();
    let recovered = sandbox.run(&["report", "--recover", "--format", "json"]);
    recovered.says(0, &["restored run"]);
    let document = recovered.document();
    assert_eq!(document.run.status, Status::Lost);
    for name in ["one", "two", "a", "b"] {
        let found = benchmark(&document, name);
        let step = if name.len() == 1 { "benchmarks/own".to_owned() } else { format!("benchmarks/{name}") };
        let event = |line: &str| serde_json::from_str::<Event>(line).ok();
        let complete = |arm: Arm| {
            let ours = |event: &Event| matches!(event, Event::SampleTaken { step: of, iteration, .. } if *of == step && iteration.counts() && iteration.arm == Some(arm));
            text.lines().filter_map(event).filter(|event| ours(event)).count()
        };
        let (base, head) = (complete(Arm::Base), complete(Arm::Head));
        assert!(base >= 2 && base.abs_diff(head) <= 1, "{name}: {base} {head}");
        assert_eq!(found.base[0].samples.len(), base.min(head), "{name}");
        assert!(found.metrics[0].samples.len() >= base.min(head), "{name}");
        assert!(matches!(&found.validity, Validity::Noisy { reason } if reason.code == "lost"));
    }
    assert_eq!(document.counts.benchmarks, 4);
}

const ONE_ARM: &str = "version: 1
benchmarks:
  - { name: a, run: 'true', samples: 8, warm_up: 0 }
  - { name: b, run: 'true', samples: 8, warm_up: 0 }
  - { name: c, run: 'true', samples: 8, warm_up: 0 }
  - { name: d, run: 'true', samples: 8, warm_up: 0, needs: [a] }
  - { name: e, run: 'false', samples: 8, needs: [d] }
  - { name: f, run: 'true', samples: 8, needs: [e] }
";

#[test]
fn without_a_base_all_take_turns_in_an_order_that_the_seed_repeats() {
    let sandbox = Sandbox::with(ONE_ARM);
    let orders = |seed: &str| {
        sandbox.run(&["run", "--seed", seed]).says(3, &[]);
        let document = sandbox.document();
        assert_eq!(document.run.seed, seed.parse().ok());
        order(&document).into_iter().map(|(_, name, _)| name.to_owned()).collect::<Vec<_>>()
    };
    let first = orders("5");
    for round in first[..24].chunks(3) {
        let mut round = round.to_vec();
        round.sort_unstable();
        assert_eq!(round, ["a", "b", "c"]);
    }
    assert!(first[24..32].iter().all(|name| name == "d"), "what needs a benchmark waits for it: {first:?}");
    assert_eq!(first, orders("5"));
    assert_ne!(first, orders("6"));
    let document = sandbox.document();
    assert_eq!(step(&document, "benchmarks/e").status, StepStatus::Failed);
    assert_eq!(step(&document, "benchmarks/f").reason.as_ref().unwrap().code, "needs_failed");
    assert!(benchmark(&document, "a").iterations.iter().all(|run| run.arm.is_none()));
}

#[test]
fn a_command_of_no_time_gives_times_above_zero() {
    let sandbox = Sandbox::new();
    let line = ["bench", "--budget", "300ms", "--format", "json", "--vs", "true", "--", "true"];
    let document = sandbox.run(&line).document();
    assert_pairs(&document.benchmarks[0]);
    assert!(document.comparison.unwrap().rows.iter().all(|row| row.verdict != Verdict::Regressed));
}
