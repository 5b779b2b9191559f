//! The shared baseline: jobs on clones of one remote push, pull and compare, by the real binary and real git.

use std::fs;
use std::path::{Path, PathBuf};

use backsight::results::{Comparison, Document, Verdict};

use crate::sandbox::{Outcome, Sandbox};
use crate::support;

/// One command that takes no time; shared over git.
pub(crate) const PIPELINE: &str = "version: 1
project: demo
baseline: { store: git }
benchmarks:
  - { name: quick, run: 'true', samples: 6, warm_up: 0 }
";

/// A bare remote, and clones of it that stand for the jobs of a CI.
pub(crate) struct Remote {
    pub(crate) sandbox: Sandbox,
}

impl Remote {
    /// A remote whose `main` has one commit with this pipeline.
    pub(crate) fn with(pipeline: &str) -> Self {
        let remote = Self::empty();
        let first = remote.job("first");
        fs::write(first.join("backsight.yml"), pipeline).unwrap();
        fs::write(first.join(".gitignore"), ".backsight\n").unwrap();
        remote.commit(&first, "first");
        remote.git(&first, &["push", "-q", "origin", "HEAD:main"]);
        remote
    }

    /// A remote with nothing in it.
    pub(crate) fn empty() -> Self {
        let remote = Self { sandbox: Sandbox::new() };
        remote.git(&remote.root(), &["init", "-q", "--bare", "-b", "main", "remote.git"]);
        // As forges do: contents may be left out of a fetch, and asked for one by one.
        remote.git(&remote.bare(), &["config", "uploadpack.allowFilter", "true"]);
        remote.git(&remote.bare(), &["config", "uploadpack.allowAnySHA1InWant", "true"]);
        remote
    }

    pub(crate) fn root(&self) -> PathBuf {
        self.sandbox.work()
    }

    pub(crate) fn bare(&self) -> PathBuf {
        self.root().join("remote.git")
    }

    /// A fresh clone.
    pub(crate) fn job(&self, name: &str) -> PathBuf {
        self.clone_with(name, &[])
    }

    /// A fresh clone with options of git's.
    pub(crate) fn clone_with(&self, name: &str, options: &[&str]) -> PathBuf {
        let url = format!("file://{}", self.bare().display());
        self.git(&self.root(), &[&["clone", "-q"], options, &[&url, name]].concat());
        self.root().join(name)
    }

    pub(crate) fn git(&self, folder: &Path, words: &[&str]) -> String {
        let settings = ["-c", "user.name=a", "-c", "user.email=a@b", "-c", "protocol.file.allow=always"];
        let output =
            self.sandbox.command_of("git", &[&settings[..], words].concat()).current_dir(folder).output().unwrap();
        assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    }

    /// Commits all there is, and gives the hash.
    pub(crate) fn commit(&self, job: &Path, message: &str) -> String {
        self.git(job, &["add", "-A"]);
        self.git(job, &["commit", "-q", "--allow-empty", "-m", message]);
        self.git(job, &["rev-parse", "HEAD"])
    }

    /// Commits and pushes to the branch that is checked out.
    pub(crate) fn publish(&self, job: &Path, message: &str) -> String {
        let hash = self.commit(job, message);
        self.git(job, &["push", "-q", "origin", "HEAD"]);
        hash
    }

    pub(crate) fn backsight(&self, job: &Path, words: &[&str]) -> Outcome {
        self.sandbox.finish(self.sandbox.command(words).current_dir(job))
    }

    /// As `backsight run`, and its document.
    pub(crate) fn run(&self, job: &Path, more: &[&str]) -> (Outcome, Document) {
        let told = self.backsight(job, &[&["run", "--format", "json"], more].concat());
        let document = serde_json::from_str(&told.stdout).unwrap_or_else(|error| panic!("{error}: {told:?}"));
        (told, document)
    }

    /// The paths on the data branch, sorted.
    pub(crate) fn files(&self) -> Vec<String> {
        let branches = self.git(&self.bare(), &["branch", "--list", "backsight-data"]);
        if branches.is_empty() {
            return Vec::new();
        }
        let said = self.git(&self.bare(), &["ls-tree", "-r", "--name-only", "backsight-data"]);
        said.lines().map(ToOwned::to_owned).collect()
    }

    /// Writes a results document to a file of a job.
    pub(crate) fn write(&self, job: &Path, document: &Document) -> String {
        let path = job.join(format!(".backsight-{}.json", document.run.id));
        fs::write(&path, serde_json::to_vec(document).unwrap()).unwrap();
        path.to_string_lossy().into_owned()
    }
}

