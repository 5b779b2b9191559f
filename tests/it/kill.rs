//! A run that is killed, or asked to stop, loses nothing that it had finished.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use backsight::results::{Case, Document, Event, Outcome, Status, StepStatus, Validity};
use rustix::process::Signal;

use crate::sandbox::{Sandbox, assert_xml, junit, read_document, step, wait_for};

const PIPELINE: &str = r#"
version: 1
project: doomed
models: [{ id: a/one }, { id: a/two }, { id: a/three }]
generations:
  - name: files
    for_each: models
    template: template.txt
    output: out/{{ model.slug }}.txt
    verify: 'test -s "$BACKSIGHT_OUTPUT"'
tests:
  - name: first
    run: sleep 0.05; cp first.xml "$BACKSIGHT_JUNIT"; sleep 0.05
  - name: again
    retries: 1
    run: cp again.$BACKSIGHT_ATTEMPT.xml "$BACKSIGHT_JUNIT"; sleep 0.1
  - name: plain
    run: sleep 0.05
  - name: last
    run: cp last.xml "$BACKSIGHT_JUNIT"; sleep 0.1
benchmarks:
  - name: nap
    run: sleep 0.01
    samples: 15
"#;

fn doomed() -> Sandbox {
    let sandbox = Sandbox::with(PIPELINE);
    sandbox.write("template.txt", "for {{ model.id }}\n");
    sandbox.write("first.xml", junit(&["f1", "f2", "f3", "f4"]));
    sandbox.write("last.xml", junit(&["l1", "l2"]));
    let failed = "<testsuite name=\"s\"><testcase classname=\"c\" name=\"r1\"><failure message=\"no\"/></testcase>\
                  <testcase classname=\"c\" name=\"r2\"/></testsuite>";
    sandbox.write("again.1.xml", failed);
    sandbox.write("again.2.xml", junit(&["r1", "r2"]));
    sandbox
}

/// A small generator of numbers below one (SplitMix64); a seed that fails can be tried again.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }
}

