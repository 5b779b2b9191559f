//! Where the store and the run folders of a workspace are.

use std::path::{Path, PathBuf};

use uuid::Uuid;

/// The `.backsight` folder of a workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    folder: PathBuf,
}

impl Places {
    /// Those of a workspace, which is the folder that the pipeline file stands in.
    pub fn of(workspace: &Path) -> Self {
        Self { folder: workspace.join(".backsight") }
    }

    /// Those in a folder of their own, apart from the workspace's.
    pub fn at(folder: &Path) -> Self {
        Self { folder: folder.to_owned() }
    }

    /// The folder itself.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The database.
    pub fn database(&self) -> PathBuf {
        self.folder.join("results.db")
    }

    /// The folder that holds a folder for each run.
    pub fn runs(&self) -> PathBuf {
        self.folder.join("runs")
    }

    /// The folder of one run.
    pub fn run(&self, run: Uuid) -> PathBuf {
        self.runs().join(run.to_string())
    }
}
