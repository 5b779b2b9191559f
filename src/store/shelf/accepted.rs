//! Changes that somebody accepted on purpose: small JSON files beside the runs.
//!
//! An acceptance stands at a commit: it covers each comparison whose head has that commit in its history and whose base
//! has not. Or it stands for one change request, whatever its commits become. So it ends by itself once the baseline has
//! moved past it.

use globset::{GlobBuilder, GlobMatcher};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::name::day;

/// The format of these files.
const FORMAT: &str = "backsight/accepted/1";
/// Longer texts are none of ours, in bytes.
const LONGEST: usize = 4096;
/// The largest such file, in bytes.
const LARGEST: usize = 64 * 1024;

/// What was accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum AcceptedKind {
    /// Changes of all benchmarks and test cases whose name matches: regressed, vanished or failing to appear.
    Change {
        /// A glob for the names; `*` also crosses `/`.
        pattern: String,
    },
    /// A benchmark goes on under another name.
    Rename {
        /// As it was called.
        from: String,
        /// As it is called now.
        to: String,
    },
}

/// Where it holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// From this commit on, full hash.
    Commit(String),
    /// For this change request.
    Request(u64),
}

/// An accepted change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    format: String,
    /// Its own name.
    pub id: Uuid,
    /// When it was accepted.
    pub at: Timestamp,
    /// Of which project; of all that share the branch where absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub project: Option<String>,
    /// What.
    #[serde(flatten)]
    pub kind: AcceptedKind,
    /// Why.
    pub reason: String,
    /// By whom, as git knows them.
    pub author: String,
    /// Where.
    pub reach: Reach,
}

impl Accepted {
    /// A new one, with an id and a time of its own.
    pub fn new(project: Option<String>, kind: AcceptedKind, reason: String, author: String, reach: Reach) -> Self {
        Self {
            format: FORMAT.to_owned(),
            id: Uuid::now_v7(),
            at: Timestamp::now(),
            project,
            kind,
            reason,
            author,
            reach,
        }
    }

    /// The one that a commit's trailer stands for: the same commit and words give the same id, whoever reads it.
    pub fn of_trailer(commit: &str, at: Timestamp, author: String, pattern: &str, reason: &str) -> Self {
        use sha2::{Digest, Sha256};
        let digest = Sha256::digest(format!("{commit}\n{pattern}\n{reason}"));
        let mut bytes = [0; 16];
        for (to, from) in bytes.iter_mut().zip(digest.iter()) {
            *to = *from;
        }
        let kind = AcceptedKind::Change { pattern: pattern.to_owned() };
        let id = uuid::Builder::from_custom_bytes(bytes).into_uuid();
        Self { id, at, ..Self::new(None, kind, reason.to_owned(), author, Reach::Commit(commit.to_owned())) }
    }

    /// The path of its file.
    pub fn path(&self) -> String {
        format!("accepted/{}/{}.json", day(self.at).strftime("%Y/%m/%d"), self.id)
    }

    /// Its file.
    ///
    /// # Errors
    /// A reason for people, where a text is too long.
    pub fn pack(&self) -> Result<Vec<u8>, String> {
        self.fits()?;
        let mut json = serde_json::to_vec_pretty(self).map_err(|error| error.to_string())?;
        json.push(b'\n');
        Ok(json)
    }

    /// Reads a file and holds its name against its content.
    ///
    /// # Errors
    /// A reason for people.
    pub fn unpack(path: &str, bytes: &[u8]) -> Result<Self, String> {
        if bytes.len() > LARGEST {
            return Err(format!("it has {} bytes, more than the {LARGEST} that are read", bytes.len()));
        }
        let found: Self = serde_json::from_slice(bytes).map_err(|error| format!("it is no acceptance ({error})"))?;
        if found.format != FORMAT {
            return Err("it has a format that this backsight does not know; use a newer one".into());
        }
        found.fits()?;
        if found.path() == path { Ok(found) } else { Err(format!("its content belongs to {}", found.path())) }
    }

    fn fits(&self) -> Result<(), String> {
        let names = match &self.kind {
            AcceptedKind::Change { pattern } => vec![pattern],
            AcceptedKind::Rename { from, to } => vec![from, to],
        };
        let long = names.into_iter().chain([&self.reason, &self.author]).any(|text| text.len() > LONGEST);
        if long { Err(format!("one of its texts has more than {LONGEST} bytes")) } else { Ok(()) }
    }

    /// What its pattern matches; `None` for a rename and for a pattern that is no glob.
    pub fn matcher(&self) -> Option<GlobMatcher> {
        let AcceptedKind::Change { pattern } = &self.kind else { return None };
        let glob = GlobBuilder::new(pattern).literal_separator(false).build().ok()?;
        Some(glob.compile_matcher())
    }
}

#[cfg(test)]
mod tests {
    use super::{Accepted, AcceptedKind, Reach};

    fn accepted() -> Accepted {
        let kind = AcceptedKind::Change { pattern: "parse/*".into() };
        Accepted::new(Some("p".into()), kind, "a new algorithm".into(), "A <a@b>".into(), Reach::Request(7))
    }

    #[test]
    fn an_acceptance_is_written_and_read() {
        let one = accepted();
        let bytes = one.pack().unwrap();
        assert_eq!(Accepted::unpack(&one.path(), &bytes), Ok(one.clone()));
        assert!(Accepted::unpack("accepted/elsewhere.json", &bytes).unwrap_err().contains("belongs to"));
        assert!(Accepted::unpack(&one.path(), b"{}").unwrap_err().contains("no acceptance"));
        let newer = String::from_utf8(bytes).unwrap().replace("accepted/1", "accepted/2");
        assert!(Accepted::unpack(&one.path(), newer.as_bytes()).unwrap_err().contains("newer"));
        assert!(one.matcher().unwrap().is_match("parse/small/x"));
    }

    #[test]
    fn a_trailer_gives_the_same_acceptance_to_whoever_reads_it() {
        let at = "2026-11-01T00:00:00Z".parse().unwrap();
        let of = |pattern| Accepted::of_trailer("abc", at, "A".into(), pattern, "why");
        assert_eq!(of("x/*"), of("x/*"));
        assert_ne!(of("x/*").id, of("y/*").id);
        assert!(Accepted { reason: "x".repeat(5000), ..accepted() }.pack().is_err());
    }
}
