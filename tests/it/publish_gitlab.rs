//! `backsight publish` against a GitLab that keeps discussions, below a path of its host; python-gitlab reads back what was
//! written.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};

use crate::publish_github::{row, run};
use crate::sandbox::{Outcome, Sandbox};
use backsight::results::{Document, Verdict};

/// A merge request's job, and the GitLab it is on.
pub(crate) struct Job {
    server: Child,
    pub(crate) port: String,
    pub(crate) sandbox: Sandbox,
}

impl Drop for Job {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

impl Job {
    pub(crate) fn new() -> Self {
        let sandbox = Sandbox::new();
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/platforms/gitlab.py");
        let state = sandbox.path("gitlab.json");
        let mut server = Command::new("python3").arg(script).arg(&state).stdout(Stdio::piped()).spawn().unwrap();
        let mut port = String::new();
        BufReader::new(server.stdout.take().unwrap()).read_line(&mut port).unwrap();
        let port = port.trim().to_owned();
        let sandbox = [
            ("GITLAB_CI", "true"),
            ("CI", "true"),
            ("CI_SERVER_URL", "https://git.test/sub/gitlab"),
            ("CI_API_V4_URL", &format!("http://127.0.0.1:{port}/sub/gitlab/api/v4")),
            ("CI_PROJECT_ID", "2"),
            ("CI_PROJECT_PATH", "stranger/demo"),
            ("CI_MERGE_REQUEST_PROJECT_ID", "1"),
            ("CI_MERGE_REQUEST_PROJECT_URL", "https://git.test/sub/gitlab/octo/demo"),
            ("CI_MERGE_REQUEST_IID", "7"),
            ("CI_COMMIT_SHA", "a41f9c2b7a41f9c2b7a41f9c2b7a41f9c2b7a41f"),
            ("CI_JOB_URL", "https://git.test/sub/gitlab/octo/demo/-/jobs/5"),
            ("GITLAB_TOKEN", "glpat-reporter"),
        ]
        .into_iter()
        .fold(sandbox, |sandbox, (name, value)| sandbox.env(name, value));
        Self { server, port, sandbox }
    }

    fn publish(&self, document: &Document, more: &[&str]) -> Outcome {
        self.sandbox.write("results.json", serde_json::to_vec(document).unwrap());
        let mut arguments = vec!["publish", "results.json"];
        arguments.extend(more);
        self.sandbox.run(&arguments)
    }

    fn state(&self) -> Value {
        serde_json::from_str(&self.sandbox.read("gitlab.json")).unwrap()
    }

    pub(crate) fn notes(&self) -> Vec<Value> {
        let discussions = self.state()["discussions"].as_array().cloned().unwrap();
        discussions.into_iter().map(|discussion| discussion["notes"][0].clone()).collect()
    }

