//! Questions to the `git` program: two processes for every run, a third where there is a branch to compare with.
//!
//! The repository may hold hostile configuration, so nothing that it could start is allowed to start: no hooks, no
//! file-system monitor, no pager, no signature check, no fetching of missing objects, no bare repository that merely
//! lies in the tree.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use super::ask::{Answer, AskError, Leash, ask, ask_leashed};

/// Status has to look at every tracked file; this is for the largest of repositories.
const TIME: Duration = Duration::from_secs(20);
/// Checking out a large repository, or fetching a commit of it.
const LONG: Duration = Duration::from_secs(900);
/// The answers of such commands that are read: names or paths.
const ANSWER_BYTES: usize = 4 * 1024 * 1024;
/// Two commit objects; messages are rarely over some kilobytes.
const COMMIT_BYTES: usize = 1024 * 1024;
/// The header lines of status and its first entry.
const STATUS_BYTES: usize = 16 * 1024;

/// Set inside a git hook, these would point git at another repository than the workspace's.
const REPOSITORY: [&str; 8] = [
    "GIT_DIR",
    "GIT_COMMON_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_PREFIX",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_TRACE",
];

/// Why git could not tell.
#[derive(Debug, thiserror::Error)]
pub(super) enum GitError {
    /// It could not be asked.
    #[error(transparent)]
    Ask(#[from] AskError),
    /// The repository belongs to another user, and git refuses to look at it.
    #[error(
        "git does not trust the repository, because another user owns it; to trust it: \
         git config --global --add safe.directory {folder}"
    )]
    Distrust { folder: String },
    /// It failed for a reason of its own.
    #[error("git {what} failed: {reason}")]
    Failed { what: &'static str, reason: String },
}

/// The state of the work tree.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct WorkTree {
    /// The commit that is checked out; absent before the first.
    pub(super) commit: Option<String>,
    /// The branch that is checked out; absent on a detached checkout.
    pub(super) branch: Option<String>,
    /// Whether tracked files differ from the commit.
    pub(super) dirty: bool,
}

/// What a commit object says.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Commit {
    pub(super) hash: String,
    pub(super) parents: Vec<String>,
    /// Seconds since 1970.
    pub(super) committed_at: Option<i64>,
}

/// The program, in a folder.
pub(super) struct Git<'a> {
    folder: PathBuf,
    leash: Leash<'a>,
}

impl<'a> Git<'a> {
    pub(super) fn new(folder: &Path) -> Self {
        Self::leashed(folder, Leash::default())
    }

    /// As [`Git::new`], for commands that may take long and write.
    pub(super) fn leashed(folder: &Path, leash: Leash<'a>) -> Self {
        Self { folder: folder.to_owned(), leash }
    }

    /// The same, in another folder.
    pub(super) fn at(&self, folder: &Path) -> Self {
        Self::leashed(folder, self.leash)
    }

    /// The commit, the branch and whether anything tracked was changed.
    pub(super) fn work_tree(&self) -> Result<WorkTree, GitError> {
        let arguments =
            ["status", "--porcelain=v2", "--branch", "-z", "--untracked-files=no", "--ignore-submodules=untracked"];
        // The answer is cut where it is long: by then it is known to be dirty.
        let answer = self.ask("status", &arguments, b"", STATUS_BYTES)?;
        if !answer.success && answer.output.len() < STATUS_BYTES {
            return Err(self.failed("status", &answer));
        }
        Ok(work_tree(&String::from_utf8_lossy(&answer.output)))
    }

    /// Those of the named commits that are there; the raw objects, so that a shallow clone's cut parents show too.
    pub(super) fn commits(&self, names: &[&str]) -> Result<Vec<Commit>, GitError> {
        let input: String = names.iter().flat_map(|name| [name, "\n"]).collect();
        let answer = self.ask("cat-file", &["cat-file", "--batch"], input.as_bytes(), COMMIT_BYTES)?;
        if !answer.success && answer.output.is_empty() {
            return Err(self.failed("cat-file", &answer));
        }
        Ok(commits(&answer.output))
    }

