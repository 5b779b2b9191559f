//! The one comment of a project: a section for each leg of the CI, put together by processes that know nothing of each
//! other.
//!
//! The comment's text is all they share, so it carries what is needed to go on with it, in HTML comments that nobody
//! sees: which leg a section is of, which commit it is about, and its parts. Each section's marks have a key drawn at
//! random when it is written. What a section quotes was written before, so it cannot hold the marks' key, and what
//! looks like a mark inside a section is passed over.

use std::fmt::Write;

use jiff::Timestamp;
use uuid::Uuid;

use crate::report::escape;
use crate::report::markdown::{Detail, ESSENTIAL, HIGHEST, Measure, Parts};
use crate::results::{Document, ExitCode, MetricChange, Verdict};

/// How a leg stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum State {
    /// Something speaks against the change.
    Bad,
    /// It was not decided.
    Undecided,
    /// Nothing speaks against it, but there is something to say.
    Told,
    /// Nothing to say.
    Good,
}

impl State {
    const ALL: [(Self, &'static str); 4] =
        [(Self::Bad, "bad"), (Self::Undecided, "undecided"), (Self::Told, "told"), (Self::Good, "good")];

    fn word(self) -> &'static str {
        Self::ALL.iter().find(|(state, _)| *state == self).map_or("told", |(_, word)| word)
    }

    fn parse(word: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, known)| *known == word).map(|(state, _)| *state)
    }
}

impl State {
    /// How a run stands.
    pub fn of(document: &Document) -> Self {
        let rows = || document.comparison.iter().flat_map(|comparison| &comparison.rows);
        let counts = &document.counts;
        let moved = |row: &MetricChange| !matches!(row.verdict, Verdict::Unchanged | Verdict::New | Verdict::NoBase);
        match document.run.exit_code {
            ExitCode::Undecided => Self::Undecided,
            ExitCode::Passed if rows().any(|row| row.verdict == Verdict::Regressed && row.accepted.is_none()) => {
                Self::Bad
            }
            ExitCode::Passed if rows().any(moved) || counts.flaky > 0 || !document.quarantine.is_empty() => Self::Told,
            ExitCode::Passed => Self::Good,
            _ => Self::Bad,
        }
    }
}

/// What one leg has to say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// The leg's name; empty where there is only one.
    pub leg: String,
    /// The commit it is about; empty where that is not known.
    pub commit: String,
    /// When its run started.
    pub started: Timestamp,
    /// How it stands.
    pub state: State,
    /// What it says.
    pub parts: Parts,
}

/// The comment's content.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Body {
    slot: String,
    sections: Vec<Section>,
}

/// What came of putting a section into a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Put {
    /// It is in.
    In,
    /// A later run of the same leg has spoken already.
    TooOld,
}

impl Body {
    /// An empty one of this project.
    pub fn new(slot: &str) -> Self {
        Self { slot: slot.to_owned(), sections: Vec::new() }
    }

    /// One with these sections.
    pub fn of(slot: &str, sections: Vec<Section>) -> Self {
        let mut body = Self::new(slot);
        for section in sections {
            body.put(section);
        }
        body
    }

    /// What the comment of a project begins with.
    pub fn marker(slot: &str) -> String {
        format!("<!-- backsight:report:{} -->", packed(slot))
    }

    /// Reads a comment; `None` if it is not this project's. A section that is damaged is left out.
    pub fn parse(text: &str, slot: &str) -> Option<Self> {
        // Platforms give line ends back as they like.
        let text = text.replace("\r\n", "\n");
        let mut rest = text.strip_prefix(&Self::marker(slot))?;
        let mut body = Self::new(slot);
        while let Some(at) = rest.find(OPEN) {
            rest = rest.get(at + OPEN.len()..)?;
            let Some((head, after)) = rest.split_once(" -->") else { break };
            let Some((section, key)) = head_of(head) else { continue };
            let Some((parts, length)) = Parts::unmarked(after, &key) else { continue };
            rest = after.get(length..)?;
            body.sections.push(Section { parts, ..section });
        }
        Some(body)
    }

