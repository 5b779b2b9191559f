//! `backsight publish` against a GitHub that keeps what it is told: one comment, whatever happens.

use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use backsight::publish::sections::Body;
use backsight::results::{
    Basis, Case, Comparison, Direction, Document, ExitCode, Failure, MetricChange, Outcome as Ended, Pairs, Status,
    Validity, Verdict,
};
use serde_json::json;

use crate::fake_github::{FakeGithub, Fault};
use crate::sandbox::{Outcome, Sandbox};
use crate::support;

const HEAD: &str = "a41f9c2b7a41f9c2b7a41f9c2b7a41f9c2b7a41f";

pub(crate) fn row(name: &str, verdict: Verdict) -> MetricChange {
    MetricChange {
        benchmark: name.into(),
        metric: "wall_time".into(),
        unit: "ns".into(),
        direction: Direction::Lower,
        base: Some(41.2e6),
        head: Some(43.9e6),
        change: Some(0.066),
        low: Some(0.058),
        high: Some(0.073),
        confidence: Some(0.99),
        p: Some(0.0001),
        tested: None,
        n: (60, 60),
        limit: 0.02,
        pairs: Some(Pairs { screening: 40, confirmation: 60 }),
        smallest_detectable: None,
        method: None,
        beside: false,
        verdict,
        validity: Validity::Valid,
        note: None,
        trend: Vec::new(),
        accepted: None,
    }
}

/// A run with these rows.
pub(crate) fn run(nth: i64, rows: Vec<MetricChange>) -> Document {
    let mut document = support::document(nth);
    document.change.commit = Some(HEAD.into());
    document.counts.benchmarks = rows.len() as u64;
    if rows.iter().any(|row| row.verdict == Verdict::Regressed) {
        document.run.status = Status::Failed;
        document.run.exit_code = ExitCode::Failed;
    }
    document.comparison = Some(Comparison {
        basis: Basis::Paired,
        baseline: None,
        note: None,
        false_alarms: Some(0.01),
        rows,
        newly_failing: Vec::new(),
        still_failing: Vec::new(),
        fixed: Vec::new(),
        vanished: Vec::new(),
    });
    document
}

/// The surroundings of a pull request's job.
struct Job {
    github: FakeGithub,
    sandbox: Sandbox,
}

impl Job {
    fn new() -> Self {
        let github = FakeGithub::start();
        let sandbox = Sandbox::new();
        let event = json!({
            "pull_request": {
                "number": 7,
                "head": { "sha": HEAD, "ref": "change", "label": "octo:change", "repo": { "full_name": "octo/demo" } },
                "base": { "sha": "b".repeat(40), "ref": "main", "repo": { "full_name": "octo/demo" } },
            },
            "repository": { "full_name": "octo/demo", "default_branch": "main" },
        });
        sandbox.write("event.json", event.to_string());
        let event = sandbox.path("event.json").display().to_string();
        let url = github.url.clone();
        let in_work = |name: &str| sandbox.path(name).display().to_string();
        let (summary, output) = (in_work("summary.md"), in_work("output.txt"));
        let sandbox = [
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_REPOSITORY", "octo/demo"),
            ("GITHUB_SERVER_URL", "https://github.test"),
            ("GITHUB_RUN_ID", "99"),
            ("GITHUB_SHA", HEAD),
            ("GITHUB_TOKEN", "ghs_0123456789abcdef"),
            ("GITHUB_API_URL", &url),
            ("GITHUB_EVENT_PATH", &event),
            ("GITHUB_STEP_SUMMARY", &summary),
            ("GITHUB_OUTPUT", &output),
        ]
        .into_iter()
        .fold(sandbox, |sandbox, (name, value)| sandbox.env(name, value));
        Self { github, sandbox }
    }

