//! Makes one file at a time: renders it, decides about it, writes it, verifies it. One worker a thread.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;
use std::sync::Arc;

use cap_std::ambient_authority;
use cap_std::fs::Dir;
use minijinja::{Environment, ErrorKind, Value};
use sha2::{Digest, Sha256};

use super::book::Book;
use super::decide::{Known, Wish, decide};
use super::folder::{Folder, LARGEST, confined, read_text, refused};
use super::ladder::{Climb, stops};
use super::lock::{Entry, Hash, hash, hex, key, short};
use super::regions;
use crate::plan::{Batch, Cell, Expander, Item, LeftOut};
use crate::results::{Case, Failure, Generation, GenerationState, Reason};
use crate::templating::{describe, engine, referenced};

/// The most templates that one pulls in.
const MOST_TEMPLATES: usize = 1000;

/// Where the templates of a step come from, and what they are as a whole.
#[derive(Debug, Clone)]
pub(super) struct Templates {
    /// The workspace's, or those of a set.
    source: Source,
    /// The templates with what they pull in, as a number.
    pub digest: Hash,
    /// What earlier generations made.
    pub generated: Value,
}

#[derive(Debug, Clone)]
enum Source {
    Workspace(std::path::PathBuf),
    Set(Arc<crate::templating::Set>),
}

impl Templates {
    /// Reads the templates of a batch. The error says which is wrong.
    pub(super) fn read(workspace: &Path, batch: &Batch, generated: Value) -> Result<Self, String> {
        let (source, digest) = match &batch.set {
            Some(set) => (Source::Set(set.clone()), short(&set.digest())),
            None => {
                let dir = open(workspace)?;
                let roots = batch.products.iter().map(|product| product.template.clone());
                (Source::Workspace(workspace.to_owned()), digest_of(&dir, roots.collect()))
            }
        };
        let templates = Self { source, digest, generated };
        let engine = templates.engine()?;
        for product in &batch.products {
            engine.get_template(&product.template).map_err(|error| describe(&error))?;
        }
        Ok(templates)
    }

    /// An engine that finds them.
    fn engine(&self) -> Result<Environment<'static>, String> {
        let mut engine = engine();
        match &self.source {
            Source::Set(set) => {
                let set = set.clone();
                engine.set_loader(move |name| Ok(set.files.get(name).cloned()));
            }
            Source::Workspace(workspace) => {
                let dir = open(workspace)?;
                engine.set_loader(move |name| match read_text(&dir, Path::new(name)) {
                    Ok(text) => Ok(Some(text)),
                    Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                    Err(error) => Err(minijinja::Error::new(ErrorKind::InvalidOperation, format!("{name}: {error}"))),
                });
            }
        }
        Ok(engine)
    }
}

fn open(workspace: &Path) -> Result<Dir, String> {
    let dir = Dir::open_ambient_dir(workspace, ambient_authority());
    dir.map_err(|error| format!("the workspace cannot be opened: {error}"))
}

/// A number for templates and all that they name in `extends`, `include` and `import`.
fn digest_of(dir: &Dir, roots: Vec<String>) -> Hash {
    let mut texts = BTreeMap::new();
    let mut open = roots;
    while let Some(name) = open.pop() {
        if texts.contains_key(&name) || texts.len() >= MOST_TEMPLATES {
            continue;
        }
        let text = read_text(dir, Path::new(&name)).unwrap_or_default();
        open.extend(referenced(&text));
        texts.insert(name, text);
    }
    let mut hasher = Sha256::new();
    for (name, text) in texts {
        for part in [name, text] {
            hasher.update((part.len() as u64).to_le_bytes());
            hasher.update(part);
        }
    }
    short(&hasher.finalize())
}

/// A file that was made, or why it was not.
#[derive(Debug)]
pub(super) struct Made {
    pub generation: Generation,
    /// What is on disk and what was rendered, where that is to be shown.
    pub change: Option<(Vec<u8>, Vec<u8>)>,
    /// The rungs that were climbed.
    pub cases: Vec<Case>,
    /// The key of its path, unless nothing may have this path.
    pub key: Option<u64>,
    /// Its line in the lock file.
    pub entry: Option<Entry>,
}

impl Made {
    /// A file that is not made. One that may be made elsewhere keeps its line in the lock file.
    pub(super) fn left_out(left_out: &LeftOut, mut generation: Generation, book: Option<&Book>) -> Self {
        let key = Some(key(&generation.output)).filter(|_| !left_out.everywhere && !generation.output.is_empty());
        generation.reason = Some(left_out.reason.clone());
        let entry = key.and_then(|key| book?.lock.get(key)).cloned();
        Self { generation, change: None, cases: Vec::new(), key, entry }
    }

    /// Whether the file is as it should be, and climbed as far as was asked.
    pub(super) fn is_right(&self) -> bool {
        self.generation.state.is_right() && !self.cases.iter().any(|case| stops(case.outcome))
    }
}

/// Makes files of one batch.
#[derive(Debug)]
pub(super) struct Worker<'a> {
    item: &'a Item,
    batch: &'a Batch,
    digest: Hash,
    expander: Expander<'a>,
    folder: Folder,
    book: Option<&'a Book>,
}

impl<'a> Worker<'a> {
    /// A worker whose files go below `workspace`.
    ///
    /// # Errors
    /// If a template of the step cannot be understood.
    pub(super) fn new(
        item: &'a Item,
        batch: &'a Batch,
        templates: &Templates,
        workspace: &Path,
        book: Option<&'a Book>,
    ) -> Result<Self, String> {
        let expander =
            Expander::new(batch, templates.engine()?, &templates.generated).map_err(|error| error.to_string())?;
        let folder = Folder::open(workspace)?;
        Ok(Self { item, batch, digest: templates.digest, expander, folder, book })
    }

