//! Repeated cases: which of them are attempts of one test.
//!
//! Some tools write one element per attempt. Cases of one suite with equal class and name, and no difference in file
//! and line, whose outcomes differ are taken as attempts of one case, in the order of the file: flaky where the last
//! one passed, otherwise what the last one was. Repeats with equal outcomes, and skipped ones, stay cases of their own:
//! nothing says that they are one test, and none may get lost. What failed again and says that it is a repetition is
//! an attempt too.
//!
//! Memory is bounded whatever the size of a suite: an outcome is compared with the suite's most recent cases, and with
//! those that did not pass for longer. The limits stand in [`Limits`].

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};

use crate::results::{Attempt, Case, Outcome};

use super::{Limits, UNNAMED};

/// Passes on what is a hash already.
#[derive(Default)]
struct Same(u64);

impl Hasher for Same {
    fn write(&mut self, _: &[u8]) {}

    fn write_u64(&mut self, hash: u64) {
        self.0 = hash;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// A case that may still turn out to be an attempt.
struct Entry {
    case: Box<Case>,
    suites: u64,
    hash: u64,
    weight: usize,
}

/// The cases of the innermost suite that have not been handed out.
pub(in crate::harness) struct Recent {
    recent: VecDeque<Entry>,
    held: VecDeque<Entry>,
    spare: Vec<(Box<Case>, u64)>,
    /// How many entries that did not just pass have this hash: tells quickly that a case is no repeat of one.
    bad: HashMap<u64, u32, BuildHasherDefault<Same>>,
    recent_weight: usize,
    held_weight: usize,
    /// How many elements of the file were found to be attempts of another one's case.
    pub(in crate::harness) merged: u64,
}

impl Recent {
    /// Nothing yet.
    pub(in crate::harness) fn new() -> Self {
        Self {
            recent: VecDeque::new(),
            held: VecDeque::new(),
            spare: Vec::new(),
            bad: HashMap::default(),
            recent_weight: 0,
            held_weight: 0,
            merged: 0,
        }
    }

    /// A case whose memory can be used again, with the state of the suites it was filled from.
    pub(in crate::harness) fn spare(&mut self) -> (Box<Case>, u64) {
        self.spare.pop().unwrap_or_else(|| (Box::new(Case::new("", Outcome::Passed)), 0))
    }

    /// Gives back the memory of a case that has been handed out.
    pub(in crate::harness) fn give_back(&mut self, case: Box<Case>, suites: u64, limits: &Limits) {
        if self.spare.len() <= limits.recent {
            self.spare.push((case, suites));
        }
    }

    /// Takes in a finished case, merged with its earlier attempts.
    pub(in crate::harness) fn add(&mut self, mut case: Box<Case>, suites: u64, limits: &Limits) {
        let hash = hash(&case);
        let repeats_bad = !self.bad.is_empty() && self.bad.contains_key(&hash);
        let repeats = repeats_bad || (is_bad(&case) && self.recent.iter().any(|entry| entry.hash == hash));
        // Cases without a name have nothing in common.
        if repeats && was_run(&case) && case.name != UNNAMED {
            self.merge_into(&mut case, hash, limits);
        }
        let weight = weight(&case);
        if is_bad(&case) {
            *self.bad.entry(hash).or_default() += 1;
        }
        self.recent_weight += weight;
        self.recent.push_back(Entry { case, suites, hash, weight });
    }

    /// Makes earlier cases with the same identity attempts of this one, if their outcomes differ.
    fn merge_into(&mut self, case: &mut Case, hash: u64, limits: &Limits) {
        let same = |entry: &Entry| entry.hash == hash && was_run(&entry.case) && are_one_test(&entry.case, case);
        let earlier = || self.held.iter().chain(&self.recent).filter(|entry| same(entry));
        let attempts: usize = earlier().map(|entry| entry.case.attempts.len().max(1)).sum();
        let differs = earlier().any(|entry| entry.case.outcome != case.outcome);
        if !(differs || says_repetition(case)) || attempts + case.attempts.len().max(1) > limits.attempts {
            return;
        }
        let mut all = Vec::with_capacity(attempts + 1);
        for held in [true, false] {
            let list = if held { &mut self.held } else { &mut self.recent };
            let mut i = 0;
            while i < list.len() {
                if !same(&list[i]) {
                    i += 1;
                } else if let Some(entry) = list.remove(i) {
                    *(if held { &mut self.held_weight } else { &mut self.recent_weight }) -= entry.weight;
                    forget(&mut self.bad, &entry);
                    self.merged += 1;
                    append_attempts(&mut all, &entry.case);
                }
            }
        }
        append_attempts(&mut all, case);
        if case.outcome == Outcome::Passed {
            case.outcome = Outcome::Flaky;
        }
        case.attempts = all;
    }

    /// The next case that has to leave because there are too many: the oldest recent one if it passed, or the oldest
    /// held one when what did not pass exceeds its own limit.
    pub(in crate::harness) fn next_surplus(&mut self, limits: &Limits) -> Option<(Box<Case>, u64)> {
        while self.recent.len() > limits.recent || (self.recent_weight > limits.held_bytes && self.recent.len() > 1) {
            let entry = self.recent.pop_front()?;
            self.recent_weight -= entry.weight;
            if !is_bad(&entry.case) {
                return Some(self.release(entry));
            }
            self.held_weight += entry.weight;
            self.held.push_back(entry);
        }
        if self.held.len() > limits.held || self.held_weight > limits.held_bytes {
            return self.pop_held();
        }
        None
    }

    /// The next case at the end of a suite.
    pub(in crate::harness) fn next_at_end(&mut self) -> Option<(Box<Case>, u64)> {
        if let Some(case) = self.pop_held() {
            return Some(case);
        }
        let entry = self.recent.pop_front()?;
        self.recent_weight -= entry.weight;
        Some(self.release(entry))
    }

    fn pop_held(&mut self) -> Option<(Box<Case>, u64)> {
        let entry = self.held.pop_front()?;
        self.held_weight -= entry.weight;
        Some(self.release(entry))
    }

    fn release(&mut self, entry: Entry) -> (Box<Case>, u64) {
        forget(&mut self.bad, &entry);
        (entry.case, entry.suites)
    }
}

/// Whether a later case with the same identity and an outcome of passed would be an attempt of this one.
fn is_bad(case: &Case) -> bool {
    case.outcome.is_failure() || case.outcome == Outcome::Flaky
}

fn was_run(case: &Case) -> bool {
    !matches!(case.outcome, Outcome::Skipped | Outcome::Cancelled)
}

fn forget(bad: &mut HashMap<u64, u32, BuildHasherDefault<Same>>, entry: &Entry) {
    if is_bad(&entry.case)
        && let Some(count) = bad.get_mut(&entry.hash)
    {
        *count -= 1;
        if *count == 0 {
            bad.remove(&entry.hash);
        }
    }
}

fn append_attempts(all: &mut Vec<Attempt>, case: &Case) {
    if case.attempts.is_empty() {
        let failure = case.failures.first().cloned();
        all.push(Attempt { outcome: case.outcome, duration_ns: case.duration_ns, failure });
    } else {
        all.extend_from_slice(&case.attempts);
    }
}

/// Whether the case says itself that it is not the first run of its test, as Xcode's results do.
fn says_repetition(case: &Case) -> bool {
    let said = case.properties.get("repetition").and_then(|text| text.strip_prefix("Repetition "));
    said.and_then(|text| text.split_whitespace().next()?.parse::<u32>().ok()).is_some_and(|number| number > 1)
}

/// Equal names and classes, and no difference in place: some tools give a place to failures only.
fn are_one_test(a: &Case, b: &Case) -> bool {
    let one_place = |differ: bool, known: bool| !(differ && known);
    a.name == b.name
        && a.class == b.class
        && one_place(a.file != b.file, a.file.is_some() && b.file.is_some())
        && one_place(a.line != b.line, a.line.is_some() && b.line.is_some())
}

/// A quick hash; equality is checked with the texts themselves, so collisions only cost time.
fn hash(case: &Case) -> u64 {
    const FACTOR: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut hash = 0u64;
    for text in [Some(case.name.as_str()), case.class.as_deref()] {
        let (words, rest) = text.unwrap_or_default().as_bytes().as_chunks::<8>();
        for word in words {
            hash = (hash.rotate_left(5) ^ u64::from_le_bytes(*word)).wrapping_mul(FACTOR);
        }
        let rest = rest.iter().fold(1, |word, byte| (word << 8) | u64::from(*byte));
        hash = (hash.rotate_left(5) ^ rest).wrapping_mul(FACTOR);
    }
    hash
}

/// About how much memory a case takes, in bytes.
fn weight(case: &Case) -> usize {
    let text = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let failure = |f: &crate::results::Failure| 72 + text(&f.message) + text(&f.kind) + text(&f.text);
    let failures: usize = case.failures.iter().map(failure).sum();
    let attempts: usize = case.attempts.iter().map(|a| 100 + a.failure.as_ref().map_or(0, failure)).sum();
    let properties: usize = case.properties.iter().map(|(key, value)| 60 + key.len() + value.len()).sum();
    let outputs = text(&case.stdout) + text(&case.stderr);
    400 + case.name.len() + text(&case.class) + failures + attempts + properties + outputs
}
