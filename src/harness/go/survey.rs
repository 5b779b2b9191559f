//! What has to be known of a large output before its benchmarks can be handed out one by one: whether a benchmark comes
//! again later, and which configuration tells results apart. It takes the same memory however large the output is.

use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::{BuildHasher, Hash};

use crate::results::Direction;

/// Which benchmark a line is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Place<Name> {
    /// The number of the configuration.
    pub(super) config: u32,
    /// The number of the package.
    pub(super) package: u32,
    /// As it is written.
    pub(super) name: Name,
}

impl Place<&str> {
    pub(super) fn owned(self) -> Place<Box<str>> {
        Place { config: self.config, package: self.package, name: self.name.into() }
    }
}

impl Place<Box<str>> {
    pub(super) fn is(&self, other: Place<&str>) -> bool {
        self.borrowed() == other
    }

    fn borrowed(&self) -> Place<&str> {
        Place { config: self.config, package: self.package, name: &self.name }
    }
}

/// The size of the set of places, in bits; a million benchmarks fill less than a tenth of it.
const BITS: u64 = 1 << 26;

/// The bits of a place: one taken for another one's is held in memory without need, and nothing worse.
const BITS_OF_PLACE: u64 = 4;

/// A survey on its way.
pub(super) struct Surveying {
    state: RandomState,
    /// A Bloom filter of the places (B. H. Bloom, Space/time trade-offs in hash coding with allowable errors, 1970).
    seen: Vec<u64>,
    /// The hash of the place of the line before.
    last: Option<u64>,
    again: HashSet<u64>,
}

impl Default for Surveying {
    fn default() -> Self {
        Self { state: RandomState::new(), seen: vec![0; (BITS / 64) as usize], last: None, again: HashSet::new() }
    }
}

impl Surveying {
    /// There is a result of this place.
    pub(super) fn saw(&mut self, place: Place<&str>) {
        let hash = self.state.hash_one(place);
        if self.last.replace(hash) != Some(hash) && !self.is_new(hash) {
            self.again.insert(hash);
        }
    }

    /// Whether a place was not seen before; it is now.
    fn is_new(&mut self, hash: u64) -> bool {
        let (first, step) = (hash, hash.rotate_left(32) | 1);
        let mut new = false;
        for index in 0..BITS_OF_PLACE {
            let bit = first.wrapping_add(index.wrapping_mul(step)) % BITS;
            let Some(word) = self.seen.get_mut((bit / 64) as usize) else { continue };
            new |= *word & (1 << (bit % 64)) == 0;
            *word |= 1 << (bit % 64);
        }
        new
    }

    /// The survey, with all configurations under which something was measured, and the directions of units.
    pub(super) fn end(self, configs: &[BTreeMap<String, String>], better: HashMap<String, Direction>) -> Survey {
        Survey { again: Some((self.state, self.again)), better, ..Survey::of(configs) }
    }
}

/// What is known of an output.
pub(super) struct Survey {
    again: Option<(RandomState, HashSet<u64>)>,
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
    pub(super) fn comes_again(&self, place: &Place<Box<str>>) -> bool {
        self.again
            .as_ref()
            .is_none_or(|(state, again)| !again.is_empty() && again.contains(&state.hash_one(place.borrowed())))
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