    fn publish(&self, document: &Document, more: &[&str]) -> Outcome {
        self.sandbox.write("results.json", serde_json::to_vec(document).unwrap());
        let mut arguments = vec!["publish", "results.json"];
        arguments.extend(more);
        self.sandbox.run(&arguments)
    }
}

#[test]
fn one_comment_is_posted_updated_and_taken_back() {
    let job = Job::new();
    let told = job.publish(&run(1, vec![row("parse/large", Verdict::Regressed)]), &[]);
    assert_eq!(told.code, 0, "{told:?}");
    assert!(told.stderr.contains("comment posted: https://github.test/octo/demo/pull/7#issuecomment-"), "{told:?}");
    let [comment] = job.github.ours().try_into().expect("one comment");
    assert!(comment.body.contains("### 1 regression"), "{}", comment.body);
    assert!(comment.body.contains("| `parse/large` | wall time | 41.2\u{a0}ms | 43.9\u{a0}ms | **+6.6\u{a0}%** |"));
    assert!(told.stdout.starts_with("::error file=backsight.yml,line=1,title=benchmark regressed::"), "{told:?}");
    assert!(job.sandbox.read("summary.md").contains("parse/large"));
    let outputs = job.sandbox.read("output.txt");
    assert!(outputs.contains("regressions<<backsight_") && outputs.contains("comment-url<<backsight_"), "{outputs}");

    job.github.take_requests();
    let told = job.publish(&run(2, vec![row("parse/small", Verdict::Regressed)]), &[]);
    assert!(told.stderr.contains("comment updated"), "{told:?}");
    let requests = job.github.take_requests();
    assert!(requests.len() <= 4, "{requests:?}");
    let [comment] = job.github.ours().try_into().expect("one comment");
    assert!(comment.body.contains("parse/small") && !comment.body.contains("parse/large"));

    let told = job.publish(&run(3, vec![row("parse/small", Verdict::Unchanged)]), &[]);
    assert!(told.stderr.contains("comment removed"), "{told:?}");
    assert_eq!(job.github.ours().len(), 0);
    let told = job.publish(&run(4, vec![row("parse/small", Verdict::Unchanged)]), &[]);
    assert!(told.stderr.contains("no comment: nothing moved"), "{told:?}");
    let told = job.publish(&run(5, vec![row("parse/small", Verdict::Unchanged)]), &["--comment", "always"]);
    assert!(told.stderr.contains("comment posted"), "{told:?}");
}

#[test]
fn a_late_run_of_an_earlier_time_changes_nothing() {
    let job = Job::new();
    job.publish(&run(9, vec![row("late", Verdict::Regressed)]), &[]);
    let told = job.publish(&run(8, vec![row("early", Verdict::Regressed)]), &[]);
    assert!(told.stderr.contains("no comment: a later run has written it already"), "{told:?}");
    assert!(job.github.ours()[0].body.contains("`late`"));
}

#[test]
fn the_comment_is_found_on_the_third_page_and_only_if_it_is_ours() {
    let job = Job::new();
    for index in 0..230 {
        job.github.comment(7, "someone", &format!("talk {index}"));
    }
    job.publish(&run(1, vec![row("a", Verdict::Regressed)]), &[]);
    let ours = job.github.ours()[0].clone();
    // Another user's comment that looks like ours, and a quotation of it.
    job.github.comment(7, "mallory", &ours.body);
    job.github.comment(7, "someone", &format!("> {}", ours.body));
    let told = job.publish(&run(2, vec![row("b", Verdict::Regressed)]), &[]);
    assert!(told.stderr.contains("comment updated"), "{told:?}");
    let state = job.github.state();
    assert_eq!(state.comments.len(), 233);
    assert!(state.comments.iter().any(|comment| comment.id == ours.id && comment.body.contains("`b`")));
    assert!(state.comments.iter().any(|comment| comment.login == "mallory" && comment.body.contains("`a`")));
}

