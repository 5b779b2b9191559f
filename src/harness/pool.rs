//! Many small things in little memory: a large output has a million names and figures, and each allocation of its own,
//! and each that grows and moves, takes longer than reading what goes into it.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

/// How many items are allocated at once.
const CHUNK: usize = 4096;

/// Items that stay where they are.
pub(super) struct Pool<T> {
    chunks: Vec<Vec<T>>,
}

impl<T> Default for Pool<T> {
    fn default() -> Self {
        Self { chunks: Vec::new() }
    }
}

impl<T> Pool<T> {
    /// Adds an item, and returns its place.
    pub(super) fn add(&mut self, item: T) -> usize {
        self.place(1, |chunk| chunk.push(item))
    }

    /// Makes room for so many items that stand beside each other, lets them be put there, and returns the place of the first.
    fn place(&mut self, length: usize, put: impl FnOnce(&mut Vec<T>)) -> usize {
        if self.chunks.last().is_none_or(|last| CHUNK.saturating_sub(last.len()) < length.max(1)) {
            self.chunks.push(Vec::with_capacity(length.max(CHUNK)));
        }
        let chunk = self.chunks.len() - 1;
        let Some(last) = self.chunks.last_mut() else { return 0 };
        let from = last.len();
        put(last);
        chunk * CHUNK + from
    }

    /// The place of a single item that is added next.
    pub(super) fn next(&self) -> usize {
        match self.chunks.last() {
            Some(last) if last.len() < CHUNK => (self.chunks.len() - 1) * CHUNK + last.len(),
            _ => self.chunks.len() * CHUNK,
        }
    }

    /// As many items from a place on as were added there together.
    pub(super) fn get(&self, place: usize, length: usize) -> &[T] {
        let from = place % CHUNK;
        self.chunks.get(place / CHUNK).and_then(|chunk| chunk.get(from..from + length)).unwrap_or_default()
    }

    /// The item of a place.
    pub(super) fn get_mut(&mut self, place: usize) -> Option<&mut T> {
        self.chunks.get_mut(place / CHUNK)?.get_mut(place % CHUNK)
    }

    /// Adds items that stand beside each other, and returns the place of the first.
    pub(super) fn add_all(&mut self, items: &[T]) -> usize
    where
        T: Copy,
    {
        self.place(items.len(), |chunk| chunk.extend_from_slice(items))
    }

    /// All items in the order in which they came.
    pub(super) fn into_items(self) -> impl Iterator<Item = T> {
        self.chunks.into_iter().flatten()
    }
}

/// Finds the places of things by what they are called, without holding that a second time.
#[derive(Default)]
pub(super) struct Places {
    state: RandomState,
    /// A part of the hash, and the place.
    slots: HashTable<(u32, u32)>,
}

impl Places {
    /// The place of this name, if one of those that have its hash `is` it; otherwise it is in this place from now on.
    pub(super) fn find_or_put(&mut self, name: &[u8], place: usize, is: impl Fn(usize) -> bool) -> Option<usize> {
        let part = self.part(name);
        let same = |slot: &(u32, u32)| slot.0 == part && is(slot.1 as usize);
        match self.slots.entry(spread(part), same, |slot| spread(slot.0)) {
            Entry::Occupied(slot) => Some(slot.get().1 as usize),
            Entry::Vacant(slot) => {
                slot.insert((part, place as u32));
                None
            }
        }
    }

    /// The place of this name.
    pub(super) fn find(&self, name: &[u8], is: impl Fn(usize) -> bool) -> Option<usize> {
        let part = self.part(name);
        let found = self.slots.find(spread(part), |slot| slot.0 == part && is(slot.1 as usize));
        found.map(|slot| slot.1 as usize)
    }

    fn part(&self, name: &[u8]) -> u32 {
        self.state.hash_one(name) as u32
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.slots.clear();
    }
}

