//! The documents that are joined: where they are, which of them count, and whether they belong together.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Deserialize;

use crate::ops::found::{DEEPEST, LARGEST, MOST_LEGS, NAME, documents};
use crate::ops::judge::judge;
use crate::ops::report::{ReportError, from_file};
use crate::pipeline::MissingPolicy;
use crate::plan::ShardPlan;
use crate::results::{Change, Document, ExitCode, Host, PipelineRef, RunInfo};

/// Why documents cannot be joined.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// A document cannot be read.
    #[error(transparent)]
    Report(#[from] ReportError),
    /// A folder cannot be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// As it was named.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
    /// There is none.
    #[error(
        "there is nothing to join: no {NAME} in what was named, or in folders below it; did the jobs keep `.backsight/runs/*/{NAME}`?"
    )]
    Nothing,
    /// Too many.
    #[error("{}: more than {MOST_LEGS} documents, which are too many legs", path.display())]
    Many {
        /// As it was named.
        path: PathBuf,
    },
    /// Documents of different commits, projects or pipeline files.
    #[error("{} and {} do not belong together: {what}", one.display(), other.display())]
    Apart {
        /// The first.
        one: PathBuf,
        /// The one that differs.
        other: PathBuf,
        /// In what.
        what: String,
    },
}

/// A document to be joined.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub(super) path: PathBuf,
    /// The leg's name.
    pub(super) name: String,
    pub(super) class_key: String,
    /// What its process returned, and what its results alone come to.
    codes: (ExitCode, ExitCode),
}

impl Source {
    pub(super) fn read(&self) -> Result<Document, SourceError> {
        Ok(from_file(&self.path)?)
    }
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// In the order of their shards, otherwise of their names.
    pub(super) sources: Vec<Source>,
    /// What could not be read, in sentences.
    pub(super) unreadable: Vec<String>,
    /// What is of another plan, in sentences.
    pub(super) left_out: Vec<String>,
}

/// What is looked at before a document is joined.
#[derive(Debug, Deserialize)]
struct Head {
    run: RunInfo,
    project: String,
    pipeline: PipelineRef,
    change: Change,
    host: Host,
}

impl Found {
    /// Looks for documents. Of several of one shard, the one that started last counts: its job was run again.
    pub(super) fn of(named: &[PathBuf], plan: Option<&ShardPlan>) -> Result<Self, SourceError> {
        let (mut unreadable, mut left_out) = (Vec::new(), Vec::new());
        let mut heads: BTreeMap<(u32, String), (PathBuf, Head)> = BTreeMap::new();
        let mut first: Option<PathBuf> = None;
        for (name, path) in listed(named)? {
            let head = match head(&path) {
                Ok(head) => head,
                Err(text) => {
                    unreadable.push(text);
                    continue;
                }
            };
            if let Some(text) = foreign(&path, &head, plan) {
                left_out.push(text);
                continue;
            }
            if let Some((one, known)) = first.as_ref().and_then(|one| heads.values().find(|(path, _)| path == one)) {
                together(one, known, &path, &head)?;
            }
            first.get_or_insert_with(|| path.clone());
            let shard = head.run.shard.as_ref().map_or(u32::MAX, |shard| shard.index);
            let key = (shard, if shard == u32::MAX { name } else { String::new() });
            let newer = |known: &Timestamp| head.run.started_at > *known;
            if heads.get(&key).is_none_or(|(_, known)| newer(&known.run.started_at)) {
                heads.insert(key, (path, head));
            }
        }
        if heads.is_empty() && plan.is_none() {
            return match unreadable.into_iter().next() {
                Some(text) => Err(SourceError::Io { path: "merge".into(), source: std::io::Error::other(text) }),
                None => Err(SourceError::Nothing),
            };
        }
        let source = |((_, name), (path, head)): ((u32, String), (PathBuf, Head))| {
            let told = head.run.exit_code;
            let name = if name.is_empty() { label(&path) } else { name };
            Source { name, class_key: head.host.class_key, codes: (told, told), path }
        };
        Ok(Self { sources: heads.into_iter().map(source).collect(), unreadable, left_out })
    }

    /// What each leg returned, and what its results alone come to.
    pub(super) fn legs_codes(&self) -> Vec<(ExitCode, ExitCode)> {
        let judged = |source: &Source| {
            let (told, _) = source.codes;
            if told == ExitCode::Passed {
                return (told, told);
            }
            let alone = source.read().map(|document| judge(&document, MissingPolicy::Fail, false).1);
            (told, alone.unwrap_or(told))
        };
        self.sources.iter().map(judged).collect()
    }
}

/// All documents in what was named, with the name of the folder that each came in.
fn listed(named: &[PathBuf]) -> Result<Vec<(String, PathBuf)>, SourceError> {
    let mut all = Vec::new();
    for path in named {
        if path.is_dir() {
            let found = documents(path, DEEPEST).map_err(|source| SourceError::Io { path: path.clone(), source })?;
            all.extend(found);
        } else {
            all.push((label(path), path.clone()));
        }
        if all.len() > MOST_LEGS {
            return Err(SourceError::Many { path: path.clone() });
        }
    }
    Ok(all)
}

/// A name for a document that came in no folder of its own.
fn label(path: &Path) -> String {
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let folder = path.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    if stem == "results" { folder.unwrap_or(stem) } else { stem }
}

fn head(path: &Path) -> Result<Head, String> {
    let told = |text: String| format!("{}: {text}; its leg counts as missing", path.display());
    let facts = path.symlink_metadata().map_err(|error| told(error.to_string()))?;
    if !facts.is_file() {
        return Err(told("not a plain file".to_owned()));
    }
    if facts.len() > LARGEST {
        return Err(told("larger than 64 MiB, which is too large for a leg".to_owned()));
    }
    let text = std::fs::read(path).map_err(|error| told(error.to_string()))?;
    serde_json::from_slice(&text).map_err(|error| told(format!("not a results document: {error}")))
}

/// Why a document is left out: it is of another plan, as an earlier pipeline may have left it.
fn foreign(path: &Path, head: &Head, plan: Option<&ShardPlan>) -> Option<String> {
    let plan = plan?;
    let theirs = head.run.shard.as_ref().map(|shard| shard.plan);
    if theirs == Some(plan.id) {
        return None;
    }
    let theirs = theirs.map_or_else(|| "no part of a plan".to_owned(), |id| format!("a part of plan {id}"));
    Some(format!("{} is left out: it is {theirs}, and the plan here is {}", path.display(), plan.id))
}

fn together(one: &Path, known: &Head, other: &Path, head: &Head) -> Result<(), SourceError> {
    let short = |commit: &Option<String>| commit.as_deref().and_then(|hash| hash.get(..9)).unwrap_or("none").to_owned();
    let differ = |what: &str, a: &str, b: &str| (a != b).then(|| format!("{what} {a} and {b}"));
    let what = differ("projects", &known.project, &head.project)
        .or_else(|| differ("commits", &short(&known.change.commit), &short(&head.change.commit)))
        .or_else(|| differ("pipeline files", &known.pipeline.path, &head.pipeline.path));
    what.map_or(Ok(()), |what| Err(SourceError::Apart { one: one.to_owned(), other: other.to_owned(), what }))
}
