//! The GitHub Action: the steps of `action.yml` run as they stand there, on a machine like GitHub's, with a release that is served
//! from here.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::json;
use sha2::Digest;

use crate::fake_github::FakeGithub;
use crate::runner::{Release, Runner, TOKEN, Told, read_action};

const VERSION: &str = env!("CARGO_PKG_VERSION");
const BINARY: &str = env!("CARGO_BIN_EXE_backsight");
/// A program that says what it was called with, and can do what the action asks of it.
const STAND_IN: &str = r#"#!/bin/sh
case "$1" in
--version) echo "backsight VERSION"; exit 0 ;;
esac
{ printf '%s' "$1"; shift; for one in "$@"; do printf ' <%s>' "$one"; done; printf '\n'; } >> "$HOME/called"
env > "$HOME/env-$(tail -n 1 "$HOME/called" | cut -d ' ' -f 1)"
case "$(tail -n 1 "$HOME/called")" in
plan*) for one in "$@"; do case "$one" in --output=*) echo '{}' > "${one#--output=}" ;; esac; done
    echo '{"include":[{"shard":"1/2","index":1,"count":2},{"shard":"2/2","index":2,"count":2}]}' ;;
run* | merge*) run=".backsight/runs/01a2067a-5d0a-70c3-933e-$(date +%s%N)"
    mkdir -p "$run" && echo '{}' > "$run/results.json" ;;
esac
"#;

fn stand_in() -> Vec<u8> {
    STAND_IN.replace("VERSION", VERSION).into_bytes()
}

/// An archive as a release has it: the program in a folder.
fn archive(program: &[u8]) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let inside = folder.path().join(format!("backsight-{VERSION}"));
    fs::create_dir(&inside).unwrap();
    fs::write(inside.join("backsight"), program).unwrap();
    let mut tar = Command::new("tar");
    tar.args(["-I", "gzip -1", "-cf", "a.tar.gz"]).arg(inside.file_name().unwrap()).current_dir(folder.path());
    assert!(tar.status().unwrap().success());
    fs::read(folder.path().join("a.tar.gz")).unwrap()
}

/// A runner whose action knows the checksum of a served release of this program.
pub(crate) fn released(program: &[u8]) -> (Runner, Release) {
    let runner = Runner::new();
    let packed = archive(program);
    let hash: String = sha2::Sha256::digest(&packed).iter().map(|byte| format!("{byte:02x}")).collect();
    let target = |libc: &str| format!("{}-unknown-linux-{libc}", std::env::consts::ARCH);
    let lines = ["gnu", "musl"].map(|libc| format!("{hash}  backsight-{VERSION}-{}.tar.gz\n", target(libc)));
    runner.write("action/scripts/action/checksums.txt", format!("# of a test\n{}", lines.concat()));
    (runner, Release::of(packed))
}

/// The real program, without what only a debugger reads: half of it.
pub(crate) fn real() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("backsight");
    let stripped = Command::new("strip").arg("-o").arg(&path).arg(BINARY).status().is_ok_and(|status| status.success());
    fs::read(if stripped { &path } else { Path::new(BINARY) }).unwrap()
}

/// What the stand-in was called with.
fn called(runner: &Runner) -> Vec<String> {
    let text = if runner.at("home/called").exists() { runner.read("home/called") } else { String::new() };
    text.lines().map(str::to_owned).collect()
}

#[track_caller]
fn passed(told: Told) -> Told {
    assert_eq!(told.code(), 0, "{}", told.text());
    told
}

#[test]
fn action_installs_cold_and_then_without_a_network() {
    let (runner, release) = released(&real());
    let told = passed(runner.run(&[("command", "install"), ("download-url", &release.url)]));
    let asked = release.asked();
    assert_eq!(asked.len(), 1);
    assert!(asked[0].starts_with(&format!("/releases/download/v{VERSION}/backsight-{VERSION}-")), "{asked:?}");
    let binary = told.inner("install.binary").to_owned();
    assert!(binary.starts_with(&runner.at(&format!("tools/backsight/{VERSION}")).display().to_string()), "{binary}");
    let folder = Path::new(&binary).parent().unwrap();
    assert_eq!(runner.read("temp/github_path").trim(), folder.display().to_string());
    assert!(Path::new(&format!("{}.complete", folder.display())).exists());
    assert!(!told.ran("Backsight") && !told.ran("Report"), "{}", told.text());

    let told = passed(runner.run(&[("command", "install"), ("download-url", "http://127.0.0.1:9")]));
    assert_eq!((told.inner("begin.how"), told.inner("install.binary")), ("warm", binary.as_str()));
    assert!(!told.ran("Download") && release.asked().len() == 1, "{}", told.text());
}

