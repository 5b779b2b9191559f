//! What a run knows and learns of generated files, from its first generation to its last: the lock file, the notes, and
//! which files have been seen.

use std::collections::HashSet;
use std::path::Path;

use super::folder::{Folder, confined, refused};
use super::lock::{Hash, Lock, Part, hash, key};
use super::notes::Notes;
use super::regions;
use crate::execute::{Emitter, Workshop};
use crate::results::{Event, Generation, GenerationState, Kind, Reason, RemarkLevel, UnlistedGenerations};

/// Orphans that are listed one by one.
const LISTED: usize = 1000;

/// The book of a run.
#[derive(Debug)]
pub(super) struct Book {
    pub lock: Lock,
    pub notes: Notes,
    /// Files that are made, or may be made elsewhere: no orphans.
    made: HashSet<u64>,
    /// Steps that were carried out from end to end.
    whole: HashSet<String>,
}

impl Book {
    /// Opens the book of a workspace. While another run generates here, `waits` is asked whether it is waited for.
    ///
    /// # Errors
    /// If the lock file cannot be understood, or another run generates here now.
    pub(super) fn open(workspace: &Path, check: bool, waits: &dyn Fn() -> bool) -> Result<Self, String> {
        let notes = Notes::open(workspace, check, waits)?;
        let lock = Lock::read(workspace)?;
        Ok(Self { lock, notes, made: HashSet::new(), whole: HashSet::new() })
    }

    /// Whether a content, its protected regions aside, is what we wrote to that path.
    pub(super) fn is_ours(&self, path: u64, content: &Hash) -> bool {
        self.lock.get(path).is_some_and(|entry| entry.result == *content) || self.notes.has(path, content)
    }

    /// Takes in what a step made.
    pub(super) fn close_step(
        &mut self,
        step: &str,
        part: Option<Part>,
        made: HashSet<u64>,
        whole: bool,
    ) -> Result<(), String> {
        if let Some(mut part) = part {
            self.lock.replace(step, &mut part, &made)?;
        }
        self.made.extend(made);
        if whole {
            self.whole.insert(step.to_owned());
        }
        Ok(())
    }

    /// After the last generation: what the lock file still has and nothing makes any more. `all` are the generations of the
    /// pipeline.
    pub(super) fn orphans(&mut self, all: &[String], workshop: &Workshop, emitter: &Emitter) -> Result<(), String> {
        let mut orphans: Vec<(String, String, Option<Hash>)> = Vec::new();
        let mut gone = HashSet::new();
        let mut folder = Folder::open(&workshop.workspace)?;
        self.lock.each(&mut |step, output, result| {
            let ended = self.whole.contains(step) || !all.iter().any(|name| name == step);
            if !ended || self.made.contains(&key(output)) {
                return;
            }
            let there = confined(output).ok().is_some_and(|path| matches!(folder.read(&path), Ok(Some(_))));
            if there {
                orphans.push((step.to_owned(), output.to_owned(), result));
            } else {
                gone.insert(key(output));
            }
        })?;
        let mut unlisted = 0;
        for (number, (step, output, result)) in orphans.iter().enumerate() {
            let generation = self.orphan(step, output, *result, &mut folder, workshop);
            if generation.state == GenerationState::Removed {
                gone.insert(key(output));
            }
            let quiet = !workshop.check_only && generation.state == GenerationState::Orphaned && !workshop.prune;
            if quiet || number >= LISTED {
                unlisted += u64::from(!quiet);
            } else {
                emitter.emit(Event::GenerationFinished { generation });
            }
        }
        if unlisted > 0 {
            let state = if workshop.prune { GenerationState::Removed } else { GenerationState::Orphaned };
            let files = UnlistedGenerations { step: Kind::Generation.section().to_owned(), state, files: unlisted };
            emitter.emit(Event::GenerationsCounted { files });
        }
        if !orphans.is_empty() && !workshop.check_only && !workshop.prune {
            emitter.remark(RemarkLevel::Warning, None, told(&orphans));
        }
        if !gone.is_empty() && !workshop.check_only {
            self.lock.without(&gone)?;
        }
        self.notes.tidy(self.made.len());
        Ok(())
    }

    /// What becomes of an orphan.
    fn orphan(
        &self,
        step: &str,
        output: &str,
        result: Option<Hash>,
        folder: &mut Folder,
        workshop: &Workshop,
    ) -> Generation {
        let id = format!("{}/{step}", Kind::Generation.section());
        let told = |state, code: &str, text: String| Generation {
            reason: Some(Reason::new(code, text)),
            ..Generation::new(&id, "", output, state)
        };
        let orphaned = |text: &str| told(GenerationState::Orphaned, "orphaned", text.to_owned());
        if !workshop.prune || workshop.check_only {
            return orphaned("nothing makes this file any more; `backsight generate --prune` removes it");
        }
        let removed = confined(output).and_then(|path| {
            let content = folder.read(&path).map_err(|error| refused(output, &error))?.unwrap_or_default();
            let content = hash(&regions::without(&content));
            if !workshop.force && result != Some(content) && !self.is_ours(key(output), &content) {
                return Err("it was changed by hand since it was generated; remove it yourself, or add --force".into());
            }
            folder.remove(&path).map_err(|error| refused(output, &error))
        });
        match removed {
            Ok(()) => told(GenerationState::Removed, "orphaned", "nothing makes this file any more".into()),
            Err(text) => orphaned(&text),
        }
    }
}

fn told(orphans: &[(String, String, Option<Hash>)]) -> String {
    let first: Vec<String> = orphans.iter().take(3).map(|(_, output, _)| format!("`{output}`")).collect();
    let more = orphans.len().saturating_sub(first.len());
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let (verb, them) = if orphans.len() == 1 { ("is", "it") } else { ("are", "them") };
    format!("{}{more} {verb} made by nothing any more; `backsight generate --prune` removes {them}", first.join(", "))
}
