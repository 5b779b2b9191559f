//! `--against REV`: working copies of base and head of real repositories, measured by the real binary.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use backsight::results::{Basis, Document, StepStatus, Verdict};

use crate::sandbox::{Outcome, Sandbox, read_document, wait_for};

/// A loop of so many turns, read from a file that the commits change.
const APP: &str = "turns=$(cat turns); i=0; while [ $i -lt $turns ]; do i=$((i+1)); done\n";

/// A workspace that is a repository of two commits: the second does ten times the work.
fn repository() -> Sandbox {
    let sandbox = Sandbox::new();
    git(&sandbox, &["init", "-q", "-b", "main"]);
    sandbox.write("app.sh", APP);
    sandbox.write("turns", "300");
    commit(&sandbox, "fast");
    sandbox.write("turns", "9000");
    commit(&sandbox, "slow");
    sandbox
}

fn git_in(sandbox: &Sandbox, folder: &Path, words: &[&str]) -> String {
    let settings = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "protocol.file.allow=always"];
    let mut command: Command = sandbox.command_of("git", &[&settings[..], words].concat());
    let output = command.current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

fn git(sandbox: &Sandbox, words: &[&str]) -> String {
    git_in(sandbox, &sandbox.work(), words)
}

fn commit(sandbox: &Sandbox, message: &str) {
    git(sandbox, &["add", "-A"]);
    git(sandbox, &["commit", "-q", "-m", message]);
}

fn bench(sandbox: &Sandbox, more: &[&str]) -> Outcome {
    let budget = if more.contains(&"--budget") { &[][..] } else { &["--budget", "15s"] };
    sandbox.run(&[&["bench", "--seed", "7", "--format", "json"], budget, more].concat())
}

fn verdict(document: &Document) -> Verdict {
    let comparison = document.comparison.as_ref().unwrap();
    assert_eq!(comparison.basis, Basis::Paired);
    comparison.rows.iter().find(|row| row.metric == "cpu_time").unwrap().verdict
}

/// All that git keeps beside the objects: references, index, configuration, notes of worktrees, and what it tells.
fn state(sandbox: &Sandbox, folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    let mut open = vec![folder.join(".git")];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            match () {
                () if path.ends_with(".git/objects") => {}
                () if path.is_dir() => open.push(path),
                () => found.push((path.clone(), fs::read(path).unwrap())),
            }
        }
    }
    found.sort();
    for words in [&["worktree", "list"][..], &["stash", "list"]] {
        found.push((words.concat().into(), git_in(sandbox, folder, words).into_bytes()));
    }
    found
}

#[test]
fn a_planted_slow_down_is_found_and_the_repository_stays_as_it_was() {
    let sandbox = repository();
    let before = state(&sandbox, &sandbox.work());
    let told = bench(&sandbox, &["--against", "HEAD~1", "--", "sh", "app.sh"]);
    told.says(1, &["REGRESSED", "(HEAD~1)"]);
    let document = told.document();
    assert_eq!(verdict(&document), Verdict::Regressed);
    let against = document.run.against.unwrap();
    assert_eq!((against.named.as_str(), against.changed), ("HEAD~1", false));
    assert_eq!(
        (&against.base, &against.head),
        (&git(&sandbox, &["rev-parse", "HEAD~1"]), &git(&sandbox, &["rev-parse", "HEAD"]))
    );
    assert_eq!(state(&sandbox, &sandbox.work()), before);
    assert_eq!(git(&sandbox, &["status", "--porcelain"]), "");
}

#[test]
fn the_head_is_the_work_tree_as_it_is() {
    let sandbox = repository();
    // Not committed: the head is as fast as the base again, half of it by a new file.
    sandbox.write("less", "300");
    sandbox.write("turns", "less");
    sandbox.write("app.sh", APP.replace("cat turns", "cat $(cat turns)"));
    git(&sandbox, &["add", "app.sh"]);
    sandbox.write("app.sh", APP.replace("cat turns", "cat less"));
    let before = (state(&sandbox, &sandbox.work()), git(&sandbox, &["status", "--porcelain"]));
    let document = bench(&sandbox, &["--against", "HEAD", "--", "sh", "app.sh"]).document();
    assert_eq!(verdict(&document), Verdict::Improved);
    assert!(document.run.against.unwrap().changed);
    assert_eq!((state(&sandbox, &sandbox.work()), git(&sandbox, &["status", "--porcelain"])), before);
}

