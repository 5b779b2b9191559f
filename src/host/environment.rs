//! What the CI says of a job: GitHub's and GitLab's variables and GitHub's event file, as plain claims.
//!
//! A claim is not yet a fact: [`super::change`] holds it against what is really checked out. Values come from people
//! (branch names) and from forks, so each is checked for its form and dropped where it has another.

use std::fs::File;
use std::io::Read;

use serde::Deserialize;

use super::git::{is_branch, is_hash};
use crate::results::Provider;

/// GitHub's event files are some ten kilobytes; a push of many commits can be larger.
const EVENT_BYTES: u64 = 8 * 1024 * 1024;

/// What the environment claims about the job.
#[derive(Debug, Default)]
pub(super) struct Claims {
    pub(super) provider: Option<Provider>,
    pub(super) repository: Option<String>,
    pub(super) server: Option<String>,
    pub(super) job_url: Option<String>,
    pub(super) default_branch: Option<String>,
    /// The commit the job was started for; on a change request possibly the platform's test merge.
    pub(super) commit: Option<String>,
    /// The branch of `commit`, where that is a branch.
    pub(super) branch: Option<String>,
    /// The commit the change starts from: either the merge base itself or the target's tip at the time.
    pub(super) base: Option<Base>,
    pub(super) request: Option<RequestClaims>,
}

/// Where the base of a change was named.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Base {
    /// The platform worked out the merge base.
    Merge(String),
    /// The tip of the target branch; the merge base is to be found.
    Tip(String),
}

/// What is claimed about the change request.
#[derive(Debug, Default)]
pub(super) struct RequestClaims {
    pub(super) number: u64,
    pub(super) target_branch: Option<String>,
    pub(super) source_branch: Option<String>,
    /// The source branch as it cannot be mistaken for one of this repository: `owner:branch` from a fork.
    pub(super) source_label: Option<String>,
    pub(super) from_fork: Option<bool>,
    /// The last commit of the request.
    pub(super) head: Option<String>,
    /// Its labels.
    pub(super) labels: Vec<String>,
}

/// The workflow run that a second workflow was started for (GitHub's `workflow_run`), as the platform tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstRun {
    /// The commit it ran for, full hash.
    pub commit: String,
    /// `owner:branch` of the repository that the commit comes from.
    pub label: Option<String>,
    /// Its page.
    pub url: Option<String>,
}

/// The workflow run that this job was started for, if it is of that kind. Nothing of it comes from a fork's files.
pub fn first_run(env: &dyn Fn(&str) -> Option<String>) -> Option<FirstRun> {
    let lookup = Lookup { env };
    let run = event_file(&lookup, &mut Vec::new()).workflow_run?;
    let owner = run.head_repository.and_then(|repository| repository.full_name);
    let owner = owner.and_then(|name| name.split_once('/').map(|(owner, _)| owner.to_owned()));
    let branch = run.head_branch.filter(|name| is_branch(name));
    Some(FirstRun {
        commit: run.head_sha.filter(|hash| is_hash(hash))?,
        label: owner.zip(branch).map(|(owner, branch)| format!("{owner}:{branch}")),
        url: run.html_url.filter(|url| url.starts_with("https://") || url.starts_with("http://")),
    })
}

/// A lookup of environment variables.
pub(super) type Env<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Gathers the claims; what is odd goes to the remarks.
pub(super) fn claims(env: Env<'_>, remarks: &mut Vec<String>) -> Claims {
    let lookup = Lookup { env };
    if lookup.is_true("GITHUB_ACTIONS") {
        github(&lookup, remarks)
    } else if lookup.is_true("GITLAB_CI") {
        gitlab(&lookup)
    } else {
        let in_ci = lookup.text("CI").is_some_and(|value| value != "0" && value != "false");
        Claims { provider: in_ci.then_some(Provider::Other), ..Claims::default() }
    }
}

/// Variables by name, each with the form it must have.
struct Lookup<'a> {
    env: Env<'a>,
}

