//! `backsight.lock`: of each generated file, from which template and which context it was made, and what it was then.
//!
//! Lines of JSON, one a file, steps by name and the files of a step in their order, so that two branches rarely touch the
//! same line. It is committed with the files; it tells what is stale from what was changed by hand.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

/// The name of the lock file, beside the pipeline file.
pub const LOCK_FILE: &str = "backsight.lock";
/// The longest line that is read, in bytes.
const LONGEST: u64 = 64 << 10;
/// What the first line says of the format.
const FORMAT: &str = "backsight/lock/1";
const ABOUT: &str = "what `backsight generate` made, and of what; commit it with the files, and do not edit it";

/// The beginning of a SHA-256.
pub(super) type Hash = [u8; 16];

/// What is known of a file.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// Its template, with what that pulls in.
    pub template: Hash,
    /// What the template was given.
    pub context: Hash,
    /// What came of it, protected regions aside.
    pub result: Hash,
    /// The commit of the model.
    pub revision: Option<Arc<str>>,
}

#[derive(Serialize, Deserialize)]
struct Head<'a> {
    backsight: Cow<'a, str>,
    about: Cow<'a, str>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Line<'a> {
    #[serde(borrow)]
    output: Cow<'a, str>,
    #[serde(borrow)]
    step: Cow<'a, str>,
    template: Cow<'a, str>,
    context: Cow<'a, str>,
    #[serde(default, borrow, skip_serializing_if = "Option::is_none")]
    revision: Option<Cow<'a, str>>,
    result: Cow<'a, str>,
}

/// The lock file as it was found: of each file as much as decides about it, and not its name.
#[derive(Debug, Default)]
pub(super) struct Lock {
    path: PathBuf,
    entries: HashMap<u64, Entry>,
    revisions: HashSet<Arc<str>>,
}

/// The key of a path.
pub(super) fn key(path: &str) -> u64 {
    let digest = Sha256::digest(path);
    let mut bytes = [0; 8];
    bytes.copy_from_slice(&digest[..8]);
    u64::from_le_bytes(bytes)
}

/// The hash of a content.
pub(super) fn hash(bytes: &[u8]) -> Hash {
    short(&Sha256::digest(bytes))
}

/// The beginning of a whole digest.
pub(super) fn short(digest: &[u8]) -> Hash {
    let mut hash = Hash::default();
    hash.copy_from_slice(&digest[..16]);
    hash
}

impl Lock {
    /// Reads the lock file of a workspace; one that is not there knows nothing.
    ///
    /// # Errors
    /// What is wrong with it, with its line.
    pub(super) fn read(workspace: &Path) -> Result<Self, String> {
        let mut lock = Self { path: workspace.join(LOCK_FILE), ..Self::default() };
        let path = lock.path.clone();
        each_line(&path, &mut |_, line| {
            lock.take(line);
            Ok(())
        })?;
        Ok(lock)
    }

    fn take(&mut self, line: &Line<'_>) {
        let (Some(template), Some(context), Some(result)) =
            (unhex(&line.template), unhex(&line.context), unhex(&line.result))
        else {
            return;
        };
        let revision = line.revision.as_deref().map(|text| match self.revisions.get(text) {
            Some(known) => known.clone(),
            None => {
                let new: Arc<str> = text.into();
                self.revisions.insert(new.clone());
                new
            }
        });
        self.entries.insert(key(&line.output), Entry { template, context, result, revision });
    }

    /// What it says of a path.
    pub(super) fn get(&self, key: u64) -> Option<&Entry> {
        self.entries.get(&key)
    }

    /// Writes the file anew: the lines of `step` are those of `part`, and then those that it had before and that are not in
    /// `made`; the lines of other steps stay, but for files that are in `made`. An unchanged file is not touched.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn replace(&self, step: &str, part: &mut Part, made: &HashSet<u64>) -> Result<(), String> {
        let mut fresh = Fresh::create(&self.path)?;
        let mut pending = Some(part);
        each_line(&self.path, &mut |text, line| {
            if line.step.as_ref() >= step
                && let Some(part) = pending.take()
            {
                part.copy_to(&mut fresh.out)?;
            }
            if made.contains(&key(&line.output)) { Ok(()) } else { fresh.line(text) }
        })?;
        if let Some(part) = pending {
            part.copy_to(&mut fresh.out).map_err(|error| fresh.told(&error))?;
        }
        fresh.keep(&self.path)
    }

    /// Writes the file anew without the lines that `drop` wants gone.
    ///
    /// # Errors
    /// What the system says.
    pub(super) fn without(&self, drop: &HashSet<u64>) -> Result<(), String> {
        let mut fresh = Fresh::create(&self.path)?;
        each_line(&self.path, &mut |text, line| {
            if drop.contains(&key(&line.output)) { Ok(()) } else { fresh.line(text) }
        })?;
        fresh.keep(&self.path)
    }

    /// Goes through the files that stand in the lock file now: step, path, and what is known of them.
    ///
    /// # Errors
    /// What is wrong with the file, with its line.
    pub(super) fn each(&self, see: &mut dyn FnMut(&str, &str, Option<Hash>)) -> Result<(), String> {
        each_line(&self.path, &mut |_, line| {
            see(&line.step, &line.output, unhex(&line.result));
            Ok(())
        })
    }
}