#[test]
fn each_arm_is_built_in_its_own_place_and_kept_for_the_next_time() {
    let sandbox = repository().env("CARGO_TARGET_DIR", "/nowhere/that/is/shared");
    // What git does not ignore is cleared away before the next run.
    sandbox.write(".gitignore", "built\n");
    commit(&sandbox, "ignore");
    sandbox.write("turns", "300");
    commit(&sandbox, "fast again");
    let build = "env | grep -E '^(TMPDIR|CARGO_TARGET_DIR|BACKSIGHT_WORKSPACE|PWD)=' >> built; test -w \"$TMPDIR\"; \
                 cp turns \"$TMPDIR\"";
    for times in 1..=2 {
        let line = ["--against", "HEAD~1", "--budget", "200ms", "--build", build, "--", "sh", "-c", "test -e built"];
        let document = bench(&sandbox, &line).document();
        assert_eq!(document.steps[0].status, StepStatus::Passed, "{:?}", document.steps);
        let [base, head] = ["base", "head"].map(|arm| read(&arms(&sandbox), &format!("{arm}/built")));
        assert_eq!(base.lines().count(), 4 * times, "{base}");
        assert_eq!(base.len(), head.len());
        for (base, head) in base.lines().zip(head.lines()) {
            assert_ne!(base, head);
            assert_eq!(base.replace("/base", "/head"), head);
        }
        assert!(fs::read_dir(arms(&sandbox).join("base-tmp")).unwrap().next().is_none());
    }
    assert!(!sandbox.path("built").exists());
}

#[test]
fn a_part_of_a_sparse_repository_with_a_submodule_is_measured() {
    let sandbox = repository();
    let inner = sandbox.work().parent().unwrap().join("inner");
    git_in(&sandbox, inner.parent().unwrap(), &["init", "-q", "inner"]);
    fs::write(inner.join("turns"), "90000").unwrap();
    git_in(&sandbox, &inner, &["add", "-A"]);
    git_in(&sandbox, &inner, &["commit", "-q", "-m", "inner"]);
    sandbox.write("ein Teil/größe/app.sh", APP.replace("cat turns", "cat ../../turns"));
    sandbox.write("left out/file", "x");
    commit(&sandbox, "turns of the repository itself");
    git(&sandbox, &["submodule", "--quiet", "add", "../inner", "vendor/inner"]);
    sandbox.write("ein Teil/größe/app.sh", APP.replace("cat turns", "cat ../../vendor/inner/turns"));
    commit(&sandbox, "ten times as many from a submodule");
    git(&sandbox, &["sparse-checkout", "set", "ein Teil", "vendor"]);
    git(&sandbox, &["checkout", "-q", "--detach"]);
    fs::remove_dir_all(&inner).unwrap();
    let before = state(&sandbox, &sandbox.work());
    let line = ["bench", "--budget", "15s", "--against", "HEAD~1", "--build", "test ! -e '../../left out'"];
    let mut command = sandbox.command(&[&line[..], &["--", "sh", "app.sh"]].concat());
    let told = sandbox.finish(command.current_dir(sandbox.path("ein Teil/größe")));
    told.says(1, &["REGRESSED"]);
    assert!(!told.stderr.contains("warning"), "{}", told.stderr);
    assert_eq!(state(&sandbox, &sandbox.work()), before);
}

/// The folders of working copies.
fn places(sandbox: &Sandbox) -> Vec<PathBuf> {
    let cache = sandbox.work().parent().unwrap().join("home/.cache/backsight/arms");
    fs::read_dir(cache).into_iter().flatten().map(|entry| entry.unwrap().path()).collect()
}

/// The folder of the working copies of the only repository that was measured.
fn arms(sandbox: &Sandbox) -> PathBuf {
    places(sandbox).pop().unwrap()
}

fn read(folder: &Path, file: &str) -> String {
    fs::read_to_string(folder.join(file)).unwrap()
}

#[test]
fn a_base_that_does_not_build_leaves_the_head_measured() {
    let sandbox = repository();
    let build = "test $(cat turns) -gt 1000 || { echo the old source is broken >&2; exit 9; }";
    let line = ["--budget", "500ms", "--against", "HEAD~1", "--build", build, "--", "sh", "app.sh"];
    let told = bench(&sandbox, &line);
    told.says(3, &["the old source is broken", "exit 9"]);
    let document = told.document();
    assert_eq!(verdict(&document), Verdict::NoBase);
    assert!(!document.benchmarks[0].metrics.is_empty());
    // A head that does not build is the user's to mend: what git ignores may be what it lacks.
    sandbox.write(".gitignore", "data/\n");
    sandbox.write("data/set", "1");
    commit(&sandbox, "needs data");
    let told = bench(&sandbox, &["--against", "HEAD~1", "--build", "cat data/set", "--", "sh", "app.sh"]);
    told.says(3, &["the build ended with exit 1", "git ignores data", "--carry data"]);
    let carried = ["--against", "HEAD~2", "--carry", "data", "--build", "cat data/set", "--", "sh", "app.sh"];
    bench(&sandbox, &carried).says(1, &["REGRESSED"]);
}