#[test]
fn a_token_of_a_user_owns_only_its_own_comments() {
    let job = Job::new();
    job.github.state().user = Some("reporter".into());
    job.publish(&run(1, vec![row("a", Verdict::Regressed)]), &[]);
    let body = job.github.ours()[0].body.clone();
    job.github.comment(7, "other[bot]", &body);
    job.github.take_requests();
    job.publish(&run(2, vec![row("b", Verdict::Regressed)]), &[]);
    assert_eq!(job.github.take_requests().len(), 3);
    let state = job.github.state();
    let told: Vec<_> = state.comments.iter().map(|one| (one.login.as_str(), one.body.contains("`b`"))).collect();
    assert_eq!(told, [("reporter", true), ("other[bot]", false)]);
}

fn fault(on: (&'static str, &'static str), status: u16, is_done: bool) -> Fault {
    Fault { on, status, headers: Vec::new(), body: json!({ "message": "fault" }), is_done }
}

const COMMENTS: &str = "/repos/octo/demo/issues/7/comments";

/// A POST that failed may have worked: what is there decides, and there is never a second comment.
#[test]
fn a_stumbling_platform_gets_one_comment() {
    for is_done in [true, false] {
        let job = Job::new();
        job.github.fault(fault(("GET", COMMENTS), 502, false));
        job.github.fault(fault(("POST", COMMENTS), 502, is_done));
        let told = job.publish(&run(1, vec![row("a", Verdict::Regressed)]), &[]);
        assert_eq!((told.code, job.github.ours().len()), (0, 1), "{told:?}");
        assert!(told.stderr.contains("comment posted"), "{told:?}");
        job.github.fault(fault(("PATCH", "/repos/octo/demo/issues/comments/"), 503, false));
        let told = job.publish(&run(2, vec![row("b", Verdict::Regressed)]), &[]);
        assert!(told.stderr.contains("comment updated"), "{told:?}");
        assert!(job.github.ours()[0].body.contains("`b`"));
    }
}

#[test]
fn rate_limits_are_waited_for_and_long_ones_told() {
    let job = Job::new();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let limit = |headers: Vec<(&'static str, String)>| Fault {
        headers,
        body: json!({ "message": "You have exceeded a secondary rate limit." }),
        ..fault(("POST", COMMENTS), 403, false)
    };
    job.github.fault(limit(vec![("Retry-After", "1".into())]));
    job.github.fault(limit(vec![("X-RateLimit-Remaining", "0".into()), ("X-RateLimit-Reset", (now + 1).to_string())]));
    let told = job.publish(&run(1, vec![row("a", Verdict::Regressed)]), &[]);
    assert!(told.stderr.contains("comment posted"), "{told:?}");
    job.github.fault(Fault {
        headers: vec![("X-RateLimit-Remaining", "0".into()), ("X-RateLimit-Reset", (now + 3000).to_string())],
        ..fault(("GET", COMMENTS), 429, false)
    });
    let told = job.publish(&run(2, vec![row("a", Verdict::Regressed)]), &[]);
    assert_eq!(told.code, 0);
    assert!(told.stderr.contains("warning: comment not written: the platform's rate limit is used up for"), "{told:?}");
}

#[test]
fn a_read_only_token_leaves_the_summary_and_says_so() {
    let job = Job::new();
    let body = json!({ "message": "Resource not accessible by integration" });
    job.github.fault(Fault { body: body.clone(), ..fault(("POST", COMMENTS), 403, false) });
    let told = job.publish(&run(1, vec![row("a", Verdict::Regressed)]), &[]);
    assert_eq!(told.code, 0, "{told:?}");
    assert!(
        told.stderr.contains("Resource not accessible by integration; the job needs `pull-requests: write`"),
        "{told:?}"
    );
    assert!(job.sandbox.read("summary.md").contains("1 regression"));
    job.github.fault(Fault { body, ..fault(("POST", COMMENTS), 403, false) });
    assert_eq!(job.publish(&run(1, vec![row("a", Verdict::Regressed)]), &["--strict"]).code, 4);
    for (status, words) in [(422, "does not take it (422)"), (401, "is the token valid?"), (404, "not found")] {
        job.github.fault(fault(("POST", COMMENTS), status, false));
        let told = job.publish(&run(1, vec![row("a", Verdict::Regressed)]), &[]);
        assert!(told.code == 0 && told.stderr.contains(words), "{told:?}");
    }
}

