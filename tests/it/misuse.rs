//! Wrong pipeline files, commands that fail, templates that misbehave: each gives its place, what to do, and the right
//! exit code, and nothing that was measured is lost.

use std::fs;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::time::{Duration, Instant};

use backsight::results::{Document, GenerationState, Outcome, Status, StepStatus, Validity};

use crate::sandbox::{Sandbox, assert_xml, case, junit, step};

/// A pipeline file that is wrong: exit 2, these words, and no run.
#[track_caller]
fn refused(text: impl AsRef<[u8]>, words: &[&str]) {
    let sandbox = Sandbox::new();
    sandbox.write("backsight.yml", text);
    for command in ["run", "check"] {
        sandbox.run(&[command]).says(2, words);
    }
    assert!(!sandbox.path(".backsight").exists(), "a file that is wrong left a run");
}

/// What a refusal may take, in KiB: a debug build takes half of it for itself, what is refused would take gigabytes.
const PEAK: u64 = 64_000;

#[test]
fn an_unknown_key_is_named_with_its_neighbour() {
    let text = "version: 1\ntests:\n  - name: a\n    rum: \"true\"\n    retires: 2\n";
    refused(text, &["backsight.yml:4:5", "unknown key `rum`", "did you mean `run`?", "did you mean `retries`?"]);
}

#[test]
fn a_wrong_type_is_told_with_what_is_wanted() {
    let text = "version: 1\njobs: many\ntests:\n  - { name: a, run: \"true\", timeout: 10, retries: 99 }\n";
    let words = ["backsight.yml:2:7", "`jobs` wants a whole number", "add the unit: 10s", "between 0 and 10"];
    refused(text, &words);
}

#[test]
fn a_duplicate_key_is_shown_with_both_places() {
    refused("version: 1\nproject: a\nproject: b\n", &["backsight.yml:3:1", "project", "2 |"]);
}

#[test]
fn an_alias_bomb_is_refused_at_once() {
    let mut text = String::from("version: 1\nmodels:\n  - id: bomb\n    a: &a [x, x, x, x, x, x, x, x, x, x]\n");
    for (this, last) in ('b'..='z').zip('a'..) {
        let list = vec![format!("*{last}"); 10].join(", ");
        text.push_str(&format!("    {this}: &{this} [{list}]\n"));
    }
    let sandbox = Sandbox::with(&(text + "tests:\n  - run: \"true\"\n"));
    sandbox.run(&["check"]).says(2, &["backsight.yml:", "aliases count as what they repeat"]);
    let (peak, _) = sandbox.measured(&["check"]);
    assert!(peak < PEAK, "{peak} KiB");
}

#[test]
fn an_endless_yaml_is_refused_unread() {
    let sandbox = Sandbox::new();
    let mut file = fs::File::create(sandbox.path("backsight.yml")).unwrap();
    let piece = "# a comment that goes on and on and on and on and on and on and on\n".repeat(16_384);
    for _ in 0..100 {
        file.write_all(piece.as_bytes()).unwrap();
    }
    sandbox.run(&["run"]).says(2, &["backsight.yml: larger than 1 MiB"]);
    let (peak, _) = sandbox.measured(&["check"]);
    assert!(peak < PEAK, "{peak} KiB");
}

#[test]
fn a_missing_file_and_a_folder_are_told_apart() {
    let sandbox = Sandbox::new();
    sandbox.run(&["run", "no/such.yml"]).says(2, &["no/such.yml: there is no such file", "backsight init"]);
    sandbox.run(&["run", "."]).says(2, &["this is a folder; name the pipeline file in it"]);
    sandbox.run(&["run", "backsight.yml/x"]).says(2, &["backsight.yml/x"]);
    sandbox.run(&["report", "no-such.json"]).says(2, &["no-such.json"]);
}

#[test]
fn binary_garbage_is_no_pipeline() {
    refused(
        [0x7f, b'E', b'L', b'F', 0xff, 0xfe, 0, 0, b'\n'],
        &["backsight.yml:1:5", "not UTF-8 text: byte 0xff at offset 4"],
    );
    refused("version: 1\n\u{0}\u{1}\u{2}: [", &["backsight.yml:2"]);
}