#[test]
fn shallow_detached_and_missing_bases_are_said_or_fetched() {
    let sandbox = repository();
    let all = sandbox.work().parent().unwrap().to_owned();
    let url = format!("file://{}", sandbox.work().display());
    git_in(&sandbox, &all, &["clone", "-q", "--depth=1", &url, "cut short"]);
    let clone = all.join("cut short");
    git_in(&sandbox, &clone, &["checkout", "-q", "--detach"]);
    let first = git(&sandbox, &["rev-parse", "HEAD~1"]);
    let line = ["bench", "--budget", "500ms", "--format", "json", "--against", &first, "--", "sh", "app.sh"];
    let run = || sandbox.finish(sandbox.command(&line).current_dir(&clone));
    fs::rename(sandbox.path(".git"), sandbox.path("gone")).unwrap();
    run().says(2, &["cannot be found", "git fetch --unshallow", "fetch-depth: 0", "GIT_DEPTH: 0"]);
    fs::rename(sandbox.path("gone"), sandbox.path(".git")).unwrap();
    let told = run();
    assert!(told.stderr.contains("it was fetched"), "{}", told.stderr);
    assert_eq!(told.document().run.against.unwrap().base, first);
    // Neither a commit nor a repository.
    bench(&sandbox, &["--against", "nowhere", "--", "true"]).says(2, &["`nowhere` cannot be found"]);
    bench(&sandbox, &["--against", "HEAD", "--carry", "no/such", "--", "true"]).says(2, &["no such file"]);
    bench(&Sandbox::new(), &["--against", "HEAD", "--", "true"]).says(2, &["in no git repository"]);
    bench(&sandbox, &["--against", "HEAD", "--vs", "true", "--", "true"]).says(2, &["cannot be used with"]);
    bench(&sandbox, &["--vs", "true", "--build", "true", "--", "true"]).says(2, &["cannot be used with"]);
    let none = sandbox.command(&["bench", "--against", "HEAD", "--", "true"]).env("PATH", "/nowhere").output().unwrap();
    assert_eq!(none.status.code(), Some(4));
    assert!(String::from_utf8_lossy(&none.stderr).contains("git cannot be started"), "{none:?}");
}

#[test]
fn a_killed_run_is_cleared_away_by_the_next() {
    let sandbox = repository();
    let clean = state(&sandbox, &sandbox.work());
    let line =
        ["bench", "--budget", "60s", "--against", "HEAD~1", "--build", "touch \"$TMPDIR/ready\"", "--", "sh", "app.sh"];
    let running = sandbox.start(&line);
    let ready = || {
        let is_ready =
            |place: &PathBuf| ["base-tmp/ready", "head-tmp/ready"].iter().all(|file| place.join(file).exists());
        places(&sandbox).iter().any(is_ready)
    };
    wait_for(ready, "both builds");
    running.kill();
    assert_eq!(git(&sandbox, &["worktree", "list"]).lines().count(), 3, "a killed run could not clear up");
    // As if it had also been in the middle of a checkout.
    fs::write(sandbox.path(".git/worktrees/base/index.lock"), "").unwrap();
    fs::remove_file(arms(&sandbox).join("head/.git")).unwrap();
    bench(&sandbox, &["--against", "HEAD~1", "--", "sh", "app.sh"]).says(1, &["REGRESSED"]);
    assert_eq!(state(&sandbox, &sandbox.work()), clean);
    assert_eq!(places(&sandbox).len(), 1);
}

const PIPELINE: &str = "version: 1
gate: { regression: 20% }
benchmarks:
  - { name: app, run: sh app.sh, build: cp turns built, budget: 15s }
";