#[test]
fn without_network_or_token_the_job_goes_on() {
    let mut job = Job::new();
    job.sandbox = job.sandbox.env("GITHUB_API_URL", "http://127.0.0.1:9");
    let told = job.publish(&run(1, vec![row("a", Verdict::Regressed)]), &[]);
    assert_eq!(told.code, 0, "{told:?}");
    assert!(told.stderr.contains("the platform is down or cannot be reached"), "{told:?}");
    let told = job.publish(&run(1, vec![row("a", Verdict::Regressed)]), &["--ca-file", "results.json"]);
    assert!(told.code == 2 && told.stderr.contains("the file of certificates holds none"), "{told:?}");
    job.sandbox = job.sandbox.env("GITHUB_TOKEN", "");
    let told = job.publish(&run(1, vec![row("a", Verdict::Regressed)]), &[]);
    assert!(told.code == 0 && told.stderr.contains("there is no token"), "{told:?}");
}

/// Twenty legs that end at the same time, on a platform where each request takes its time.
#[test]
fn twenty_legs_share_one_comment() {
    let job = Job::new();
    job.github.state().latency = 120;
    let legs: Vec<String> = (0..20).map(|leg| format!("leg-{leg}")).collect();
    let job = &job;
    std::thread::scope(|scope| {
        for leg in &legs {
            scope.spawn(move || {
                let name = format!("{leg}.json");
                let document = run(1, vec![row(leg, Verdict::Regressed)]);
                job.sandbox.write(&name, serde_json::to_vec(&document).unwrap());
                let told = job.sandbox.run(&["publish", &name, "--leg", leg, "--no-job"]);
                assert_eq!(told.code, 0, "{told:?}");
                assert!(told.stderr.contains("comment posted") || told.stderr.contains("comment updated"), "{told:?}");
            });
        }
    });
    let [comment] = job.github.ours().try_into().expect("one comment");
    let body = Body::parse(&comment.body, "demo").expect("ours");
    assert_eq!(body.sections().len(), 20);
    assert!(legs.iter().all(|leg| comment.body.contains(&format!("| `{leg}` | wall time |"))));
    assert!(comment.body.contains("20 legs, 20 with something against the change"));
}

#[test]
fn a_body_that_is_much_too_long_is_posted_with_every_regression() {
    let job = Job::new();
    let rows: Vec<MetricChange> = (0..3000)
        .map(|index| {
            let verdict = if index % 3 == 0 { Verdict::Regressed } else { Verdict::Unchanged };
            row(&format!("group/benchmark_number_{index}"), verdict)
        })
        .collect();
    let document = run(1, rows);
    assert!(backsight::report::markdown(&document).len() > 200_000);
    let told = job.publish(&document, &[]);
    assert!(told.stderr.contains("comment posted"), "{told:?}");
    let body = &job.github.ours()[0].body;
    assert!((0..3000).step_by(3).all(|index| body.contains(&format!("`group/benchmark_number_{index}`"))));
    assert!(body.contains("_Shortened to what fits here"), "{}", &body[body.len() - 500..]);
}

