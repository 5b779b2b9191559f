//! A repository of our own beside the user's, for the branch that holds shared results.
//!
//! It lies in the git folder of the user's repository (`.git/backsight/data.git`), where no commit can put anything, and
//! holds nothing but a copy of that one branch: fetched shallow and without contents, it would mark the user's own clone
//! as shallow and partial. So the user's index, work tree, references and settings are never touched. It is a cache:
//! whoever removes it loses nothing.
//!
//! The remote is the user's: its address, and the settings that lead there (credentials, headers, proxies, ssh), are
//! handed to git in the environment, never written to a file.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use super::ask::AskError;
use super::flow::{Flown, Limits, flow};
use super::git::{Git, GitError, harden};

/// The name of the remote inside our own repository.
pub const REMOTE: &str = "data";
/// How often a lock that another process holds is asked for.
const RETRY: Duration = Duration::from_millis(20);
/// The most that is read of git's settings, in bytes.
const SETTINGS_BYTES: usize = 4 * 1024 * 1024;
/// More packs than this: it is cheaper to begin anew than to go on.
const MOST_PACKS: usize = 200;

/// Why git could not be used for the shared results.
#[derive(Debug, thiserror::Error)]
pub enum DataError {
    /// The workspace is in no repository.
    #[error("{} is in no git repository; use `baseline.store: file` for a folder, or clone with git", .0.display())]
    NoRepository(PathBuf),
    /// There is no such remote.
    #[error("the repository has no remote `{0}`; add one with `git remote add`, or name another as `baseline.remote`")]
    NoRemote(String),
    /// Git could not be asked, or refuses.
    #[error("{0}")]
    Git(String),
    /// It did not end in time.
    #[error("git gave no answer in time; try again, or give it longer with `--wait`")]
    TimedOut,
    /// The run was to stop.
    #[error("git was ended because the command was to stop")]
    Stopped,
    /// Another process works on it.
    #[error("another process works on {}; wait until it has ended", .0.display())]
    Busy(PathBuf),
    /// The folder cannot be used.
    #[error("{}: {source}; the copy of the data branch goes there, so the folder must be writable", path.display())]
    Place {
        /// Which.
        path: PathBuf,
        /// The system's words.
        source: io::Error,
    },
}

impl From<AskError> for DataError {
    fn from(error: AskError) -> Self {
        match error {
            AskError::TimedOut { .. } => Self::TimedOut,
            AskError::Stopped { .. } => Self::Stopped,
            error => Self::Git(error.to_string()),
        }
    }
}

impl From<GitError> for DataError {
    fn from(error: GitError) -> Self {
        match error {
            GitError::Ask(error) => error.into(),
            error => Self::Git(error.to_string()),
        }
    }
}

/// How long git may take, and whether it is to stop.
#[derive(Clone, Copy)]
pub struct Patience<'a> {
    /// Until when.
    pub until: Instant,
    /// Asked again and again.
    pub stop: &'a (dyn Fn() -> bool + Sync),
}

/// What a command of git came to.
#[derive(Debug)]
pub struct Told<T> {
    /// What was made of its output.
    pub read: T,
    /// Whether it ended with 0.
    pub success: bool,
    /// What it complained of.
    pub complaint: String,
}

/// Our own repository, locked for this process as long as this value lives.
#[derive(Debug)]
pub struct DataRepository {
    folder: PathBuf,
    /// Where relative addresses of the remote start.
    top: PathBuf,
    settings: Vec<(String, String)>,
    _lock: File,
}

