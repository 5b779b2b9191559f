//! Keeps a model's answers: decides about one at a time, writes it, and holds it against what is expected. A stored answer
//! is looked at in the same way, without asking anybody.

use std::io;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::book::Book;
use super::decide::Wish;
use super::folder::{Folder, confined, refused};
use super::held::Holder;
use super::ladder::{Climb, stops};
use super::lock::{Entry, hash, hex, key};
use super::regions;
use super::worker::Made;
use crate::execute::Masker;
use crate::pipeline::OnChange;
use crate::plan::{Asked, Batch, Cell, Completion, Expander, Item};
use crate::results::{Answer, Answered, Failure, Generation, GenerationState, Reason};

/// Keeps the answers of one step.
#[derive(Debug)]
pub(super) struct Keeper<'a> {
    pub item: &'a Item,
    pub batch: &'a Batch,
    pub completion: &'a Completion,
    pub expander: Expander<'a>,
    pub folder: Folder,
    pub book: &'a Book,
    pub masker: &'a Masker,
    pub wish: Wish,
}

/// Where an answer goes, and what is known of it.
struct Spot<'a> {
    cell: Cell,
    asked: Asked<'a>,
    path: std::path::PathBuf,
    existing: Option<Vec<u8>>,
    key: u64,
    entry: Option<Entry>,
    /// What is on disk is what we wrote.
    ours: bool,
}

impl Spot<'_> {
    /// Whether what is stored answers this very request; `None` where that is not known.
    fn is_same(&self) -> Option<bool> {
        let entry = self.entry.as_ref()?;
        Some(entry.template == self.asked.parameters && entry.context == self.asked.digest)
    }

    /// Why what is stored is not what is wanted now.
    fn stale(&self) -> Reason {
        let Some(entry) = &self.entry else {
            return Reason::new("stale", "it was stored before the lock file knew how it was asked for");
        };
        match (entry.template != self.asked.parameters, entry.context != self.asked.digest) {
            (true, _) => Reason::new("parameters_changed", "the model or its parameters changed since it was asked"),
            (false, true) => Reason::new("prompt_changed", "the prompt changed since it was asked"),
            (false, false) => Reason::new("answer_changed", "the model answers the same request in another way now"),
        }
    }

    fn edited(&self) -> Reason {
        if self.entry.is_some() {
            let text = "it was changed by hand since the model wrote it; have it asked for again with --force";
            return Reason::new("hand_edited", text);
        }
        let text = "there is a file that no model wrote here; move it away, or overwrite it with --force";
        Reason::new("unknown_file", text)
    }
}

impl<'a> Keeper<'a> {
    /// Keeps an answer, and holds it against what is expected.
    pub(super) fn keep(&mut self, number: usize, answer: &Answer, holder: &Holder<'_>, climb: &Climb<'_>) -> Made {
        let cell = match self.expander.cell(number) {
            Ok(cell) => cell,
            Err(error) => return self.failed(None, &Reason::new("not_asked", error.to_string())),
        };
        if let Some(reason) = &answer.failure {
            return self.failed(Some(&cell), reason);
        }
        let mut text = answer.text.clone().unwrap_or_default();
        self.masker.mask(&mut text);
        match self.spot(cell.clone()).and_then(|spot| self.decided(spot, text.as_bytes())) {
            Ok(mut made) => {
                made.generation.answer = Some(Answered::from(answer));
                self.held(made, &cell, &text, holder, climb)
            }
            Err(text) => self.failed(Some(&cell), &Reason::new("not_stored", text)),
        }
    }

    /// Looks at the stored answer alone.
    pub(super) fn stored(&mut self, number: usize, holder: &Holder<'_>, climb: &Climb<'_>) -> Made {
        let spot = match self.expander.cell(number) {
            Ok(cell) => self.spot(cell.clone()).map_err(|text| (Some(cell), text)),
            Err(error) => Err((None, error.to_string())),
        };
        let spot = match spot {
            Ok(spot) => spot,
            Err((cell, text)) => return self.failed(cell.as_ref(), &Reason::new("not_stored", text)),
        };
        use GenerationState::{Drifted, Edited, Missing, Unchanged};
        let (state, reason) = match (&spot.existing, spot.ours, spot.is_same()) {
            (None, ..) => {
                let text = "no answer is stored; `backsight generate` asks the model for it";
                (Missing, Some(Reason::new("not_answered", text)))
            }
            (Some(_), true, Some(true)) => (Unchanged, None),
            (Some(_), true, _) => (Drifted, Some(spot.stale())),
            (Some(_), false, _) => (Edited, Some(spot.edited())),
        };
        let stored = spot.existing.clone().unwrap_or_default();
        let mut generation = self.generation(&spot.cell, state);
        generation.reason = reason;
        if spot.existing.is_some() {
            (generation.sha256, generation.bytes) = (Some(whole(&stored)), Some(stored.len() as u64));
        }
        let made = Made { generation, change: None, cases: Vec::new(), key: Some(spot.key), entry: spot.entry };
        self.held(made, &spot.cell, &String::from_utf8_lossy(&stored), holder, climb)
    }