    /// The best common ancestor of a commit with the first of the candidates that is there and has one.
    pub(super) fn merge_base(&self, commit: &str, candidates: &[String]) -> Option<String> {
        candidates.iter().find_map(|candidate| {
            let answer = self.ask("merge-base", &["merge-base", commit, candidate], b"", 256).ok()?;
            let hash = String::from_utf8_lossy(&answer.output).trim().to_owned();
            (answer.success && is_hash(&hash)).then_some(hash)
        })
    }

    /// Carries out a command that may take long, fetch and write; `settings` and `variables` are added to ours. What it
    /// says on standard output is given back without the last line's end.
    pub(super) fn carry_out(
        &self,
        what: &'static str,
        settings: &[&str],
        variables: &[(&str, &OsStr)],
        arguments: &[&str],
    ) -> Result<String, GitError> {
        let mut command = self.command(settings);
        command.args(arguments).env_remove("GIT_NO_LAZY_FETCH");
        command.envs(variables.iter().copied());
        tracing::debug!(what, ?arguments, "git");
        let answer = ask_leashed(&mut command, b"", ANSWER_BYTES, LONG, self.leash)?;
        // A longer answer was cut: what is asked of a list that long does not hang on its end.
        if !answer.success && answer.output.len() < ANSWER_BYTES {
            return Err(self.failed(what, &answer));
        }
        let text = String::from_utf8_lossy(&answer.output);
        Ok(text.strip_suffix('\n').unwrap_or(&text).to_owned())
    }

    /// A short question whose answer is one line or a list.
    pub(super) fn say(&self, what: &'static str, arguments: &[&str]) -> Result<String, GitError> {
        self.carry_out(what, &[], &[], arguments)
    }

    fn ask(&self, what: &'static str, arguments: &[&str], input: &[u8], limit: usize) -> Result<Answer, GitError> {
        tracing::debug!(what, "asking git");
        let mut command = self.command(&[]);
        command.args(arguments);
        Ok(ask(&mut command, input, limit, TIME)?)
    }

    fn command(&self, settings: &[&str]) -> Command {
        let mut command = Command::new("git");
        command.arg("-C").arg(&self.folder).arg("--no-pager");
        harden(&mut command, settings);
        command
    }

    /// All settings that hold here, as `config --list -z --show-scope` tells them.
    pub(super) fn settings(&self, limit: usize) -> Result<String, GitError> {
        let answer = self.ask("config", &["config", "--list", "--includes", "-z", "--show-scope"], b"", limit)?;
        if !answer.success {
            return Err(self.failed("config", &answer));
        }
        Ok(String::from_utf8_lossy(&answer.output).into_owned())
    }

    fn failed(&self, what: &'static str, answer: &Answer) -> GitError {
        let text = String::from_utf8_lossy(&answer.complaint).into_owned();
        if text.contains("dubious ownership") || text.contains("safe.directory") {
            // Git's own words name the repository's top, which may be above the workspace.
            let named =
                text.split_once("repository at '").and_then(|(_, rest)| rest.split_once('\'')).map(|(at, _)| at);
            let folder = named.map_or_else(|| self.folder.to_string_lossy().into_owned(), ToOwned::to_owned);
            return GitError::Distrust { folder: shell_words::quote(&folder).into_owned() };
        }
        let line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or("it gave no reason");
        GitError::Failed { what, reason: super::tree::fact(line).unwrap_or_default() }
    }
}

/// Lets git start nothing by itself, ask nobody, and look at no other repository than it is told to.
pub(super) fn harden(command: &mut Command, settings: &[&str]) {
    for setting in [
        "core.fsmonitor=false",
        "core.hooksPath=/dev/null",
        "log.showSignature=false",
        "safe.bareRepository=explicit",
        "core.untrackedCache=false",
        "protocol.file.allow=user",
        "submodule.recurse=false",
        "gc.auto=0",
        "maintenance.auto=false",
    ]
    .iter()
    .chain(settings)
    {
        command.arg("-c").arg(setting);
    }
    command.env("GIT_OPTIONAL_LOCKS", "0").env("GIT_TERMINAL_PROMPT", "0");
    command.env("GIT_NO_LAZY_FETCH", "1").env("LC_ALL", "C");
    for name in REPOSITORY {
        command.env_remove(name);
    }
}

