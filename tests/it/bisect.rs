//! The search for the commit that changed a benchmark: real git, real working copies, real measurements.

use std::fs;
use std::process::Command;

use serde_json::Value;

use crate::sandbox::{Sandbox, wait_for};

/// A repository of 64 commits after the first. Each commit's `level` is what the benchmark reports, with noise of 0.4 %
/// from each call.
struct History {
    sandbox: Sandbox,
    commits: Vec<String>,
}

const PIPELINE: &str = "version: 1\nbenchmarks:\n  - name: bench\n    harness: backsight\n    run: sh bench.sh\n  - \
                        name: other\n    run: \"true\"\n";

/// The sum of twelve even draws is nearly normal.
const BENCH: &str = r#"exec awk -v seed="$(date +%N)" '
{ level = $1; if (level + 0 == 0) exit 1 }
END {
  if (level + 0 == 0) exit 1
  srand(seed); for (i = 0; i < 12; i++) noise += rand() - 0.5
  printf "{\"benchmarks\":[{\"name\":\"work\",\"metrics\":[{\"metric\":\"wall_time\",\"value\":%.4f,\"unit\":\"ns\"}]}]}\n", level * (1 + 0.004 * noise)
}' level
"#;

impl History {
    fn new(level: impl Fn(usize) -> String) -> Self {
        let sandbox = Sandbox::with(PIPELINE);
        sandbox.write("bench.sh", BENCH);
        sandbox.write(".gitignore", ".backsight/\n");
        let mut history = Self { sandbox, commits: Vec::new() };
        history.git(&["init", "-q", "-b", "main"]);
        for number in 0..=64 {
            history.sandbox.write("level", level(number));
            history.sandbox.write("number", number.to_string());
            history.git(&["add", "-A"]);
            history.git(&["commit", "-q", "-m", &format!("change number {number}")]);
            let hash = history.git(&["rev-parse", "HEAD"]);
            history.commits.push(hash.trim().to_owned());
        }
        history
    }

    fn git(&self, args: &[&str]) -> String {
        let settings = ["-c", "user.name=A. Uthor", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"];
        let output = Command::new("git").args(settings).args(args).current_dir(self.sandbox.work()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn bisect(&self, more: &[&str]) -> crate::sandbox::Outcome {
        let all = ["bisect", "bench/work", "--good", &self.commits[0], "--budget", "1s", "--format", "json"];
        self.sandbox.run(&[&all, more].concat())
    }
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| panic!("{text}"))
}

#[test]
fn a_planted_three_per_cent_among_64_commits_is_found() {
    let history = History::new(|number| if number >= 41 { "1030" } else { "1000" }.into());
    let outcome = history.bisect(&[]);
    outcome.says(0, &["64 commits from", "at most 8 measurements", "the ends differ by"]);
    let answer = json(&outcome.stdout);
    assert_eq!(answer["outcome"], "commit", "{answer}");
    assert_eq!(answer["commit"], history.commits[41].as_str());
    assert_eq!((&answer["subject"], &answer["author"]), (&"change number 41".into(), &"A. Uthor".into()));
    let change = answer["confirmed"]["change"].as_f64().unwrap();
    assert!((0.02..0.04).contains(&change), "{change}");
    let steps = answer["steps"].as_array().unwrap();
    assert!((6..=7).contains(&steps.len()), "{}", steps.len());
    assert!(!history.sandbox.path(".backsight/bisect.json").exists());
    assert_eq!(history.git(&["status", "--porcelain"]), "");
    assert_eq!(history.git(&["worktree", "list"]).lines().count(), 1);
}

#[test]
fn nobody_is_blamed_where_nothing_is_planted() {
    let history = History::new(|_| "1000".into());
    let outcome = history.bisect(&[]);
    outcome.says(3, &[]);
    let answer = json(&outcome.stdout);
    assert_eq!(answer["outcome"], "not_attributable", "{answer}");
    assert!(answer["reason"].as_str().unwrap().contains("the two ends do not differ"));
    assert_eq!(answer["steps"].as_array().unwrap().len(), 0);
}

/// Commits that do not run around the one that did it, and a change that came little by little.
#[test]
fn what_cannot_be_told_is_not_told() {
    let history = History::new(|number| match number {
        30..=33 => "broken".into(),
        number if number >= 32 => "1050".into(),
        _ => "1000".into(),
    });
    let outcome = history.bisect(&[]);
    outcome.says(3, &["skipped"]);
    let answer = json(&outcome.stdout);
    assert_eq!(answer["outcome"], "one_of", "{answer}");
    let named: Vec<&str> = answer["commits"].as_array().unwrap().iter().map(|hash| hash.as_str().unwrap()).collect();
    assert_eq!(named, history.commits[30..=34].iter().map(String::as_str).collect::<Vec<_>>());
    let slope = History::new(|number| format!("{}", 1000.0 + number as f64));
    let outcome = slope.bisect(&[]);
    outcome.says(3, &[]);
    let answer = json(&outcome.stdout);
    assert_ne!(answer["outcome"], "commit", "{answer}");
}

#[test]
fn a_search_that_was_killed_goes_on() {
    let history = History::new(|number| if number >= 10 { "1030" } else { "1000" }.into());
    let arguments = ["bisect", "bench/work", "--good", &history.commits[0], "--budget", "1s"];
    let running = history.sandbox.start(&arguments);
    let state = history.sandbox.path(".backsight/bisect.json");
    let marks = || {
        let text = fs::read_to_string(&state).unwrap_or_default();
        serde_json::from_str::<Value>(&text)
            .map_or(0, |state| state["marks"].as_object().map_or(0, serde_json::Map::len))
    };
    wait_for(|| marks() >= 2, "two measurements");
    running.kill();
    let kept = marks();
    let outcome = history.sandbox.run(&arguments);
    let told = format!("{} measurements are there", kept + 1);
    let words = [told.as_str(), "change number 10 (A. Uthor)", "against its parent"];
    outcome.says(0, &words);
}

#[test]
fn mistakes_are_told_before_anything_is_measured() {
    let history = History::new(|_| "1000".into());
    let good = history.commits[0].as_str();
    for (arguments, words) in [
        (vec!["bench/work", "--good", "nothing"], vec!["`nothing` is no commit here"]),
        (vec!["bench/work", "--good", "HEAD", "--bad", good], vec!["not among the first parents"]),
        (vec!["bench/work", "--good", "HEAD"], vec!["not among the first parents"]),
        (vec!["bnch/work", "--good", good], vec!["no benchmark step", "there are: bench, other"]),
        (vec!["bench/wrok", "--good", good, "--budget", "1s"], vec!["reports no `bench/wrok`", "bench/work wall_time"]),
        (vec!["bench/work"], vec!["--good"]),
        (vec!["bench/work", "--good", good, "-p", "none.yml"], vec!["none.yml"]),
    ] {
        let all: Vec<&str> = std::iter::once("bisect").chain(arguments).collect();
        history.sandbox.run(&all).says(2, &words);
    }
    let outside = Sandbox::with(PIPELINE);
    outside.run(&["bisect", "bench/work", "--good", "HEAD~1"]).says(2, &["`HEAD~1` is no commit here"]);
}
