//! How long the store takes: bulk insert against bare SQLite, one run into a full store, history of one series, and
//! what other orders of the key would cost. Prints Markdown tables.
//!
//! `cargo bench --bench store` takes about two minutes; `-- --quick` a tenth of the rows, to see that it works.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a measuring program: a failure ends it, and its output is its purpose"
)]

#[path = "../tests/it/support.rs"]
#[allow(dead_code, reason = "the tests use the rest of it")]
mod support;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use backsight::results::{Document, Kind};
use backsight::store::{Measured, OpenOptions, PointRow, RunFilter, SeriesFilter, SqliteStore, Store};
use rusqlite::{Connection, params};

const BENCHMARKS: i64 = 1000;

fn main() {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let runs = if quick { 100 } else { 1000 };
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    bulk(folder.path(), runs, if quick { 3 } else { 7 });
    let full = fill(folder.path(), runs);
    one_run(&full, runs);
    history(&full);
    lists(&full);
    orders(folder.path(), runs);
}

/// Times of repetitions, in milliseconds.
struct Times(Vec<f64>);

impl Times {
    fn new(mut times: Vec<f64>) -> Self {
        times.sort_by(f64::total_cmp);
        Self(times)
    }

    fn at(&self, share: f64) -> f64 {
        self.0[((self.0.len() - 1) as f64 * share).round() as usize]
    }

    fn row(&self, name: &str) {
        let (median, high, max) = (self.at(0.5), self.at(0.95), self.at(1.0));
        println!("| {name} | {} | {:.3} | {median:.3} | {high:.3} | {max:.3} |", self.0.len(), self.at(0.0));
    }
}

fn header(title: &str) {
    println!("\n{title}\n\n| what | n | min ms | median ms | 95 % ms | max ms |\n|---|---|---|---|---|---|");
}

fn timed<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let start = Instant::now();
    let result = work();
    (start.elapsed().as_secs_f64() * 1e3, result)
}

/// A figure that is different for each run and benchmark, and the same in each execution of this program.
fn value(run: i64, benchmark: i64) -> f64 {
    let mut x = (run as u64) << 32 | benchmark as u64;
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    1e6 + ((x ^ (x >> 31)) % 100_000_000) as f64 / 1e3
}

fn measured(run: i64, benchmark: i64) -> Measured {
    let value = value(run, benchmark);
    Measured { value, low: Some(value * 0.99), high: Some(value * 1.01), samples: Some(30), noisy: false }
}

fn rows(runs: impl Iterator<Item = i64>) -> Vec<PointRow> {
    runs.flat_map(|run| (1..=BENCHMARKS).map(move |series| PointRow { run, series, measured: measured(run, series) }))
        .collect()
}

fn bare(path: &Path) -> Connection {
    let connection = Connection::open(path).unwrap();
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())).unwrap();
    connection.execute_batch("PRAGMA synchronous = NORMAL; PRAGMA cache_size = -65536;").unwrap();
    connection
}

fn bulk(folder: &Path, runs: i64, rounds: usize) {
    let rows = rows(1..=runs);
    let (mut theirs, mut ours, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for round in 0..rounds {
        let (bare_path, our_path) = (folder.join(format!("bare-{round}.db")), folder.join(format!("ours-{round}.db")));
        let mut connection = bare(&bare_path);
        let mut store = SqliteStore::open(&our_path, &OpenOptions::default()).unwrap();
        // Each goes first every other time.
        let (first, second) = if round % 2 == 0 {
            let first = timed(|| insert_then_index(&mut connection, &rows)).0;
            (first, timed(|| store.import_points(&rows).unwrap()).0)
        } else {
            let second = timed(|| store.import_points(&rows).unwrap()).0;
            (timed(|| insert_then_index(&mut connection, &rows)).0, second)
        };
        theirs.push(first);
        ours.push(second);
        ratios.push(second / first);
        drop((connection, store));
        std::fs::remove_file(bare_path).unwrap();
        std::fs::remove_file(our_path).unwrap();
    }
    header(&format!("{} point rows in one transaction", rows.len()));
    Times::new(theirs).row("bare SQLite: table, then index (series, time, run, value)");
    Times::new(ours).row("the store: `import_points`");
    let ratios = Times::new(ratios);
    println!("\nRatio, round by round: median {:.2}, {:.2} to {:.2}.", ratios.at(0.5), ratios.at(0.0), ratios.at(1.0));
}

fn insert_then_index(connection: &mut Connection, rows: &[PointRow]) {
    let transaction = connection.transaction().unwrap();
    let table = "CREATE TABLE points (series INTEGER, time INTEGER, run INTEGER, value REAL, low REAL, high REAL,
        samples INTEGER, noisy INTEGER)";
    transaction.execute_batch(table).unwrap();
    {
        let sql = "INSERT INTO points VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        let mut insert = transaction.prepare(sql).unwrap();
        for row in rows {
            let (time, point) = (1_790_000_000_000_000 + row.run * 60_000_000, &row.measured);
            let samples = point.samples.map(|samples| samples as i64);
            let values = (row.series, time, row.run, point.value, point.low, point.high, samples, point.noisy);
            insert.execute(values).unwrap();
        }
    }
    transaction.execute_batch("CREATE INDEX history ON points (series, time, run, value)").unwrap();
    transaction.commit().unwrap();
}