#[test]
fn a_run_is_held_to_the_limits_of_its_base() {
    let sandbox = repository();
    git(&sandbox, &["reset", "-q", "--hard", "HEAD~1"]);
    sandbox.write("backsight.yml", PIPELINE);
    sandbox.write(".gitignore", ".backsight/\nbuilt\n");
    commit(&sandbox, "pipeline");
    sandbox.write("turns", "9000");
    sandbox.write("backsight.yml", PIPELINE.replace("20%", "100%"));
    git(&sandbox, &["checkout", "-q", "-b", "topic"]);
    commit(&sandbox, "slow, and a looser gate");
    let told = sandbox.run(&["run", "--against", "main...", "--seed", "3"]);
    told.says(1, &["REGRESSED", "gate.regression: base 20 %, head 100 %: the base's is used", "(main...)"]);
    let document = sandbox.document();
    assert_eq!(document.comparison.as_ref().unwrap().rows[0].limit, 0.2);
    let against = document.run.against.as_ref().unwrap();
    assert!(!against.changed && against.base == git(&sandbox, &["rev-parse", "main"]), "{against:?}");
    assert!(!sandbox.path("built").exists(), "builds belong into the arms");
    // Without a change request there is no base but the one that is named.
    sandbox.run(&["run", "--budget", "300ms"]);
    assert_eq!(sandbox.document().run.against, None);
    sandbox.run(&["run", "--against", "nowhere"]).says(2, &["`nowhere` cannot be found"]);
}

#[test]
fn on_a_change_request_the_base_is_where_it_starts() {
    let sandbox = repository();
    git(&sandbox, &["reset", "-q", "--hard", "HEAD~1"]);
    sandbox.write("backsight.yml", PIPELINE);
    sandbox.write(".gitignore", ".backsight/\nbuilt\n");
    commit(&sandbox, "pipeline");
    git(&sandbox, &["checkout", "-q", "-b", "topic"]);
    sandbox.write("turns", "9000");
    commit(&sandbox, "slow");
    let topic = git(&sandbox, &["rev-parse", "HEAD"]);
    git(&sandbox, &["checkout", "-q", "main"]);
    sandbox.write("unrelated", "x");
    commit(&sandbox, "main moves on");
    let main = git(&sandbox, &["rev-parse", "HEAD"]);
    // GitHub's job: a shallow clone of a test merge that belongs to no branch.
    git(&sandbox, &["checkout", "-q", "--detach"]);
    git(&sandbox, &["merge", "-q", "--no-ff", "-m", "Merge topic into main", "topic"]);
    let merge = git(&sandbox, &["rev-parse", "HEAD"]);
    git(&sandbox, &["update-ref", "refs/pull/7/merge", &merge]);
    git(&sandbox, &["checkout", "-q", "main"]);
    let all = sandbox.work().parent().unwrap().to_owned();
    git_in(&sandbox, &all, &["init", "-q", "job"]);
    let job = all.join("job");
    git_in(&sandbox, &job, &["remote", "add", "origin", &format!("file://{}", sandbox.work().display())]);
    git_in(&sandbox, &job, &["fetch", "-q", "--depth=1", "origin", "+refs/pull/7/merge:refs/remotes/pull/7/merge"]);
    git_in(&sandbox, &job, &["checkout", "-q", "--detach", "refs/remotes/pull/7/merge"]);
    let event = format!(
        r#"{{"pull_request": {{"number": 7, "head": {{"sha": "{topic}", "ref": "topic", "repo": {{"full_name": "o/r"}}}},
            "base": {{"sha": "{main}", "ref": "main", "repo": {{"full_name": "o/r"}}}}}}, "repository": {{"full_name": "o/r", "default_branch": "main"}}}}"#
    );
    fs::write(all.join("event.json"), event).unwrap();
    let run = |more: &[&str]| {
        let mut command = sandbox.command(&[&["run", "--format", "json"], more].concat());
        command.current_dir(&job).env("GITHUB_ACTIONS", "true").env("CI", "true").env("GITHUB_SHA", &merge);
        command.env("GITHUB_EVENT_NAME", "pull_request").env("GITHUB_EVENT_PATH", all.join("event.json"));
        command.env("GITHUB_REF", "refs/pull/7/merge").env("GITHUB_REPOSITORY", "o/r");
        command.env("GITHUB_HEAD_REF", "topic").env("GITHUB_BASE_REF", "main");
        sandbox.finish(&mut command)
    };
    let told = run(&[]);
    told.says(1, &["REGRESSED"]);
    let document = read_document(&told.stdout);
    assert_eq!(document.change.request.as_ref().unwrap().number, 7);
    assert_eq!(document.run.against.unwrap().base, main);
    let before = git_in(&sandbox, &job, &["rev-parse", "HEAD"]);
    git_in(&sandbox, &job, &["checkout", "-q", "--detach", &main]);
    let target = run(&["--budget", "300ms"]);
    assert_eq!(read_document(&target.stdout).run.against, None, "{}", target.stderr);
    git_in(&sandbox, &job, &["checkout", "-q", "--detach", &before]);
    let alone = read_document(&run(&["--no-against", "--budget", "300ms"]).stdout);
    assert_eq!(alone.run.against, None);
    assert_eq!(git_in(&sandbox, &job, &["worktree", "list"]).lines().count(), 1);
}
