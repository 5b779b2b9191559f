//! Every command line of the documentation is run, as it stands, in a workspace made for it. What cannot run here is in a
//! list with the reason. A page with a command that is in neither fails.

use std::fs;
use std::path::{Path, PathBuf};

use crate::docs::{blocks, pages, root};
use crate::sandbox::Sandbox;

/// Pages that are walked as a whole by a test of their own.
const WALKED: &[(&str, &str)] = &[("docs/start.md", "docs_start.rs")];

/// The beginnings of command lines that are not run, each with the reason; a page, or `*`.
const NOT_RUN: &[(&str, &str, &str)] = &[
    ("*", "cargo nextest run", "runs our own tests, which is what goes on here"),
    ("*", "BACKSIGHT_OPENS=20 cargo nextest run", "runs our own tests, which is what goes on here"),
    ("*", "pip install", "needs a network"),
    ("README.md", "cargo run --release", "builds Backsight anew; docs.rs checks that pipeline"),
    ("README.md", "scripts/test", "runs all checks, this one among them"),
    ("README.md", "cd ", "each line is run in the workspace"),
    (
        "README.md",
        "backsight compare 01a2067a",
        "names runs of the one who wrote it; `compare` is run in tests/it/runs.rs",
    ),
    (
        "README.md",
        "backsight report .backsight/runs/01a2067a",
        "names a run of the one who wrote it; html-report.md has the same",
    ),
    (
        "README.md",
        "backsight bisect work --good e7523b1",
        "names a commit of the one who wrote it; bisect.md has the same",
    ),
    ("docs/bisect.md", "backsight bisect go/", "200 commits, a minute each; tests/it/bisect.rs has a whole search"),
    ("docs/completion.md", "backsight llm", "needs a model; tests/it/completion.rs asks one of its own"),
    ("docs/llm.md", "backsight llm", "needs a model; tests/it/llm.rs asks one of its own"),
    ("docs/shards.md", "backsight merge", "needs what four jobs left; tests/it/shards.rs has the whole round"),
    ("*", "BACKSIGHT_TEST_SLURM=1 cargo nextest run", "runs our own tests, which is what goes on here"),
    ("docs/slurm.md", "backsight run --executor slurm", "needs a cluster; tests/it/slurm.rs starts one"),
    ("docs/measurements/shards.md", "python3 benches", "measures for minutes, with a release"),
    ("docs/packaging.md", "sha256sum", "needs a release"),
    ("docs/packaging.md", "gh attestation", "needs a release, and a network"),
    (
        "docs/packaging.md",
        "scripts/package",
        "builds Backsight anew; tests/packages/check packs the binary of the tests",
    ),
    ("docs/results.md", "check-jsonschema", "not ours; scripts/test validates all documents of the tests with it"),
];

/// Lines that end with another exit code than 0, and why.
const OTHER_CODES: &[(&str, &str, &[i32])] = &[
    // `init` overwrites nothing, and the sample has a pipeline file.
    ("README.md", "backsight init", &[2]),
    ("README.md", "backsight check bad.yml", &[2]),
    // What it finds on this machine is its own affair.
    ("README.md", "backsight bench", &[0, 1, 3]),
    ("docs/against.md", "backsight bench", &[0, 1, 3]),
    ("docs/migrate/codspeed.md", "backsight bench", &[0, 1, 3]),
    // Nothing of the sample was killed.
    ("README.md", "backsight report --recover", &[0, 2]),
    // Nobody changed `work`, so nobody is found.
    ("docs/bisect.md", "backsight bisect work", &[3]),
    // Two runs do not decide whether anything drifted by 3 %.
    ("docs/history.md", "backsight history --since-tag", &[0, 1, 3]),
    // No job of a platform.
    ("README.md", "backsight publish", &[2]),
    ("docs/shards.md", "backsight publish", &[2]),
    // The template was just changed.
    ("examples/generate/README.md", "backsight generate --check            # exit 1", &[1]),
];

/// The command lines of a page: of `sh` blocks all, of `console` blocks those after `$`; a `\` goes on in the next line.
fn lines(page: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for block in blocks(page).into_iter().filter(crate::docs::Block::is_shell) {
        let mut open = String::new();
        for line in block.lines {
            let line = match (block.language, line.strip_prefix("$ ")) {
                ("console", None) if open.is_empty() => continue,
                (_, Some(command)) => command,
                _ => line,
            };
            open.push_str(line.strip_suffix('\\').unwrap_or(line));
            if !line.ends_with('\\') {
                found.push(std::mem::take(&mut open));
            }
        }
    }
    found.retain(|line| !line.trim().is_empty() && !line.starts_with('#'));
    found
}