impl DataRepository {
    /// Opens it for the repository that `workspace` lies in, makes it where it is missing, and waits for its lock.
    ///
    /// # Errors
    /// If there is no repository or no such remote, or the folder cannot be written.
    pub fn open(workspace: &Path, remote: &str, patience: Patience<'_>) -> Result<Self, DataError> {
        let git = Git::new(workspace);
        let said = git.say("rev-parse", &["rev-parse", "--path-format=absolute", "--git-common-dir"]);
        let common = match said {
            Err(GitError::Failed { .. }) => return Err(DataError::NoRepository(workspace.to_owned())),
            said => PathBuf::from(said?),
        };
        let top = git
            .say("rev-parse", &["rev-parse", "--show-toplevel"])
            .map_or_else(|_| workspace.to_owned(), PathBuf::from);
        let settings = settings(&git, remote)?;
        let place = common.join("backsight");
        let io = |source| DataError::Place { path: place.clone(), source };
        fs::create_dir_all(&place).map_err(io)?;
        let lock = lock(&place.join("data.lock"), patience)?;
        let folder = place.join("data.git");
        if packs(&folder) > MOST_PACKS {
            fs::remove_dir_all(&folder).map_err(io)?;
        }
        let opened = Self { folder, top, settings, _lock: lock };
        if !opened.folder.join("HEAD").is_file() {
            opened.begin(patience)?;
        }
        Ok(opened)
    }

    /// Throws the copy away and begins with an empty one.
    ///
    /// # Errors
    /// If the folder cannot be written, or git fails.
    pub fn begin(&self, patience: Patience<'_>) -> Result<(), DataError> {
        let io = |source| DataError::Place { path: self.folder.clone(), source };
        if self.folder.symlink_metadata().is_ok() {
            fs::remove_dir_all(&self.folder).map_err(io)?;
        }
        let told = self.run(&["init", "--quiet", "--bare", "--template="], b"", patience)?;
        if told.success { Ok(()) } else { Err(DataError::Git(first_line(&told.complaint))) }
    }

    /// Runs a command of git there; its whole output is kept.
    ///
    /// # Errors
    /// If git cannot be started, or does not end in time.
    pub fn run(&self, words: &[&str], input: &[u8], patience: Patience<'_>) -> Result<Told<Vec<u8>>, DataError> {
        self.stream(words, input, patience, |output| {
            let mut bytes = Vec::new();
            output.read_to_end(&mut bytes).map(|_| bytes)
        })
    }

    /// As [`DataRepository::run`], with a reader that takes the output as it comes. Missing objects are not fetched.
    ///
    /// # Errors
    /// If git cannot be started, or does not end in time, or the reader fails.
    pub fn stream<T>(
        &self,
        words: &[&str],
        input: &[u8],
        patience: Patience<'_>,
        read: impl FnOnce(&mut dyn Read) -> io::Result<T>,
    ) -> Result<Told<T>, DataError> {
        let mut command = Command::new("git");
        command.arg("-C").arg(&self.top).arg("--git-dir").arg(&self.folder).arg("--no-pager");
        harden(&mut command, &[]);
        // Nobody is there to answer a question about a password or a key.
        command.env("GIT_TERMINAL_PROMPT", "0").env("GCM_INTERACTIVE", "never");
        let own_ssh = self.settings.iter().any(|(key, _)| key.eq_ignore_ascii_case("core.sshcommand"));
        if !own_ssh && std::env::var_os("GIT_SSH_COMMAND").is_none() && std::env::var_os("GIT_SSH").is_none() {
            command.env("GIT_SSH_COMMAND", "ssh -oBatchMode=yes");
        }
        self.hand_over(&mut command);
        command.args(words);
        tracing::debug!(?words, "git, for the shared results");
        let limits = Limits { until: patience.until, stop: patience.stop };
        let Flown { read, success, complaint } = flow(&mut command, input, limits, read)?;
        Ok(Told { read, success, complaint })
    }

    /// Settings in the environment, after those that are there already.
    fn hand_over(&self, command: &mut Command) {
        let there = std::env::var("GIT_CONFIG_COUNT").ok().and_then(|count| count.parse::<usize>().ok()).unwrap_or(0);
        for (at, (key, value)) in self.settings.iter().enumerate() {
            command.env(format!("GIT_CONFIG_KEY_{}", there + at), key);
            command.env(format!("GIT_CONFIG_VALUE_{}", there + at), value);
        }
        command.env("GIT_CONFIG_COUNT", (there + self.settings.len()).to_string());
    }
}