fn comparison(document: &Document) -> &Comparison {
    document.comparison.as_ref().unwrap()
}

/// The commit that a run was compared with, and its distance.
fn base(document: &Document) -> Option<(String, Option<u64>)> {
    let base = comparison(document).baseline.as_ref()?;
    Some((base.commit.clone().unwrap(), base.distance))
}

fn note(document: &Document) -> String {
    comparison(document).note.clone().unwrap_or_default()
}

#[test]
fn two_jobs_on_two_hosts_share_what_they_measured() {
    let remote = Remote::with(PIPELINE);
    let a = remote.job("a");
    let first = remote.git(&a, &["rev-parse", "HEAD"]);
    let (told, document) = remote.run(&a, &[]);
    told.says(0, &["no baseline yet", "the run was added to branch backsight-data of origin"]);
    assert_eq!(base(&document), None);
    assert_eq!(comparison(&document).rows[0].verdict, Verdict::NoBase);
    assert!(remote.files().iter().any(|path| path.starts_with("runs/") && path.contains(&first[..12])));
    // Another host, another class: never compared with ours, although it is of the right commit.
    let mut foreign = support::document(1);
    foreign.project = "demo".into();
    support::add_benchmark(&mut foreign, "benchmarks/quick", "quick", 5.0, vec![5.0; 6]);
    let b = remote.job("b");
    let second = remote.publish(&b, "second");
    foreign.change.commit = Some(second.clone());
    let file = remote.write(&b, &foreign);
    remote.backsight(&b, &["baseline", "push", &file]).says(0, &["1 run added"]);
    // The second job knows nothing but what the first one shared.
    let (_, document) = remote.run(&b, &[]);
    assert_eq!(base(&document), Some((first.clone(), Some(0))));
    assert!(comparison(&document).rows[0].base.is_some());
    // A commit that nobody measured lies between: the nearest is named with its distance.
    remote.publish(&b, "third, not measured");
    remote.publish(&b, "fourth");
    let c = remote.job("c");
    let (_, document) = remote.run(&c, &[]);
    assert_eq!(base(&document), Some((second.clone(), Some(1))));
    assert!(note(&document).contains(&format!("{}, 1 commit earlier, was", &second[..9])), "{}", note(&document));
    let told = remote.backsight(&c, &["baseline", "verify"]);
    told.says(0, &["4 sound runs", "0 files with something wrong"]);
    let told = remote.backsight(&c, &["baseline", "pull"]);
    told.says(0, &["read from branch backsight-data of origin"]);
    remote.backsight(&c, &["baseline", "pull"]).says(0, &["0 new runs"]);
    let told = remote.backsight(&c, &["baseline", "list"]);
    assert!(told.stdout.contains(support::CLASS), "{told:?}");
}

/// What GitLab tells a job of a merge request.
fn on_request(remote: &Remote, job: &Path, base: &str, more: &[&str]) -> (Outcome, Document) {
    let head = remote.git(job, &["rev-parse", "HEAD"]);
    let words = [&["run", "--format", "json", "--no-against"], more].concat();
    let mut command = remote.sandbox.command(&words);
    command.current_dir(job).env("CI", "true").env("GITLAB_CI", "true").env("CI_MERGE_REQUEST_IID", "7");
    command.env("CI_COMMIT_SHA", &head).env("CI_DEFAULT_BRANCH", "main").env("CI_MERGE_REQUEST_DIFF_BASE_SHA", base);
    command.env("CI_MERGE_REQUEST_TARGET_BRANCH_NAME", "main").env("CI_MERGE_REQUEST_SOURCE_BRANCH_NAME", "main");
    let told = remote.sandbox.finish(&mut command);
    let document = serde_json::from_str(&told.stdout).unwrap_or_else(|error| panic!("{error}: {told:?}"));
    (told, document)
}