/// A table's hash from the part that is kept, as the table looks at both ends of it.
fn spread(part: u32) -> u64 {
    u64::from(part).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// Texts that come again and again, each with a number.
#[derive(Default)]
pub(super) struct Texts {
    numbers: HashMap<Box<str>, u32>,
    texts: Vec<Box<str>>,
}

impl Texts {
    /// The number of this text.
    pub(super) fn number(&mut self, text: &str) -> u32 {
        if let Some(known) = self.numbers.get(text) {
            return *known;
        }
        let next = self.texts.len() as u32;
        self.texts.push(text.into());
        self.numbers.insert(text.into(), next);
        next
    }

    /// The text of this number.
    pub(super) fn text(&self, number: u32) -> &str {
        self.texts.get(number as usize).map_or("", |text| text)
    }
}

/// Figures by the numbers of what they are called, in the memory of earlier ones.
#[derive(Default)]
pub(super) struct Columns {
    /// Those behind `used` are of earlier things.
    columns: Vec<(u32, Vec<f64>)>,
    used: usize,
}

impl Columns {
    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.used = 0;
    }

    /// All numbers with their figures, in the order in which they came first.
    pub(super) fn columns(&self) -> &[(u32, Vec<f64>)] {
        self.columns.get(..self.used).unwrap_or_default()
    }

    /// The figures of this number.
    pub(super) fn column(&mut self, number: u32) -> &mut Vec<f64> {
        let known = self.columns().iter().position(|(known, _)| *known == number);
        let index = known.unwrap_or(self.used);
        if index == self.columns.len() {
            self.columns.push((number, Vec::new()));
        }
        let (own, figures) = &mut self.columns[index];
        if known.is_none() {
            *own = number;
            figures.clear();
            self.used += 1;
        }
        figures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_together_stays_together() {
        let mut pool = Pool::default();
        let lengths = [1, 0, 7, CHUNK - 9, 3, 2 * CHUNK, 1, CHUNK, 0, 5];
        let places: Vec<usize> =
            lengths.iter().map(|length| pool.add_all(&(0..*length).map(|n| n + length).collect::<Vec<_>>())).collect();
        for (place, length) in places.iter().zip(lengths) {
            assert!(pool.get(*place, length).iter().copied().eq((0..length).map(|n| n + length)), "{length}");
        }
        *pool.get_mut(places[2]).unwrap() = 0;
        assert_eq!(pool.get(places[2], 7), [0, 8, 9, 10, 11, 12, 13]);
        assert_eq!(pool.into_items().count(), lengths.iter().sum::<usize>());
    }

    #[test]
    fn names_are_found_also_where_hashes_are_alike() {
        let names: Vec<String> = (0..10_000).map(|n| format!("name {}", n % 7_000)).collect();
        let mut places = Places::default();
        assert_eq!(places.find(b"name 1", |_| true), None);
        for (place, name) in names.iter().enumerate() {
            let found = places.find_or_put(name.as_bytes(), place, |place| names[place] == *name);
            assert_eq!(found, place.checked_sub(7_000));
            assert_eq!(places.find(name.as_bytes(), |place| names[place] == *name), Some(place % 7_000));
        }
        places.state = RandomState::new();
        places.clear();
        assert_eq!(places.find(b"name 1", |_| true), None);
    }

    #[test]
    fn names_whose_hashes_are_alike_are_told_apart() {
        let mut places = Places::default();
        let part = places.part(b"b");
        for place in 0..20 {
            places.slots.insert_unique(spread(part), (part, place), |slot| spread(slot.0));
        }
        assert_eq!(places.find(b"b", |place| place == 7), Some(7));
        assert_eq!(places.find_or_put(b"b", 20, |place| place == 19), Some(19));
        assert_eq!(places.find_or_put(b"b", 20, |_| false), None);
        assert_eq!(places.find(b"b", |place| place == 20), Some(20));
    }
}