#[test]
fn action_refuses_a_tampered_archive_before_anything_is_unpacked() {
    let (runner, _) = released(&stand_in());
    let evil = Release::of(archive(b"#!/bin/sh\ntouch \"$HOME/pwned\"\n"));
    let told = runner.run(&[("command", "install"), ("download-url", &evil.url)]);
    assert_eq!(told.code(), 4, "{}", told.text());
    assert!(told.text().contains("is not what was released: its SHA-256 is"), "{}", told.text());
    assert!(!told.ran("Install"), "{}", told.text());
    assert_eq!(runner.files_named("pwned").len() + runner.files_named("tar.gz").len(), 0);
    assert!(fs::read_dir(runner.at("tools")).unwrap().next().is_none());
    // And one that cannot be had.
    let told = runner.run(&[("command", "install"), ("download-url", &Release::of(Vec::new()).url)]);
    assert!(told.code() == 4 && told.text().contains("cannot be fetched"), "{}", told.text());
    let told = runner.run(&[("command", "install"), ("download-url", "--output=/x")]);
    assert!(told.code() == 2 && told.text().contains("is no http address"), "{}", told.text());
}

#[test]
fn action_installs_again_where_the_tool_cache_was_tampered_with() {
    let (runner, release) = released(&stand_in());
    let with = [("command", "install"), ("download-url", release.url.as_str())];
    let told = passed(runner.run(&with));
    let binary = told.inner("install.binary").to_owned();
    fs::write(&binary, "#!/bin/sh\ntouch \"$HOME/pwned\"\n").unwrap();
    let told = passed(runner.run(&with));
    assert!(
        told.text().contains("the backsight in the tool cache is not the one that was put there"),
        "{}",
        told.text()
    );
    assert_eq!((fs::read(&binary).unwrap(), release.asked().len()), (stand_in(), 2));
    // A job that was killed while it installed has left no mark.
    fs::remove_file(format!("{}.complete", Path::new(&binary).parent().unwrap().display())).unwrap();
    passed(runner.run(&with));
    assert_eq!((release.asked().len(), runner.files_named("pwned").len()), (3, 0));
}

#[test]
fn action_gives_no_token_to_a_binary_that_was_replaced_in_between() {
    let script = format!(
        "{}\ncase \"$0\" in *tools*) echo '#!/bin/sh' > \"$0\" ;; esac\n",
        String::from_utf8(stand_in()).unwrap()
    );
    let (runner, release) = released(script.as_bytes());
    runner.git(&["init", "--quiet"]);
    let told = runner.run(&[("download-url", &release.url)]);
    assert!(told.text().contains("was changed since it was installed; it gets no token"), "{}", told.text());
    let code = |name: &str| told.steps.iter().find(|step| step.name == name).map(|step| step.code);
    assert_eq!((code("Verdict"), told.code()), (Some(0), 4), "the verdict is the run's: {}", told.text());
    assert!(told.steps.iter().any(|step| step.name == "Report" && step.code == 4), "{}", told.text());
}