    /// A file that is not made.
    pub(super) fn left_out(&self, cell: &Cell) -> Option<Made> {
        let left_out = cell.left_out.as_ref()?;
        Some(Made::left_out(left_out, self.generation(cell, GenerationState::Skipped), Some(self.book)))
    }

    /// A prompt without an answer: what is stored stays as it is.
    pub(super) fn failed(&self, cell: Option<&Cell>, reason: &Reason) -> Made {
        let mut generation = match cell {
            Some(cell) => self.generation(cell, GenerationState::Failed),
            None => Generation::new(&self.item.id, self.batch.source(), "", GenerationState::Failed),
        };
        let kind = Some(reason.code.clone());
        generation.failure = Some(Failure { message: Some(reason.text.clone()), kind, text: None });
        generation.reason = Some(Reason::new(&reason.code, "there is no answer"));
        let key = cell.map(|cell| key(&cell.path));
        let entry = key.and_then(|key| self.book.lock.get(key)).cloned();
        Made { generation, change: None, cases: Vec::new(), key, entry }
    }

    fn spot(&mut self, cell: Cell) -> Result<Spot<'a>, String> {
        let path = confined(&cell.path)?;
        let asked = self.expander.asked(&cell).map_err(|error| error.to_string())?;
        let asked = asked.ok_or_else(|| "nothing is asked for this file".to_owned())?;
        let existing = self.folder.read(&path).map_err(|error| refused(&cell.path, &error))?;
        let key = key(&cell.path);
        let entry = self.book.lock.get(key).cloned();
        let is_ours = |bytes: &Vec<u8>| self.book.is_ours(key, &hash(&regions::without(bytes)));
        let ours = existing.as_ref().is_some_and(is_ours);
        Ok(Spot { cell, asked, path, existing, key, entry, ours })
    }

    /// Decides about an answer, and writes it where it is to be written.
    fn decided(&mut self, spot: Spot<'_>, answer: &[u8]) -> Result<Made, String> {
        let (state, reason) = decide(&spot, answer, self.wish, self.completion.on_change());
        let result = hash(&regions::without(answer));
        if state == GenerationState::Written {
            let noted = self.book.notes.add(spot.key, &result);
            noted.map_err(|error| format!("the notes cannot be written: {error}"))?;
            let place = |error: io::Error| refused(&spot.cell.path, &error);
            self.folder.write(&spot.path, answer).map_err(place)?;
        }
        let mut generation = self.generation(&spot.cell, state);
        generation.reason = reason;
        (generation.sha256, generation.bytes) = (Some(whole(answer)), Some(answer.len() as u64));
        let entry = if state.is_right() {
            let model = self.expander.model(&spot.cell).and_then(|model| model.revision.as_deref());
            let (template, context) = (spot.asked.parameters, spot.asked.digest);
            Some(Entry { template, context, result, revision: model.map(Arc::from) })
        } else {
            spot.entry
        };
        // Told also where the new answer was stored: that is what has changed since the baseline.
        let change = spot.existing.filter(|existing| existing != answer).map(|existing| (existing, answer.to_vec()));
        Ok(Made { generation, change, cases: Vec::new(), key: Some(spot.key), entry })
    }

    fn held(&self, mut made: Made, cell: &Cell, text: &str, holder: &Holder<'_>, climb: &Climb<'_>) -> Made {
        if !made.generation.state.is_right() {
            return made;
        }
        made.cases = holder.hold(climb, &self.expander, cell, text);
        if !made.cases.iter().any(|case| stops(case.outcome)) && !self.wish.check && !climb.is_empty() {
            made.cases.extend(climb.climb(&self.expander, cell, text.as_bytes()));
        }
        made
    }

    fn generation(&self, cell: &Cell, state: GenerationState) -> Generation {
        let context = self.batch.context(cell);
        Generation { context, ..Generation::new(&self.item.id, self.batch.source(), &cell.path, state) }
    }
}

/// What becomes of an answer: `Written` means that it is to be written now.
fn decide(spot: &Spot<'_>, answer: &[u8], wish: Wish, on_change: OnChange) -> (GenerationState, Option<Reason>) {
    use GenerationState::{Drifted, Edited, Unchanged, Written};
    let Some(existing) = &spot.existing else { return (Written, None) };
    if existing == answer {
        return (Unchanged, None);
    }
    if wish.force {
        return (Written, Some(spot.stale()).filter(|_| spot.ours));
    }
    if !spot.ours {
        return (Edited, Some(spot.edited()));
    }
    if spot.is_same() == Some(true) && on_change == OnChange::Fail {
        let text = "the model answers the same request in another way now; `--force` accepts the new answer";
        return (Drifted, Some(Reason::new("answer_changed", text)));
    }
    (Written, Some(spot.stale()))
}

fn whole(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}
