//! Changes in real git repositories, with the environments of real CI jobs written out.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::change;
use crate::results::{Change, Provider};

/// A repository in a temporary folder; git's answer to each command is checked.
struct Repo {
    _temp: tempfile::TempDir,
    path: PathBuf,
}

impl Repo {
    fn new() -> Self {
        let temp = tempfile::tempdir().unwrap();
        let path = temp.path().join("work");
        fs::create_dir(&path).unwrap();
        let repo = Self { _temp: temp, path };
        repo.git(&["init", "-q", "-b", "main"]);
        repo
    }

    /// With one commit on `main`.
    fn with_commit() -> Self {
        let repo = Self::new();
        repo.commit("a.txt", "one");
        repo
    }

    fn commit(&self, file: &str, text: &str) -> String {
        fs::write(self.path.join(file), text).unwrap();
        self.git(&["add", file]);
        self.git(&["commit", "-q", "-m", text]);
        self.git(&["rev-parse", "HEAD"])
    }

    fn git(&self, arguments: &[&str]) -> String {
        git(&self.path, arguments)
    }
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let fixed = ["-c", "protocol.file.allow=always", "-c", "advice.detachedHead=false"];
    let mut command = Command::new("git");
    command.arg("-C").arg(folder).args(fixed).args(arguments);
    for (name, value) in [("GIT_CONFIG_GLOBAL", "/dev/null"), ("GIT_CONFIG_SYSTEM", "/dev/null")] {
        command.env(name, value);
    }
    for role in ["AUTHOR", "COMMITTER"] {
        command.env(format!("GIT_{role}_NAME"), "A").env(format!("GIT_{role}_EMAIL"), "a@example.org");
        command.env(format!("GIT_{role}_DATE"), "1700000000 +0100");
    }
    command.env_remove("GIT_DIR").env_remove("GIT_INDEX_FILE").env_remove("GIT_WORK_TREE");
    let output = command.output().unwrap();
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn with(folder: &Path, env: &[(&str, &str)]) -> (Change, Vec<String>) {
    let env: HashMap<&str, &str> = env.iter().copied().collect();
    change(folder, &|name| env.get(name).map(ToString::to_string))
}

/// Outside CI, with nothing to remark.
fn quietly(folder: &Path) -> Change {
    let (found, remarks) = with(folder, &[]);
    assert_eq!(remarks, Vec::<String>::new());
    found
}

#[test]
fn outside_a_repository_everything_is_absent() {
    let temp = tempfile::tempdir().unwrap();
    assert_eq!(quietly(temp.path()), Change::default());
    assert_eq!(quietly(&temp.path().join("missing")), Change::default());
}

#[test]
fn before_the_first_commit_only_the_branch_is_there() {
    let found = quietly(&Repo::new().path);
    assert_eq!((found.commit, found.branch.as_deref(), found.dirty), (None, Some("main"), Some(false)));
}

#[test]
fn a_clean_commit_and_a_changed_one() {
    let repo = Repo::with_commit();
    fs::create_dir(repo.path.join("sub")).unwrap();
    fs::write(repo.path.join("untracked"), "x").unwrap();
    let found = quietly(&repo.path.join("sub"));
    assert_eq!(found.commit, Some(repo.git(&["rev-parse", "HEAD"])));
    assert_eq!(found.committed_at.map(jiff::Timestamp::as_second), Some(1_700_000_000));
    assert_eq!((found.dirty, found.shallow, found.base), (Some(false), Some(false), None));
    fs::write(repo.path.join("a.txt"), "two").unwrap();
    assert_eq!(quietly(&repo.path).dirty, Some(true));
}

#[test]
fn many_changes_are_cut_and_still_dirty() {
    let repo = Repo::with_commit();
    for number in 0..400 {
        fs::write(repo.path.join(format!("a-rather-long-file-name-for-status-{number}.txt")), "x").unwrap();
    }
    repo.git(&["add", "."]);
    let found = quietly(&repo.path);
    assert_eq!((found.dirty, found.branch.as_deref()), (Some(true), Some("main")));
}

#[test]
fn a_detached_checkout_has_no_branch() {
    let repo = Repo::with_commit();
    repo.git(&["checkout", "-q", "--detach"]);
    let found = quietly(&repo.path);
    assert_eq!((found.branch, found.dirty), (None, Some(false)));
    assert!(found.commit.is_some());
}

#[test]
fn a_clone_knows_the_default_branch_and_the_merge_base() {
    let origin = Repo::with_commit();
    let start = origin.git(&["rev-parse", "HEAD"]);
    git(&origin.path, &["clone", "-q", ".", "../clone"]);
    origin.commit("b.txt", "main moves on");
    let clone = Repo { path: origin.path.join("../clone"), _temp: tempfile::tempdir().unwrap() };
    clone.git(&["checkout", "-q", "-b", "feature/x"]);
    clone.commit("c.txt", "work");
    clone.git(&["fetch", "-q"]);
    let found = quietly(&clone.path);
    assert_eq!(found.default_branch.as_deref(), Some("main"));
    assert_eq!(found.branch.as_deref(), Some("feature/x"));
    assert_eq!(found.base, Some(start));
}

#[test]
fn a_shallow_clone_says_so_and_how_to_mend_it() {
    let origin = Repo::with_commit();
    origin.commit("a.txt", "two");
    origin.git(&["checkout", "-q", "-b", "work"]);
    origin.commit("a.txt", "three");
    let url = format!("file://{}", origin.path.display());
    git(&origin.path, &["clone", "-q", "--depth", "1", "-b", "work", &url, "../clone"]);
    let (found, remarks) = with(
        &origin.path.join("../clone"),
        &[("GITLAB_CI", "true"), ("CI_DEFAULT_BRANCH", "main"), ("CI_COMMIT_BRANCH", "work")],
    );
    assert_eq!((found.shallow, found.base), (Some(true), None));
    assert!(remarks[0].contains("fetch-depth: 0"), "{remarks:?}");
}

#[test]
fn a_changed_submodule_makes_the_tree_dirty() {
    let library = Repo::with_commit();
    let repo = Repo::with_commit();
    repo.git(&["submodule", "add", "-q", &library.path.display().to_string(), "lib"]);
    repo.git(&["commit", "-q", "-m", "add"]);
    fs::write(repo.path.join("lib/untracked"), "x").unwrap();
    assert_eq!(quietly(&repo.path).dirty, Some(false));
    assert_eq!(quietly(&repo.path.join("lib")).branch.as_deref(), Some("main"), "a submodule is a repository");
    fs::write(repo.path.join("lib/a.txt"), "changed").unwrap();
    assert_eq!(quietly(&repo.path).dirty, Some(true));
}

#[test]
fn a_linked_work_tree_is_read_through_its_link() {
    let repo = Repo::with_commit();
    repo.git(&["worktree", "add", "-q", "-b", "other", "../linked"]);
    let found = quietly(&repo.path.join("../linked"));
    assert_eq!((found.branch.as_deref(), found.shallow), (Some("other"), Some(false)));
}

#[test]
fn a_broken_repository_is_remarked_not_fatal() {
    let temp = tempfile::tempdir().unwrap();
    fs::create_dir(temp.path().join(".git")).unwrap();
    let (found, remarks) = with(temp.path(), &[]);
    assert_eq!(found.commit, None);
    assert!(remarks[0].contains("git status failed"), "{remarks:?}");
}

#[test]
fn configured_programs_are_not_started() {
    let repo = Repo::with_commit();
    let mark = repo.path.join("../started");
    let program = repo.path.join("../monitor.sh");
    fs::write(&program, format!("#!/bin/sh\ntouch '{}'\n", mark.display())).unwrap();
    fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    repo.git(&["config", "core.fsmonitor", &program.display().to_string()]);
    quietly(&repo.path);
    assert!(!mark.exists());
}

/// A pull request as GitHub sets it up: head and target as branches, a test merge, an event file.
struct PullRequest {
    repo: Repo,
    start: String,
    head: String,
    merge: String,
    event: String,
}

impl PullRequest {
    fn new(head_repo: &str) -> Self {
        let repo = Repo::with_commit();
        let start = repo.git(&["rev-parse", "HEAD"]);
        repo.git(&["checkout", "-q", "-b", "fix"]);
        let head = repo.commit("b.txt", "fix");
        repo.git(&["checkout", "-q", "main"]);
        let tip = repo.commit("c.txt", "main moves on");
        repo.git(&["checkout", "-q", "--detach"]);
        repo.git(&["merge", "-q", "--no-ff", "-m", "test merge", &head]);
        let merge = repo.git(&["rev-parse", "HEAD"]);
        let path = repo.path.join("../event.json");
        let event = serde_json::json!({
            "pull_request": {
                "number": 12,
                "head": {"sha": head, "ref": "fix", "label": "someone:fix", "repo": {"full_name": head_repo, "fork": true}},
                "base": {"sha": tip, "ref": "main", "repo": {"full_name": "owner/name"}},
            },
            "repository": {"default_branch": "main", "full_name": "owner/name"},
        });
        fs::write(&path, event.to_string()).unwrap();
        Self { repo, start, head, merge, event: path.display().to_string() }
    }