#[test]
fn action_builds_what_has_no_checksum_from_its_own_source() {
    let runner = Runner::new();
    let cargo = format!(
        "#!/bin/sh\necho \"$PWD $* $CARGO_TARGET_DIR\" >> \"$HOME/cargo\"\n\
         while [ $# -gt 0 ]; do [ \"$1\" = --root ] && root=\"$2\"; shift; done\n\
         mkdir -p \"$root/bin\" && printf '#!/bin/sh\\necho backsight {VERSION}\\n' > \"$root/bin/backsight\"\n"
    );
    runner.program("cargo", &cargo);
    let told = passed(runner.run(&[("command", "install")]));
    assert_eq!(told.inner("begin.how"), "source");
    let asked = runner.read("home/cargo");
    assert!(asked.contains("install --locked --path . --root"), "{asked}");
    assert!(asked.starts_with(&runner.at("action").display().to_string()) && asked.trim().ends_with("backsight-build"));
    // Warm; then on a machine that has only the cache of GitHub Actions; then with a source that changed.
    passed(runner.run(&[("command", "install")]));
    assert_eq!(runner.read("home/cargo").lines().count(), 1);
    let key = told.inner("begin.source-key").to_owned();
    runner.save(&key);
    fs::remove_dir_all(runner.at("tools")).unwrap();
    let told = passed(runner.run(&[("command", "install")]));
    assert_eq!((told.inner("built.cache-hit"), runner.read("home/cargo").lines().count()), ("true", 1));
    runner.write("action/src/main.rs", "fn main() { println!(); }\n");
    let told = passed(runner.run(&[("command", "install"), ("cache", "false")]));
    assert_eq!(runner.read("home/cargo").lines().count(), 2);
    assert!(!told.ran("A build of the same source") && !told.ran("A build of the same dependencies"));
    // Another version's source is not here.
    let told = runner.run(&[("command", "install"), ("version", "v9.9.9")]);
    assert!(
        told.code() == 2 && told.text().contains("this action knows no checksum of backsight-9.9.9-"),
        "{}",
        told.text()
    );
}

#[test]
fn action_verifies_an_attestation_where_it_is_asked_to() {
    let (runner, release) = released(&stand_in());
    let with = [("command", "install"), ("attest", "true"), ("download-url", release.url.as_str())];
    runner.program("gh", "#!/bin/sh\necho \"$*\" > \"$HOME/gh\"; exit 1\n");
    let told = runner.run(&with);
    assert!(
        told.code() == 4 && told.text().contains("no valid attestation") && !told.ran("Install"),
        "{}",
        told.text()
    );
    runner.program("gh", "#!/bin/sh\necho \"$*\" > \"$HOME/gh\"\n");
    passed(runner.run(&with));
    assert!(
        runner.read("home/gh").contains("attestation verify")
            && runner.read("home/gh").contains("--repo octo/backsight")
    );
    // What was installed without an attestation is not taken for one that has it.
    let (runner, release) = released(&stand_in());
    runner.program("gh", "#!/bin/sh\n");
    passed(runner.run(&[("command", "install"), ("download-url", &release.url)]));
    passed(runner.run(&[("command", "install"), ("attest", "true"), ("download-url", &release.url)]));
    passed(runner.run(&[("command", "install"), ("attest", "true"), ("download-url", &release.url)]));
    assert_eq!(release.asked().len(), 2);
}

#[test]
fn action_never_executes_what_an_input_says() {
    let hostile = "x$(touch pwned)`touch pwned`';touch pwned;\"; touch pwned; #\n; touch pwned\nhow=warm\n::add-path::/evil\n${IFS}*";
    for name in read_action()["inputs"].as_object().unwrap().keys() {
        let (runner, release) = released(&stand_in());
        runner.git(&["init", "--quiet"]);
        let mut with = vec![("download-url", release.url.as_str())];
        with.retain(|(given, _)| given != name);
        with.push((name, hostile));
        let told = runner.run(&with);
        assert_eq!(runner.files_named("pwned"), Vec::<std::path::PathBuf>::new(), "{name}: {}", told.text());
        assert!(!told.text().lines().any(|line| line.starts_with("::add-path::")), "{name}: {}", told.text());
        let refused =
            ["command", "version", "shards", "comment", "baseline", "artifact", "working-directory", "download-url"];
        if refused.contains(&name.as_str()) {
            assert_eq!(told.code(), 2, "{name}: {}", told.text());
            assert!(
                told.text().contains("::error title=backsight::")
                    && called(&runner).iter().all(|line| !line.starts_with("run"))
            );
        }
    }
}

