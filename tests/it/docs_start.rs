//! The first page of the documentation, walked literally: its blocks in order, in an empty folder, with an empty home and
//! no variables but `PATH` and `HOME`.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::docs::{Block, blocks};

/// Words that follow a figure and change with it.
const UNITS: [&str; 7] = ["ns", "µs", "ms", "s", "KiB", "MiB", "B"];

/// An empty folder, and what the shell of one command leaves for that of the next.
struct Walk {
    root: tempfile::TempDir,
}

impl Walk {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        for folder in ["home", "empty", "bin"] {
            fs::create_dir(root.path().join(folder)).unwrap();
        }
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_backsight"), root.path().join("bin/backsight")).unwrap();
        let walk = Self { root };
        fs::write(walk.at("state"), format!("cd '{}'\n", walk.at("empty").display())).unwrap();
        walk
    }

    fn at(&self, name: &str) -> std::path::PathBuf {
        self.root.path().join(name)
    }

    /// Runs a piece of shell where the last one ended: in its folder, with what it exported. Its exit code and output.
    fn step(&self, script: &str) -> (i32, String) {
        let state = self.at("state").display().to_string();
        let keep = format!("trap '{{ export -p; printf \"cd \\\"%s\\\"\\n\" \"$PWD\"; }} > {state}' EXIT");
        let path = std::env::var("PATH").unwrap();
        let output = Command::new("sh")
            .args(["-ec", &format!(". {state}\n{keep}\n{script}\n")])
            .env_clear()
            .env("PATH", format!("{}:{path}", self.at("bin").display()))
            .env("HOME", self.at("home"))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        (output.status.code().unwrap_or(-1), text)
    }
}

/// The words of a line, figures and hashes made equal and units left out.
fn shape(line: &str) -> Vec<&str> {
    let words = line.split_whitespace().filter(|word| !UNITS.contains(word));
    words.map(|word| if word.chars().any(|c| c.is_ascii_digit()) { "0" } else { word }).collect()
}

/// The first promised line that is not there, in this order; more may be there, between lines and at their ends.
fn missing<'a>(promised: &[&'a str], said: &str) -> Option<&'a str> {
    let mut lines = said.lines();
    let omitted = |line: &&&str| !line.trim().is_empty() && !line.starts_with("# ");
    promised.iter().filter(omitted).find(|line| !lines.any(|one| shape(one).starts_with(&shape(line)))).copied()
}

/// The exit code that an output promises in its last line.
fn promised_code(output: &[&str]) -> i32 {
    let told = output.iter().rev().find_map(|line| line.trim_start().strip_prefix("exit "));
    told.map_or(0, |rest| rest.split(' ').next().unwrap().parse().unwrap())
}

fn walk_block(walk: &Walk, block: &Block<'_>) -> usize {
    if block.language == "sh" {
        let script = block.lines.join("\n");
        let (code, said) = walk.step(&script);
        assert_eq!(code, 0, "{script}\n{said}");
        return 1;
    }
    let commands: Vec<usize> = (0..block.lines.len()).filter(|&at| block.lines[at].starts_with("$ ")).collect();
    for (nth, &at) in commands.iter().enumerate() {
        let end = commands.get(nth + 1).copied().unwrap_or(block.lines.len());
        let promised = &block.lines[at + 1..end];
        let (code, said) = walk.step(&block.lines[at][2..]);
        assert_eq!(code, promised_code(promised), "{}\n{said}", block.lines[at]);
        let missing = missing(promised, &said);
        assert!(missing.is_none(), "{} does not say\n{}\nbut\n{said}", block.lines[at], missing.unwrap_or_default());
    }
    commands.len()
}

/// The CI files that the page writes are files that work; programs that are not installed are left out.
fn judge_ci_files(walk: &Walk) {
    let project = walk.at("empty/wordcount");
    let workflow = ".github/workflows/backsight.yml";
    let judges: [&[&str]; 4] = [
        &["check-jsonschema", "--builtin-schema", "vendor.github-workflows", workflow],
        &["check-jsonschema", "--builtin-schema", "vendor.gitlab-ci", ".gitlab-ci.yml"],
        &["actionlint", workflow],
        &["zizmor", "--offline", "--pedantic", "--quiet", ".github/workflows"],
    ];
    for judge in judges {
        match Command::new(judge[0]).args(&judge[1..]).current_dir(&project).output() {
            Ok(output) => assert!(output.status.success(), "{judge:?}: {output:?}"),
            Err(_) => println!("skipped: {} is not installed", judge[0]),
        }
    }
}

#[test]
fn the_first_page_works_in_an_empty_folder() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/start.md")).unwrap();
    let walk = Walk::new();
    let steps: usize =
        blocks(&page).iter().filter(|block| block.is_shell()).map(|block| walk_block(&walk, block)).sum();
    assert!(steps >= 12, "only {steps} steps were found");
    judge_ci_files(&walk);
    let summary = fs::read_to_string(walk.at("empty/summary.md")).unwrap();
    assert!(summary.contains("`count`") && summary.contains("built and run in this job"), "{summary}");
    assert!(fs::read_to_string(walk.at("empty/wordcount/report.html")).unwrap().contains("</html>"));
}

#[test]
fn a_line_that_is_not_said_is_missed() {
    let said = " tests  unit  1 passed  3 ms\n wall time 1.2 s ± 3 ms   noisy\n exit 1 (a) after 2 s\n";
    assert_eq!(
        missing(&["# progress", "tests unit 1 passed 99 µs", "wall time 3 ms ± 1 s", "exit 1 (a) after 3 ms"], said),
        None
    );
    assert_eq!(missing(&["exit 1 (a)", "tests unit 1 passed"], said), Some("tests unit 1 passed"));
    assert_eq!(promised_code(&["# more", " exit 3 (x) after 1 s"]), 3);
}
