//! What has to be known of a large output before its benchmarks can be handed out one by one: whether a benchmark comes
//! again later, and which configuration tells results apart. It takes the same memory however large the output is.

use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{BuildHasher, Hash};

use crate::results::Direction;

/// Which benchmark a line is of.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Place<Name> {
    /// The number of the configuration.
    pub(super) config: u32,
    /// The number of the package.
    pub(super) package: u32,
    /// As it is written.
    pub(super) name: Name,
}

impl Place<String> {
    pub(super) fn is(&self, other: Place<&str>) -> bool {
        self.borrowed() == other
    }

    /// Becomes the other one.
    pub(super) fn set(&mut self, other: Place<&str>) {
        (self.config, self.package) = (other.config, other.package);
        self.name.clear();
        self.name.push_str(other.name);
    }

    fn borrowed(&self) -> Place<&str> {
        Place { config: self.config, package: self.package, name: &self.name }
    }
}

/// The size of the set of places, in words; a million benchmarks fill less than a tenth of its bits.
const WORDS: u64 = 1 << 20;

/// How many places are looked up at once.
const TOGETHER: usize = 64;

/// A survey on its way.
pub(super) struct Surveying {
    state: RandomState,
    /// A Bloom filter of the places (B. H. Bloom, Space/time trade-offs in hash coding with allowable errors, 1970) whose
    /// four bits of a place are in one word. A place taken for another one is held in memory without need, and nothing
    /// worse.
    seen: Vec<u64>,
    /// The place of the line before.
    last: Option<Place<String>>,
    again: HashSet<u64>,
    /// Hashes of places that have not been looked up.
    pending: Vec<u64>,
}

impl Default for Surveying {
    fn default() -> Self {
        Self {
            state: RandomState::new(),
            seen: vec![0; WORDS as usize],
            last: None,
            again: HashSet::new(),
            pending: Vec::new(),
        }
    }
}

impl Surveying {
    /// There is a result of this place.
    pub(super) fn saw(&mut self, place: Place<&str>) {
        if self.last.as_ref().is_some_and(|last| last.is(place)) {
            return;
        }
        self.last.get_or_insert_default().set(place);
        self.pending.push(self.state.hash_one(place));
        if self.pending.len() == TOGETHER {
            self.look_up();
        }
    }

    /// Looks up the hashes of new places, several at once: memory is slow, but brings many words at the same time.
    fn look_up(&mut self) {
        let mut pending = std::mem::take(&mut self.pending);
        for hash in pending.drain(..) {
            if !self.is_new(hash) {
                self.again.insert(hash);
            }
        }
        self.pending = pending;
    }

    /// Whether a place was not seen before; it is now.
    fn is_new(&mut self, hash: u64) -> bool {
        let Some(word) = self.seen.get_mut((hash % WORDS) as usize) else { return false };
        let bits = [40, 46, 52, 58].map(|from| 1 << (hash >> from & 63)).into_iter().fold(0, |all, bit: u64| all | bit);
        let new = *word & bits != bits;
        *word |= bits;
        new
    }

    /// The survey, with all configurations under which something was measured, and the directions of units.
    pub(super) fn end(mut self, configs: &[BTreeMap<String, String>], better: HashMap<String, Direction>) -> Survey {
        self.look_up();
        let mut again: Vec<u64> = self.again.into_iter().collect();
        again.sort_unstable();
        Survey { again: Some((self.state, again)), better, ..Survey::of(configs) }
    }
}

/// What is known of an output.
pub(super) struct Survey {
    /// Sorted hashes.
    again: Option<(RandomState, Vec<u64>)>,
    /// The keys of configuration that tell results apart.
    pub(super) varying: Vec<String>,
    /// The directions that the output gives its units.
    pub(super) better: HashMap<String, Direction>,
}

impl Survey {
    /// Of these configurations, under which something was measured, and nothing else.
    pub(super) fn of(configs: &[BTreeMap<String, String>]) -> Self {
        Self { again: None, varying: varying(configs), better: HashMap::new() }
    }

    /// Whether lines of this benchmark may stand in more than one place.
    pub(super) fn comes_again(&self, place: &Place<String>) -> bool {
        self.again.as_ref().is_none_or(|(state, again)| {
            !again.is_empty() && again.binary_search(&state.hash_one(place.borrowed())).is_ok()
        })
    }
}

/// Keys of configuration that differ within the output: they tell results of one name apart.
fn varying(configs: &[BTreeMap<String, String>]) -> Vec<String> {
    let Some((first, others)) = configs.split_first() else { return Vec::new() };
    let mut keys: Vec<String> = Vec::new();
    for other in others {
        for key in first.keys().chain(other.keys()) {
            if first.get(key) != other.get(key) && !keys.contains(key) {
                keys.push(key.clone());
            }
        }
    }
    keys
}
