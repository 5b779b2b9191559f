//! The names of files on a shelf: what is known of a run before its file is read.
//!
//! A name tells whose baseline a run may be (its folder), when it started, which commit on which class of hosts it
//! measured, and its id. It is made from the document alone, so a file whose name says anything else than its content is
//! not one of ours.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use uuid::Uuid;

use crate::results::{Change, Document};

/// How much of a commit's hash is in a name.
pub(super) const COMMIT: usize = 12;
/// Longer names of branches and classes are cut, and end with a hash of the whole.
const LONGEST: usize = 120;
/// Instead of the commit of a run that knows none.
const NO_COMMIT: &str = "none";
/// Instead of the branch of a run that knows none; no branch of git begins with a dash.
const NO_BRANCH: &str = "-";
const FULL: &str = ".json.gz";
const COMPACT: &str = ".compact.json.gz";

/// Where a run stands, which says whose baseline it may be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Room {
    /// Of the default branch: `runs/`.
    Default,
    /// Of another branch, escaped: `branches/NAME/`.
    Branch(String),
    /// Of a change request: `requests/NUMBER/`.
    Request(u64),
}

impl Room {
    fn of(change: &Change) -> Self {
        match (&change.request, &change.branch) {
            (Some(request), _) => Self::Request(request.number),
            (None, Some(branch)) if change.default_branch.as_ref() == Some(branch) => Self::Default,
            (None, Some(branch)) => Self::Branch(escaped(branch)),
            (None, None) => Self::Branch(NO_BRANCH.into()),
        }
    }

    fn folder(&self) -> String {
        match self {
            Self::Default => "runs".into(),
            Self::Branch(name) => format!("branches/{name}"),
            Self::Request(number) => format!("requests/{number}"),
        }
    }
}

/// The name of a run's file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunName {
    /// Where it stands.
    pub room: Room,
    /// The day it started, UTC.
    pub day: Date,
    /// The beginning of the commit's hash, or `none`.
    pub commit: String,
    /// The class key of the host.
    pub class: String,
    /// The run.
    pub run: Uuid,
    /// Whether the raw samples were dropped.
    pub compact: bool,
}

impl RunName {
    /// The name of a document's file.
    pub fn of(document: &Document, compact: bool) -> Self {
        let hash = document.change.commit.as_deref().and_then(|hash| hash.get(..COMMIT)).filter(|hash| is_hex(hash));
        Self {
            room: Room::of(&document.change),
            day: day(document.run.started_at),
            commit: hash.unwrap_or(NO_COMMIT).to_owned(),
            class: escaped(&document.host.class_key),
            run: document.run.id,
            compact,
        }
    }

    /// Reads a path. `None` where it is not exactly the path of such a name.
    pub fn parse(path: &str) -> Option<Self> {
        let (folder, file) = path.rsplit_once('/')?;
        let (stem, compact) = match file.strip_suffix(COMPACT) {
            Some(stem) => (stem, true),
            None => (file.strip_suffix(FULL)?, false),
        };
        let mut parts = stem.splitn(3, '-');
        let (commit, class, run) = (parts.next()?, parts.next()?, parts.next()?);
        let mut folders = folder.rsplitn(4, '/');
        let (d, m, y) = (folders.next()?, folders.next()?, folders.next()?);
        let day = Date::new(y.parse().ok()?, m.parse().ok()?, d.parse().ok()?).ok()?;
        let found = Self {
            room: room(folders.next()?)?,
            day,
            commit: Some(commit).filter(|text| is_hex(text) || *text == NO_COMMIT)?.to_owned(),
            class: Some(class).filter(|text| is_escaped(text))?.to_owned(),
            run: Uuid::try_parse(run).ok()?,
            compact,
        };
        // There is one way to write a name.
        (found.path() == path).then_some(found)
    }

    /// The path of the file.
    pub fn path(&self) -> String {
        let (folder, day, end) =
            (self.room.folder(), self.day.strftime("%Y/%m/%d"), if self.compact { COMPACT } else { FULL });
        format!("{folder}/{day}/{}-{}-{}{end}", self.commit, self.class, self.run)
    }

    /// When the run started, as its id tells; the beginning of its day where the id has no time in it.
    pub fn started_at(&self) -> Timestamp {
        let (seconds, nanoseconds) = self.run.get_timestamp().map_or((0, 0), |time| time.to_unix());
        let told =
            i64::try_from(seconds).ok().and_then(|seconds| Timestamp::new(seconds, nanoseconds.cast_signed()).ok());
        let midnight = || self.day.to_zoned(TimeZone::UTC).map_or(Timestamp::UNIX_EPOCH, |start| start.timestamp());
        told.filter(|time| day(*time) == self.day).unwrap_or_else(midnight)
    }

    /// Whether the run measured this commit, as far as the name tells.
    pub fn is_of(&self, commit: &str) -> bool {
        commit.starts_with(&self.commit)
    }
}

/// The day of an instant, UTC.
pub(super) fn day(at: Timestamp) -> Date {
    at.to_zoned(TimeZone::UTC).date()
}

fn room(folder: &str) -> Option<Room> {
    if folder == "runs" {
        return Some(Room::Default);
    }
    if let Some(name) = folder.strip_prefix("branches/") {
        return (name == NO_BRANCH || is_escaped(name)).then(|| Room::Branch(name.to_owned()));
    }
    folder.strip_prefix("requests/")?.parse().ok().map(Room::Request)
}