#[test]
fn action_hands_each_input_over_as_it_is() {
    let (runner, release) = released(&stand_in());
    runner.git(&["init", "--quiet"]);
    let told = passed(runner.run(&[
        ("download-url", &release.url),
        ("pipeline", "-odd name.yml"),
        ("only", "tests, generations\nbenchmarks"),
        ("against", "--help $(x)"),
        ("args", "--jobs=2\r\n\n-k\na b*'\"\n"),
        ("leg", "a b/c"),
        ("comment", "always"),
    ]));
    let runs: Vec<String> = called(&runner).into_iter().filter(|line| line.starts_with("run")).collect();
    assert_eq!(
        runs,
        ["run <--only=tests> <--only=generations> <--only=benchmarks> <--against=--help $(x)> <--share=read> \
          <--jobs=2> <-k> <a b*'\"> <--> <-odd name.yml>"],
        "{}",
        told.text()
    );
    let published = called(&runner).into_iter().find(|line| line.starts_with("publish")).unwrap();
    assert!(
        published.ends_with("<--workspace=.> <--pipeline=-odd name.yml> <--comment=always> <--leg=a b/c>"),
        "{published}"
    );
    assert!(runner.at("artifacts/backsight-a-b-c/results.json").exists());
    // The action's own variables are not the run's, and neither is the token.
    let env = runner.read("home/env-run");
    assert!(!env.contains("BS_") && !env.contains(TOKEN) && !env.contains("GITHUB_OUTPUT"), "{env}");
}

#[test]
fn action_says_what_is_wrong_with_an_input() {
    let runner = Runner::new();
    for (input, value, words) in [
        ("command", "rnu", "`command` is `rnu`; it may be `run`, `plan`, `merge`, `install`"),
        ("comment", "sometimes", "it may be `always`, `on-change`, `never`"),
        ("shards", "4", "for `run` it is which of how many, such as `1/4`"),
        ("version", "latest", "`version` is `latest`, which is no version"),
        ("artifact", "a/b", "may hold letters, digits"),
    ] {
        let told = runner.run(&[(input, value)]);
        assert!(told.code() == 2 && told.steps.len() == 1, "{}", told.text());
        assert!(told.text().contains("::error title=backsight::") && told.text().contains(words), "{}", told.text());
    }
}

/// A pull request's job on a machine with a GitHub.
fn pull_request(pipeline: &str) -> (Runner, Release, FakeGithub) {
    pull_request_with(&real(), pipeline)
}

fn pull_request_with(program: &[u8], pipeline: &str) -> (Runner, Release, FakeGithub) {
    let (mut runner, release) = released(program);
    let github = FakeGithub::start();
    runner.env.insert("GITHUB_API_URL".into(), github.url.clone());
    runner.write("work/backsight.yml", pipeline);
    runner.git(&["init", "--quiet"]);
    runner.git(&["add", "--all"]);
    runner.git(&["commit", "--quiet", "-m", "one"]);
    let base = runner.git(&["rev-parse", "HEAD"]);
    runner.git(&["commit", "--quiet", "--allow-empty", "-m", "two"]);
    let head = runner.git(&["rev-parse", "HEAD"]);
    runner.event_name = "pull_request";
    runner.reference = "refs/pull/7/merge";
    runner.env.insert("GITHUB_SHA".into(), head.clone());
    runner.event = json!({
        "pull_request": {
            "number": 7,
            "head": { "sha": head, "ref": "change", "label": "octo:change", "repo": { "full_name": "octo/demo" } },
            "base": { "sha": base, "ref": "main", "repo": { "full_name": "octo/demo" } },
        },
        "repository": { "full_name": "octo/demo", "default_branch": "main", "private": false },
    });
    (runner, release, github)
}