#[test]
fn a_change_request_is_held_against_where_it_left_and_is_never_a_baseline() {
    let remote = Remote::with(&PIPELINE.replace("store: git", "store: git, push: always"));
    let job = remote.job("a");
    let first = remote.git(&job, &["rev-parse", "HEAD"]);
    remote.run(&job, &[]);
    // Main goes on, and is measured; the request left before.
    let second = remote.publish(&job, "second");
    remote.run(&job, &[]);
    let request = remote.job("request");
    remote.git(&request, &["checkout", "-q", "-b", "change", &first]);
    remote.commit(&request, "change");
    let (_, document) = on_request(&remote, &request, &first, &[]);
    assert_eq!(base(&document), Some((first.clone(), Some(0))), "{:?}", comparison(&document));
    assert!(remote.files().iter().any(|path| path.starts_with("requests/7/")), "{:?}", remote.files());
    // A second commit of the request has the same baseline, not the request's first run.
    remote.commit(&request, "more of it");
    let (_, document) = on_request(&remote, &request, &first, &[]);
    assert_eq!(base(&document), Some((first, Some(0))));
    // Its branch bears main's name, but main's next run is held against main.
    let next = remote.job("next");
    remote.publish(&next, "third");
    let (_, document) = remote.run(&next, &[]);
    assert_eq!(base(&document), Some((second, Some(0))));
}

#[test]
fn no_baseline_is_said_and_never_green_by_silence() {
    let remote = Remote::with(PIPELINE);
    let job = remote.job("a");
    let first = remote.git(&job, &["rev-parse", "HEAD"]);
    remote.commit(&job, "change");
    let (told, document) = on_request(&remote, &job, &first, &[]);
    told.says(3, &["no baseline"]);
    assert_eq!(base(&document), None);
    // Another history altogether: what is stored is named, not compared with.
    let other = remote.job("other");
    remote.run(&other, &[]);
    remote.git(&other, &["checkout", "-q", "--orphan", "rebased"]);
    remote.commit(&other, "the same again");
    let (_, document) = remote.run(&other, &[]);
    assert_eq!(base(&document), None);
    assert!(note(&document).contains("is no ancestor and is not compared with"), "{}", note(&document));
}

#[test]
fn of_two_runs_of_one_commit_the_newest_counts_and_clocks_do_not() {
    let remote = Remote::with(PIPELINE);
    let job = remote.job("a");
    let (_, first) = remote.run(&job, &[]);
    let (_, second) = remote.run(&job, &[]);
    assert!(note(&second).contains("of this very commit"), "{}", note(&second));
    // A host whose clock is years ahead measured the same commit.
    let mut ahead = second.clone();
    ahead.run.started_at = "2099-01-01T00:00:00Z".parse().unwrap();
    ahead.run.id = support::document(99).run.id;
    let file = remote.write(&job, &ahead);
    remote.publish(&job, "second");
    let (_, document) = remote.run(&job, &[]);
    let run = comparison(&document).baseline.as_ref().unwrap().run.clone();
    assert_eq!(run, second.run.id.to_string());
    assert_ne!(run, first.run.id.to_string());
    remote.backsight(&job, &["baseline", "push", &file]).says(0, &["1 run added"]);
    remote.publish(&job, "third");
    let (_, document) = remote.run(&job, &[]);
    let third = comparison(&document).baseline.as_ref().unwrap();
    assert_eq!(third.distance, Some(0), "{third:?}");
}

#[test]
fn a_shallow_clone_knows_one_parent_and_says_where_it_knows_none() {
    let remote = Remote::with(PIPELINE);
    let job = remote.job("a");
    let first = remote.git(&job, &["rev-parse", "HEAD"]);
    remote.run(&job, &[]);
    remote.publish(&job, "second");
    let shallow = remote.clone_with("shallow", &["--depth=1"]);
    let (_, document) = remote.run(&shallow, &[]);
    assert_eq!(base(&document), Some((first, Some(0))));
    remote.publish(&job, "third, not measured");
    remote.publish(&job, "fourth");
    let shallow = remote.clone_with("shallow again", &["--depth=1"]);
    let (_, document) = remote.run(&shallow, &[]);
    let (_, distance) = base(&document).unwrap();
    assert_eq!(distance, None);
    assert!(note(&document).contains("the clone is shallow"), "{}", note(&document));
    // Pulling left the clone as it was: still shallow, and the other one still whole.
    assert_eq!(remote.git(&shallow, &["rev-parse", "--is-shallow-repository"]), "true");
    assert_eq!(remote.git(&job, &["rev-parse", "--is-shallow-repository"]), "false");
}

const TWO: &str = "version: 1
project: demo
baseline: { store: git }
benchmarks:
  - { name: group, run: 'cat figures', harness: bmf }
";

fn figures(job: &Path, names: &[&str]) {
    let one = |name: &&str| format!("\"{name}\":{{\"latency\":{{\"value\":5}}}}");
    let text: Vec<String> = names.iter().map(one).collect();
    fs::write(job.join("figures"), format!("{{{}}}", text.join(","))).unwrap();
}