fn is_hex(text: &str) -> bool {
    text.len() == COMMIT && text.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

const fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_')
}

/// A name of which nothing but letters, digits, `.`, `_` and `%` is left; other bytes, and a `.` at the beginning, become
/// `%XX`.
pub fn escaped(name: &str) -> String {
    let mut text = String::with_capacity(name.len());
    for (at, byte) in name.bytes().enumerate() {
        if is_plain(byte) && (at > 0 || byte != b'.') {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    if text.is_empty() {
        text.push_str("%00");
    }
    if text.len() > LONGEST {
        let hash = super::gzip::crc32(name.as_bytes());
        text.truncate(LONGEST);
        text.push_str(&format!("%00{hash:08x}"));
    }
    text
}

fn is_escaped(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= LONGEST + 11
        && !text.starts_with('.')
        && text.bytes().all(|byte| is_plain(byte) || byte == b'%')
}

#[cfg(test)]
mod tests {
    use super::{Room, RunName, escaped};
    use crate::results::{ChangeRequest, Document, PipelineRef};
    use uuid::Uuid;

    fn document(branch: Option<&str>, request: Option<u64>) -> Document {
        let id = Uuid::parse_str("0199f3a0-1c00-7abc-8def-0123456789ab").unwrap();
        let pipeline = PipelineRef { path: "b.yml".into(), sha256: String::new() };
        let mut document = Document::begun(id, "2025-10-17T23:59:59Z".parse().unwrap(), "p", pipeline);
        document.change.commit = Some("0123456789abcdef0123456789abcdef01234567".into());
        document.change.branch = branch.map(Into::into);
        document.change.default_branch = Some("main".into());
        let of = |number| ChangeRequest {
            number,
            target_branch: None,
            source_branch: None,
            from_fork: None,
            labels: Vec::new(),
        };
        document.change.request = request.map(of);
        document.host.class_key = "00ff00ff00ff00ff".into();
        document
    }

    #[test]
    fn a_name_is_made_and_read() {
        let file = "2025/10/17/0123456789ab-00ff00ff00ff00ff-0199f3a0-1c00-7abc-8def-0123456789ab";
        for (document, path) in [
            (document(Some("main"), None), format!("runs/{file}")),
            (document(Some("fix/a b"), None), format!("branches/fix%2Fa%20b/{file}")),
            (document(None, None), format!("branches/-/{file}")),
            // A fork's main is not ours.
            (document(Some("main"), Some(7)), format!("requests/7/{file}")),
        ] {
            for (compact, end) in [(false, ".json.gz"), (true, ".compact.json.gz")] {
                let name = RunName::of(&document, compact);
                assert_eq!(name.path(), format!("{path}{end}"));
                assert_eq!(RunName::parse(&name.path()), Some(name));
            }
        }
    }

    #[test]
    fn odd_branches_stay_in_their_place() {
        for odd in ["..", ".git", "", "a/../../b", "\u{1b}[31m", "-", "ä", &"x/".repeat(500)] {
            let name = RunName::of(&document(Some(odd), None), false);
            let Room::Branch(escaped) = &name.room else { panic!("{odd}") };
            assert!(escaped.len() < 140 && !escaped.starts_with('.') && !escaped.contains('/'), "{escaped}");
            assert_eq!(RunName::parse(&name.path()).as_ref(), Some(&name), "{odd}");
        }
        assert_ne!(escaped(&format!("{}a", "x".repeat(500))), escaped(&format!("{}b", "x".repeat(500))));
        let mut odd = document(Some("main"), None);
        odd.host.class_key = "../../x-y".into();
        odd.change.commit = Some("HEAD".into());
        let path = RunName::of(&odd, false).path();
        assert!(path.starts_with("runs/2025/10/17/none-%2E.%2F..%2Fx%2Dy-"), "{path}");
        assert_eq!(RunName::parse(&path).unwrap().path(), path);
    }

    #[test]
    fn what_is_no_name_is_not_read() {
        let good = RunName::of(&document(Some("main"), None), false).path();
        for (from, to) in [
            ("runs/", "run/"),
            ("runs/", "/runs/"),
            ("runs/", "x/../runs/"),
            ("2025/10", "2025/13"),
            ("2025/10", "2025/+9"),
            ("/17/", "/017/"),
            (".json.gz", ".json"),
            ("0123456789ab-00", "0123456789AB-00"),
            ("0199f3a0", "0199F3A0"),
            ("00ff", "00\u{7}f"),
        ] {
            assert!(good.contains(from), "{from}");
            assert_eq!(RunName::parse(&good.replacen(from, to, 1)), None, "{to}");
        }
        assert_eq!(RunName::parse(""), None);
        assert_eq!(RunName::parse(&good.replace("runs/", "requests/007/")), None);
        assert_eq!(RunName::parse(&good.replace("runs/", "requests/-7/")), None);
    }

    #[test]
    fn the_id_tells_the_time_and_the_day_where_it_does_not() {
        let mut document = document(Some("main"), None);
        assert_eq!(RunName::of(&document, false).started_at().as_millisecond(), 0x0199_f3a0_1c00);
        // An id that was made at another time than the run, as of a run that was imported.
        document.run.started_at = "2024-02-29T12:00:00Z".parse().unwrap();
        assert_eq!(RunName::of(&document, false).started_at().to_string(), "2024-02-29T00:00:00Z");
    }
}