#[test]
fn action_runs_publishes_one_comment_and_fails_as_the_run_did() {
    let pipeline = "version: 1\nproject: demo\ntests:\n  - { name: fails, run: 'exit 3' }\n  \
                    - { name: tells, run: 'env > ../env.txt; ls \"$RUNNER_TEMP\" > ../ls.txt' }\n";
    let (runner, release, github) = pull_request(pipeline);
    let told = runner.run(&[("download-url", &release.url)]);
    assert_eq!(told.code(), 1, "{}", told.text());
    assert!(told.text().contains("comment posted"), "{}", told.text());
    let names: Vec<&str> = told.steps.iter().map(|step| step.name.as_str()).collect();
    let at = |name: &str| names.iter().position(|one| *one == name).unwrap_or_else(|| panic!("{name}: {names:?}"));
    assert!(at("Backsight") < at("Report") && at("Report") < at("Verdict") && at("Verdict") + 1 == names.len());
    let failed: Vec<&str> = told.steps.iter().filter(|step| step.code != 0).map(|step| step.name.as_str()).collect();
    assert_eq!(failed, ["Verdict"], "{}", told.text());
    let [comment] = github.ours().try_into().expect("one comment");
    assert!(comment.body.contains("1 test failing"), "{}", comment.body);
    assert!(told.summary.contains("1 test failing"), "{}", told.summary);
    let output = |name: &str| told.outputs[name].as_str();
    assert_eq!((output("exit-code"), output("tests-failed"), output("regressions")), ("1", "1", "0"));
    assert!(output("comment-url").contains("/pull/7#issuecomment-") && output("verdict").contains("failing"));
    for name in ["results", "junit", "report"] {
        assert!(
            Path::new(output(name)).is_file() && output(name).contains(output("run-id")),
            "{name}: {}",
            output(name)
        );
    }
    assert!(runner.at("artifacts/backsight/results.json").exists());
    let env = runner.read("env.txt");
    assert!(env.contains("GITHUB_WORKSPACE=") && !env.contains(TOKEN) && !env.contains("GITHUB_ENV"), "{env}");

    // The same again: still one comment.
    fs::remove_dir_all(runner.at("artifacts")).unwrap();
    let told = runner.run(&[("download-url", &release.url)]);
    assert!(told.text().contains("comment updated") && github.ours().len() == 1, "{}", told.text());
    assert_eq!(release.asked().len(), 1);
}

#[test]
fn action_marks_a_mistake_in_the_pipeline_file() {
    let (runner, release, github) = pull_request("version: 1\ntests:\n  - rum: 'true'\n");
    runner.write("work/sub/backsight.yml", "version: 1\ntests:\n  - rum: 'true'\n");
    let told = runner.run(&[("download-url", &release.url)]);
    assert_eq!((told.code(), told.outputs["exit-code"].as_str()), (2, "2"), "{}", told.text());
    assert!(!told.ran("Report") && github.ours().is_empty());
    let below = runner.run(&[("working-directory", "sub")]);
    let matchers = runner.read("action/scripts/action/matchers.json");
    let matchers: serde_json::Value = serde_json::from_str(&matchers).unwrap();
    let patterns: Vec<regex::Regex> = matchers["problemMatcher"][0]["pattern"]
        .as_array()
        .unwrap()
        .iter()
        .map(|pattern| regex::Regex::new(pattern["regexp"].as_str().unwrap()).unwrap())
        .collect();
    for (told, place) in
        [(&told, "backsight.yml".to_owned()), (&below, runner.at("work/sub/backsight.yml").display().to_string())]
    {
        let text = told.text();
        let lines: Vec<&str> = text.lines().collect();
        let found =
            lines.windows(2).find_map(|two| Some((patterns[0].captures(two[0])?, patterns[1].captures(two[1])?)));
        let (message, at) = found.unwrap_or_else(|| panic!("no problem was matched in {text}"));
        assert!(message[1].contains("unknown key `rum`"), "{}", &message[1]);
        assert_eq!((&at[1], &at[2], &at[3]), (place.as_str(), "3", "5"), "{text}");
        assert!(text.contains("::add-matcher::") && text.contains("::remove-matcher owner=backsight::"));
    }
    let warnings = regex::Regex::new(matchers["problemMatcher"][1]["pattern"][0]["regexp"].as_str().unwrap()).unwrap();
    assert!(warnings.is_match("warning: a key that will go") && !warnings.is_match("error: unknown key"));
    assert!(patterns[0].is_match("\u{1b}[1m\u{1b}[91merror\u{1b}[0m: text"));
}