fn journal(folder: &Path) -> Vec<Event> {
    let text = fs::read_to_string(folder.join("journal.jsonl")).unwrap_or_default();
    // The last line may be cut off.
    text.split_inclusive('\n').filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// Everything that the journal says was finished is in the document, just so.
fn assert_complete(document: &Document, events: &[Event]) {
    for event in events {
        match event {
            Event::CaseFinished { case } => assert!(document.cases.contains(case), "lost {case:?}"),
            Event::StepFinished { step } => assert!(document.steps.contains(step), "lost {step:?}"),
            Event::GenerationFinished { generation } => {
                assert!(document.generations.contains(generation), "lost {generation:?}");
            }
            Event::BenchmarkFinished { benchmark } => {
                assert!(document.benchmarks.contains(benchmark), "lost {benchmark:?}");
            }
            Event::SampleTaken { iteration, .. } => {
                let kept = document.benchmarks.iter().any(|benchmark| benchmark.iterations.contains(iteration));
                // A warm-up alone is no measurement.
                assert!(kept || iteration.warm_up, "lost {iteration:?}");
            }
            _ => {}
        }
    }
}

/// Everything that was said on the terminal is in the document.
fn assert_announced(document: &Document, stderr: &str) {
    for line in stderr.lines().filter(|line| line.trim_start().starts_with("PASSED ")) {
        let known = |case: &Case| line.contains(&case.step) && line.contains(&case.title());
        assert!(document.cases.iter().any(known), "announced and lost: {line}");
    }
    for line in stderr.lines().filter_map(|line| line.strip_prefix(" ok ")) {
        let id = line.split_whitespace().next().unwrap();
        assert_eq!(step(document, id).status, StepStatus::Passed, "{line}");
    }
}

/// One run killed at `moment` and restored. Tells whether it was killed in its life.
fn kill_at(moment: Duration) -> bool {
    let sandbox = doomed();
    let running = sandbox.start(&["run", "--verbose"]);
    std::thread::sleep(moment);
    let stderr = running.kill();
    let Some(folder) = sandbox.run_folders().pop() else {
        assert!(!stderr.contains("PASSED "), "{stderr}");
        return false;
    };
    let events = journal(&folder);
    if folder.join("results.json").is_file() {
        return false;
    }
    let list = sandbox.run(&["runs", "list", "--format", "json"]);
    assert!(list.stdout.contains("\"lost\""), "{}", list.stdout);
    if events.is_empty() {
        sandbox.run(&["report", "--recover"]).says(2, &["before it began"]);
        return false;
    }
    let recovered = sandbox.run(&["report", "--recover", "--format", "json"]);
    recovered.says(0, &["restored run"]);
    let document = recovered.document();
    assert_eq!(document.run.status, Status::Lost);
    assert_eq!(document, sandbox.document());
    assert_complete(&document, &events);
    assert_announced(&document, &stderr);
    assert_xml(&sandbox.report("junit.xml"));
    let list = sandbox.run(&["runs", "list", "--status", "lost", "--format", "json"]);
    assert!(list.stdout.contains("\"stored\": true"), "{}", list.stdout);
    assert_eq!(sandbox.run(&["report", "--format", "json"]).document().cases, document.cases);
    sandbox.run(&["report", "--recover"]).says(2, &["no run here was killed"]);
    true
}

#[test]
fn ten_killed_runs_are_restored_with_all_they_had_finished() {
    let whole = doomed();
    let began = Instant::now();
    whole.run(&["run"]).says(0, &["1 flaky"]);
    let length = began.elapsed();
    let mut chance = Chance(20_261_123);
    let moments: Vec<Duration> = (0..10).map(|_| length.mul_f64(0.05 + 0.9 * chance.next())).collect();
    let killed = std::thread::scope(|scope| {
        let halves = moments.chunks(5).map(|half| scope.spawn(|| half.iter().filter(|at| kill_at(**at)).count()));
        halves.collect::<Vec<_>>().into_iter().map(|half| half.join().unwrap()).sum::<usize>()
    });
    assert!(killed >= 5, "only {killed} of ten were hit in their lives");
}

#[test]
fn a_journal_is_read_wherever_it_was_cut_and_whatever_stands_in_it() {
    let sandbox = doomed();
    sandbox.run(&["run", "--only", "tests"]).says(0, &[]);
    let folder = sandbox.newest();
    let whole = fs::read(folder.join("journal.jsonl")).unwrap();
    let first = whole.iter().position(|byte| *byte == b'\n').unwrap();
    let mut chance = Chance(7);
    for _ in 0..12 {
        let cut = first + 1 + ((whole.len() - first - 1) as f64 * chance.next()) as usize;
        let _ = fs::remove_file(folder.join("results.json"));
        fs::write(folder.join("journal.jsonl"), &whole[..cut]).unwrap();
        let document = sandbox.run(&["report", "--recover", "--format", "json"]).says(0, &[]).document();
        assert_complete(&document, &journal(&folder));
    }
    fs::remove_file(folder.join("results.json")).unwrap();
    let mut damaged = whole.clone();
    damaged.splice(first + 1..first + 1, *b"\xff\xfe{\"event\":\n\n{}\n");
    fs::write(folder.join("journal.jsonl"), damaged).unwrap();
    let recovered = sandbox.run(&["report", "--recover", "--format", "json"]);
    recovered.says(4, &["2 lines of the journal could not be read"]);
    assert_eq!((recovered.document().counts.tests, recovered.document().run.status), (9, Status::Passed));
    fs::remove_file(folder.join("results.json")).unwrap();
    fs::write(folder.join("journal.jsonl"), &whole[..first / 2]).unwrap();
    sandbox.run(&["report", "--recover"]).says(2, &["killed before it began", "runs prune"]);
}

#[test]
fn cases_of_a_step_that_never_ended_are_taken_from_its_junit() {
    let sandbox = Sandbox::with(
        "version: 1\ntests:\n  - name: slow\n    retries: 1\n    run: |\n      cp \"a.$BACKSIGHT_ATTEMPT.xml\" \
         \"$BACKSIGHT_JUNIT\"\n      test \"$BACKSIGHT_ATTEMPT\" = 1 || { touch here; sleep 5; }\n",
    );
    sandbox.write("a.1.xml", "<testsuite><testcase name='x'><failure/></testcase><testcase name='y'/></testsuite>");
    sandbox.write("a.2.xml", "<testsuite><testcase name='x'/>");
    let running = sandbox.start(&["run"]);
    wait_for(|| sandbox.path("here").exists(), "the second attempt");
    running.kill();
    let document = sandbox.run(&["report", "--recover", "--format", "json"]).document();
    let told: Vec<_> = document.cases.iter().map(|case| (case.name.as_str(), case.outcome)).collect();
    assert_eq!(told, [("x", Outcome::Flaky), ("y", Outcome::Passed)]);
    assert_eq!(document.counts.tests, 2);
}

/// A run that is killed when its JUnit, with a secret in it, is written and not yet read.
fn killed_with_a_secret() -> Sandbox {
    let pipeline = "version: 1\nsecrets: [MY_KEY]\ntests:\n  - name: slow\n    secrets: [MY_KEY]\n    run: |\n      \
         printf '<testsuite><testcase name=\"has %s\"/></testsuite>' \"$MY_KEY\" > \"$BACKSIGHT_JUNIT\"\n      \
         touch here; sleep 5\n";
    let sandbox = Sandbox::with(pipeline).env("MY_KEY", "hunter2hunter2");
    let running = sandbox.start(&["run"]);
    wait_for(|| sandbox.path("here").exists(), "the step's JUnit");
    running.kill();
    sandbox
}

#[test]
fn a_secret_in_an_adopted_junit_stays_masked() {
    let sandbox = killed_with_a_secret();
    let recovered = sandbox.run(&["report", "--recover", "--format", "json"]);
    assert_eq!(recovered.document().cases[0].name, "has ***");
    for (path, bytes) in sandbox.all_files() {
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("hunter2"), "{} holds the secret", path.display());
    }
}

