//! Reads a pipeline file with everything it points to.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::{registry, sources};
use crate::host;
use crate::pipeline::{self, Diagnostic, Model, ModelSource, Parsed, Pipeline};
use crate::plan::Sources;
use crate::results::{Change, ExitCode};

/// The largest pipeline or model file that is read, in bytes.
const LARGEST: u64 = 1 << 20;
/// The most files that one glob of models may match.
const MOST_FILES: usize = 10_000;

/// A pipeline that can be planned.
#[derive(Debug)]
pub struct Loaded {
    /// The file as it was named.
    pub path: PathBuf,
    /// The folder it stands in, absolute: the workspace.
    pub workspace: PathBuf,
    /// Its text.
    pub text: String,
    /// SHA-256 of its bytes, lower-case hexadecimal.
    pub sha256: String,
    /// What it says, with the places where it says it.
    pub parsed: Parsed,
    /// Its models, those from files included.
    pub models: Vec<Model>,
    /// What its generations are made of.
    pub sources: Sources,
}

impl Loaded {
    /// What the file says.
    pub fn pipeline(&self) -> &Pipeline {
        &self.parsed.pipeline
    }

    /// The project's name: the file's, otherwise the repository's at its top, otherwise the folder's.
    pub fn project(&self) -> String {
        self.pipeline().project.clone().unwrap_or_else(|| project_of(&self.workspace))
    }
}

/// What a project is called whose pipeline file does not say it.
pub fn project_of(workspace: &Path) -> String {
    let folder = || workspace.file_name().map(|name| name.to_string_lossy().into_owned());
    host::repository_name(workspace).or_else(folder).unwrap_or_else(|| "project".into())
}

/// Why a pipeline could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// There is no such file.
    #[error("{}: there is no such file; `backsight init` writes one, or name another", path.display())]
    Missing {
        /// As it was named.
        path: PathBuf,
    },
    /// It cannot be read.
    #[error("{}: {source}", path.display())]
    Io {
        /// As it was named.
        path: PathBuf,
        /// The system's words.
        source: std::io::Error,
    },
    /// It is not a file that we read.
    #[error("{}: {text}", path.display())]
    Refused {
        /// As it was named.
        path: PathBuf,
        /// Why.
        text: String,
    },
    /// It is wrong.
    #[error("{}: {} mistakes", path.display(), diagnostics.len())]
    Wrong {
        /// As it was named.
        path: PathBuf,
        /// Its text.
        text: String,
        /// All that is wrong with it.
        diagnostics: Vec<Diagnostic>,
    },
}

impl LoadError {
    /// What the process returns for it.
    pub const fn exit_code(&self) -> ExitCode {
        ExitCode::Usage
    }
}

/// Loads a pipeline file.
///
/// # Errors
/// If it, or a file with models that it names, cannot be read or is wrong.
pub fn load(path: &Path) -> Result<Loaded, LoadError> {
    let text = read(path)?;
    let parsed = pipeline::parse(&text).map_err(|diagnostics| LoadError::Wrong {
        path: path.to_owned(),
        text: text.clone(),
        diagnostics,
    })?;
    let workspace = folder_of(path).canonicalize().map_err(|source| LoadError::Io { path: path.to_owned(), source })?;
    let models = models(&workspace, &parsed.pipeline, path)?;
    let sources = sources::read(&workspace, &parsed.pipeline)?;
    let sha256 = Sha256::digest(&text).iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Loaded { path: path.to_owned(), workspace, sha256, text, parsed, models, sources })
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// The workspace of a pipeline file, which need not be there.
pub(super) fn workspace_of(path: &Path) -> PathBuf {
    let folder = folder_of(path);
    folder.canonicalize().unwrap_or_else(|_| folder.to_owned())
}