impl Lookup<'_> {
    fn text(&self, name: &str) -> Option<String> {
        (self.env)(name).as_deref().and_then(super::tree::fact)
    }

    fn is_true(&self, name: &str) -> bool {
        self.text(name).is_some_and(|value| value == "true" || value == "1")
    }

    fn hash(&self, name: &str) -> Option<String> {
        self.text(name).filter(|text| is_hash(text))
    }

    fn branch(&self, name: &str) -> Option<String> {
        (self.env)(name).filter(|text| is_branch(text))
    }

    /// A web address that is safe to link.
    fn url(&self, name: &str) -> Option<String> {
        let url = self.text(name)?;
        let url = url.trim_end_matches('/');
        (url.starts_with("https://") || url.starts_with("http://")).then(|| url.to_owned())
    }
}

fn github(lookup: &Lookup<'_>, remarks: &mut Vec<String>) -> Claims {
    let event = event_file(lookup, remarks);
    let (repository, server) = (lookup.text("GITHUB_REPOSITORY"), lookup.url("GITHUB_SERVER_URL"));
    let run = lookup.text("GITHUB_RUN_ID").filter(|id| id.bytes().all(|byte| byte.is_ascii_digit()));
    let job_url = match (&server, &repository, run) {
        (Some(server), Some(repository), Some(run)) => Some(format!("{server}/{repository}/actions/runs/{run}")),
        _ => None,
    };
    let on_branch = lookup.text("GITHUB_REF_TYPE").is_none_or(|kind| kind == "branch");
    let merge_group = event.merge_group.and_then(|group| group.base_sha).filter(|hash| is_hash(hash));
    let tip = event.pull_request.as_ref().and_then(|pull| pull.base.sha.clone()).filter(|hash| is_hash(hash));
    Claims {
        provider: Some(Provider::Github),
        repository,
        server,
        job_url,
        default_branch: event.repository.and_then(|it| it.default_branch).filter(|name| is_branch(name)),
        commit: lookup.hash("GITHUB_SHA"),
        branch: lookup.branch("GITHUB_REF_NAME").filter(|name| on_branch && !name.ends_with("/merge")),
        base: tip.or(merge_group).map(Base::Tip),
        request: event.pull_request.map(|pull| request_of(pull, lookup)),
    }
}

fn request_of(pull: Pull, lookup: &Lookup<'_>) -> RequestClaims {
    let branch =
        |name: Option<String>, variable| name.filter(|name| is_branch(name)).or_else(|| lookup.branch(variable));
    let source_branch = branch(pull.head.name, "GITHUB_HEAD_REF");
    let target = (pull.base.repo.as_ref()).and_then(|repo| repo.full_name.clone());
    // `fork` alone is not enough: a repository that is itself a fork has requests from its own branches. A deleted
    // fork has no repository any more, and only a fork can be deleted while its request lives on.
    let from_fork = match (pull.head.repo.and_then(|repo| repo.full_name), target) {
        (Some(head), Some(base)) => Some(head != base),
        (None, Some(_)) => Some(true),
        _ => None,
    };
    let owner = pull.head.label.as_deref().and_then(|label| label.split_once(':')).map(|(owner, _)| owner);
    let source_label = label(source_branch.as_deref(), from_fork, owner);
    RequestClaims {
        number: pull.number,
        target_branch: branch(pull.base.name, "GITHUB_BASE_REF"),
        source_branch,
        source_label,
        from_fork,
        head: pull.head.sha.filter(|hash| is_hash(hash)),
        labels: labels(pull.labels.iter().filter_map(|label| label.name.as_deref())),
    }
}

fn gitlab(lookup: &Lookup<'_>) -> Claims {
    let number = lookup.text("CI_MERGE_REQUEST_IID").and_then(|iid| iid.parse().ok());
    Claims {
        provider: Some(Provider::Gitlab),
        repository: lookup.text("CI_PROJECT_PATH"),
        server: lookup.url("CI_SERVER_URL"),
        job_url: lookup.url("CI_JOB_URL"),
        default_branch: lookup.branch("CI_DEFAULT_BRANCH"),
        commit: lookup.hash("CI_COMMIT_SHA"),
        branch: lookup.branch("CI_COMMIT_BRANCH"),
        base: lookup.hash("CI_MERGE_REQUEST_DIFF_BASE_SHA").map(Base::Merge),
        request: number.map(|number| merge_request(number, lookup)),
    }
}