#[test]
fn binary_garbage_is_no_junit_and_the_other_results_stay() {
    let sandbox = Sandbox::with(
        "version: 1\ntests:\n  - { name: garbage, run: 'cat garbage > \"$BACKSIGHT_JUNIT\"' }\n  - { name: half, run: 'cat \
         half > \"$BACKSIGHT_JUNIT\"' }\n  - { name: none, run: 'true', junit: 'reports/*.xml' }\n  - { name: empty, run: \
         'echo \"<testsuites/>\" > \"$BACKSIGHT_JUNIT\"' }\n  - { name: fine, run: \"true\" }\n",
    );
    let garbage: Vec<u8> = (0..20_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    sandbox.write("garbage", garbage);
    sandbox.write("half", &junit(&["kept", "also kept"]).as_bytes()[..110]);
    sandbox.write(
        "backsight.yml",
        sandbox.read("backsight.yml") + "  - { name: folder, run: 'mkdir $BACKSIGHT_JUNIT' }\n",
    );
    let words = [
        "$BACKSIGHT_JUNIT: not XML",
        "no regular file",
        "$BACKSIGHT_JUNIT: cut off at line 1",
        "wrote no report that matches `reports/*.xml`",
        "did it run any test?",
    ];
    sandbox.run(&["run"]).says(1, &words);
    let document = sandbox.document();
    for name in ["garbage", "half", "none", "empty", "folder"] {
        assert_eq!(case(&document, name).outcome, Outcome::Errored, "{name}");
        assert_eq!(step(&document, &format!("tests/{name}")).status, StepStatus::Failed, "{name}");
    }
    assert_eq!(case(&document, "kept").outcome, Outcome::Passed);
    assert_eq!(case(&document, "fine").outcome, Outcome::Passed);
    assert_xml(&sandbox.report("junit.xml"));
}

const COMMANDS: &str = r#"
version: 1
tests:
  - { name: fine, run: "true" }
  - { name: absent, run: [no-such-program, --help] }
  - { name: absent-in-shell, run: no-such-program --help }
  - { name: killed, run: 'echo last words; kill -SEGV $$' }
  - { name: nowhere, run: "true", working_dir: no/such }
benchmarks:
  - { name: absent, run: [no-such-program, --help] }
  - { name: killed, run: 'kill -KILL $$' }
  - { name: good, run: "true", samples: 6 }
"#;

#[test]
fn commands_that_cannot_run_or_are_killed_are_told_and_the_rest_is_measured() {
    let sandbox = Sandbox::with(COMMANDS);
    let words =
        ["`no-such-program`: command not found", "on PATH?", "signal 11", "last words", "`working_dir` is relative to"];
    sandbox.run(&["run"]).says(1, &words);
    let document = sandbox.document();
    let status = |id: &str| step(&document, id).status;
    assert_eq!(status("tests/absent"), StepStatus::Errored);
    assert_eq!(status("tests/absent-in-shell"), StepStatus::Failed);
    assert_eq!(status("tests/nowhere"), StepStatus::Errored);
    assert_eq!(step(&document, "tests/killed").exit.unwrap().signal, Some(11));
    assert!(case(&document, "killed").failures[0].text.as_ref().unwrap().contains("last words"));
    assert_eq!(status("benchmarks/absent"), StepStatus::Errored);
    assert_eq!(step(&document, "benchmarks/killed").exit.unwrap().signal, Some(9));
    assert_eq!(status("benchmarks/good"), StepStatus::Passed);
    let good = document.benchmarks.iter().find(|benchmark| benchmark.name == "good").unwrap();
    assert_eq!(good.metric("wall_time").unwrap().samples.len(), 6);
}

#[test]
fn a_benchmark_that_fails_is_undecided_and_one_that_fails_sometimes_is_noisy() {
    let sandbox = Sandbox::with(
        "version: 1\nbenchmarks:\n  - { name: broken, run: 'echo why it broke >&2; exit 7' }\n  - { name: sometimes, \
         samples: 8, run: 'echo x >> n; test $(($(wc -l < n) % 4)) != 0' }\n",
    );
    sandbox.run(&["run"]).says(3, &["benchmarks/broken", "3 runs in a row failed", "exit 7", "why it broke"]);
    let document = sandbox.document();
    assert_eq!(document.run.status, Status::Undecided);
    let of = |name: &str| document.benchmarks.iter().find(|benchmark| benchmark.name == name).unwrap();
    assert!(matches!(of("broken").validity, Validity::Invalid { .. }));
    assert!(matches!(of("sometimes").validity, Validity::Noisy { .. }), "{:?}", of("sometimes").validity);
    assert_eq!(of("sometimes").metric("wall_time").unwrap().samples.len(), 8);
}

#[test]
fn a_time_out_ends_even_what_ignores_it() {
    let sandbox = Sandbox::with(
        "version: 1\ntests:\n  - name: slow\n    timeout: 300ms\n    run: (trap '' TERM; sleep 8; touch late) & sleep 60\n  \
         - { name: next, run: \"true\" }\n",
    );
    let began = Instant::now();
    sandbox.run(&["run"]).says(1, &["TIMED OUT", "`timeout` sets the limit"]);
    let document = sandbox.document();
    assert_eq!(step(&document, "tests/slow").status, StepStatus::TimedOut);
    assert_eq!(case(&document, "slow").outcome, Outcome::TimedOut);
    assert_eq!(case(&document, "next").outcome, Outcome::Passed);
    std::thread::sleep(Duration::from_millis(8500).saturating_sub(began.elapsed()));
    assert!(!sandbox.path("late").exists(), "the grandchild went on");
}

#[test]
fn cases_written_before_a_time_out_are_kept() {
    let sandbox = Sandbox::with(
        "version: 1\ntests:\n  - { name: slow, timeout: 300ms, run: 'cp cases.xml \"$BACKSIGHT_JUNIT\"; sleep 30' }\n",
    );
    sandbox.write("cases.xml", junit(&["one", "two"]));
    sandbox.run(&["run"]).says(1, &["TIMED OUT  tests/slow  slow", "2 tests passed"]);
    let document = sandbox.document();
    assert_eq!(case(&document, "two").outcome, Outcome::Passed);
    assert_eq!(case(&document, "slow").outcome, Outcome::TimedOut);
}

#[test]
fn a_measured_command_leaves_nothing_running() {
    let sandbox = Sandbox::with(
        "version: 1\nbenchmarks:\n  - { name: slow, timeout: 300ms, run: '(trap \"\" TERM; sleep 2.5; touch late) & sleep 60' \
         }\n  - { name: careless, samples: 6, run: '(sleep 2; touch late) & true' }\n",
    );
    let began = Instant::now();
    sandbox.run(&["run"]).says(3, &["TIMED OUT", "took longer than 300ms"]);
    std::thread::sleep(Duration::from_secs(3).saturating_sub(began.elapsed()));
    assert!(!sandbox.path("late").exists(), "a grandchild went on");
}

/// Runs one generation of `template` to `output`; the document and what was said.
fn generate(template: &str, output: &str, prepare: impl Fn(&Sandbox)) -> (Sandbox, Document, String) {
    let sandbox = Sandbox::with(&format!(
        "version: 1\ngenerations:\n  - {{ name: good, template: good.txt, output: good.out }}\n  - {{ name: bad, template: \
         bad.txt, output: '{output}' }}\n"
    ));
    sandbox.write("good.txt", "good\n");
    if !template.is_empty() {
        sandbox.write("bad.txt", template);
    }
    prepare(&sandbox);
    let outcome = sandbox.run(&["run"]);
    outcome.says(1, &["generations/bad"]);
    assert_eq!(sandbox.read("good.out"), "good\n");
    let document = sandbox.document();
    assert_eq!(document.generations[0].state, GenerationState::Written);
    (sandbox, document, outcome.stderr)
}

#[track_caller]
fn fails(template: &str, output: &str, words: &[&str]) -> Sandbox {
    let (sandbox, document, stderr) = generate(template, output, |_| {});
    assert_ne!(step(&document, "generations/bad").status, StepStatus::Passed);
    for word in words {
        assert!(stderr.contains(word), "`{word}` is not in:\n{stderr}");
    }
    sandbox
}

#[test]
fn a_template_that_loops_for_ever_is_ended() {
    let endless = "{% for a in range(9999) %}{% for b in range(9999) %}{% for c in range(9999) %}x{% endfor %}{% endfor %}{% \
                   endfor %}";
    fails(endless, "bad.out", &["bad.txt", "loops too long"]);
    fails("{% macro again() %}{{ again() }}{% endmacro %}{{ again() }}", "bad.out", &["bad.txt"]);
}

#[test]
fn a_template_that_is_missing_or_wrong_says_where() {
    fails("", "bad.out", &["bad.txt"]);
    fails("one\ntwo {{ nothing.here }}\n", "bad.out", &["bad.txt:2", "undefined"]);
    fails("one\n{% for x %}\n", "bad.out", &["bad.txt:2", "syntax error"]);
}

#[test]
fn an_output_that_leaves_the_workspace_is_refused_before_anything_runs() {
    let words = "`output` leaves the workspace";
    for (output, words) in [("../evil", words), ("/evil", "`output` is an absolute path"), ("a/../../evil", words)] {
        let text = format!("version: 1\ngenerations:\n  - {{ name: a, template: t, output: '{output}' }}\n");
        refused(text, &["backsight.yml:3:37", words]);
    }
}

#[test]
fn an_output_that_a_template_makes_leave_the_workspace_is_refused() {
    let sandbox = fails("evil", "{{ \"..\" }}/evil", &["`../evil`", "leaves the workspace"]);
    assert!(!sandbox.work().parent().unwrap().join("evil").exists());
    let outside = tempfile::tempdir().unwrap();
    let absolute = format!("{{{{ \"{}\" }}}}/evil", outside.path().display());
    fails("evil", &absolute, &["leaves the workspace"]);
    fails("evil", ".git/hooks/pre-commit", &["nothing is generated into `.git`"]);
    fails("evil", ".backsight/results.db", &["nothing is generated into `.backsight`"]);
    let link = |sandbox: &Sandbox| symlink(outside.path(), sandbox.path("link")).unwrap();
    let (_, _, stderr) = generate("evil", "link/evil", link);
    assert!(stderr.contains("through a symbolic link"), "{stderr}");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0, "it was written");
}

