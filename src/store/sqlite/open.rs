//! Opening the file: what it is, whether it is whole, and bringing it up to the present format.
//!
//! A check of every page reads the whole file, which takes seconds for a store of some years, so it is not made on
//! each opening. What is: the file's first bytes and its length against the size in its header (a torn copy), the
//! program it belongs to and the format, the schema (which SQLite parses), and, where a journal was left behind by
//! a process that did not close the store, the pages of the small tables that all else hangs on. SQLite checks each
//! page it reads, and [`SqliteStore::verify`] checks all of them.

use std::cell::RefCell;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use super::SqliteStore;
use crate::store::StoreError;

/// "BSGT": marks our files in SQLite's header.
const APPLICATION_ID: i64 = 0x4253_4754;
/// The scripts that lead from each format to the next; the format is how many have run.
const MIGRATIONS: &[&str] = &[include_str!("schema_1.sql"), include_str!("schema_2.sql")];
const LATEST: i64 = MIGRATIONS.len() as i64;
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// How long to wait before asking again for a lock that SQLite itself does not wait for.
const RETRY: Duration = Duration::from_millis(20);

/// How to open a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpenOptions {
    /// How long to wait for another process that writes. Default 10 s.
    pub busy: Duration,
    /// Never let the file grow beyond so many pages of 4 KiB; a write that would is refused as on a full disk.
    pub page_limit: Option<u32>,
}

impl Default for OpenOptions {
    fn default() -> Self {
        Self { busy: Duration::from_secs(10), page_limit: None }
    }
}

impl SqliteStore {
    /// Writes a whole copy, as of now, to a file that is not there yet.
    ///
    /// # Errors
    /// When it cannot be read or written.
    pub fn copy_to(&self, path: &Path) -> Result<(), StoreError> {
        let copied = self.connection.execute("VACUUM INTO ?1", [path.to_string_lossy()]);
        copied.map(drop).map_err(|source| self.error(source))
    }

    /// Opens the store for reading and writing; makes the file and its folder where they are missing, and brings an
    /// older format up to date.
    ///
    /// # Errors
    /// Where the file is damaged, of a newer format, of another program, or cannot be written.
    pub fn open(path: &Path, options: &OpenOptions) -> Result<Self, StoreError> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|source| folder_error(path, source))?;
        }
        let left_behind = examine(path)?;
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut store = Self::connect(path, path, flags, options)?;
        store.prepare(options).map_err(|source| store.error(source))?;
        if store.connection.is_readonly("main").map_err(|source| store.error(source))? {
            return Err(StoreError::ReadOnly { path: path.to_path_buf() });
        }
        store.migrate()?;
        if left_behind {
            store.check(&["runs", "series"])?;
        }
        Ok(store)
    }

    /// Opens a store that is there, `None` where there is none. Where it cannot be written, for example on a
    /// read-only mount, it is opened for reading alone.
    ///
    /// # Errors
    /// As [`SqliteStore::open`], but never for a file that merely cannot be written.
    pub fn open_existing(path: &Path, options: &OpenOptions) -> Result<Option<Self>, StoreError> {
        match fs::metadata(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(StoreError::Io { path: path.to_path_buf(), source }),
            Ok(_) => {}
        }
        match Self::open(path, options) {
            Err(StoreError::ReadOnly { .. }) => Self::open_read_only(path, options).map(Some),
            other => other.map(Some),
        }
    }

    /// Reads every page and index: whole, or damaged and where. Takes seconds for a large store.
    ///
    /// # Errors
    /// [`StoreError::Damaged`] with the first thing found.
    pub fn verify(&self) -> Result<(), StoreError> {
        let found: String = self
            .connection
            .query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))
            .map_err(|source| self.error(source))?;
        self.judge(found)
    }

    /// Starts a write transaction, waiting for other writers.
    pub(super) fn begin(&mut self) -> Result<Transaction<'_>, StoreError> {
        let (path, busy) = (self.path.clone(), self.busy);
        begin(&mut self.connection, busy).map_err(|source| StoreError::from_sqlite(&path, busy, source))
    }

    fn connect(path: &Path, name: &Path, flags: OpenFlags, options: &OpenOptions) -> Result<Self, StoreError> {
        let wrap = |source| StoreError::from_sqlite(path, options.busy, source);
        let connection = Connection::open_with_flags(name, flags).map_err(wrap)?;
        connection.busy_timeout(options.busy).map_err(wrap)?;
        connection.set_prepared_statement_cache_capacity(32);
        let store = Self { connection, path: path.to_path_buf(), busy: options.busy, labels: RefCell::default() };
        store.identify()?;
        Ok(store)
    }

    fn open_read_only(path: &Path, options: &OpenOptions) -> Result<Self, StoreError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let opened = Self::connect(path, path, flags, options).or_else(|error| {
            // WAL needs a file beside the database; where none can be made, the database is read as it lies there.
            let Some(uri) = immutable_uri(path) else { return Err(error) };
            Self::connect(path, &uri, flags | OpenFlags::SQLITE_OPEN_URI, options)
        })?;
        if opened.format()? < LATEST {
            return Err(StoreError::ReadOnly { path: path.to_path_buf() });
        }
        Ok(opened)
    }

    /// Whose file it is and of which format, before anything in it is changed. One snapshot, since another process
    /// may be making the file at this moment.
    fn identify(&self) -> Result<(), StoreError> {
        let snapshot = Transaction::new_unchecked(&self.connection, TransactionBehavior::Deferred);
        let _snapshot = snapshot.map_err(|source| self.error(source))?;
        let objects = self.number("SELECT count(*) FROM sqlite_schema")?;
        let application = self.number("PRAGMA application_id")?;
        if application != APPLICATION_ID && (application != 0 || objects > 0) {
            return Err(StoreError::Foreign { path: self.path.clone() });
        }
        let found = self.format()?;
        if found > LATEST {
            return Err(StoreError::Newer { path: self.path.clone(), found, known: LATEST });
        }
        Ok(())
    }

    fn format(&self) -> Result<i64, StoreError> {
        self.number("PRAGMA user_version")
    }

    fn number(&self, sql: &str) -> Result<i64, StoreError> {
        self.connection.query_row(sql, [], |row| row.get(0)).map_err(|source| self.error(source))
    }

    fn prepare(&self, options: &OpenOptions) -> rusqlite::Result<()> {
        let connection = &self.connection;
        connection.set_db_config(DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true)?;
        write_ahead(connection, self.busy)?;
        connection.execute_batch(
            "PRAGMA synchronous = NORMAL; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;
             PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -65536;",
        )?;
        if let Some(pages) = options.page_limit {
            connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))?;
        }
        Ok(())
    }

    fn migrate(&mut self) -> Result<(), StoreError> {
        while self.format()? < LATEST {
            let (path, busy) = (self.path.clone(), self.busy);
            let transaction = self.begin()?;
            step_format(transaction).map_err(|source| StoreError::from_sqlite(&path, busy, source))?;
        }
        Ok(())
    }

    fn check(&self, tables: &[&str]) -> Result<(), StoreError> {
        for table in tables {
            let found = self
                .connection
                .query_row(&format!("PRAGMA quick_check('{table}')"), [], |row| row.get(0))
                .map_err(|source| self.error(source))?;
            self.judge(found)?;
        }
        Ok(())
    }

    fn judge(&self, found: String) -> Result<(), StoreError> {
        if found == "ok" { Ok(()) } else { Err(StoreError::Damaged { path: self.path.clone(), detail: found }) }
    }
}

