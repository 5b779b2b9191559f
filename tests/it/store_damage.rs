//! The store in bad surroundings: damaged, newer, foreign, read-only, locked and full. Each has its own message, and
//! what was saved before stays.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use backsight::results::Kind;
use backsight::store::{OpenOptions, RunFilter, SeriesFilter, SqliteStore, Store, StoreError};
use rusqlite::Connection;

use crate::support::{add_benchmark, add_step, document};

fn options() -> OpenOptions {
    OpenOptions { busy: Duration::from_millis(300), ..OpenOptions::default() }
}

fn filled(path: &Path, runs: i64) {
    let mut store = SqliteStore::open(path, &options()).unwrap();
    for nth in 0..runs {
        store.save(&measured(nth, 50)).unwrap();
    }
}

fn measured(nth: i64, benchmarks: i64) -> backsight::results::Document {
    let mut run = document(nth);
    let step = add_step(&mut run, Kind::Benchmark, "bench", None, None);
    for benchmark in 0..benchmarks {
        let value = (nth * 7919 + benchmark * 104_729) as f64 / 3.0;
        add_benchmark(&mut run, &step, &format!("case {benchmark}"), value, Vec::new());
    }
    run
}

fn refusal(path: &Path) -> StoreError {
    SqliteStore::open(path, &options()).unwrap_err()
}

#[test]
fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("results.db");
    for content in [&b"x"[..], b"not a database at all", &[0; 4096], &[0xff; 100_000]] {
        fs::write(&path, content).unwrap();
        let error = refusal(&path);
        assert!(matches!(error, StoreError::Damaged { .. }), "{error:?}");
        assert!(error.to_string().contains("move it away, for example `mv "), "{error}");
        assert_eq!(fs::read(&path).unwrap(), content);
    }
    fs::write(&path, b"").unwrap();
    SqliteStore::open(&path, &options()).unwrap();
}

#[test]
fn a_torn_copy_is_noticed_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("results.db");
    filled(&path, 20);
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    assert!(matches!(refusal(&path), StoreError::Damaged { .. }));
}

#[test]
fn damage_anywhere_is_an_error_and_never_a_panic() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("results.db");
    filled(&path, 20);
    let whole = fs::read(&path).unwrap();
    let mut noticed = 0;
    for round in 0..60 {
        let mut damaged = whole.clone();
        let start = round * whole.len() / 60;
        for (offset, byte) in damaged[start..].iter_mut().take(200).enumerate() {
            *byte ^= 0x5a ^ offset as u8;
        }
        fs::write(&path, damaged).unwrap();
        noticed += u32::from(use_everything(&path).is_err());
    }
    // SQLite keeps no checksums: damage inside a figure or in unused space cannot be noticed.
    assert!(noticed > 15, "{noticed} of 60 noticed");
}

fn use_everything(path: &Path) -> Result<(), StoreError> {
    let mut store = SqliteStore::open(path, &options())?;
    let runs = store.runs(&RunFilter { name: Some("case*".into()), ..RunFilter::default() })?;
    for run in runs {
        store.load(run.id)?;
    }
    for series in store.series(&SeriesFilter::default())? {
        store.history(&series, 100)?;
    }
    store.baselines(None)?;
    store.save(&measured(30, 60))?;
    store.verify()
}

#[test]
fn a_newer_format_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("results.db");
    filled(&path, 1);
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    let error = refusal(&path);
    assert!(matches!(error, StoreError::Newer { found: 99, known: 2, .. }), "{error:?}");
    assert!(error.to_string().contains("use a newer backsight"), "{error}");
    let format: i64 = Connection::open(&path).unwrap().query_row("PRAGMA user_version", [], |row| row.get(0)).unwrap();
    assert_eq!(format, 99);
}

#[test]
fn a_database_of_another_program_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("results.db");
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE runs (mine)").unwrap();
    let before = fs::read(&path).unwrap();
    assert!(matches!(refusal(&path), StoreError::Foreign { .. }));
    assert_eq!(fs::read(&path).unwrap(), before);
}

#[test]
fn a_folder_in_the_place_of_the_store_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("results.db");
    fs::create_dir(&path).unwrap();
    refusal(&path);
    fs::write(folder.path().join("file"), "").unwrap();
    refusal(&folder.path().join("file/results.db"));
}