    /// Makes a file.
    pub(super) fn make(&mut self, number: usize, climb: &Climb<'_>, wish: Wish) -> Made {
        let cell = match self.expander.cell(number) {
            Ok(cell) => cell,
            Err(error) => return self.failed(None, "", &error.to_string()),
        };
        if let Some(left_out) = &cell.left_out {
            return Made::left_out(left_out, self.generation(&cell, GenerationState::Skipped), self.book);
        }
        match self.render(&cell, wish) {
            Ok(made) => self.verified(made, &cell, climb, wish),
            Err(text) => self.failed(Some(&cell), &cell.path, &text),
        }
    }

    fn verified(&self, (mut made, text): (Made, Vec<u8>), cell: &Cell, climb: &Climb<'_>, wish: Wish) -> Made {
        if made.generation.state.is_right() && !wish.check && !climb.is_empty() {
            made.cases = climb.climb(&self.expander, cell, &text);
        }
        made
    }

    fn render(&mut self, cell: &Cell, wish: Wish) -> Result<(Made, Vec<u8>), String> {
        let path = confined(&cell.path)?;
        let rendered = self.text(cell)?;
        let place = |error: io::Error| refused(&cell.path, &error);
        let existing = self.folder.read(&path).map_err(place)?;
        let rendered = match existing.as_deref().map(|existing| regions::merged(&rendered, existing)) {
            Some(Ok(Some(merged))) => merged,
            Some(Err(text)) if !wish.force => return Err(format!("`{}`: {text}", cell.path)),
            Some(Ok(None) | Err(_)) | None => rendered,
        };
        let whole = Sha256::digest(&rendered);
        let own = regions::without(&rendered);
        let result = if own.len() == rendered.len() { short(&whole) } else { hash(&own) };
        let key = key(&cell.path);
        let entry = self.book.and_then(|book| book.lock.get(key));
        let ours = existing.as_deref().is_some_and(|existing| existing != rendered && self.is_ours(key, existing));
        let known = Known {
            existing: existing.as_deref(),
            rendered: &rendered,
            entry,
            ours,
            template: self.digest,
            context: cell.digest,
        };
        let (state, reason) = decide(&known, wish);
        if state == GenerationState::Written {
            if let Some(book) = self.book {
                book.notes.add(key, &result).map_err(|error| format!("the notes cannot be written: {error}"))?;
            }
            self.folder.write(&path, &rendered).map_err(place)?;
        }
        let mut generation = self.generation(cell, state);
        generation.reason = reason;
        generation.sha256 = Some(hex(&whole));
        generation.bytes = Some(rendered.len() as u64);
        let new = Entry { template: self.digest, context: cell.digest, result, revision: self.revision(cell) };
        let right = state.is_right();
        let change = existing.filter(|_| !right).map(|existing| (existing, rendered.clone()));
        let entry = if right { Some(new) } else { entry.cloned() };
        Ok((Made { generation, change, cases: Vec::new(), key: Some(key), entry }, rendered))
    }

    fn is_ours(&self, key: u64, existing: &[u8]) -> bool {
        self.book.is_none_or(|book| book.is_ours(key, &hash(&regions::without(existing))))
    }

    fn entry(&self, key: u64) -> Option<Entry> {
        self.book.and_then(|book| book.lock.get(key)).cloned()
    }

    fn revision(&self, cell: &Cell) -> Option<Arc<str>> {
        let model = self.expander.model(cell)?;
        model.revision.as_deref().map(Arc::from)
    }

    fn text(&self, cell: &Cell) -> Result<Vec<u8>, String> {
        let name = self.batch.products.get(cell.product).map_or("", |product| &product.template);
        let template = self.expander.engine().get_template(name).map_err(|error| describe(&error))?;
        let mut text = Bounded(Vec::with_capacity(4096));
        template.render_captured_to(cell.values.clone(), &mut text).map_err(|error| describe(&error))?;
        Ok(text.0)
    }

    fn generation(&self, cell: &Cell, state: GenerationState) -> Generation {
        let product = self.batch.products.get(cell.product).map_or("", |product| product.template.as_str());
        let template = match &self.batch.set {
            Some(set) => format!("{}/{product}", set.manifest.name),
            None => product.to_owned(),
        };
        let context = self.batch.context(cell);
        Generation { context, ..Generation::new(&self.item.id, &template, &cell.path, state) }
    }

    fn failed(&self, cell: Option<&Cell>, path: &str, text: &str) -> Made {
        let mut generation = match cell {
            Some(cell) => self.generation(cell, GenerationState::Failed),
            None => Generation::new(&self.item.id, self.batch.source(), path, GenerationState::Failed),
        };
        let context = generation.context.as_ref().map(|context| format!(" ({context})")).unwrap_or_default();
        generation.failure = Some(Failure { message: Some(format!("{text}{context}")), ..Failure::default() });
        generation.reason = Some(Reason::new("not_rendered", "it could not be rendered"));
        let key = Some(key(path)).filter(|_| !path.is_empty());
        let entry = key.and_then(|key| self.entry(key));
        Made { generation, change: None, cases: Vec::new(), key, entry }
    }
}

/// Refuses more than [`LARGEST`] bytes.
struct Bounded(Vec<u8>);

impl Write for Bounded {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        if self.0.len() + piece.len() > LARGEST {
            return Err(io::Error::other(format!("the result is larger than {} MiB", LARGEST >> 20)));
        }
        self.0.extend_from_slice(piece);
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