#[test]
fn a_junit_whose_secret_is_unknown_is_left_alone() {
    let sandbox = killed_with_a_secret();
    let mut recover = sandbox.command(&["report", "--recover", "--format", "json"]);
    let recovered = sandbox.finish(recover.env_remove("MY_KEY"));
    recovered.says(4, &["restored run", "secret `MY_KEY` is not set here"]);
    assert!(recovered.document().cases.is_empty() && !recovered.stdout.contains("hunter2"));
}

const TWO_STEPS: &str = r#"
version: 1
tests:
  - name: quick
    run: "true"
  - name: slow
    run: |
      (sleep 2; touch late) &
      touch here
      sleep 60
  - name: never
    run: touch never
"#;

fn stopped_by(signal: Signal, code: i32) {
    let sandbox = Sandbox::with(TWO_STEPS);
    let running = sandbox.start(&["run"]);
    wait_for(|| sandbox.path("here").exists(), "the slow step");
    let began = Instant::now();
    running.signal(signal);
    running.end().says(code, &["cancelled"]);
    let document = sandbox.document();
    assert_eq!((document.run.status, i32::from(document.run.exit_code.code())), (Status::Cancelled, code));
    assert_eq!(step(&document, "tests/quick").status, StepStatus::Passed);
    assert_eq!(step(&document, "tests/slow").status, StepStatus::Cancelled);
    assert_eq!(step(&document, "tests/never").status, StepStatus::Cancelled);
    assert_xml(&sandbox.report("junit.xml"));
    assert_eq!(sandbox.run(&["report", "--format", "json"]).document(), document);
    std::thread::sleep(Duration::from_millis(2500).saturating_sub(began.elapsed()));
    assert!(!sandbox.path("late").exists(), "the grandchild went on");
    assert!(!sandbox.path("never").exists());
}

#[test]
fn ctrl_c_ends_a_run_with_its_results() {
    stopped_by(Signal::INT, 130);
}