fn ci_run(nth: i64, samples: usize) -> Document {
    let mut document = support::document(nth);
    let step = support::add_step(&mut document, Kind::Benchmark, "criterion", None, None);
    for benchmark in 1..=BENCHMARKS {
        let value = value(nth, benchmark);
        let samples = (0..samples).map(|i| (value * (1.0 + (i % 7) as f64 / 500.0)).round()).collect();
        let name = format!("group_{}/case_{benchmark}", benchmark % 40);
        support::add_benchmark(&mut document, &step, &name, value, samples);
    }
    document
}

fn fill(folder: &Path, runs: i64) -> PathBuf {
    let path = folder.join("full.db");
    let mut store = SqliteStore::open(&path, &OpenOptions::default()).unwrap();
    let documents = (0..runs).map(|nth| ci_run(nth, 0));
    let mut spent = Duration::ZERO;
    for document in documents {
        let start = Instant::now();
        store.save(&document).unwrap();
        spent += start.elapsed();
    }
    drop(store);
    let bytes = std::fs::metadata(&path).unwrap().len();
    println!(
        "\nFilling a store through `save`: {runs} runs of {BENCHMARKS} benchmarks in {:.1} s, {:.0} bytes a point.",
        spent.as_secs_f64(),
        bytes as f64 / (runs * BENCHMARKS) as f64
    );
    for (table, bytes) in sizes(&path) {
        println!("- `{table}`: {:.1} MB", bytes as f64 / 1e6);
    }
    path
}

/// The size of each part of the file, the greatest first. Without the statistics table of SQLite, only the documents
/// can be told apart.
fn sizes(path: &Path) -> Vec<(String, i64)> {
    let connection = Connection::open(path).unwrap();
    let documents: i64 = connection.query_row("SELECT sum(length(zlib)) FROM documents", [], |row| row.get(0)).unwrap();
    let json: i64 = connection.query_row("SELECT sum(bytes) FROM documents", [], |row| row.get(0)).unwrap();
    let whole = std::fs::metadata(path).unwrap().len() as i64;
    vec![("documents".into(), documents), ("all else".into(), whole - documents), ("(JSON before)".into(), json)]
}

/// Each save as a process would make it: open, save, close.
fn one_run(path: &Path, runs: i64) {
    header(&format!("One run of {BENCHMARKS} benchmarks into a store of {} points", runs * BENCHMARKS));
    let mut nth = runs;
    for (name, samples) in [("no raw samples", 0), ("30 raw samples each", 30)] {
        let (mut opens, mut saves, mut spent, mut closes) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for _ in 0..64 {
            let document = ci_run(nth, samples);
            let (open, mut store) = timed(|| SqliteStore::open(path, &OpenOptions::default()).unwrap());
            let (save, (processor, ())) = timed(|| cpu(|| store.save(&document).unwrap()));
            saves.push(save);
            spent.push(processor);
            closes.push(timed(|| drop(store)).0);
            opens.push(open);
            nth += 1;
        }
        Times::new(opens).row(&format!("open ({name})"));
        Times::new(saves).row(&format!("**save** ({name})"));
        Times::new(spent).row(&format!("the same, processor time ({name})"));
        Times::new(closes).row(&format!("close, with the WAL written back and synced ({name})"));
    }
    let mut store = SqliteStore::open(path, &OpenOptions::default()).unwrap();
    let kept = (0..64).map(|i| ci_run(nth + i, 0)).map(|document| timed(|| store.save(&document).unwrap()).0);
    Times::new(kept.collect()).row("save, store kept open (WAL written back every 1,000 pages)");
}

/// Milliseconds of processor time of this thread: what is left when others use the machine, too.
fn cpu<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let now = || {
        let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
        time.tv_sec as f64 * 1e3 + time.tv_nsec as f64 / 1e6
    };
    let start = now();
    let result = work();
    (now() - start, result)
}