fn name_of(page: &Path) -> String {
    page.strip_prefix(root()).unwrap().display().to_string()
}

fn reason_not_to(page: &str, line: &str) -> Option<&'static str> {
    let fits = |(on, beginning, _): &&(&str, &str, &str)| (*on == "*" || *on == page) && line.starts_with(beginning);
    NOT_RUN.iter().find(fits).map(|(_, _, reason)| *reason)
}

fn codes(page: &str, line: &str) -> &'static [i32] {
    let found = OTHER_CODES.iter().find(|(on, beginning, _)| *on == page && line.starts_with(beginning));
    found.map_or(&[0], |(_, _, codes)| codes)
}

const PIPELINE: &str = r#"
version: 1
project: sample
baseline: { store: git, push: always }
budget: 6s
generations:
  - { name: page, template: page.j2, output: page.txt }
tests:
  - { name: unit, run: "true" }
benchmarks:
  - { name: work, run: "true", budget: 500ms }
  - { name: parse, run: cat parse.txt, harness: libtest, budget: 500ms }
"#;

/// What builds and runs in the documentation's examples, each as small as can be.
const STAND_INS: &[(&str, &str)] = &[
    (
        "bin/cargo",
        "#!/bin/sh\nmkdir -p target/release && printf '#!/bin/sh\\n' > target/release/app && chmod +x target/release/app\n",
    ),
    ("parse.txt", "test small ... bench: 1,000 ns/iter (+/- 10)\n"),
    ("page.j2", "made for {{ project }}\n"),
    ("big.json", "{}\n"),
    (".gitignore", ".backsight/\ntarget/\n"),
    ("bad.yml", "version: 1\ntests:\n  - name: unit\n    rum: \"true\"\n"),
];

/// Histories of other tools, under the names that the pages use.
const HISTORIES: &[(&str, &str)] = &[
    ("data.js", "import/data.js"),
    ("reports.json", "import/bencher.json"),
    ("conbench.json", "import/conbench.json"),
    (".benchmarks/Linux/0001_x.json", "harness/pytest-benchmark/pytest_output.json"),
];

/// A repository of two commits with a remote, a pipeline, two runs and what the pages' commands read.
fn sample() -> Sandbox {
    let sandbox = Sandbox::with(PIPELINE);
    for (name, text) in STAND_INS {
        sandbox.write(name, text);
    }
    let fixtures = root().join("tests/fixtures");
    for (name, from) in HISTORIES {
        sandbox.write(name, fs::read(fixtures.join(from)).unwrap());
    }
    shell(
        &sandbox,
        &format!("cp -r '{}' results && chmod +x bin/cargo", fixtures.join("import/asv/results").display()),
    );
    shell(
        &sandbox,
        "git init -q -b main . && git init -q --bare ../origin.git && git remote add origin ../origin.git
         git config user.name Ada && git config user.email ada@example.org
         git add . && git commit -qm one && git tag v1.2 && git tag v1.4.0
         backsight generate --quiet && backsight run --quiet
         echo more >> big.json && git add . && git commit -qm two && git push -q origin main
         backsight run --quiet && mkdir -p path/to && backsight report latest --format json > path/to/results.json",
    );
    sandbox
}

/// The example that the page stands in.
fn example(folder: &Path) -> Sandbox {
    let sandbox = Sandbox::new();
    shell(&sandbox, &format!("cp -r '{}'/. . && rm -rf .backsight", folder.display()));
    sandbox
}

fn run(sandbox: &Sandbox, script: &str) -> (i32, String) {
    let binary = Path::new(env!("CARGO_BIN_EXE_backsight")).parent().unwrap().display().to_string();
    let mut command = sandbox.command_of("sh", &["-ec", script]);
    let path = std::env::var("PATH").unwrap();
    command.env("PATH", format!("{}/bin:{binary}:{path}", sandbox.work().display()));
    let outcome = sandbox.finish(&mut command);
    (outcome.code, outcome.stdout + &outcome.stderr)
}

