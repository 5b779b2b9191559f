//! What GitLab's users include, carried out by gitlab-ci-local on the sample repository of `examples/github`: the template, the
//! component, shards in a child pipeline, and the whole story of a slow-down that is found and accepted.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::publish_gitlab::Job;

/// A project with a remote, and the GitLab it is on.
struct Project {
    job: Job,
    tools: PathBuf,
}

/// What a pipeline came to.
struct Told {
    passed: bool,
    text: String,
}

impl Project {
    /// The sample repository with what it includes; `None` where gitlab-ci-local is not installed.
    fn new(includes: &str) -> Option<Self> {
        let Some(tools) = std::env::var_os("BACKSIGHT_GITLAB_CI_LOCAL") else {
            assert!(std::env::var_os("BACKSIGHT_TEST_DOCUMENTS").is_none(), "scripts/test installs gitlab-ci-local");
            eprintln!("gitlab-ci-local is not installed here; scripts/test installs it");
            return None;
        };
        let project = Self { job: Job::new(), tools: tools.into() };
        let source = Path::new(env!("CARGO_MANIFEST_DIR"));
        let example = source.join("examples/github");
        for name in ["backsight.yml", "wordcount.py", "test_wordcount.py", "text.txt", ".gitignore"] {
            project.write(name, &fs::read_to_string(example.join(name)).unwrap());
        }
        for name in ["gitlab-ci-template.yml", "templates/backsight/template.yml"] {
            project.write(name, &fs::read_to_string(source.join(name)).unwrap());
        }
        project.write(".gitlab-ci.yml", includes);
        project.git(&["init", "--quiet", "--bare", "-b", "main", "../remote.git"]);
        project.git(&["init", "--quiet", "-b", "main"]);
        let remote = format!("file://{}", project.job.sandbox.path("remote.git").display());
        project.git(&["remote", "add", "origin", &remote]);
        project.commit("one");
        Some(project)
    }

    fn write(&self, name: &str, text: &str) {
        self.job.sandbox.write(&format!("project/{name}"), text);
    }

    fn folder(&self) -> PathBuf {
        self.job.sandbox.path("project")
    }

    fn git(&self, words: &[&str]) -> String {
        let mut git = Command::new("git");
        git.args(["-c", "user.name=T", "-c", "user.email=t@t.test"]).args(words).current_dir(self.folder());
        let told = git.output().unwrap();
        assert!(told.status.success(), "{words:?}: {}", String::from_utf8_lossy(&told.stderr));
        String::from_utf8_lossy(&told.stdout).trim().to_owned()
    }

    fn commit(&self, message: &str) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "-m", message]);
        self.git(&["push", "--quiet", "origin", "HEAD"]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// Runs the pipeline with these variables, which all jobs have, those of child pipelines too.
    fn pipeline(&self, variables: &[(&str, &str)], path: &[PathBuf]) -> Told {
        // A runner's workspace is clean; this one keeps what earlier pipelines left.
        for left in [".gitlab-ci-local", "backsight-legs", ".backsight", "backsight-child.yml"] {
            let path = self.folder().join(left);
            let _ = if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) };
        }
        let api = format!("http://127.0.0.1:{}/sub/gitlab/api/v4", self.job.port);
        let usual = [
            ("GITLAB_CI", "true"),
            ("CI", "true"),
            ("CI_API_V4_URL", &api),
            ("CI_SERVER_URL", "https://git.test/sub/gitlab"),
            ("CI_PROJECT_ID", "1"),
            ("CI_PROJECT_PATH", "octo/demo"),
            ("GITLAB_TOKEN", "glpat-reporter"),
        ];
        let lines: String =
            usual.iter().chain(variables).map(|(name, value)| format!("  {name}: \"{value}\"\n")).collect();
        self.job.sandbox.write("home/.gitlab-ci-local/variables.yml", format!("---\nglobal:\n{lines}"));
        let system = std::env::var_os("PATH").unwrap();
        let all = [self.tools.clone()].into_iter().chain(path.iter().cloned()).chain(std::env::split_paths(&system));
        let mut command = Command::new("gitlab-ci-local");
        command.args(["--shell-isolation", "--ignore-predefined-vars", "GITLAB_CI,CI,CI_PIPELINE_SOURCE"]);
        for (name, value) in variables.iter().filter(|(name, _)| *name == "CI_PIPELINE_SOURCE") {
            command.args(["--variable", &format!("{name}={value}")]);
        }
        command.env("PATH", std::env::join_paths(all).unwrap()).env("HOME", self.job.sandbox.path("home"));
        let told = command.current_dir(self.folder()).output().unwrap();
        let text = format!("{}{}", String::from_utf8_lossy(&told.stdout), String::from_utf8_lossy(&told.stderr));
        Told { passed: told.status.success() && !text.contains(" FAIL "), text }
    }

    /// As of the default branch.
    fn default_branch(&self) -> Told {
        self.pipeline(&[("CI_PIPELINE_SOURCE", "push")], &[binary()])
    }

    /// As of a merge request, whose base is this commit.
    fn merge_request(&self, base: &str, labels: &str) -> Told {
        let variables = [
            ("CI_PIPELINE_SOURCE", "merge_request_event"),
            ("CI_MERGE_REQUEST_IID", "7"),
            ("CI_MERGE_REQUEST_PROJECT_ID", "1"),
            ("CI_MERGE_REQUEST_PROJECT_URL", "https://git.test/octo/demo"),
            ("CI_MERGE_REQUEST_DIFF_BASE_SHA", base),
            ("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "main"),
            ("CI_MERGE_REQUEST_LABELS", labels),
        ];
        self.pipeline(&variables, &[binary()])
    }
}