/// The new lines of one step, on disk until the step is over.
#[derive(Debug)]
pub(super) struct Part {
    out: BufWriter<File>,
}

impl Part {
    pub(super) fn create() -> io::Result<Self> {
        Ok(Self { out: BufWriter::new(tempfile::tempfile()?) })
    }

    /// Adds a file.
    pub(super) fn add(&mut self, step: &str, output: &str, entry: &Entry) -> io::Result<()> {
        let line = Line {
            output: output.into(),
            step: step.into(),
            template: hex(&entry.template).into(),
            context: hex(&entry.context).into(),
            revision: entry.revision.as_deref().map(Cow::from),
            result: hex(&entry.result).into(),
        };
        serde_json::to_writer(&mut self.out, &line)?;
        self.out.write_all(b"\n")
    }

    fn copy_to(&mut self, out: &mut impl Write) -> io::Result<()> {
        use std::io::Seek;
        self.out.flush()?;
        let mut file = self.out.get_ref();
        file.rewind()?;
        io::copy(&mut file, out).map(drop)
    }
}

/// A lock file in the making, beside the old one.
struct Fresh {
    path: PathBuf,
    out: BufWriter<File>,
}

impl Fresh {
    fn create(lock: &Path) -> Result<Self, String> {
        let path = lock.with_file_name(format!(".{LOCK_FILE}.backsight-new"));
        let file = File::create(&path).map_err(|error| format!("{LOCK_FILE} cannot be written: {error}"))?;
        let mut fresh = Self { path, out: BufWriter::new(file) };
        let head = Head { backsight: FORMAT.into(), about: ABOUT.into() };
        let head = serde_json::to_string(&head).unwrap_or_default();
        fresh.line(&head).map_err(|error| fresh.told(&error))?;
        Ok(fresh)
    }

    fn line(&mut self, text: &str) -> io::Result<()> {
        self.out.write_all(text.as_bytes())?;
        self.out.write_all(b"\n")
    }

    fn told(&self, error: &io::Error) -> String {
        let _ = std::fs::remove_file(&self.path);
        format!("{LOCK_FILE} cannot be written: {error}")
    }

    fn keep(mut self, lock: &Path) -> Result<(), String> {
        let done = self.out.flush().and_then(|()| match same(&self.path, lock) {
            true => std::fs::remove_file(&self.path),
            false => std::fs::rename(&self.path, lock),
        });
        done.map_err(|error| self.told(&error))
    }
}

/// Whether two files hold the same.
fn same(one: &Path, other: &Path) -> bool {
    let open = |path: &Path| File::open(path).ok().map(BufReader::new);
    let size = |path: &Path| path.metadata().map(|facts| facts.len()).ok();
    let (Some(mut one_file), Some(mut other_file)) = (open(one), open(other)) else { return false };
    if size(one) != size(other) {
        return false;
    }
    loop {
        let (Ok(left), Ok(right)) = (one_file.fill_buf(), other_file.fill_buf()) else { return false };
        let length = left.len().min(right.len());
        if left[..length] != right[..length] {
            return false;
        }
        if length == 0 {
            return left.is_empty() && right.is_empty();
        }
        one_file.consume(length);
        other_file.consume(length);
    }
}