    fn faults(&self, faults: &Value) {
        self.sandbox.write("gitlab.json.faults", faults.to_string());
    }
}

#[test]
fn one_discussion_is_opened_brought_up_to_date_and_resolved() {
    let job = Job::new();
    let told = job.publish(&run(1, vec![row("parse/large", Verdict::Regressed)]), &[]);
    assert_eq!(told.code, 0, "{told:?}");
    let url = "comment posted: https://git.test/sub/gitlab/octo/demo/-/merge_requests/7#note_101";
    assert!(told.stderr.contains(url), "{told:?}");
    let told = job.publish(&run(2, vec![row("parse/small", Verdict::Regressed)]), &[]);
    assert!(told.stderr.contains("comment updated"), "{told:?}");
    let [note] = job.notes().try_into().expect("one note");
    assert!(note["body"].as_str().unwrap().contains("`parse/small`") && note["resolved"] == json!(false));
    let told = job.publish(&run(3, vec![row("parse/small", Verdict::Unchanged)]), &[]);
    assert!(told.stderr.contains("comment updated"), "{told:?}");
    let [note] = job.notes().try_into().expect("one note");
    assert!(note["body"].as_str().unwrap().contains("Nothing moved") && note["resolved"] == json!(true), "{note}");
    let told = job.publish(&run(4, vec![row("parse/small", Verdict::Regressed)]), &[]);
    assert!(told.stderr.contains("comment updated") && job.notes()[0]["resolved"] == json!(false), "{told:?}");
    job.publish(&run(5, vec![row("parse/small", Verdict::Unchanged)]), &["--when-quiet", "delete"]);
    assert!(job.notes().is_empty());
}

#[test]
fn a_stumbling_gitlab_gets_one_note() {
    for is_done in [true, false] {
        let job = Job::new();
        job.faults(&json!([["GET", "discussions", 502, false], ["POST", "discussions", 500, is_done]]));
        let told = job.publish(&run(1, vec![row("a", Verdict::Regressed)]), &[]);
        assert!(told.stderr.contains("comment posted") && job.notes().len() == 1, "{told:?}");
    }
}

#[test]
fn without_a_token_that_may_write_the_job_goes_on_and_says_so() {
    let mut job = Job::new();
    let document = run(1, vec![row("a", Verdict::Regressed)]);
    for (token, words) in [
        ("", "a project access token with the scope `api` goes into the masked variable `GITLAB_TOKEN`"),
        ("wrong", "`CI_JOB_TOKEN` cannot write notes"),
        ("glpat-guest", "the role Reporter or more"),
    ] {
        job.sandbox = std::mem::replace(&mut job.sandbox, Sandbox::new()).env("GITLAB_TOKEN", token);
        let told = job.publish(&document, &[]);
        assert!(told.code == 0 && told.stderr.contains(words), "{told:?}");
        assert_eq!(job.publish(&document, &["--strict"]).code, 4);
    }
    assert!(job.notes().is_empty());
}

/// A client that others wrote finds our note where GitLab's users would.
#[test]
fn python_gitlab_reads_what_we_wrote() {
    let job = Job::new();
    job.publish(&run(1, vec![row("parse/large", Verdict::Regressed)]), &[]);
    let script = format!(
        "import gitlab\n\
         gl = gitlab.Gitlab('http://127.0.0.1:{}/sub/gitlab', private_token='glpat-reporter')\n\
         mr = gl.projects.get(1).mergerequests.get(7)\n\
         [discussion] = mr.discussions.list(get_all=True)\n\
         [note] = discussion.attributes['notes']\n\
         print(note['body'])\n",
        job.port
    );
    let python = std::env::var("BACKSIGHT_TEST_PYTHON").unwrap_or_else(|_| "python3".into());
    let has = Command::new(&python).args(["-c", "import gitlab"]).stderr(Stdio::null()).status().unwrap().success();
    if !has && std::env::var_os("BACKSIGHT_TEST_DOCUMENTS").is_none() {
        // `scripts/test` installs it; without it the other tests of this file still hold.
        eprintln!("python-gitlab is not installed here");
        return;
    }
    let told = Command::new(&python).args(["-c", &script]).output().unwrap();
    let text = String::from_utf8_lossy(&told.stdout);
    assert!(told.status.success() && text.contains("| `parse/large` | wall time |"), "{told:?}");
}

/// The pipeline of `docs/gitlab.md`, run by gitlab-ci-local as it stands there: the job posts to the GitLab above, and leaves
/// the reports that GitLab takes.
#[test]
fn the_pipeline_of_the_documentation_runs() {
    let Some(tools) = std::env::var_os("BACKSIGHT_GITLAB_CI_LOCAL") else {
        assert!(std::env::var_os("BACKSIGHT_TEST_DOCUMENTS").is_none(), "scripts/test installs gitlab-ci-local");
        eprintln!("gitlab-ci-local is not installed here; scripts/test installs it");
        return;
    };
    let job = Job::new();
    let docs = include_str!("../../docs/gitlab.md");
    let pipeline = docs.split("```yaml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let project = job.sandbox.path("project");
    job.sandbox.write("project/.gitlab-ci.yml", pipeline);
    job.sandbox
        .write("project/backsight.yml", "version: 1\nproject: demo\ntests:\n  - { name: fails, run: 'exit 1' }\n");
    job.sandbox.write("project/.gitignore", ".gitlab-ci-local/\n.backsight/\n");
    let git = |arguments: &[&str]| {
        let mut git = Command::new("git");
        git.args(["-c", "user.name=T", "-c", "user.email=t@t.test"]).args(arguments).current_dir(&project);
        assert!(git.status().unwrap().success());
    };
    git(&["init", "--quiet", "-b", "change"]);
    git(&["remote", "add", "origin", "https://git.test/octo/demo.git"]);
    git(&["add", "--all"]);
    git(&["commit", "--quiet", "-m", "one"]);
    let binary = std::path::Path::new(env!("CARGO_BIN_EXE_backsight")).parent().unwrap().to_owned();
    let path = std::env::var_os("PATH").unwrap();
    let path = std::env::join_paths([tools.into(), binary].into_iter().chain(std::env::split_paths(&path))).unwrap();
    let api = format!("CI_API_V4_URL=http://127.0.0.1:{}/sub/gitlab/api/v4", job.port);
    let mut pipeline = Command::new("gitlab-ci-local");
    pipeline.arg("--shell-isolation").env("PATH", path).env("HOME", job.sandbox.work()).current_dir(&project);
    for variable in [
        "GITLAB_CI=true",
        "CI_PIPELINE_SOURCE=merge_request_event",
        "CI_MERGE_REQUEST_IID=7",
        "CI_MERGE_REQUEST_PROJECT_ID=1",
        "CI_MERGE_REQUEST_PROJECT_URL=https://git.test/octo/demo",
        "GITLAB_TOKEN=glpat-reporter",
        &api,
    ] {
        pipeline.args(["--variable", variable]);
    }
    let told = pipeline.output().unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&told.stdout), String::from_utf8_lossy(&told.stderr));
    assert!(
        !told.status.success() && text.contains("comment posted: https://git.test/octo/demo/-/merge_requests/7#note_"),
        "{text}"
    );
    let [note] = job.notes().try_into().expect("one note");
    assert!(note["body"].as_str().unwrap().contains("### 1 test failing"), "{note}");
    // gitlab-ci-local keeps only paths, not reports: they are where the job left them.
    let artifact = |name: &str| job.sandbox.read(&format!("project/.gitlab-ci-local/builds/backsight/{name}"));
    assert!(artifact("metrics.txt").ends_with("# EOF\n"));
    assert!(artifact("junit.xml").contains("<testsuites"));
    let quality: Value = serde_json::from_str(&artifact("gl-code-quality-report.json")).unwrap();
    assert!(quality.is_array());
    let links: Value = serde_json::from_str(&artifact("links.json")).unwrap();
    let url = links["backsight"][0]["external_link"]["url"].as_str().unwrap();
    assert!(url.contains("/-/jobs/") && url.contains("/artifacts/browse/.backsight/runs/"), "{links}");
}