#[test]
fn a_check_has_all_annotations_in_batches() {
    let job = Job::new();
    let mut document = run(1, vec![row("a", Verdict::Regressed)]);
    for index in 0..120 {
        let mut case = Case::new(format!("test_{index}"), Ended::Failed);
        case.file = Some("tests/test_it.py".into());
        case.line = Some(index + 1);
        case.failures.push(Failure { message: Some("assert 1 == 2".into()), ..Failure::default() });
        document.counts.add_case(Ended::Failed);
        document.cases.push(case);
    }
    let told = job.publish(&document, &["--check", "--status"]);
    assert!(told.stderr.contains("check posted") && told.stderr.contains("status posted"), "{told:?}");
    assert_eq!(told.stdout.matches("::error ").count(), 10);
    let state = job.github.state();
    let check = &state.checks[0];
    assert_eq!(check["head_sha"], HEAD);
    assert_eq!(check["conclusion"], "failure");
    assert_eq!(check["output"]["annotations"].as_array().unwrap().len(), 121);
    assert_eq!(state.statuses[0]["state"], "failure");
    let batches = state.requests.iter().filter(|request| request.contains("/check-runs")).count();
    assert_eq!(batches, 3);
}

/// A second workflow writes for a pull request of a fork; the files say nothing of where.
#[test]
fn what_a_fork_left_is_published_where_the_platform_says() {
    let mut job = Job::new();
    let event = json!({
        "action": "completed",
        "workflow_run": {
            "head_sha": HEAD, "head_branch": "main", "event": "pull_request",
            "html_url": "https://github.test/octo/demo/actions/runs/98",
            "head_repository": { "full_name": "stranger/demo" },
        },
        "repository": { "full_name": "octo/demo", "default_branch": "main" },
    });
    job.sandbox.write("event.json", event.to_string());
    job.sandbox = job.sandbox.env("GITHUB_SHA", &"c".repeat(40)).env("GITHUB_EVENT_NAME", "workflow_run");
    job.github.state().pulls =
        vec![json!({ "number": 12, "state": "open", "head": { "sha": HEAD, "label": "stranger:main" } })];
    let mut document = run(1, vec![row("a @everyone <img src=x>", Verdict::Regressed)]);
    document.project = "somebody/else".into();
    document.change.server = Some("https://evil.test".into());
    document.change.repository = Some("evil/repo".into());
    document.change.job_url = Some("https://evil.test/job".into());
    job.sandbox.write("artifact/linux/results.json", serde_json::to_vec(&document).unwrap());
    document.change.commit = Some("d".repeat(40));
    job.sandbox.write("artifact/wrong/results.json", serde_json::to_vec(&document).unwrap());
    let told = job.sandbox.run(&["publish", "--from-artifact", "artifact"]);
    assert_eq!(told.code, 0, "{told:?}");
    assert!(told.stderr.contains("the results of leg `wrong` are of dddd"), "{told:?}");
    let [comment] = job.github.ours().try_into().expect("one comment");
    assert_eq!(comment.pull, 12);
    assert!(comment.body.contains("https://github.test/octo/demo/commit/"), "{}", comment.body);
    assert!(!comment.body.contains("evil") && !comment.body.contains("@everyone") && !comment.body.contains("<img"));

    // The branch has gone on since.
    job.github.state().pulls[0]["head"]["sha"] = json!("e".repeat(40));
    let told = job.sandbox.run(&["publish", "--from-artifact", "artifact"]);
    assert!(told.code == 0 && told.stderr.contains("no comment: no open pull request ends with"), "{told:?}");
    let told = job.sandbox.run(&["publish", "--from-artifact", "nowhere"]);
    assert_eq!(told.code, 2, "{told:?}");
    std::os::unix::fs::symlink("/etc/passwd", job.sandbox.path("artifact/results.json")).unwrap();
    let told = job.sandbox.run(&["publish", "--from-artifact", "artifact"]);
    assert!(told.code == 2 && told.stderr.contains("not a plain file"), "{told:?}");
}

