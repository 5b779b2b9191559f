//! A shelf on an orphan branch of the project's own repository.
//!
//! The branch is fetched without its history and, where the remote can do that, without contents; a commit on top of it
//! needs neither. It is pushed without force, so the remote takes it only if nobody was first; otherwise it is made
//! again on what is there then, after a wait that is drawn at random, so that twenty jobs do not collide for ever.
//! Whatever is killed on the way has pushed its commit or not: the remote has all of it or nothing.

use std::hash::{BuildHasher, Hasher};
use std::io::{self, BufRead, BufReader, Read};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use super::push::{Failure, judge, unreachable};
use super::{Changed, Edit, Entry, Hear, LARGEST_FILE, MOST_ENTRIES, Shelf, ShelfError, first_files, judged};
use crate::host::{DATA_REMOTE, DataRepository, Patience, Told};

/// Our copy of the branch.
const FETCHED: &str = "refs/backsight/data";
/// The commit to be pushed.
const NEXT: &str = "refs/backsight/next";
/// All names of a branch together, in bytes.
const NAMES_BYTES: u64 = 256 << 20;
/// The first wait after a lost race, and the longest, which it is doubled up to.
const FIRST_WAIT: Duration = Duration::from_millis(50);
const LONGEST_WAIT: Duration = Duration::from_secs(2);
/// How often a failing network is tried.
const NETWORK_TRIES: u32 = 3;

/// A branch as a shelf.
pub struct GitShelf<'a> {
    repository: DataRepository,
    remote: String,
    branch: String,
    patience: Patience<'a>,
    tip: Option<String>,
    /// The remote gives contents only together with their commit.
    whole: bool,
}

impl<'a> GitShelf<'a> {
    /// The branch of this name at the remote; nothing is asked of the remote yet.
    pub fn new(repository: DataRepository, remote: &str, branch: &str, patience: Patience<'a>) -> Self {
        Self { repository, remote: remote.to_owned(), branch: branch.to_owned(), patience, tip: None, whole: false }
    }

    fn run(&self, words: &[&str], input: &[u8]) -> Result<(bool, String, String), ShelfError> {
        let told = self.repository.run(words, input, self.patience)?;
        Ok((told.success, String::from_utf8_lossy(&told.read).trim_end().to_owned(), told.complaint))
    }

    fn local(&self, words: &[&str], input: &[u8]) -> Result<String, ShelfError> {
        let (success, said, complaint) = self.run(words, input)?;
        if success { Ok(said) } else { Err(unreachable(&format!("our copy of {}", self.place()), &complaint)) }
    }

    fn hash(&self, name: &str) -> Result<String, ShelfError> {
        self.local(&["rev-parse", "--verify", "--quiet", name], b"")
    }

    /// Brings our copy up to date: its commit, or none where there is no such branch.
    fn fetch(&mut self) -> Result<(), ShelfError> {
        let spec = format!("+refs/heads/{}:{FETCHED}", self.branch);
        let mut depth = true;
        let mut anew = false;
        for attempt in 1.. {
            let mut words = vec!["fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules"];
            if depth {
                words.push("--depth=1");
            }
            if !self.whole {
                words.push("--filter=blob:none");
            }
            words.extend([DATA_REMOTE, &spec]);
            let (success, _, complaint) = self.run(&words, b"")?;
            let lower = complaint.to_lowercase();
            if success {
                self.tip = Some(self.hash(FETCHED)?);
                return Ok(());
            } else if lower.contains("couldn't find remote ref") {
                self.tip = None;
                self.run(&["update-ref", "-d", FETCHED], b"")?;
                return Ok(());
            } else if depth && lower.contains("shallow") && lower.contains("not support") {
                depth = false;
            } else if let Failure::Network(error) = judge(&self.place(), "", &complaint) {
                if attempt >= NETWORK_TRIES || !self.wait(attempt) {
                    return Err(error);
                }
            } else if !anew {
                // Our copy may be damaged: it is only a copy.
                self.repository.begin(self.patience)?;
                anew = true;
            } else {
                return Err(unreachable(&self.place(), &complaint));
            }
        }
        Ok(())
    }

    /// The files of the branch as our copy has them; `None` where there is no branch.
    fn list(&self) -> Result<Option<Told<Option<Vec<Entry>>>>, ShelfError> {
        let Some(tip) = &self.tip else { return Ok(None) };
        let words = ["ls-tree", "-r", "-z", "--full-tree", tip];
        Ok(Some(self.repository.stream(&words, b"", self.patience, listed)?))
    }

    fn header(&self, message: &str, parent: Option<&str>) -> String {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        // The branch starts no pipelines: platforms look for these words.
        let message = format!("{message}\n\n[skip ci]\n");
        let from = parent.map(|parent| format!("from {parent}\n")).unwrap_or_default();
        format!(
            "feature done\ncommit {NEXT}\ncommitter Backsight <backsight@localhost> {now} +0000\ndata {}\n{message}{from}",
            message.len()
        )
    }

