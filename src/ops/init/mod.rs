//! Writes a first `backsight.yml` that fits the repository it stands in.
//!
//! It looks at files and runs nothing: manifests, test folders, benchmark sources. What it writes is valid and runs as
//! it stands wherever the project's own tools are installed; what it only guesses at stands there as a comment. Names
//! come from the repository and are hostile until proven plain: each is checked or quoted before it is written.

mod cargo;
pub mod ci;
mod draft;
mod github;
mod gitlab;
mod look;
mod native;
mod node;
mod python;

use std::io::Write;
use std::path::{Path, PathBuf};

pub use self::draft::Found;

use self::ci::{CiFile, Platform};
use self::draft::Draft;
use self::look::Look;

/// The name of the file that is written.
pub const FILE_NAME: &str = "backsight.yml";

/// A pipeline file to write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// The file's text.
    pub text: String,
    /// What it was made from, in the order of the steps.
    pub found: Vec<Found>,
}

/// Why no file was written.
#[derive(Debug, thiserror::Error)]
pub enum InitError {
    /// The folder is not there or may not be read.
    #[error("{} cannot be read ({source}); name the folder of the project", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// There is a pipeline file already.
    #[error("{} is there already; use --force to replace it, or --print to see what would be written", path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// None of the platform's files is called so.
    #[error("there is no ready file `{name}`; there are: {known}")]
    CiName {
        /// What was asked for.
        name: String,
        /// Those that there are.
        known: String,
    },
    /// That is no action.
    #[error("`{0}` names no action; write OWNER/REPO@REF, best with a commit's full hash as REF")]
    Action(String),
    /// A link, or something that is no folder, lies on the way.
    #[error("{} is no folder of this project, so nothing is written below it", path.display())]
    Outside {
        /// What lies there.
        path: PathBuf,
    },
    /// The file cannot be written.
    #[error("{} cannot be written ({source})", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

/// The ready files of a platform.
pub const fn ci_files(platform: Platform) -> &'static [CiFile] {
    match platform {
        Platform::Github => &github::FILES,
        Platform::Gitlab => &gitlab::FILES,
    }
}

/// Looks at the folder and proposes a pipeline for it.
///
/// # Errors
/// [`InitError::Folder`] where the folder itself cannot be listed; anything below that cannot be read is passed over.
pub fn propose(folder: &Path) -> Result<Proposal, InitError> {
    let look = Look::at(folder).map_err(|source| InitError::Folder { path: folder.to_owned(), source })?;
    let mut draft = Draft::new(look.name());
    cargo::draft(&look, &mut draft);
    python::draft(&look, &mut draft);
    node::draft(&look, &mut draft);
    native::draft(&look, &mut draft);
    note_ci(&look, &mut draft);
    Ok(Proposal { text: draft.render(), found: draft.found })
}

/// Writes the proposal into the folder, in one step: a reader sees the old file or the whole new one.
///
/// # Errors
/// [`InitError::Exists`] where there is a file and `force` is not given; [`InitError::Write`] where writing fails.
pub fn write(folder: &Path, proposal: &Proposal, force: bool) -> Result<PathBuf, InitError> {
    let path = folder.join(FILE_NAME);
    let failed = |source| InitError::Write { path: path.clone(), source };
    // `mode` of a temporary file is private; this one is to be committed and read by all.
    let mut file = tempfile::Builder::new()
        .permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))
        .tempfile_in(folder)
        .map_err(failed)?;
    file.write_all(proposal.text.as_bytes()).map_err(failed)?;
    let kept = if force { file.persist(&path) } else { file.persist_noclobber(&path) };
    kept.map_err(|error| match error.error.kind() {
        std::io::ErrorKind::AlreadyExists => InitError::Exists { path: path.clone() },
        _ => failed(error.error),
    })?;
    Ok(path)
}

fn note_ci(look: &Look, draft: &mut Draft) {
    let known = [
        (".github/workflows/", "a GitHub workflow: `backsight init --ci github` writes ready ones beside it"),
        (".gitlab-ci.yml", "GitLab CI: `backsight init --ci gitlab` writes jobs to include"),
        (".circleci/config.yml", "CircleCI: add a step that runs `backsight run`"),
        ("Jenkinsfile", "Jenkins: add a stage that runs `backsight run`, and read its JUnit file"),
        ("azure-pipelines.yml", "Azure Pipelines: add a step that runs `backsight run`"),
    ];
    for (start, so) in known {
        if let Some(place) = look.files().find(|path| path.starts_with(start)) {
            draft.found(place, so);
        }
    }
}

#[cfg(test)]
mod tests;