/// The pipeline file of this name as the base of a change request has it: a change cannot loosen what it is judged by, nor
/// hide itself. `None` where there is no base, or no such file in it that can be read.
pub(super) fn of_base(path: &Path, workspace: &Path, change: &Change) -> Option<Pipeline> {
    let base = change.request.as_ref().and(change.base.as_deref())?;
    let name = path.file_name()?.to_str()?;
    Some(pipeline::parse(&host::file_at(workspace, base, name)?).ok()?.pipeline)
}

/// The text of a pipeline or model file, bounded.
pub(super) fn read(path: &Path) -> Result<String, LoadError> {
    let io = |source: std::io::Error| match source.kind() {
        std::io::ErrorKind::NotFound => LoadError::Missing { path: path.to_owned() },
        _ => LoadError::Io { path: path.to_owned(), source },
    };
    let refused = |text: &str| LoadError::Refused { path: path.to_owned(), text: text.to_owned() };
    // Asked before opening: a pipe would wait for somebody to write.
    let facts = std::fs::metadata(path).map_err(io)?;
    if facts.is_dir() {
        return Err(refused("this is a folder; name the pipeline file in it"));
    }
    if !facts.is_file() {
        return Err(refused("this is no regular file"));
    }
    let file = std::fs::File::open(path).map_err(io)?;
    if facts.len() > LARGEST {
        return Err(refused("larger than 1 MiB, which no pipeline or list of models is"));
    }
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(io)?;
    if bytes.len() as u64 > LARGEST {
        return Err(refused("larger than 1 MiB, which no pipeline or list of models is"));
    }
    match pipeline::decode(&bytes) {
        Ok(text) => Ok(text.to_owned()),
        Err(diagnostics) => {
            let text = String::from_utf8_lossy(&bytes).into_owned();
            Err(LoadError::Wrong { path: path.to_owned(), text, diagnostics })
        }
    }
}

fn models(workspace: &Path, pipeline: &Pipeline, named: &Path) -> Result<Vec<Model>, LoadError> {
    let refused = |text: String| LoadError::Refused { path: named.to_owned(), text };
    let mut models = Vec::new();
    for source in &pipeline.models {
        match source {
            ModelSource::Model(model) => models.push(model.as_ref().clone()),
            ModelSource::Path(pattern) => {
                if let Some(found) = registry::of_cache(workspace, pattern)? {
                    models.extend(found);
                    continue;
                }
                let files = matching(workspace, pattern).map_err(&refused)?;
                if files.is_empty() {
                    return Err(refused(format!("models: no file matches `{pattern}`")));
                }
                for file in files {
                    if file.extension().is_some_and(|ending| ending == "onnx") {
                        models.push(registry::of_onnx(&file, workspace)?);
                    } else {
                        models.extend(models_of(&file, workspace)?);
                    }
                }
            }
        }
    }
    let mut seen = BTreeSet::new();
    match models.iter().find(|model| !seen.insert(model.id.as_str())) {
        Some(twice) => Err(refused(format!("models: `{}` is there twice", twice.id))),
        None => Ok(models),
    }
}

fn matching(workspace: &Path, pattern: &str) -> Result<Vec<PathBuf>, String> {
    let whole = format!("{}/{pattern}", glob::Pattern::escape(&workspace.to_string_lossy()));
    let paths = glob::glob(&whole).map_err(|error| format!("models: `{pattern}` is not a glob: {error}"))?;
    let files: Vec<PathBuf> = paths.filter_map(Result::ok).filter(|path| path.is_file()).take(MOST_FILES + 1).collect();
    if files.len() > MOST_FILES {
        Err(format!("models: more than {MOST_FILES} files match `{pattern}`"))
    } else {
        Ok(files)
    }
}

pub(super) fn models_of(file: &Path, workspace: &Path) -> Result<Vec<Model>, LoadError> {
    let text = read(file)?;
    let shown = file.strip_prefix(workspace).unwrap_or(file).to_owned();
    let folder = file.parent().and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    pipeline::parse_models(&text, &folder.unwrap_or_default()).map_err(|diagnostics| LoadError::Wrong {
        path: shown,
        text,
        diagnostics,
    })
}