#[test]
fn secrets_do_not_leave_even_if_a_document_holds_them() {
    let job = Job::new();
    let mut document = run(1, vec![row("a", Verdict::Regressed)]);
    let mut case = Case::new("leaks", Ended::Failed);
    case.file = Some("a.py".into());
    case.failures.push(Failure { message: Some("token ghs_0123456789abcdef".into()), ..Failure::default() });
    document.counts.add_case(Ended::Failed);
    document.cases.push(case);
    let told = job.publish(&document, &["--check"]);
    let state = job.github.state();
    let all = format!("{told:?}{:?}{:?}{}", state.comments, state.checks, job.sandbox.read("summary.md"));
    assert!(all.contains("token ***") && !all.contains("ghs_0123456789abcdef"), "{all}");
}

#[test]
fn a_quiet_comment_can_be_folded_away_and_comes_back() {
    let job = Job::new();
    job.publish(&run(1, vec![row("a", Verdict::Regressed)]), &["--when-quiet", "minimise"]);
    let told = job.publish(&run(2, vec![row("a", Verdict::Unchanged)]), &["--when-quiet", "minimise"]);
    assert!(told.stderr.contains("comment updated") && job.github.ours()[0].minimized, "{told:?}");
    job.publish(&run(3, vec![row("a", Verdict::Regressed)]), &["--when-quiet", "minimise"]);
    assert!(!job.github.ours()[0].minimized);
}

#[test]
fn a_template_of_ones_own_and_a_look_before() {
    let job = Job::new();
    job.sandbox.write("own.md.j2", "{{ part(0) }}\n## {{ title }}: {{ project }}\n");
    let told = job.publish(&run(1, vec![row("a", Verdict::Regressed)]), &["--dry-run", "--template", "own.md.j2"]);
    assert!(told.stdout.contains("## 1 regression: `demo`"), "{told:?}");
    assert!(job.github.take_requests().is_empty());
    job.sandbox.write("own.md.j2", "one\n{{ titel }}\n");
    let told = job.publish(&run(1, vec![row("a", Verdict::Regressed)]), &["--template", "own.md.j2"]);
    assert!(told.code == 2 && told.stderr.contains("own.md.j2:2: undefined value"), "{told:?}");
}

/// A chat gets one message; its address is in nothing that is said.
#[test]
fn a_message_goes_to_a_webhook() {
    let job = Job::new();
    let address = format!("{}/hooks/secret-part", job.github.url);
    let document = run(1, vec![row("a <!channel>", Verdict::Regressed)]);
    let told = job.publish(&document, &["--webhook", &address, "--webhook-format", "slack", "--comment", "never"]);
    // The fake wants a token, which no webhook gets.
    assert!(told.stderr.contains("message not written: the webhook answers with status 401"), "{told:?}");
    assert!(told.code == 0 && !format!("{told:?}").contains("secret-part"));
    let quiet = run(2, vec![row("a", Verdict::Unchanged)]);
    let told = job.publish(&quiet, &["--webhook", &address]);
    assert!(told.stderr.contains("no message: nothing moved"), "{told:?}");
    let told = job.publish(&document, &["--webhook", "http://example.test/x"]);
    assert!(told.stderr.contains("must begin with https://"), "{told:?}");
}