/// A job that is cancelled: the runner sends a SIGINT to the shell alone.
#[test]
fn action_lets_a_cancelled_run_write_its_results() {
    let (mut runner, release, _github) =
        pull_request("version: 1\nproject: demo\ntests:\n  - { name: long, run: 'touch ../began; sleep 60' }\n");
    runner.interrupt = Some(("work", runner.at("began")));
    let told = runner.run(&[("download-url", &release.url)]);
    assert_eq!(told.outputs["exit-code"], "130", "{}", told.text());
    assert!(runner.at("artifacts/backsight/results.json").exists(), "{}", told.text());
}

#[test]
fn action_adds_runs_of_the_default_branch_to_the_shared_results() {
    let (mut runner, release, _github) = pull_request("version: 1\nproject: demo\ntests: [{ name: a, run: 'true' }]\n");
    let remote = runner.at("remote.git").display().to_string();
    runner.git(&["init", "--quiet", "--bare", &remote]);
    runner.git(&["remote", "add", "origin", &remote]);
    runner.git(&["push", "--quiet", "origin", "HEAD:main"]);
    let shared = |runner: &Runner| runner.git(&["ls-remote", &remote, "backsight-data"]);
    passed(runner.run(&[("download-url", &release.url)]));
    assert_eq!(shared(&runner), "", "a pull request adds nothing");
    fs::remove_dir_all(runner.at("artifacts")).unwrap();
    runner.event_name = "push";
    runner.reference = "refs/heads/main";
    runner.event = json!({ "repository": { "full_name": "octo/demo", "default_branch": "main", "private": true } });
    let told = passed(runner.run(&[("baseline", "none")]));
    assert!(shared(&runner).is_empty() && !told.ran("Shared results"), "{}", told.text());
    fs::remove_dir_all(runner.at("artifacts")).unwrap();
    let told = passed(runner.run(&[]));
    assert!(told.text().contains("1 run added to branch backsight-data"), "{}", told.text());
    assert!(!shared(&runner).is_empty());
    fs::remove_dir_all(runner.at("artifacts")).unwrap();
    fs::remove_dir_all(runner.at("work/.backsight")).unwrap();
    let told = passed(runner.run(&[]));
    assert!(told.text().contains("1 new run"), "{}", told.text());
}

#[test]
fn action_gives_git_the_token_for_the_shared_results_alone() {
    let (mut runner, release) = released(&stand_in());
    runner.event = json!({ "repository": { "default_branch": "main", "private": true } });
    runner.git(&["init", "--quiet"]);
    let told = passed(runner.run(&[("download-url", &release.url)]));
    let names: Vec<String> = called(&runner).iter().map(|line| line.split(' ').next().unwrap().to_owned()).collect();
    assert_eq!(names, ["baseline", "run", "publish", "baseline"], "{}", told.text());
    let basic = "AUTHORIZATION: basic ";
    let env = runner.read("home/env-baseline");
    assert!(env.contains("GIT_CONFIG_KEY_0=http.https://github.test/.extraheader") && env.contains(basic), "{env}");
    let env = runner.read("home/env-run");
    assert!(!env.contains(basic) && !env.contains(TOKEN), "{env}");
    let env = runner.read("home/env-publish");
    assert!(env.contains(&format!("GITHUB_TOKEN={TOKEN}")) && !env.contains(basic), "{env}");
    assert!(called(&runner)[1].contains("<--share=none>"), "what a private repository has was read before");
    // A checkout that has left a token: that one is used, and named.
    runner.git(&["config", "http.https://github.test/.extraheader", "AUTHORIZATION: basic xyz"]);
    fs::remove_dir_all(runner.at("artifacts")).unwrap();
    let told = passed(runner.run(&[]));
    assert!(told.text().contains("actions/checkout has left a token in the clone"), "{}", told.text());
    assert!(!runner.read("home/env-baseline").contains("GIT_CONFIG_KEY_0"));
}