/// Reads a lock file line by line; none is no mistake.
fn each_line(path: &Path, see: &mut dyn FnMut(&str, &Line<'_>) -> io::Result<()>) -> Result<(), String> {
    let told = |number: usize, text: &str| format!("{LOCK_FILE}:{number}: {text}");
    let mut reader = match File::open(path) {
        Ok(file) => BufReader::new(file),
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(format!("{LOCK_FILE} cannot be read: {error}")),
    };
    let mut text = String::new();
    for number in 1.. {
        text.clear();
        let read = reader.by_ref().take(LONGEST).read_line(&mut text);
        if read.map_err(|error| told(number, &error.to_string()))? == 0 {
            break;
        }
        let line = text.trim_end();
        if number == 1 {
            let head = serde_json::from_str::<Head<'_>>(line).ok().filter(|head| head.backsight == FORMAT);
            if head.is_none() {
                return Err(told(1, &format!("this is not `{FORMAT}`; {MEND}")));
            }
            continue;
        }
        if line.is_empty() {
            continue;
        }
        let parsed = serde_json::from_str::<Line<'_>>(line);
        let parsed = parsed.map_err(|_| told(number, &format!("this is no line of a lock file; {MEND}")))?;
        see(line, &parsed).map_err(|error| told(number, &error.to_string()))?;
    }
    Ok(())
}

const MEND: &str = "where a merge left its marks, take either side and run `backsight generate`; otherwise bring the file \
     back, or delete it and run `backsight generate --force`";

/// Bytes in lower-case hexadecimal.
pub(super) fn hex(bytes: &[u8]) -> String {
    let digit = |half: u8| char::from(if half < 10 { b'0' + half } else { b'a' + half - 10 });
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn unhex(text: &str) -> Option<Hash> {
    let mut hash = Hash::default();
    if text.len() != 32 || !text.is_ascii() {
        return None;
    }
    for (byte, pair) in hash.iter_mut().zip(text.as_bytes().chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(hash)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{Entry, LOCK_FILE, Lock, Part, key};

    fn entry(result: u8) -> Entry {
        Entry { template: [1; 16], context: [2; 16], result: [result; 16], revision: Some("abc".into()) }
    }

    fn names(lock: &Lock) -> Vec<String> {
        let mut names = Vec::new();
        lock.each(&mut |step, output, _| names.push(format!("{step} {output}"))).unwrap();
        names
    }

    fn put(dir: &std::path::Path, step: &str, outputs: &[&str]) -> Lock {
        let lock = Lock::read(dir).unwrap();
        let mut part = Part::create().unwrap();
        for output in outputs {
            part.add(step, output, &entry(7)).unwrap();
        }
        lock.replace(step, &mut part, &outputs.iter().map(|output| key(output)).collect()).unwrap();
        Lock::read(dir).unwrap()
    }

    #[test]
    fn steps_are_replaced_and_others_stay() {
        let dir = tempfile::tempdir().unwrap();
        put(dir.path(), "b", &["b/2", "b/1"]);
        let lock = put(dir.path(), "a", &["a/1"]);
        assert_eq!(names(&lock), ["a a/1", "b b/2", "b b/1"]);
        let found = lock.get(key("b/1")).unwrap();
        assert_eq!((found.result, found.revision.as_deref()), ([7; 16], Some("abc")));
        // What `c` makes now is no longer of `b`; what a step does not make any more stays, for the orphans.
        let lock = put(dir.path(), "c", &["b/1"]);
        assert_eq!(names(&lock), ["a a/1", "b b/2", "c b/1"]);
        let lock = put(dir.path(), "a", &["a/2"]);
        assert_eq!(names(&lock), ["a a/2", "a a/1", "b b/2", "c b/1"]);
        lock.without(&HashSet::from([key("a/1")])).unwrap();
        assert_eq!(names(&lock), ["a a/2", "b b/2", "c b/1"]);
    }

    #[test]
    fn an_unchanged_file_is_not_touched() {
        let dir = tempfile::tempdir().unwrap();
        put(dir.path(), "a", &["a/1"]);
        let when = || std::fs::metadata(dir.path().join(LOCK_FILE)).unwrap().modified().unwrap();
        let before = when();
        std::thread::sleep(std::time::Duration::from_millis(20));
        put(dir.path(), "a", &["a/1"]);
        assert_eq!(when(), before);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_a_merge_left_is_told_with_its_line() {
        let dir = tempfile::tempdir().unwrap();
        put(dir.path(), "a", &["a/1"]);
        let path = dir.path().join(LOCK_FILE);
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, format!("{text}<<<<<<< HEAD\n")).unwrap();
        assert!(Lock::read(dir.path()).unwrap_err().starts_with("backsight.lock:3: "));
        std::fs::write(&path, "{}\n").unwrap();
        assert!(Lock::read(dir.path()).unwrap_err().starts_with("backsight.lock:1: "));
    }
}