    /// The sections, in no particular order.
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }

    /// Puts a section in place of the same leg's earlier one.
    pub fn put(&mut self, section: Section) -> Put {
        let same = self.sections.iter().position(|known| known.leg == section.leg);
        if let Some(known) = same.and_then(|index| self.sections.get_mut(index)) {
            if known.started > section.started {
                return Put::TooOld;
            }
            *known = section;
        } else {
            self.sections.push(section);
        }
        Put::In
    }

    /// Whether this very section is in it.
    pub fn holds(&self, section: &Section) -> bool {
        self.sections
            .iter()
            .any(|known| known.leg == section.leg && known.commit == section.commit && known.started == section.started)
    }

    /// Whether no section has anything to say.
    pub fn is_quiet(&self) -> bool {
        self.sections.iter().all(|section| section.state == State::Good)
    }

    /// The comment's text, at most `limit` long: what is good is shortened first, regressions last. `left_out` says where
    /// the rest is.
    pub fn render(&self, limit: usize, measure: Measure, left_out: &str) -> String {
        let mut sections: Vec<&Section> = self.sections.iter().collect();
        sections.sort_by(|a, b| (self.is_stale(a), a.state, &a.leg).cmp(&(self.is_stale(b), b.state, &b.leg)));
        for (bad, good, with_short) in LADDER {
            let of = |section: &Section| if section.state <= State::Undecided { bad } else { good };
            let text = self.text(&sections, with_short, left_out, of);
            if measure.of(&text) <= limit {
                return text;
            }
        }
        self.cut(&sections, limit, measure, left_out)
    }

    fn text(&self, sections: &[&Section], with_short: bool, left_out: &str, of: impl Fn(&Section) -> Detail) -> String {
        let mut out = self.heading();
        let mut is_whole = true;
        for section in sections {
            let detail = of(section);
            is_whole &= detail == Detail::UpTo(HIGHEST);
            self.section(&mut out, section, &section.parts.at(detail, with_short));
        }
        if !is_whole {
            let _ = writeln!(out, "\n{left_out}");
        }
        out
    }

    /// The shortest form, with each section cut to its share of the room.
    fn cut(&self, sections: &[&Section], limit: usize, measure: Measure, left_out: &str) -> String {
        let frame = self.text(sections, false, left_out, |_| Detail::Short);
        let content: usize = sections.iter().map(|section| measure.of(&section.parts.text(Detail::Short))).sum();
        let room = (limit + content).saturating_sub(measure.of(&frame));
        let mut out = self.heading();
        let (mut room, mut left) = (room, sections.len());
        for section in sections {
            let share = room / left.max(1);
            let text = section.parts.within(share, measure, "…\n");
            room = room.saturating_sub(measure.of(&text));
            left -= 1;
            self.section(&mut out, section, &Parts::one(text));
        }
        let _ = writeln!(out, "\n{left_out}");
        // Thousands of legs: their names alone are too long.
        while measure.of(&out) > limit {
            let Some(end) = out.trim_end().rfind('\n') else { break };
            out.truncate(end + 1);
        }
        out
    }

    fn heading(&self) -> String {
        let mut out = Self::marker(&self.slot);
        out.push('\n');
        if self.sections.len() > 1 {
            let count = |states: &[State]| self.sections.iter().filter(|one| states.contains(&one.state)).count();
            let words = [
                (count(&[State::Bad]), "with something against the change"),
                (count(&[State::Undecided]), "undecided"),
                (count(&[State::Told, State::Good]), "with nothing against it"),
            ];
            let told: Vec<_> = words.iter().filter(|(n, _)| *n > 0).map(|(n, words)| format!("{n} {words}")).collect();
            let _ =
                writeln!(out, "## {}: {} legs, {}\n", escape::code(&self.slot), self.sections.len(), told.join(", "));
        }
        out
    }

    fn section(&self, out: &mut String, section: &Section, parts: &Parts) {
        let key = Uuid::now_v7().simple().to_string();
        let _ = writeln!(
            out,
            "{OPEN}{key} leg={} commit={} started={} state={} -->",
            packed(&section.leg),
            packed(&section.commit),
            section.started,
            section.state.word()
        );
        let folded = self.sections.len() > 1 && (section.state == State::Good || self.is_stale(section));
        if folded {
            let short = section.commit.get(..9).unwrap_or(&section.commit);
            let from = if self.is_stale(section) { format!(", of the earlier commit {short}") } else { String::new() };
            let word = if section.state == State::Good { "nothing to say" } else { "has something to say" };
            let leg = escape::html_code(&section.leg);
            let _ = writeln!(out, "<details><summary>{leg}: {word}{}</summary>\n", escape::html(&from));
        }
        out.push_str(&parts.marked(&key));
        if folded {
            out.push_str("\n</details>\n");
        }
        out.push('\n');
    }

    /// Whether a section is about another commit than the latest one is.
    fn is_stale(&self, section: &Section) -> bool {
        let latest = self.sections.iter().max_by_key(|section| section.started);
        latest.is_some_and(|latest| latest.commit != section.commit)
    }
}

/// What a leg's section begins with.
const OPEN: &str = "<!-- backsight:leg ";

/// How much of a section with something against the change, and of another, is shown; whether short forms go with it.
const LADDER: [(Detail, Detail, bool); 7] = [
    (Detail::UpTo(HIGHEST), Detail::UpTo(HIGHEST), true),
    (Detail::UpTo(HIGHEST), Detail::UpTo(HIGHEST), false),
    (Detail::UpTo(HIGHEST), Detail::UpTo(ESSENTIAL), false),
    (Detail::UpTo(2), Detail::UpTo(ESSENTIAL), false),
    (Detail::UpTo(1), Detail::UpTo(ESSENTIAL), false),
    (Detail::UpTo(ESSENTIAL), Detail::Short, false),
    (Detail::Short, Detail::Short, false),
];

/// The facts in a leg's opening mark, and its key.
fn head_of(text: &str) -> Option<(Section, String)> {
    let mut words = text.split(' ');
    let key = words.next().filter(|key| key.len() == 32 && key.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    let mut section = Section {
        leg: String::new(),
        commit: String::new(),
        started: Timestamp::UNIX_EPOCH,
        state: State::Told,
        parts: Parts::default(),
    };
    for word in words {
        let (name, value) = word.split_once('=')?;
        match name {
            "leg" => section.leg = unpacked(value),
            "commit" => section.commit = unpacked(value),
            "started" => section.started = value.parse().ok()?,
            "state" => section.state = State::parse(value)?,
            _ => {}
        }
    }
    Some((section, key.to_owned()))
}

/// A name as one word that can stand in an HTML comment.
fn packed(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'_' | b'/' => out.push(char::from(byte)),
            other => {
                let _ = write!(out, "%{other:02X}");
            }
        }
    }
    out
}

fn unpacked(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let byte = after.get(..2).and_then(|two| u8::from_str_radix(str::from_utf8(two).ok()?, 16).ok());
        match (first, byte) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = after.get(2..).unwrap_or_default();
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests;