fn binary() -> PathBuf {
    Path::new(env!("CARGO_BIN_EXE_backsight")).parent().unwrap().to_owned()
}

const TEMPLATE: &str = include_str!("../../examples/github/.gitlab-ci.yml");

/// The whole story: a baseline on the default branch from two shards, a merge request that makes it slower, one note that says
/// so, and green once it is accepted.
#[test]
fn gitlab_template_finds_a_slow_down_in_shards_and_takes_that_it_is_accepted() {
    let Some(project) = Project::new(TEMPLATE) else { return };
    let told = project.default_branch();
    assert!(told.passed && told.text.contains("the run was added to branch backsight-data"), "{}", told.text);
    let base = project.git(&["rev-parse", "HEAD"]);
    project.git(&["checkout", "--quiet", "-b", "slower"]);
    let slower = include_str!("../../examples/github/wordcount.py").replace("range(times)", "range(3 * times)");
    project.write("wordcount.py", &slower);
    project.commit("Count three times, to be sure");
    let told = project.merge_request(&base, "");
    assert!(!told.passed && told.text.contains("REGRESSED"), "{}", told.text);
    let [note] = project.job.notes().try_into().unwrap_or_else(|notes| panic!("{notes:?}: {}", told.text));
    let body = note["body"].as_str().unwrap();
    assert!(body.contains("1 regression") && body.contains("`count`"), "{body}");
    assert_eq!(note["resolved"], false);
    let told = project.merge_request(&base, "backsight-accept: count");
    assert!(told.passed, "{}", told.text);
    let [note] = project.job.notes().try_into().expect("one note");
    assert!(note["body"].as_str().unwrap().contains("accepted"), "{note}");
}

/// The component, with inputs, in one job.
#[test]
fn gitlab_component_runs_with_its_inputs() {
    let includes = "include:\n  - local: templates/backsight/template.yml\n    inputs:\n      job: measure\n      stage: test\n      \
                    args: --only tests\n      leg: linux\n";
    let Some(project) = Project::new(includes) else { return };
    let base = project.git(&["rev-parse", "HEAD"]);
    project.git(&["checkout", "--quiet", "-b", "broken"]);
    let broken = include_str!("../../examples/github/wordcount.py").replace("text.lower()", "text");
    project.write("wordcount.py", &broken);
    project.commit("Upper case stays");
    let told = project.merge_request(&base, "");
    assert!(!told.passed && told.text.contains("measure"), "{}", told.text);
    let [note] = project.job.notes().try_into().expect("one note");
    let body = note["body"].as_str().unwrap();
    assert!(body.contains("test failing") || body.contains("tests failing"), "{body}");
    assert!(body.contains("linux"), "{body}");
    let build = project.folder().join(".gitlab-ci-local/builds/measure");
    let metrics = fs::read_to_string(build.join("metrics.txt")).unwrap();
    assert!(metrics.ends_with("# EOF\n"));
    for name in ["junit.xml", "gl-code-quality-report.json", "links.json"] {
        assert!(build.join(name).is_file(), "{name}");
    }
}

/// Without a program in the image nothing unverified is run: the archive must have the SHA-256 that was said.
#[test]
fn gitlab_template_installs_by_checksum_only() {
    let includes = TEMPLATE.replace("BACKSIGHT_SHARDS: \"2\"", "BACKSIGHT_ARGS: --only tests");
    let Some(project) = Project::new(&includes) else { return };
    let source = [("CI_PIPELINE_SOURCE", "push")];
    let told = project.pipeline(&source, &[]);
    assert!(
        !told.passed && told.text.contains("this image has no backsight, and none can be installed"),
        "{}",
        told.text
    );
    // A release on this machine, in a folder.
    let target = format!("{}-unknown-linux-gnu", std::env::consts::ARCH);
    let old = Command::new("sh")
        .args(["-c", "ldd --version 2>/dev/null | sed -n 1p | grep -Eq ' 2\\.(3[5-9]|[4-9][0-9])$'"])
        .status()
        .is_ok_and(|status| status.success());
    let target = if old { target } else { target.replace("gnu", "musl") };
    let name = format!("backsight-{}-{target}", env!("CARGO_PKG_VERSION"));
    let releases = project.job.sandbox.path("releases");
    let folder = releases.join(format!("v{}", env!("CARGO_PKG_VERSION")));
    let unpacked = folder.join(&name);
    fs::create_dir_all(&unpacked).unwrap();
    let stand_in = format!("#!/bin/sh\nexec '{}' \"$@\"\n", env!("CARGO_BIN_EXE_backsight"));
    fs::write(unpacked.join("backsight"), stand_in).unwrap();
    let script = format!("chmod +x {name}/backsight && tar -czf {name}.tar.gz {name} && sha256sum {name}.tar.gz");
    let told = Command::new("sh").args(["-c", &script]).current_dir(&folder).output().unwrap();
    assert!(told.status.success());
    let sum = String::from_utf8_lossy(&told.stdout).split(' ').next().unwrap().to_owned();
    let url = format!("file://{}", releases.display());
    let with =
        |sum: &str| project.pipeline(&[source[0], ("BACKSIGHT_DOWNLOAD_URL", &url), ("BACKSIGHT_SHA256", sum)], &[]);
    let told = with(&"0".repeat(64));
    assert!(!told.passed && told.text.contains("is not what BACKSIGHT_SHA256 says; it was removed"), "{}", told.text);
    let told = with(&sum);
    assert!(told.passed && told.text.contains("tests passed"), "{}", told.text);
}