#[test]
fn what_vanished_is_missing_until_somebody_accepts_it() {
    let remote = Remote::with(TWO);
    let job = remote.job("a");
    figures(&job, &["parse/small", "parse/large", "other"]);
    remote.publish(&job, "figures");
    remote.run(&job, &[]).0.says(0, &[]);
    figures(&job, &["other"]);
    remote.publish(&job, "parse is gone");
    let (told, document) = remote.run(&job, &[]);
    told.says(3, &["group/parse/small", "missing"]);
    assert!(comparison(&document).rows.iter().all(|row| row.accepted.is_none()));
    let accept = ["baseline", "accept", "group/parse/*", "--reason", "the parser was dropped"];
    remote.backsight(&job, &accept).says(2, &["nobody is named"]);
    let accept = [&accept[..], &["--author", "Ada <ada@example.org>"]].concat();
    remote.backsight(&job, &accept).says(0, &["accepted from", "Ada"]);
    assert!(remote.files().iter().any(|path| path.starts_with("accepted/")));
    // Another host hears of it.
    let fresh = remote.job("fresh");
    let (told, document) = remote.run(&fresh, &[]);
    assert_eq!(told.code, 0, "{told:?}");
    let told: Vec<_> = comparison(&document).rows.iter().filter_map(|row| row.accepted.as_ref()).collect();
    assert_eq!(told.len(), 2, "{:?}", comparison(&document));
    assert_eq!((told[0].reason.as_str(), told[0].author.as_str()), ("the parser was dropped", "Ada <ada@example.org>"));
    // The next commit is held against this one, which has nothing missing any more.
    remote.publish(&fresh, "next");
    let (told, document) = remote.run(&fresh, &[]);
    assert_eq!(told.code, 0, "{told:?}");
    assert!(comparison(&document).rows.iter().all(|row| row.accepted.is_none() && row.verdict != Verdict::Missing));
    remote.backsight(&fresh, &["baseline", "verify"]).says(0, &["1 accepted change"]);
}

#[test]
fn a_trailer_counts_on_the_default_branch_alone() {
    let remote = Remote::with(TWO);
    let job = remote.job("a");
    figures(&job, &["parse/small", "other"]);
    let first = remote.publish(&job, "figures");
    remote.run(&job, &[]).0.says(0, &[]);
    figures(&job, &["other"]);
    let message = "Drop the parser\n\nBacksight-Accept: group/parse/* because nobody used it";
    // As a change request: it cannot accept itself.
    remote.git(&job, &["checkout", "-q", "-b", "change"]);
    remote.commit(&job, message);
    let (told, document) = on_request(&remote, &job, &first, &[]);
    assert_eq!(told.code, 3, "{told:?}");
    assert!(comparison(&document).rows.iter().any(|row| row.verdict == Verdict::Missing && row.accepted.is_none()));
    // Merged: it does, and is kept with the results.
    remote.git(&job, &["checkout", "-q", "main"]);
    remote.git(&job, &["merge", "-q", "--ff-only", "change"]);
    remote.git(&job, &["push", "-q", "origin", "main"]);
    let merged = remote.job("merged");
    let (told, document) = remote.run(&merged, &[]);
    assert_eq!(told.code, 0, "{told:?}");
    let accepted = comparison(&document).rows.iter().find_map(|row| row.accepted.clone()).unwrap();
    assert_eq!((accepted.reason.as_str(), accepted.author.as_str()), ("nobody used it", "a <a@b>"));
    let kept = remote.files().iter().filter(|path| path.starts_with("accepted/")).count();
    assert_eq!(kept, 1);
    // The same run again adds no second one.
    remote.run(&merged, &[]);
    assert_eq!(remote.files().iter().filter(|path| path.starts_with("accepted/")).count(), 1);
}

#[test]
fn a_renamed_benchmark_goes_on() {
    let remote = Remote::with(TWO);
    let job = remote.job("a");
    figures(&job, &["old", "other"]);
    remote.publish(&job, "figures");
    remote.run(&job, &[]).0.says(0, &[]);
    figures(&job, &["new", "other"]);
    remote.publish(&job, "renamed");
    remote.run(&job, &[]).0.says(3, &["group/old"]);
    let rename = ["baseline", "rename", "group/old", "group/new", "--author", "Ada"];
    remote.backsight(&job, &rename).says(0, &["accepted from"]);
    let (told, document) = remote.run(&job, &[]);
    assert_eq!(told.code, 0, "{told:?}");
    let row = comparison(&document).rows.iter().find(|row| row.benchmark == "group/new").unwrap();
    assert_eq!((row.base, row.head), (Some(5.0), Some(5.0)));
}