#[test]
fn a_link_that_stays_inside_does_not_reach_git() {
    for output in ["link/config", "link/new/config"] {
        let link = |sandbox: &Sandbox| {
            sandbox.write(".git/config", "[core]\n");
            symlink(".git", sandbox.path("link")).unwrap();
        };
        let (sandbox, _, stderr) = generate("evil", &format!("{{{{ \"{output}\" }}}}"), link);
        assert_eq!(sandbox.read(".git/config"), "[core]\n", "{stderr}");
        assert_eq!(fs::read_dir(sandbox.path(".git")).unwrap().count(), 1, "{stderr}");
    }
}

#[test]
fn a_verification_that_fails_is_a_failed_case() {
    let sandbox = Sandbox::with(
        "version: 1\nmodels: [{ id: a }, { id: b }]\ngenerations:\n  - name: files\n    for_each: models\n    template: \
         t.txt\n    output: '{{ model.id }}.out'\n    verify: [grep, -q, a, '{{ output }}']\n",
    );
    sandbox.write("t.txt", "{{ model.id }}");
    sandbox.run(&["run"]).says(1, &["FAILED  generations/files  b.out::verify", "ended with exit 1"]);
    let document = sandbox.document();
    assert_eq!((document.counts.passed, document.counts.failed, document.counts.generations_failed), (1, 1, 0));
}

#[test]
fn drift_is_found_and_nothing_is_written() {
    let sandbox = Sandbox::with(
        "version: 1\ngenerations:\n  - { name: a, template: t.txt, output: a.out }\n  - { name: b, template: t.txt, output: \
         b.out }\n",
    );
    sandbox.write("t.txt", "one\nnew\n");
    sandbox.write("a.out", "one\nold\n");
    sandbox.run(&["run", "--check"]).says(1, &["EDITED  a.out", "MISSING  b.out"]);
    let document = sandbox.document();
    let diff = document.generations[0].diff.as_ref().unwrap();
    assert!(diff.contains("-old") && diff.contains("+new"), "{diff}");
    assert_eq!(sandbox.read("a.out"), "one\nold\n");
    assert!(!sandbox.path("b.out").exists());
    sandbox.run(&["run", "--force"]).says(0, &[]);
    sandbox.run(&["run", "--check"]).says(0, &[]);
    let states: Vec<_> = sandbox.document().generations.iter().map(|generation| generation.state).collect();
    assert_eq!(states, [GenerationState::Unchanged; 2]);
}