#[test]
fn a_store_in_use_says_so_after_the_time_out() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("results.db");
    filled(&path, 1);
    let mut store = SqliteStore::open(&path, &options()).unwrap();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let error = store.save(&measured(1, 1)).unwrap_err();
    assert!(matches!(error, StoreError::Locked { .. }), "{error:?}");
    assert!(error.to_string().contains("in use by another process"), "{error}");
    assert_eq!(store.runs(&RunFilter::default()).unwrap().len(), 1, "reading does not wait for a writer");
    other.execute_batch("ROLLBACK").unwrap();
    store.save(&measured(1, 1)).unwrap();
}

#[test]
fn a_full_disk_keeps_what_was_there_and_nothing_of_the_new_run() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("results.db");
    filled(&path, 3);
    let pages = fs::metadata(&path).unwrap().len() / 4096 + 2;
    let mut store = SqliteStore::open(&path, &OpenOptions { page_limit: Some(pages as u32), ..options() }).unwrap();
    let error = store.save(&measured(3, 2000)).unwrap_err();
    assert!(matches!(error, StoreError::DiskFull { .. }), "{error:?}");
    drop(store);
    let mut store = SqliteStore::open(&path, &options()).unwrap();
    assert_eq!(store.runs(&RunFilter::default()).unwrap().len(), 3);
    store.save(&measured(3, 2000)).unwrap();
    store.verify().unwrap();
}

/// A small file system of its own, unmounted when dropped; `None`, with a word on standard error, where mounting is
/// not allowed.
struct Mount(tempfile::TempDir);

impl Mount {
    fn new(options: &str) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(folder.path()).output();
        match mount {
            Ok(output) if output.status.success() => Some(Self(folder)),
            _ => {
                eprintln!("skipped: this process may not mount a file system");
                None
            }
        }
    }

    fn read_only(&self) {
        let status = Command::new("mount").args(["-o", "remount,ro"]).arg(self.0.path()).status().unwrap();
        assert!(status.success());
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

#[test]
fn a_small_file_system_that_fills_up_is_called_full() {
    let Some(mount) = Mount::new("size=1M") else { return };
    let path = mount.0.path().join("results.db");
    let mut store = SqliteStore::open(&path, &options()).unwrap();
    let (mut saved, error) = (0, loop_until_full(&mut store));
    assert!(matches!(error, StoreError::DiskFull { .. }), "{error:?}");
    for nth in 0..1000 {
        saved += i64::from(store.load(document(nth).run.id).unwrap().is_some());
    }
    assert!(saved > 0);
    assert_eq!(store.runs(&RunFilter::default()).unwrap().len() as i64, saved);
    drop(store);
    fs::write(mount.0.path().join("rest"), vec![0; 2 << 20]).unwrap_err();
    if let Err(error) = SqliteStore::open(&path, &options()).and_then(|mut store| store.save(&measured(5000, 500))) {
        assert!(matches!(error, StoreError::DiskFull { .. }), "{error:?}");
    }
}

fn loop_until_full(store: &mut SqliteStore) -> StoreError {
    for nth in 0..1000 {
        if let Err(error) = store.save(&measured(nth, 200)) {
            return error;
        }
    }
    panic!("1 MiB was not filled by 1000 runs");
}

#[test]
fn a_full_file_system_without_a_store_is_called_full() {
    let Some(mount) = Mount::new("size=64K") else { return };
    fs::write(mount.0.path().join("rest"), vec![0; 1 << 20]).unwrap_err();
    let error = refusal(&mount.0.path().join("deep/results.db"));
    assert!(matches!(error, StoreError::DiskFull { .. }), "{error:?}");
}

#[test]
fn a_read_only_file_system_refuses_writing_and_allows_reading() {
    let Some(mount) = Mount::new("size=8M") else { return };
    let path = mount.0.path().join("odd name? #1%20/results.db");
    filled(&path, 2);
    mount.read_only();
    let error = refusal(&path);
    assert!(matches!(error, StoreError::ReadOnly { .. }), "{error:?}");
    assert!(error.to_string().contains("check the permissions"), "{error}");
    let error = refusal(&mount.0.path().join("other/results.db"));
    assert!(matches!(error, StoreError::ReadOnly { .. }), "{error:?}");
    let store = SqliteStore::open_existing(&path, &options()).unwrap().unwrap();
    assert_eq!(store.runs(&RunFilter::default()).unwrap().len(), 2);
    assert_eq!(store.load(document(1).run.id).unwrap(), Some(measured(1, 50)));
    let series = store.series(&SeriesFilter::default()).unwrap();
    assert_eq!(store.history(&series[0], 10).unwrap().len(), 2);
}

#[test]
fn no_store_is_no_error_for_a_reader() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(".backsight/results.db");
    assert!(SqliteStore::open_existing(&path, &options()).unwrap().is_none());
    assert!(!path.exists() && !folder.path().join(".backsight").exists());
}
