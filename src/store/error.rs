//! What can go wrong with a store or a run's folder, each with its next step.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::ErrorCode;
use thiserror::Error;
use uuid::Uuid;

/// Why the store could not do what was asked.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The file is not a database, or its pages do not hold together.
    #[error(
        "the store {} is damaged ({detail}); move it away, for example `mv {} {}.damaged`, and run again: a new one is \
         made, and the results of earlier runs are still in the `runs` folder beside it",
        path.display(), path.display(), path.display()
    )]
    Damaged {
        /// The database.
        path: PathBuf,
        /// What was found.
        detail: String,
    },
    /// A database of a later version of this program.
    #[error(
        "the store {} has format {found}, this backsight knows up to {known}; use a newer backsight, or move the file \
         away to begin a new store",
        path.display()
    )]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its format.
        found: i64,
        /// The latest format known here.
        known: i64,
    },
    /// A sound SQLite database that belongs to another program.
    #[error("{} is a database of another program; name another place for the store", path.display())]
    Foreign {
        /// The database.
        path: PathBuf,
    },
    /// The file or its folder cannot be opened for writing.
    #[error(
        "the store {} cannot be opened for writing; check the permissions of the file and of its folder, and whether the file \
         system is mounted read-only",
        path.display()
    )]
    ReadOnly {
        /// The database.
        path: PathBuf,
    },
    /// Another process kept the store busy all the time.
    #[error(
        "the store {} was in use by another process for {} s; wait until it ends (`backsight runs list --status \
         running` shows it) and try again",
        path.display(), waited.as_secs()
    )]
    Locked {
        /// The database.
        path: PathBuf,
        /// How long was waited.
        waited: Duration,
    },
    /// No room is left for the write; nothing of it was kept.
    #[error("no room is left to write the store {}; free some disk space and try again", path.display())]
    DiskFull {
        /// The database.
        path: PathBuf,
    },
    /// A stored document cannot be read back.
    #[error("the stored document of run {run} cannot be read ({detail}); its `runs` folder may hold a copy")]
    Document {
        /// The run.
        run: Uuid,
        /// What is wrong with it.
        detail: String,
    },
    /// A name glob is not one.
    #[error("`{pattern}` is not a glob ({detail}); `*` stands for any text, `[abc]` for one of these characters")]
    Glob {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        detail: String,
    },
    /// The file system refused.
    #[error("cannot use the store {}: {source}; check that its folder can be made and read", path.display())]
    Io {
        /// The database.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Anything else the database said.
    #[error("the store {} failed: {source}; if it stays so, move the file away and run again", path.display())]
    Sqlite {
        /// The database.
        path: PathBuf,
        /// What it said.
        source: rusqlite::Error,
    },
}

/// The extended code for shared memory that cannot grow, which is how a full disk shows first in WAL mode.
const IOERR_SHMSIZE: i32 = rusqlite::ffi::SQLITE_IOERR_SHMSIZE;

impl StoreError {
    /// Sorts an error of the database engine by what the user can do about it.
    pub(crate) fn from_sqlite(path: &Path, waited: Duration, source: rusqlite::Error) -> Self {
        let path = path.to_path_buf();
        let code = source.sqlite_error_code();
        let full = source.sqlite_error().is_some_and(|error| error.extended_code == IOERR_SHMSIZE);
        match code {
            _ if full => Self::DiskFull { path },
            Some(ErrorCode::DiskFull) => Self::DiskFull { path },
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked { path, waited },
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                Self::Damaged { path, detail: source.to_string() }
            }
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => Self::ReadOnly { path },
            _ => Self::Sqlite { path, source },
        }
    }
}

/// Why a run's folder could not be used.
#[derive(Debug, Error)]
pub enum FolderError {
    /// The file system refused.
    #[error("cannot use {}: {source}; check that it can be read and written", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Another process holds the lock of this run.
    #[error("{} is held by another process; each run needs a folder of its own", path.display())]
    Held {
        /// The lock file.
        path: PathBuf,
    },
    /// A file in the folder is not what it should be.
    #[error("{} cannot be read ({detail}); remove the folder if it is of no use", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
}

impl FolderError {
    /// Wraps an error of the file system.
    pub(crate) fn io(path: &Path, source: std::io::Error) -> Self {
        Self::Io { path: path.to_path_buf(), source }
    }
}