#[test]
fn sigterm_ends_a_run_with_its_results() {
    stopped_by(Signal::TERM, 143);
}

#[test]
fn a_second_signal_does_not_wait_for_the_stubborn() {
    let sandbox = Sandbox::with(
        "version: 1\ntests:\n  - name: stubborn\n    run: |\n      trap '' TERM\n      touch here\n      sleep 3\n      \
         touch late\n      sleep 30\n",
    );
    let running = sandbox.start(&["run"]);
    wait_for(|| sandbox.path("here").exists(), "the step");
    let began = Instant::now();
    running.signal(Signal::INT);
    std::thread::sleep(Duration::from_millis(200));
    running.signal(Signal::TERM);
    running.end().says(130, &[]);
    assert_eq!(sandbox.document().run.status, Status::Cancelled);
    std::thread::sleep(Duration::from_millis(3500).saturating_sub(began.elapsed()));
    assert!(!sandbox.path("late").exists(), "it was given its whole time");
}

#[test]
fn a_stopped_verification_is_cancelled_not_failed() {
    let sandbox = Sandbox::with(
        "version: 1\ngenerations:\n  - { name: files, template: t, output: o, verify: 'touch here; sleep 30' }\n",
    );
    sandbox.write("t", "x");
    let running = sandbox.start(&["run"]);
    wait_for(|| sandbox.path("here").exists(), "the verification");
    running.signal(Signal::INT);
    running.end().says(130, &["0 of 1 verified"]);
    let document = sandbox.document();
    assert_eq!(step(&document, "generations/files").status, StepStatus::Cancelled);
    assert_eq!((document.counts.failed, document.counts.cancelled), (0, 1));
}

#[test]
fn a_run_is_cancelled_from_another_terminal() {
    let sandbox = Sandbox::with(TWO_STEPS);
    let running = sandbox.start(&["run"]);
    wait_for(|| sandbox.path("here").exists(), "the slow step");
    let list = sandbox.run(&["runs", "list", "--status", "running", "--format", "json"]);
    assert!(list.stdout.contains("\"pid\""), "{}", list.stdout);
    sandbox.run(&["report", "--recover"]).says(2, &["no run here was killed"]);
    sandbox.run(&["runs", "cancel"]).says(0, &[]);
    running.end().says(143, &["cancelled"]);
    assert_eq!(sandbox.document().run.status, Status::Cancelled);
}

const BENCHMARK: &str = "version: 1\nbenchmarks:\n  - name: nap\n    run: sleep 0.02\n    samples: 1000\n";

fn samples_taken(sandbox: &Sandbox) -> usize {
    let Some(folder) = sandbox.run_folders().pop() else { return 0 };
    let taken = |event: &&Event| matches!(event, Event::SampleTaken { iteration, .. } if !iteration.warm_up);
    journal(&folder).iter().filter(taken).count()
}

fn assert_partial(document: &Document) {
    let benchmark = &document.benchmarks[0];
    assert!(matches!(benchmark.validity, Validity::Noisy { .. }), "{:?}", benchmark.validity);
    assert!(benchmark.metric("wall_time").unwrap().samples.len() >= 3, "{benchmark:?}");
    assert!(benchmark.iterations.len() >= 4, "{benchmark:?}");
}

#[test]
fn a_stopped_benchmark_keeps_its_samples() {
    let sandbox = Sandbox::with(BENCHMARK);
    let running = sandbox.start(&["run"]);
    wait_for(|| samples_taken(&sandbox) >= 3, "three samples");
    running.signal(Signal::INT);
    running.end().says(130, &[]);
    assert_partial(&sandbox.document());
}

#[test]
fn a_killed_benchmark_keeps_its_samples() {
    let sandbox = Sandbox::with(BENCHMARK);
    let running = sandbox.start(&["run"]);
    wait_for(|| samples_taken(&sandbox) >= 3, "three samples");
    running.kill();
    sandbox.run(&["report", "--recover"]).says(0, &["restored run"]);
    assert_partial(&read_document(&sandbox.report("results.json")));
}