/// A full object name: SHA-1 or SHA-256.
pub(super) fn is_hash(text: &str) -> bool {
    matches!(text.len(), 40 | 64) && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

/// A branch name that git would accept, and nothing that it would read as more than a name.
pub fn is_branch(text: &str) -> bool {
    let forbidden = |c: char| c.is_whitespace() || c.is_control() || "~^:?*[\\".contains(c);
    !text.is_empty()
        && text.len() <= 255
        && !text.starts_with(['-', '/', '.'])
        && !text.ends_with(['/', '.'])
        && !text.contains("..")
        && !text.contains("@{")
        && !text.contains(forbidden)
}

/// Reads `status --porcelain=v2 --branch -z`: header lines start with `#`, anything else is a change.
fn work_tree(text: &str) -> WorkTree {
    let mut found = WorkTree::default();
    for entry in text.split('\0').filter(|entry| !entry.is_empty()) {
        if let Some(hash) = entry.strip_prefix("# branch.oid ") {
            found.commit = Some(hash.to_owned()).filter(|hash| is_hash(hash));
        } else if let Some(name) = entry.strip_prefix("# branch.head ") {
            found.branch = Some(name.to_owned()).filter(|name| is_branch(name) && name != "(detached)");
        } else if !entry.starts_with('#') {
            found.dirty = true;
        }
    }
    found
}

/// Reads `cat-file --batch`: `HASH commit SIZE`, a newline, the object, a newline; or `NAME missing`.
fn commits(mut bytes: &[u8]) -> Vec<Commit> {
    let mut found = Vec::new();
    while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
        let (head, rest) = bytes.split_at(end);
        let head = String::from_utf8_lossy(head);
        let mut words = head.split(' ');
        let (hash, kind) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
        let Some(size) = words.next().and_then(|size| size.parse::<usize>().ok()) else {
            bytes = rest.get(1..).unwrap_or_default();
            continue;
        };
        let object = rest.get(1..).unwrap_or_default();
        if kind == "commit" && is_hash(hash) {
            found.push(commit(hash, object.get(..size).unwrap_or(object)));
        }
        bytes = object.get(size.saturating_add(1)..).unwrap_or_default();
    }
    found
}

fn commit(hash: &str, object: &[u8]) -> Commit {
    let text = String::from_utf8_lossy(object);
    let mut found = Commit { hash: hash.to_owned(), ..Commit::default() };
    for line in text.lines().take_while(|line| !line.is_empty()) {
        if let Some(parent) = line.strip_prefix("parent ").filter(|parent| is_hash(parent)) {
            found.parents.push(parent.to_owned());
        } else if let Some(person) = line.strip_prefix("committer ") {
            found.committed_at = person.rsplit(' ').nth(1).and_then(|seconds| seconds.parse().ok());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{commits, is_branch, is_hash, work_tree};

    const HASH: &str = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";

    #[test]
    fn cut_or_odd_answers_do_no_harm() {
        let object = format!("{HASH} commit 900\ntree x\nparent {HASH}\ncommitter A <a@b> 17 +0100\n\nmess");
        let found = commits(object.as_bytes());
        assert_eq!((found[0].parents.len(), found[0].committed_at), (1, Some(17)));
        assert_eq!(commits(format!("x missing\n{HASH} commit 0\n\n").as_bytes()).len(), 1);
        assert_eq!(commits(b"a b 18446744073709551615\n\n\n"), []);
        assert_eq!(work_tree("# branch.oid (initial)\0# branch.head main\0").branch.as_deref(), Some("main"));
        assert!(work_tree("1 .M N... 1 2 3 a b # x\0").dirty);
    }

    #[test]
    fn names_that_are_more_than_names_are_refused() {
        assert!(is_hash(HASH) && !is_hash(&HASH[1..]) && !is_hash(&HASH.replace('4', "-")));
        assert!(is_branch("feature/a.b@c"));
        for odd in ["", "-x", "a..b", "a b", "a~1", "main:x", "@{u}", "x/", "a\u{1b}b"] {
            assert!(!is_branch(odd), "{odd}");
        }
    }
}