/// With a stand-in for the program: the action's part is the artifacts and the arguments.
#[test]
fn action_divides_a_run_among_jobs_and_puts_it_together() {
    let (runner, release) = released(&stand_in());
    runner.git(&["init", "--quiet"]);
    let told = passed(runner.run(&[("command", "plan"), ("shards", "auto"), ("download-url", &release.url)]));
    let matrix: serde_json::Value = serde_json::from_str(&told.outputs["matrix"]).unwrap();
    assert_eq!((matrix["include"][1]["shard"].as_str(), told.outputs["shards"].as_str()), (Some("2/2"), "2"));
    assert!(runner.at("artifacts/backsight-plan/plan.json").exists());
    fs::remove_dir_all(runner.at("temp/backsight-plan")).unwrap();
    for shard in ["1/2", "2/2"] {
        let told = passed(runner.run(&[("shards", shard)]));
        assert!(!told.ran("Report") && !told.ran("Add to the shared results"), "{}", told.text());
    }
    assert!(runner.at("artifacts/backsight-leg-1").exists() && runner.at("artifacts/backsight-leg-2").exists());
    let told = passed(runner.run(&[("command", "merge")]));
    assert!(told.ran("Report"), "{}", told.text());
    let plan = runner.at("temp/backsight-plan/plan.json").display().to_string();
    let calls = called(&runner);
    assert!(calls[1].contains(&format!("<--shard=1/2> <--plan={plan}>")), "{calls:?}");
    let legs = runner.at("temp/backsight-legs").display().to_string();
    assert!(calls.contains(&format!("merge <--plan={plan}> <--> <{legs}>")), "{calls:?}");
    assert!(runner.at("temp/backsight-legs/backsight-leg-2/results.json").exists());
    assert!(runner.at("artifacts/backsight/results.json").exists());
    let told = runner.run(&[("command", "plan")]);
    assert!(told.code() == 2 && told.text().contains("for `plan` it is a number or `auto`"), "{}", told.text());
}

/// The same with the program itself: a plan, its parts, one report.
#[test]
fn action_reports_once_for_a_run_that_was_divided() {
    let pipeline = "version: 1\nproject: demo\ntests:\n  - { name: a, run: 'exit 1' }\n  - { name: b, run: 'env > ../env-b.txt' }\n";
    let (runner, release, github) = pull_request(pipeline);
    let told = passed(runner.run(&[("command", "plan"), ("shards", "2"), ("download-url", &release.url)]));
    let matrix: serde_json::Value = serde_json::from_str(&told.outputs["matrix"]).unwrap();
    assert_eq!(told.outputs["shards"], "2", "{matrix}");
    let mut codes = Vec::new();
    for entry in matrix["include"].as_array().unwrap() {
        assert_eq!(entry["runs_on"], json!(["ubuntu-24.04"]));
        codes.push(runner.run(&[("shards", entry["shard"].as_str().unwrap())]).code());
    }
    codes.sort_unstable();
    assert_eq!((codes, github.ours().len()), (vec![0, 1], 0));
    assert!(!runner.read("env-b.txt").contains(TOKEN));
    let told = runner.run(&[("command", "merge")]);
    assert_eq!((told.code(), told.outputs["tests-failed"].as_str()), (1, "1"), "{}", told.text());
    let [comment] = github.ours().try_into().expect("one comment");
    assert!(comment.body.contains("1 test failing"), "{}", comment.body);
    // A part that left nothing is never green.
    fs::remove_dir_all(runner.at("temp/backsight-legs")).unwrap();
    fs::remove_dir_all(runner.at("artifacts/backsight")).unwrap();
    for leg in ["1", "2"] {
        let results = runner.read(&format!("artifacts/backsight-leg-{leg}/results.json"));
        if results.contains("\"failed\": 1") {
            fs::remove_dir_all(runner.at(&format!("artifacts/backsight-leg-{leg}"))).unwrap();
        }
    }
    let told = runner.run(&[("command", "merge")]);
    assert_eq!(told.code(), 3, "{}", told.text());
}