/// The first line of what git complained of, fit to print.
fn first_line(complaint: &str) -> String {
    let line = complaint.lines().find(|line| !line.trim().is_empty()).unwrap_or("git gave no reason");
    super::tree::fact(line).unwrap_or_default()
}

fn packs(folder: &Path) -> usize {
    let entries = fs::read_dir(folder.join("objects/pack")).into_iter().flatten();
    entries.filter_map(Result::ok).filter(|entry| entry.path().extension().is_some_and(|end| end == "pack")).count()
}

/// Waits for the lock; the system lets go of it however a process ends.
fn lock(path: &Path, patience: Patience<'_>) -> Result<File, DataError> {
    let io = |source| DataError::Place { path: path.to_owned(), source };
    let file = File::options().create(true).truncate(false).write(true).open(path).map_err(io)?;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(source)) => return Err(io(source)),
            Err(TryLockError::WouldBlock) if (patience.stop)() => return Err(DataError::Stopped),
            Err(TryLockError::WouldBlock) if Instant::now() >= patience.until => {
                return Err(DataError::Busy(path.to_owned()));
            }
            Err(TryLockError::WouldBlock) => std::thread::sleep(RETRY),
        }
    }
}

/// What of the user's settings leads to the remote.
fn settings(git: &Git<'_>, remote: &str) -> Result<Vec<(String, String)>, DataError> {
    let text = git.settings(SETTINGS_BYTES)?;
    let mut found = Vec::new();
    let mut has_address = false;
    for (scope, key, value) in entries(&text) {
        if let Some(rest) = key.strip_prefix("remote.").and_then(|rest| rest.strip_prefix(remote)) {
            let wanted =
                matches!(rest, ".url" | ".pushurl" | ".proxy" | ".proxyauthmethod" | ".uploadpack" | ".receivepack");
            has_address |= rest == ".url";
            if wanted {
                found.push((format!("remote.{REMOTE}{rest}"), value.to_owned()));
            }
        } else if (matches!(scope, "local" | "worktree") && leads_out(key)) || key == "core.sshcommand" {
            found.push((key.to_owned(), value.to_owned()));
        }
    }
    if has_address { Ok(found) } else { Err(DataError::NoRemote(remote.to_owned())) }
}

/// Settings of how to reach a remote. Those of the user and of the system hold in our repository anyway.
fn leads_out(key: &str) -> bool {
    ["http.", "credential.", "url.", "ssh.", "protocol."].iter().any(|section| key.starts_with(section))
        || matches!(key, "core.sshcommand" | "core.gitproxy" | "core.askpass")
}

/// Reads `config --list -z --show-scope`: scope, NUL, key, newline, value, NUL.
fn entries(text: &str) -> impl Iterator<Item = (&str, &str, &str)> {
    let mut parts = text.split('\0');
    std::iter::from_fn(move || {
        let (scope, entry) = (parts.next()?, parts.next()?);
        let (key, value) = entry.split_once('\n').unwrap_or((entry, "true"));
        Some((scope, key, value))
    })
}

#[cfg(test)]
mod tests {
    use super::{entries, leads_out};

    #[test]
    fn settings_are_read_with_their_scope() {
        let text = "system\0a.b\nc\0local\0http.https://x/.extraheader\nAUTHORIZATION: basic x\ny\0local\0core.bare\0";
        let found: Vec<_> = entries(text).collect();
        assert_eq!(
            found,
            [
                ("system", "a.b", "c"),
                ("local", "http.https://x/.extraheader", "AUTHORIZATION: basic x\ny"),
                ("local", "core.bare", "true")
            ]
        );
        assert_eq!(entries("torn").count() + entries("").count(), 0);
    }

    #[test]
    fn only_what_leads_to_the_remote_is_handed_over() {
        assert!(leads_out("http.https://github.com/.extraheader") && leads_out("core.sshcommand"));
        assert!(!leads_out("core.hookspath") && !leads_out("core.fsmonitor") && !leads_out("alias.push"));
    }
}