/// The pipeline file says when there is a comment and by which template; on a change request the base's file does.
#[test]
fn a_change_cannot_silence_its_own_comment() {
    let job = Job::new();
    let git = |arguments: &[&str]| {
        let mut git = Command::new("git");
        git.args(["-c", "user.name=T", "-c", "user.email=t@t.test"]).args(arguments).current_dir(job.sandbox.work());
        let told = git.output().unwrap();
        assert!(told.status.success(), "{told:?}");
        String::from_utf8_lossy(&told.stdout).trim().to_owned()
    };
    let pipeline = |publish: &str| format!("version: 1\nproject: demo\ntests:\n  - run: 'true'\n{publish}");
    git(&["init", "--quiet", "-b", "main"]);
    job.sandbox.write("ci/own.md.j2", "{{ part(0) }}\n## By the base's template: {{ title }}\n");
    job.sandbox.write("backsight.yml", pipeline("publish:\n  comment: always\n  template: ci/own.md.j2\n"));
    git(&["add", "backsight.yml", "ci"]);
    git(&["commit", "--quiet", "-m", "base"]);
    let base = git(&["rev-parse", "HEAD"]);
    git(&["checkout", "--quiet", "-b", "change"]);
    job.sandbox.write("ci/own.md.j2", "All is well.\n");
    job.sandbox.write("backsight.yml", pipeline("publish:\n  comment: never\n"));
    git(&["commit", "--quiet", "--all", "-m", "hide"]);
    let head = git(&["rev-parse", "HEAD"]);
    let event = json!({ "pull_request": {
        "number": 7,
        "head": { "sha": head, "ref": "change", "repo": { "full_name": "octo/demo" } },
        "base": { "sha": base, "ref": "main", "repo": { "full_name": "octo/demo" } },
    } });
    job.sandbox.write("event.json", event.to_string());
    let told = job.publish(&run(1, vec![row("a", Verdict::Unchanged)]), &[]);
    assert!(told.stderr.contains("comment posted"), "{told:?}");
    assert!(job.github.ours()[0].body.contains("## By the base's template: Nothing moved"), "{told:?}");
    let told = job.publish(&run(2, vec![row("a", Verdict::Unchanged)]), &["--comment", "never"]);
    assert!(told.stderr.contains("no comment: none is wanted"), "{told:?}");
}

#[test]
fn an_enterprise_server_has_its_api_below_a_path() {
    let mut job = Job::new();
    let api = format!("{}/api/v3", job.github.url);
    job.sandbox = job.sandbox.env("GITHUB_API_URL", &api);
    job.publish(&run(1, vec![row("a", Verdict::Regressed)]), &["--when-quiet", "minimise"]);
    job.publish(&run(2, vec![row("a", Verdict::Unchanged)]), &["--when-quiet", "minimise"]);
    assert!(job.github.ours()[0].minimized);
    let asked = job.github.state().asked.clone();
    assert!(asked.iter().all(|path| path.starts_with("/api/v3/") || path == "/api/graphql"), "{asked:?}");
}

#[test]
fn a_proxy_is_used_unless_the_environment_excepts_the_host() {
    let mut job = Job::new();
    let proxy = job.github.url.clone();
    job.sandbox = job.sandbox.env("GITHUB_API_URL", "http://github.invalid").env("HTTP_PROXY", &proxy);
    let told = job.publish(&run(1, vec![row("a", Verdict::Regressed)]), &[]);
    assert!(told.stderr.contains("comment posted"), "{told:?}");
    assert!(job.github.state().asked.iter().all(|path| path.starts_with("http://github.invalid/")));
    job.sandbox = job.sandbox.env("NO_PROXY", "github.invalid");
    let told = job.publish(&run(2, vec![row("a", Verdict::Regressed)]), &[]);
    assert!(told.code == 0 && told.stderr.contains("cannot be reached"), "{told:?}");
}

#[test]
fn elsewhere_it_says_what_is_missing() {
    let sandbox = Sandbox::new();
    sandbox.write("results.json", serde_json::to_vec(&run(1, Vec::new())).unwrap());
    let told = sandbox.run(&["publish", "results.json"]);
    assert!(told.code == 2 && told.stderr.contains("this is no job of GitHub or GitLab"), "{told:?}");
    let told = sandbox.run(&["publish", "results.json", "--platform", "github"]);
    assert!(told.code == 2 && told.stderr.contains("`GITHUB_REPOSITORY` is not set"), "{told:?}");
    let told = Command::new(env!("CARGO_BIN_EXE_backsight")).args(["publish", "--help"]).output().unwrap();
    assert!(String::from_utf8_lossy(&told.stdout).contains("--from-artifact"));
}