#[track_caller]
fn shell(sandbox: &Sandbox, script: &str) {
    let (code, said) = run(sandbox, script);
    assert_eq!(code, 0, "{script}\n{said}");
}

/// Measurements whose length a page leaves open are short ones here.
fn hurried(line: &str) -> String {
    let measures = line.starts_with("backsight bench ") || line.starts_with("backsight bisect ");
    if !measures || line.contains("--budget") {
        return line.to_owned();
    }
    let words: Vec<&str> = line.splitn(3, ' ').collect();
    format!("{} {} --budget 1s {}", words[0], words[1], words[2])
}

fn run_page(page: &Path) -> usize {
    let name = name_of(page);
    let all = lines(&fs::read_to_string(page).unwrap());
    let wanted: Vec<&String> = all.iter().filter(|line| reason_not_to(&name, line).is_none()).collect();
    if wanted.is_empty() {
        return 0;
    }
    let sandbox = if name.starts_with("examples/") { example(page.parent().unwrap()) } else { sample() };
    for line in &wanted {
        let began = std::time::Instant::now();
        let (code, said) = run(&sandbox, &hurried(line));
        println!("{name}: {:.1} s, exit {code}: {line}", began.elapsed().as_secs_f64());
        assert!(codes(&name, line).contains(&code), "{name}: {line}\nexit {code}\n{said}");
    }
    wanted.len()
}

/// The pages with commands, as they are split over the tests below.
fn with_commands(chosen: impl Fn(&str) -> bool) -> Vec<PathBuf> {
    let walked = |name: &str| WALKED.iter().any(|(page, _)| *page == name);
    pages().into_iter().filter(|page| !walked(&name_of(page)) && chosen(&name_of(page))).collect()
}

#[test]
fn the_commands_of_the_readme_run() {
    assert!(with_commands(|name| name == "README.md").iter().map(|page| run_page(page)).sum::<usize>() >= 10);
}

#[test]
fn the_commands_of_the_pages_run() {
    let pages = with_commands(|name| name.starts_with("docs/") && !name.starts_with("docs/migrate/"));
    assert!(pages.iter().map(|page| run_page(page)).sum::<usize>() >= 25);
}

#[test]
fn the_commands_of_the_migrations_run() {
    assert!(
        with_commands(|name| name.starts_with("docs/migrate/")).iter().map(|page| run_page(page)).sum::<usize>() >= 5
    );
}

#[test]
fn the_commands_of_the_examples_run() {
    let pages = with_commands(|name| !name.starts_with("docs/") && name != "README.md");
    assert!(pages.iter().map(|page| run_page(page)).sum::<usize>() >= 5);
}

/// Whole pipelines, those that name their version, are checked by the program; pieces of one are not.
#[test]
fn the_pipelines_of_the_pages_are_right() {
    let mut count = 0;
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        let steps = ["generations:", "tests:", "benchmarks:"];
        let whole = |block: &crate::docs::Block<'_>| {
            block.language == "yaml"
                && block.lines.contains(&"version: 1")
                && block.lines.iter().any(|line| steps.contains(line))
        };
        for block in blocks(&text).iter().filter(|block| whole(block)) {
            let pipeline = block.lines.join("\n");
            let found = backsight::pipeline::parse(&pipeline);
            assert!(found.is_ok(), "{}: {:?}\n{pipeline}", name_of(&page), found.err());
            count += 1;
        }
    }
    assert!(count >= 8, "only {count} pipelines were found");
}

#[test]
fn the_lists_hold_nothing_that_is_not_there() {
    let all: Vec<(String, Vec<String>)> =
        pages().iter().map(|page| (name_of(page), lines(&fs::read_to_string(page).unwrap()))).collect();
    let there = |on: &str, beginning: &str| {
        let mut pages = all.iter().filter(|(name, _)| on == "*" || on == name);
        pages.any(|(_, lines)| lines.iter().any(|line| line.starts_with(beginning)))
    };
    for (page, beginning, _) in NOT_RUN {
        assert!(there(page, beginning), "NOT_RUN: {page} has no line that begins with `{beginning}`");
    }
    for (page, beginning, _) in OTHER_CODES {
        assert!(there(page, beginning), "OTHER_CODES: {page} has no line that begins with `{beginning}`");
    }
    for (page, test) in WALKED {
        assert!(root().join(page).is_file() && root().join("tests/it").join(test).is_file());
    }
}
