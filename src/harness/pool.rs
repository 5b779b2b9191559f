//! Many small things in little memory: a large output has a million names and figures, and each allocation of its own,
//! and each that grows and moves, takes longer than reading what goes into it.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

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
    /// Adds items that stand beside each other, and returns the place of the first.
    pub(super) fn add(&mut self, items: impl ExactSizeIterator<Item = T>) -> usize {
        let length = items.len();
        if self.chunks.last().is_none_or(|last| CHUNK.saturating_sub(last.len()) < length.max(1)) {
            self.chunks.push(Vec::with_capacity(length.max(CHUNK)));
        }
        let chunk = self.chunks.len() - 1;
        let Some(last) = self.chunks.last_mut() else { return 0 };
        let from = last.len();
        last.extend(items);
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

    /// All items in the order in which they came.
    pub(super) fn into_items(self) -> impl Iterator<Item = T> {
        self.chunks.into_iter().flatten()
    }
}

/// Finds the places of things by what they are called, without holding that a second time.
#[derive(Default)]
pub(super) struct Places {
    state: RandomState,
    /// An open table, at most three quarters full: a part of the hash, and the place plus one.
    slots: Vec<(u32, u32)>,
    used: usize,
}

impl Places {
    /// The place of this name, if one of those that have its hash `is` it; otherwise it is in this place from now on.
    pub(super) fn find_or_put(&mut self, name: &[u8], place: usize, is: impl Fn(usize) -> bool) -> Option<usize> {
        if (self.used + 1) * 4 > self.slots.len() * 3 {
            self.grow();
        }
        let hash = self.state.hash_one(name) as u32;
        let at = self.search(hash, &is);
        let slot = self.slots.get_mut(at)?;
        if slot.1 > 0 {
            return Some(slot.1 as usize - 1);
        }
        *slot = (hash, place as u32 + 1);
        self.used += 1;
        None
    }

    /// The place of this name.
    pub(super) fn find(&self, name: &[u8], is: impl Fn(usize) -> bool) -> Option<usize> {
        let slot = self.slots.get(self.search(self.state.hash_one(name) as u32, is))?;
        (slot.1 as usize).checked_sub(1)
    }

    /// Where this hash stands, or could: the table has room.
    fn search(&self, hash: u32, is: impl Fn(usize) -> bool) -> usize {
        let mask = self.slots.len().wrapping_sub(1);
        let mut at = hash as usize & mask;
        while let Some((known, place)) = self.slots.get(at).filter(|slot| slot.1 > 0) {
            if *known == hash && is(*place as usize - 1) {
                break;
            }
            at = (at + 1) & mask;
        }
        at
    }

    fn grow(&mut self) {
        let size = (self.slots.len() * 2).max(64);
        for (hash, place) in std::mem::replace(&mut self.slots, vec![(0, 0); size]) {
            if place > 0 {
                let at = self.search(hash, |_| false);
                self.slots.get_mut(at).into_iter().for_each(|slot| *slot = (hash, place));
            }
        }
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.slots.clear();
        self.used = 0;
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_together_stays_together() {
        let mut pool = Pool::default();
        let lengths = [1, 0, 7, CHUNK - 9, 3, 2 * CHUNK, 1, CHUNK, 0, 5];
        let places: Vec<usize> = lengths.iter().map(|length| pool.add((0..*length).map(|n| n + length))).collect();
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
        let mut alike = Places { slots: vec![(0, 0); 64], ..Places::default() };
        for place in 0..20_usize {
            let at = alike.search(63, |known| known == place);
            assert_eq!(at, (63 + place) % 64);
            alike.slots[at] = (63, place as u32 + 1);
        }
        assert_eq!(alike.search(63, |known| known == 7), 6);
    }
}