/// What would let an input become code, or another's action become another.
#[test]
fn action_and_workflows_are_pinned_and_interpolate_nothing() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for step in read_action()["runs"]["steps"].as_array().unwrap() {
        let run = step["run"].as_str().unwrap_or_default();
        assert!(!run.contains("${{"), "{run}");
        // The one step that runs what the repository says has it for the other commands only.
        let not_for_run = "${{ inputs.command != 'run' && inputs.baseline == 'git' && inputs.token || '' }}";
        let is_token = |value: &str| value.contains("token") && value != not_for_run;
        let env = step["env"].as_object().into_iter().flatten();
        let has_token = env.clone().any(|(_, value)| is_token(value.as_str().unwrap()));
        let may = ["Attestation", "Shared results", "Report", "Add to the shared results"];
        assert!(!has_token || may.contains(&step["name"].as_str().unwrap()), "{step}");
    }
    let mut files = vec![root.join("action.yml")];
    for folder in ["templates/ci/github", ".github/workflows"] {
        files.extend(fs::read_dir(root.join(folder)).unwrap().map(|entry| entry.unwrap().path()));
    }
    let (mut pins, mut hashes) = (BTreeSet::new(), BTreeSet::new());
    for file in files {
        for line in fs::read_to_string(&file).unwrap().lines() {
            let Some((_, uses)) = line.split_once("uses: ").filter(|(before, _)| !before.contains('#')) else {
                continue;
            };
            let Some((action, rest)) = uses.split_once('@') else {
                assert_eq!(uses.split(" # ").next(), Some("./"), "{}: {line}", file.display());
                continue;
            };
            let (hash, version) = rest.split_once(" # ").unwrap_or((rest, ""));
            assert!(
                hash.len() == 40 && hash.bytes().all(|byte| byte.is_ascii_hexdigit()),
                "{}: {line}",
                file.display()
            );
            pins.insert((action.to_owned(), hash.to_owned(), version.to_owned()));
            hashes.insert(action.to_owned());
        }
    }
    assert_eq!(pins.len(), hashes.len(), "one hash and one version of each action: {pins:#?}");
}

#[test]
fn action_has_each_input_and_output_in_its_documentation() {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/github.md")).unwrap();
    let part = |from: &str| page.split(from).nth(1).unwrap().split("\n## ").next().unwrap();
    for (names, told) in [("inputs", part("\n## Inputs\n")), ("outputs", part("\n## Outputs\n"))] {
        let rows: String = told.lines().filter_map(|line| line.strip_prefix('|')?.split('|').next()).collect();
        let told: BTreeSet<&str> = rows.split('`').skip(1).step_by(2).collect();
        let action = read_action();
        let there: BTreeSet<&str> = action[names].as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(told, there, "{names}");
    }
}

/// How long the action takes besides the work, with a warm tool cache. Run by hand: docs/measurements/action.md.
#[test]
#[ignore = "a measurement; docs/measurements/action.md has the command"]
fn action_overhead() {
    let program = std::env::var_os("BACKSIGHT_MEASURED").map_or_else(real, |path| fs::read(path).unwrap());
    let pipeline = "version: 1\nproject: demo\ntests: [{ name: a, run: 'exit 1' }]\n";
    let (runner, release, github) = pull_request_with(&program, pipeline);
    passed(runner.run(&[("command", "install"), ("download-url", &release.url)]));
    let mut rows: Vec<(String, Vec<f64>)> = Vec::new();
    for _ in 0..20 {
        let _ = fs::remove_dir_all(runner.at("artifacts"));
        let told = runner.run(&[("comment", "always")]);
        assert!(told.code() == 1 && github.ours().len() == 1, "{}", told.text());
        for step in told.steps {
            match rows.iter_mut().find(|(name, _)| *name == step.name) {
                Some((_, all)) => all.push(step.seconds),
                None => rows.push((step.name, vec![step.seconds])),
            }
        }
    }
    let besides: Vec<f64> =
        (0..20).map(|at| rows.iter().filter(|(name, _)| name != "Backsight").map(|(_, all)| all[at]).sum()).collect();
    rows.push(("all but the work".into(), besides));
    for (name, mut all) in rows {
        all.sort_by(f64::total_cmp);
        println!("| {name} | {:.3} | {:.3} | {:.3} | {} |", all[all.len() / 2], all[0], all[all.len() - 1], all.len());
    }
}