fn merge_request(number: u64, lookup: &Lookup<'_>) -> RequestClaims {
    // A fork's pipeline may run in the fork itself; the request's own project is the target there.
    let target = lookup.text("CI_MERGE_REQUEST_PROJECT_ID").or_else(|| lookup.text("CI_PROJECT_ID"));
    let source = lookup.text("CI_MERGE_REQUEST_SOURCE_PROJECT_ID");
    let from_fork = source.zip(target).map(|(source, target)| source != target);
    let source_branch = lookup.branch("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME");
    let owner = lookup.text("CI_MERGE_REQUEST_SOURCE_PROJECT_PATH");
    let source_label = label(source_branch.as_deref(), from_fork, owner.as_deref());
    RequestClaims {
        number,
        target_branch: lookup.branch("CI_MERGE_REQUEST_TARGET_BRANCH_NAME"),
        source_branch,
        source_label,
        from_fork,
        // Set only where the pipeline runs on a test merge; elsewhere the job's own commit is the head.
        head: lookup.hash("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA").or_else(|| lookup.hash("CI_COMMIT_SHA")),
        labels: labels(lookup.text("CI_MERGE_REQUEST_LABELS").unwrap_or_default().split(',')),
    }
}

/// Labels as facts, the first hundred of them.
fn labels<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    names.filter_map(super::tree::fact).filter(|name| !name.is_empty()).take(100).collect()
}

/// A fork's `main` is not ours: its branch gets its owner in front, with a colon, which no branch name holds.
fn label(branch: Option<&str>, from_fork: Option<bool>, owner: Option<&str>) -> Option<String> {
    let branch = branch?;
    if from_fork == Some(true) {
        Some(format!("{}:{branch}", owner.unwrap_or("fork")))
    } else {
        Some(branch.to_owned())
    }
}

/// The parts of GitHub's event file that matter here.
#[derive(Debug, Default, Deserialize)]
struct EventFile {
    #[serde(default)]
    pull_request: Option<Pull>,
    #[serde(default)]
    merge_group: Option<MergeGroup>,
    #[serde(default)]
    repository: Option<Repo>,
    #[serde(default)]
    workflow_run: Option<WorkflowRun>,
}

#[derive(Debug, Deserialize)]
struct WorkflowRun {
    #[serde(default)]
    head_sha: Option<String>,
    #[serde(default)]
    head_branch: Option<String>,
    #[serde(default)]
    head_repository: Option<Repo>,
    #[serde(default)]
    html_url: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Pull {
    number: u64,
    #[serde(default)]
    labels: Vec<Label>,
    #[serde(default)]
    head: Side,
    #[serde(default)]
    base: Side,
}

#[derive(Debug, Deserialize)]
struct Label {
    #[serde(default)]
    name: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct Side {
    #[serde(default)]
    sha: Option<String>,
    #[serde(default, rename = "ref")]
    name: Option<String>,
    #[serde(default)]
    label: Option<String>,
    #[serde(default)]
    repo: Option<Repo>,
}

#[derive(Debug, Default, Deserialize)]
struct Repo {
    #[serde(default)]
    full_name: Option<String>,
    #[serde(default)]
    default_branch: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
struct MergeGroup {
    #[serde(default)]
    base_sha: Option<String>,
}

fn event_file(lookup: &Lookup<'_>, remarks: &mut Vec<String>) -> EventFile {
    let Some(path) = (lookup.env)("GITHUB_EVENT_PATH").filter(|path| !path.is_empty()) else {
        return EventFile::default();
    };
    let mut bytes = Vec::new();
    let read = File::open(&path).and_then(|file| file.take(EVENT_BYTES).read_to_end(&mut bytes));
    let parsed = read
        .map_err(|error| error.to_string())
        .and_then(|_| serde_json::from_slice(&bytes).map_err(|error| error.to_string()));
    parsed.unwrap_or_else(|reason| {
        remarks.push(format!(
            "GitHub's event file (GITHUB_EVENT_PATH) cannot be read, so the change request is unknown: {reason}"
        ));
        EventFile::default()
    })
}