fn history(path: &Path) {
    let store = SqliteStore::open(path, &OpenOptions::default()).unwrap();
    let series = store.series(&SeriesFilter::default()).unwrap();
    let mut times = Vec::new();
    let chosen = (0..500).map(|i| &series[(i * 37) % series.len()]);
    let mut processor = Vec::new();
    for series in chosen.clone() {
        let (time, (spent, points)) = timed(|| cpu(|| store.history(series, 1000).unwrap()));
        times.push(time / (points.len() as f64 / 1000.0));
        processor.push(spent / (points.len() as f64 / 1000.0));
    }
    drop(store);
    let fresh = chosen.step_by(10).map(|series| {
        let store = SqliteStore::open(path, &OpenOptions::default()).unwrap();
        let (time, points) = timed(|| store.history(series, 1000).unwrap());
        time / (points.len() as f64 / 1000.0)
    });
    let fresh = Times::new(fresh.collect());
    header("History of 1,000 points of one series, with the run, commit and branch of each");
    Times::new(times).row("store kept open");
    Times::new(processor).row("the same, processor time");
    fresh.row("first question after opening (nothing in SQLite's cache)");
}

fn lists(path: &Path) {
    header("Listing runs of the same store, the newest 30");
    let named = |name: &str| RunFilter { name: Some(name.into()), limit: Some(30), ..RunFilter::default() };
    let questions = [
        ("all", RunFilter { limit: Some(30), ..RunFilter::default() }),
        ("`-k 'group_7/case_7'`", named("criterion/group_7/case_7")),
        ("`-k '*case*'` (all series match)", named("*case*")),
        ("`-k nothing`", named("nothing")),
    ];
    for (name, filter) in questions {
        let times = (0..15).map(|_| {
            let store = SqliteStore::open(path, &OpenOptions::default()).unwrap();
            timed(|| store.runs(&filter).unwrap()).0
        });
        Times::new(times.collect()).row(name);
    }
}

/// The same points with other numbers of runs to a block, in bare SQLite: what a save touches against what a history
/// costs.
fn orders(folder: &Path, runs: i64) {
    println!("\nOrder of the key: points alone, run by run, each save in a new connection (medians of 33)\n");
    println!("| runs to a block | save ms | pages written | history ms |\n|---|---|---|---|");
    for bits in [0, 3, 4, 5, 6, 7, 20] {
        let path = folder.join(format!("order-{bits}.db"));
        let mut connection = bare(&path);
        connection
            .execute_batch("CREATE TABLE points (id INTEGER PRIMARY KEY, value, low, high, samples, noisy)")
            .unwrap();
        insert_packed(&mut connection, bits, &rows(0..runs));
        drop(connection);
        let (mut saves, mut pages) = (Vec::new(), Vec::new());
        for run in runs..runs + 33 {
            let rows = rows(run..=run);
            let mut connection = bare(&path);
            saves.push(timed(|| insert_packed(&mut connection, bits, &rows)).0);
            let wal = std::fs::metadata(path.with_extension("db-wal")).unwrap().len();
            pages.push(wal as f64 / 4120.0);
        }
        let connection = bare(&path);
        let histories = (1..=33).map(|i| timed(|| read_packed(&connection, bits, i * 29, runs)).0);
        let histories = Times::new(histories.collect());
        let (saves, pages) = (Times::new(saves), Times::new(pages));
        let name = if bits == 20 { "all (by series)".to_owned() } else { (1 << bits).to_string() };
        println!("| {name} | {:.2} | {:.0} | {:.3} |", saves.at(0.5), pages.at(0.5), histories.at(0.5));
        drop(connection);
        std::fs::remove_file(path).unwrap();
    }
}

fn packed(bits: i64, run: i64, series: i64) -> i64 {
    (run >> bits) << (bits + 26) | series << bits | run & ((1 << bits) - 1)
}

fn insert_packed(connection: &mut Connection, bits: i64, rows: &[PointRow]) {
    let transaction = connection.transaction().unwrap();
    {
        let sql = "INSERT INTO points (id, value, low, high, samples, noisy) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        let mut insert = transaction.prepare(sql).unwrap();
        for PointRow { run, series, measured } in rows {
            let id = packed(bits, *run, *series);
            insert.execute(params![id, measured.value, measured.low, measured.high, 30, measured.noisy]).unwrap();
        }
    }
    transaction.commit().unwrap();
}

fn read_packed(connection: &Connection, bits: i64, series: i64, runs: i64) -> f64 {
    let sql = "SELECT value, low, high, samples, noisy FROM points WHERE id BETWEEN ?1 AND ?2";
    let _snapshot = connection.unchecked_transaction().unwrap();
    let mut select = connection.prepare_cached(sql).unwrap();
    let mut sum = 0.0;
    for block in 0..=runs >> bits {
        let first = packed(bits, block << bits, series);
        let mut rows = select.query([first, first | ((1 << bits) - 1)]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            sum += row.get::<_, f64>(0).unwrap() + row.get::<_, f64>(1).unwrap() + row.get::<_, f64>(2).unwrap();
        }
    }
    sum
}