    /// Makes a commit from a stream for `git fast-import`, which needs neither index nor work tree.
    fn import(&self, stream: &[u8]) -> Result<String, ShelfError> {
        self.run(&["update-ref", "-d", NEXT], b"")?;
        self.local(&["fast-import", "--quiet", "--force"], stream)?;
        self.hash(NEXT)
    }

    fn commit(&self, edit: &Edit) -> Result<String, ShelfError> {
        let mut stream = self.header(&edit.message, self.tip.as_deref()).into_bytes();
        let first = if self.tip.is_none() { first_files() } else { Vec::new() };
        for (path, content) in first.iter().chain(&edit.add) {
            stream.extend(format!("M 100644 inline {path}\ndata {}\n", content.len()).into_bytes());
            stream.extend(content);
            stream.push(b'\n');
        }
        for path in &edit.remove {
            stream.extend(format!("D {path}\n").into_bytes());
        }
        stream.extend(b"done\n");
        self.import(&stream)
    }

    /// Pushes a commit; `None` when it has arrived.
    fn push(&self, commit: &str, more: &[&str]) -> Result<Option<Failure>, ShelfError> {
        let spec = format!("{commit}:refs/heads/{}", self.branch);
        let words =
            ["push", "--porcelain", "--no-verify", "--no-signed", "--no-follow-tags", "--recurse-submodules=no"];
        let words: Vec<&str> = words.into_iter().chain(more.iter().copied()).chain([DATA_REMOTE, &spec]).collect();
        let (success, report, complaint) = self.run(&words, b"")?;
        Ok((!success).then(|| judge(&self.place(), &report, &complaint)))
    }

    /// Waits a drawn time after the nth lost race. False where no time is left.
    fn wait(&self, nth: u32) -> bool {
        let most = FIRST_WAIT.saturating_mul(1 << nth.min(10)).min(LONGEST_WAIT);
        let drawn = std::hash::RandomState::new().build_hasher().finish() % 1000;
        let wait = most.mul_f64(drawn as f64 / 1000.0);
        let until = Instant::now() + wait;
        while Instant::now() < until {
            if Instant::now() >= self.patience.until || (self.patience.stop)() {
                return false;
            }
            std::thread::sleep(until.saturating_duration_since(Instant::now()).min(Duration::from_millis(50)));
        }
        Instant::now() < self.patience.until
    }

    /// What our copy has of these contents: their sizes, `None` for those it lacks.
    fn sizes(&self, wanted: &[Entry]) -> Result<Vec<Option<u64>>, ShelfError> {
        let said = self.local(&["cat-file", "--batch-check=%(objecttype) %(objectsize)"], &names(wanted))?;
        let size = |line: &str| line.strip_prefix("blob ").and_then(|size| size.parse().ok());
        Ok(said.lines().map(size).chain(std::iter::repeat(None)).take(wanted.len()).collect())
    }

    /// Fetches contents that our copy lacks, all in one go.
    fn complete(&mut self, wanted: &[Entry]) -> Result<(), ShelfError> {
        let sizes = self.sizes(wanted)?;
        let missing: Vec<Entry> =
            wanted.iter().zip(sizes).filter(|(_, size)| size.is_none()).map(|(entry, _)| entry.clone()).collect();
        if missing.is_empty() {
            return Ok(());
        }
        // As git itself asks for what a filter left out: it must not take what we have for what they are based on.
        let words = [
            "-c",
            "fetch.negotiationAlgorithm=noop",
            "fetch",
            "--quiet",
            "--no-tags",
            "--no-write-fetch-head",
            "--no-recurse-submodules",
            "--filter=blob:none",
            "--stdin",
            DATA_REMOTE,
        ];
        let (success, _, complaint) = self.run(&words, &names(&missing))?;
        if success {
            return Ok(());
        }
        if self.whole {
            return Err(unreachable(&self.place(), &complaint));
        }
        tracing::debug!(complaint, "the remote gives no single contents");
        self.whole = true;
        self.repository.begin(self.patience)?;
        self.fetch()
    }
}

/// The contents' names, one on a line.
fn names(wanted: &[Entry]) -> Vec<u8> {
    wanted.iter().flat_map(|entry| [entry.content.as_bytes(), b"\n"]).flatten().copied().collect()
}