    fn found(&self, sha: &str, extra: &[(&str, &str)]) -> (Change, Vec<String>) {
        let mut env = vec![
            ("GITHUB_ACTIONS", "true"),
            ("CI", "true"),
            ("GITHUB_EVENT_PATH", self.event.as_str()),
            ("GITHUB_SHA", sha),
            ("GITHUB_REPOSITORY", "owner/name"),
            ("GITHUB_SERVER_URL", "https://github.example"),
            ("GITHUB_RUN_ID", "77"),
            ("GITHUB_HEAD_REF", "fix"),
            ("GITHUB_REF_TYPE", "branch"),
        ];
        env.extend_from_slice(extra);
        with(&self.repo.path, &env)
    }
}

const ON_MERGE: &[(&str, &str)] = &[("GITHUB_REF_NAME", "12/merge")];

#[test]
fn githubs_test_merge_stands_for_the_head() {
    let pull = PullRequest::new("owner/name");
    let (found, remarks) = pull.found(&pull.merge, ON_MERGE);
    assert_eq!(remarks, Vec::<String>::new());
    assert_eq!(found.provider, Some(Provider::Github));
    assert_eq!((found.commit.as_ref(), found.checkout.as_ref()), (Some(&pull.head), Some(&pull.merge)));
    assert_eq!(found.branch.as_deref(), Some("fix"));
    assert_eq!(found.base.as_ref(), Some(&pull.start), "the merge base, not the tip of main");
    assert_eq!(found.job_url.as_deref(), Some("https://github.example/owner/name/actions/runs/77"));
    assert_eq!(found.committed_at.map(jiff::Timestamp::as_second), Some(1_700_000_000));
    let request = found.request.unwrap();
    assert_eq!((request.number, request.from_fork), (12, Some(false)), "the head lies in the repository itself");
    assert_eq!(request.target_branch.as_deref(), Some("main"));
}

#[test]
fn githubs_shallow_test_merge_still_shows_its_parents() {
    let pull = PullRequest::new("owner/name");
    pull.repo.git(&["branch", "merged"]);
    let url = format!("file://{}", pull.repo.path.display());
    git(&pull.repo.path, &["clone", "-q", "--depth", "1", "-b", "merged", &url, "../clone"]);
    let clone = PullRequest {
        repo: Repo { path: pull.repo.path.join("../clone"), _temp: tempfile::tempdir().unwrap() },
        ..pull
    };
    let (found, remarks) = clone.found(&clone.merge, ON_MERGE);
    assert_eq!((found.commit.as_ref(), found.checkout.as_ref()), (Some(&clone.head), Some(&clone.merge)));
    assert_eq!((found.base, found.committed_at), (None, None));
    assert_eq!(remarks.len(), 1);
}

#[test]
fn a_checkout_of_the_head_itself_has_no_second_commit() {
    let pull = PullRequest::new("someone/name");
    pull.repo.git(&["checkout", "-q", &pull.head]);
    let (found, _) = pull.found(&pull.merge, ON_MERGE);
    assert_eq!((found.commit.as_ref(), found.checkout), (Some(&pull.head), None));
    assert_eq!(found.branch.as_deref(), Some("someone:fix"), "a fork's branch cannot be mistaken for ours");
    assert_eq!(found.request.unwrap().from_fork, Some(true));
}

#[test]
fn pull_request_target_measures_the_target() {
    let pull = PullRequest::new("someone/name");
    pull.repo.git(&["checkout", "-q", "--detach", "main"]);
    let tip = pull.repo.git(&["rev-parse", "HEAD"]);
    let (found, remarks) = pull.found(&tip, &[("GITHUB_REF_NAME", "main")]);
    assert_eq!((found.commit, found.checkout, found.base), (Some(tip), None, None));
    assert_eq!(found.branch.as_deref(), Some("main"));
    assert!(remarks[0].contains("is not the head of change request 12"), "{remarks:?}");
}

#[test]
fn without_git_the_platforms_word_counts() {
    let pull = PullRequest::new("owner/name");
    fs::remove_dir_all(pull.repo.path.join(".git")).unwrap();
    let (found, remarks) = pull.found(&pull.merge, ON_MERGE);
    assert_eq!(remarks, Vec::<String>::new());
    assert_eq!((found.commit.as_ref(), found.checkout.as_ref()), (Some(&pull.head), Some(&pull.merge)));
    assert_eq!((found.dirty, found.shallow), (None, None));
}

#[test]
fn pushes_tags_and_merge_groups() {
    let repo = Repo::with_commit();
    repo.git(&["checkout", "-q", "--detach"]);
    let head = repo.git(&["rev-parse", "HEAD"]);
    let job = |kind: &'static str, name: &'static str| {
        let env = [
            ("GITHUB_ACTIONS", "true"),
            ("GITHUB_SHA", head.as_str()),
            ("GITHUB_REF_TYPE", kind),
            ("GITHUB_REF_NAME", name),
        ];
        with(&repo.path, &env).0
    };
    assert_eq!(job("branch", "main").branch.as_deref(), Some("main"));
    assert_eq!(job("tag", "v1.0").branch, None);
    let queue = "gh-readonly-queue/main/pr-12-abc";
    assert_eq!(job("branch", queue).branch.as_deref(), Some(queue));
    let other = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
    let env = [("GITHUB_ACTIONS", "true"), ("GITHUB_SHA", other), ("GITHUB_REF_NAME", "main")];
    assert_eq!(with(&repo.path, &env).0.branch, None, "the branch is another commit's");
}

#[test]
fn a_merge_groups_base_is_its_own() {
    let repo = Repo::with_commit();
    let start = repo.git(&["rev-parse", "HEAD"]);
    repo.git(&["checkout", "-q", "-b", "gh-readonly-queue/main/pr-1-x"]);
    repo.commit("b.txt", "queued");
    let path = repo.path.join("../event.json").display().to_string();
    let event = serde_json::json!({"merge_group": {"base_sha": start}, "repository": {"default_branch": "main"}});
    fs::write(&path, event.to_string()).unwrap();
    let (found, _) = with(&repo.path, &[("GITHUB_ACTIONS", "true"), ("GITHUB_EVENT_PATH", &path)]);
    assert_eq!((found.base, found.request), (Some(start), None));
}

#[test]
fn an_unreadable_event_is_remarked() {
    let repo = Repo::with_commit();
    let path = repo.path.join("../event.json").display().to_string();
    for text in ["{", "[]", "{\"pull_request\": 3}", "\u{0}"] {
        fs::write(&path, text).unwrap();
        let (found, remarks) = with(&repo.path, &[("GITHUB_ACTIONS", "true"), ("GITHUB_EVENT_PATH", &path)]);
        assert!(found.commit.is_some() && found.request.is_none());
        assert!(text == "[]" || remarks[0].contains("GITHUB_EVENT_PATH"), "{text}: {remarks:?}");
    }
}

#[test]
fn gitlabs_merge_request_from_a_fork() {
    let pull = PullRequest::new("");
    let env = [
        ("GITLAB_CI", "true"),
        ("CI_COMMIT_SHA", pull.merge.as_str()),
        ("CI_MERGE_REQUEST_IID", "5"),
        ("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", pull.head.as_str()),
        ("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "main"),
        ("CI_MERGE_REQUEST_SOURCE_PROJECT_ID", "2"),
        ("CI_MERGE_REQUEST_SOURCE_PROJECT_PATH", "someone/name"),
        ("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "main"),
        ("CI_MERGE_REQUEST_DIFF_BASE_SHA", pull.start.as_str()),
        ("CI_PROJECT_ID", "1"),
        ("CI_PROJECT_PATH", "group/name"),
        ("CI_SERVER_URL", "https://gitlab.example"),
        ("CI_JOB_URL", "https://gitlab.example/group/name/-/jobs/9"),
        ("CI_DEFAULT_BRANCH", "main"),
    ];
    let (found, remarks) = with(&pull.repo.path, &env);
    assert_eq!(remarks, Vec::<String>::new());
    assert_eq!(found.provider, Some(Provider::Gitlab));
    assert_eq!((found.commit.as_ref(), found.checkout.as_ref()), (Some(&pull.head), Some(&pull.merge)));
    assert_eq!(found.branch.as_deref(), Some("someone/name:main"));
    assert_eq!(found.base.as_ref(), Some(&pull.start));
    assert_eq!(found.job_url.as_deref(), Some("https://gitlab.example/group/name/-/jobs/9"));
    assert_eq!(found.request.unwrap().from_fork, Some(true));
}

#[test]
fn another_ci_is_known_by_one_variable() {
    let temp = tempfile::tempdir().unwrap();
    assert_eq!(with(temp.path(), &[("CI", "1")]).0.provider, Some(Provider::Other));
    assert_eq!(with(temp.path(), &[("CI", "false")]).0.provider, None);
}

#[test]
fn hostile_values_are_dropped() {
    let temp = tempfile::tempdir().unwrap();
    let env = [
        ("GITLAB_CI", "true"),
        ("CI_COMMIT_SHA", "--output=/etc/passwd"),
        ("CI_COMMIT_BRANCH", "a\u{1b}[2J"),
        ("CI_JOB_URL", "javascript:alert(1)"),
        ("CI_MERGE_REQUEST_IID", "-1"),
    ];
    let (found, _) = with(temp.path(), &env);
    assert_eq!((found.commit, found.branch, found.job_url, found.request), (None, None, None, None));
}