/// Begins with the write lock held. SQLite waits for another writer by itself; the repetition is for the few refusals
/// that it gives at once, such as while another process recovers the journal.
fn begin(connection: &mut Connection, busy: Duration) -> rusqlite::Result<Transaction<'_>> {
    let connection = &*connection;
    patiently(busy, || Transaction::new_unchecked(connection, TransactionBehavior::Immediate))
}

fn write_ahead(connection: &Connection, busy: Duration) -> rusqlite::Result<()> {
    patiently(busy, || connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())))
}

/// Repeats what another process's lock prevented, until the time is over.
fn patiently<T>(busy: Duration, mut attempt: impl FnMut() -> rusqlite::Result<T>) -> rusqlite::Result<T> {
    let start = Instant::now();
    loop {
        match attempt() {
            Err(error) if is_busy(&error) && start.elapsed() < busy => std::thread::sleep(RETRY),
            other => return other,
        }
    }
}

fn is_busy(error: &rusqlite::Error) -> bool {
    use rusqlite::ErrorCode::{DatabaseBusy, DatabaseLocked};
    matches!(error.sqlite_error_code(), Some(DatabaseBusy | DatabaseLocked))
}

/// Runs one migration, unless another process was faster.
fn step_format(transaction: Transaction<'_>) -> rusqlite::Result<()> {
    let format: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let next = usize::try_from(format).ok().and_then(|done| MIGRATIONS.get(done));
    if let Some(script) = next {
        transaction.execute_batch(script)?;
        transaction.pragma_update(None, "user_version", format + 1)?;
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
    }
    transaction.commit()
}

/// Looks at the file before SQLite does. Tells whether a journal with content lies beside it.
fn examine(path: &Path) -> Result<bool, StoreError> {
    let io = |source| StoreError::Io { path: path.to_path_buf(), source };
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(source) => return Err(folder_error(path, source)),
    };
    let mut header = [0; 100];
    let read = read_up_to(&mut file, &mut header).map_err(io)?;
    let length = file.metadata().map_err(io)?.len();
    let journal = fs::metadata(journal_of(path)).is_ok_and(|journal| journal.len() > 0);
    if read == 0 {
        return Ok(journal);
    }
    let damaged = |detail: String| Err(StoreError::Damaged { path: path.to_path_buf(), detail });
    if read < header.len() || !header.starts_with(MAGIC) {
        return damaged("it is not an SQLite database".to_owned());
    }
    let expected = size_in_header(&header);
    if !journal && length < expected {
        return damaged(format!("it has {length} bytes of {expected}"));
    }
    Ok(journal)
}

fn read_up_to(file: &mut File, buffer: &mut [u8]) -> std::io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read(&mut buffer[filled..])? {
            0 => break,
            n => filled += n,
        }
    }
    Ok(filled)
}

/// Page size (2 bytes at 16, where 1 means 65,536) times page count (4 bytes at 28).
fn size_in_header(header: &[u8; 100]) -> u64 {
    let page = match u64::from(header[16]) << 8 | u64::from(header[17]) {
        1 => 65_536,
        size => size,
    };
    page * u64::from(u32::from_be_bytes([header[28], header[29], header[30], header[31]]))
}

fn journal_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    name.into()
}

fn immutable_uri(path: &Path) -> Option<PathBuf> {
    let absolute = std::path::absolute(path).ok()?;
    let name = absolute.to_str()?.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    Some(format!("file:{name}?immutable=1").into())
}

fn folder_error(path: &Path, source: std::io::Error) -> StoreError {
    use std::io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem, StorageFull};
    let path = path.to_path_buf();
    match source.kind() {
        PermissionDenied | ReadOnlyFilesystem => StoreError::ReadOnly { path },
        StorageFull => StoreError::DiskFull { path },
        _ => StoreError::Io { path, source },
    }
}