impl Shelf for GitShelf<'_> {
    fn place(&self) -> String {
        format!("branch {} of {}", self.branch, self.remote)
    }

    fn entries(&mut self) -> Result<Vec<Entry>, ShelfError> {
        self.fetch()?;
        let mut told = self.list()?;
        if told.as_ref().is_some_and(|told| !told.success) {
            self.repository.begin(self.patience)?;
            self.fetch()?;
            told = self.list()?;
        }
        let Some(told) = told else { return Ok(Vec::new()) };
        let place = self.place();
        if !told.success {
            return Err(unreachable(&place, &told.complaint));
        }
        let entries = told.read.ok_or_else(|| ShelfError::TooMany { place: place.clone(), limit: MOST_ENTRIES })?;
        judged(&place, entries)
    }

    fn read(&mut self, wanted: &[Entry], hear: Hear<'_>) -> Result<(), ShelfError> {
        self.complete(wanted)?;
        let sizes = self.sizes(wanted)?;
        let mut fit = Vec::new();
        for (entry, size) in wanted.iter().zip(sizes) {
            match size {
                Some(size) if size <= LARGEST_FILE as u64 => fit.push(entry.clone()),
                Some(size) => {
                    hear(entry, Err(format!("it has {size} bytes, more than the {LARGEST_FILE} that are read")));
                }
                None => hear(entry, Err("the remote does not give its content".into())),
            }
        }
        if fit.is_empty() {
            return Ok(());
        }
        let told = self.repository.stream(&["cat-file", "--batch"], &names(&fit), self.patience, |output| {
            let mut output = BufReader::new(output);
            for entry in &fit {
                let content = object(&mut output)?;
                hear(entry, content.ok_or_else(|| "git cannot read it".to_owned()));
            }
            Ok(())
        })?;
        if told.success { Ok(()) } else { Err(unreachable(&self.place(), &told.complaint)) }
    }

    fn change(&mut self, make: &mut dyn FnMut(&[Entry]) -> Edit) -> Result<Changed, ShelfError> {
        let (mut network, mut anew) = (0, false);
        for attempts in 1.. {
            let entries = self.entries()?;
            let edit = make(&entries);
            let changed = Changed { added: edit.add.len(), removed: edit.remove.len(), attempts };
            if edit.is_empty() {
                return Ok(changed);
            }
            let commit = match self.commit(&edit) {
                // A killed process may have left its locks in our copy: it is only a copy.
                Err(_) if !anew => {
                    self.repository.begin(self.patience)?;
                    anew = true;
                    continue;
                }
                commit => commit?,
            };
            match self.push(&commit, &[])? {
                None => return Ok(changed),
                Some(Failure::Final(error)) => return Err(error),
                Some(Failure::Network(error)) => {
                    network += 1;
                    if network >= NETWORK_TRIES || !self.wait(attempts) {
                        return Err(error);
                    }
                }
                Some(Failure::Raced) => {
                    if !self.wait(attempts) {
                        return Err(ShelfError::Contended { place: self.place(), attempts });
                    }
                }
            }
        }
        Err(ShelfError::Contended { place: self.place(), attempts: u32::MAX })
    }

    /// Replaces the branch by one commit with the same files. Refused by the remote if anybody was first.
    fn squash(&mut self, message: &str) -> Result<(), ShelfError> {
        self.entries()?;
        let Some(tip) = self.tip.clone() else { return Err(ShelfError::Absent { place: self.place() }) };
        let tree = self.hash(&format!("{tip}^{{tree}}"))?;
        let stream = format!("{}M 040000 {tree} \"\"\ndone\n", self.header(message, None));
        let commit = self.import(stream.as_bytes())?;
        let lease = format!("--force-with-lease=refs/heads/{}:{tip}", self.branch);
        match self.push(&commit, &[&lease])? {
            None => Ok(()),
            Some(Failure::Raced) => Err(ShelfError::Contended { place: self.place(), attempts: 1 }),
            Some(Failure::Network(error) | Failure::Final(error)) => Err(error),
        }
    }
}

/// Reads `ls-tree -z`: mode, type, hash, tab, path, NUL. Only plain files are entries; `None` where there are too many.
fn listed(output: &mut dyn Read) -> io::Result<Option<Vec<Entry>>> {
    let mut output = BufReader::new(output.take(NAMES_BYTES));
    let mut entries = Vec::new();
    let mut line = Vec::new();
    loop {
        line.clear();
        if output.read_until(0, &mut line)? == 0 {
            return Ok((output.get_ref().limit() > 0).then_some(entries));
        }
        if entries.len() >= MOST_ENTRIES {
            return Ok(None);
        }
        let text = String::from_utf8_lossy(line.strip_suffix(&[0]).unwrap_or(&line)).into_owned();
        let Some((facts, path)) = text.split_once('\t') else { continue };
        let mut facts = facts.split(' ');
        if let (Some("100644" | "100755"), Some("blob"), Some(hash)) = (facts.next(), facts.next(), facts.next()) {
            entries.push(Entry { path: path.to_owned(), content: hash.to_owned() });
        }
    }
}

/// Reads one object of `cat-file --batch`: hash, type, size, newline, content, newline. `None` where there is none.
fn object(output: &mut impl BufRead) -> io::Result<Option<Vec<u8>>> {
    let mut head = String::new();
    output.take(4096).read_line(&mut head)?;
    let Some(size) = head.trim_end().rsplit(' ').next().and_then(|size| size.parse::<usize>().ok()) else {
        return Ok(None);
    };
    if size > LARGEST_FILE {
        return Err(io::Error::other("git gives more than was asked for"));
    }
    let mut content = vec![0; size];
    output.read_exact(&mut content)?;
    output.read_exact(&mut [0])?;
    Ok(Some(content))
}
