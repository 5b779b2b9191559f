//! Saving a run: its facts, its document, its steps, one point per metric and one outcome per case.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, named_params, params};

use super::SqliteStore;
use super::documents::Stored;
use super::words::{int, word};
use crate::results::{Benchmark, Case, Document, Metric, Outcome, Step, Validity};
use crate::store::key::{block_of, block_span, first_run, key};
use crate::store::{Measured, RunFacts, StoreError};

/// One point by the numbers of its run and its series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PointRow {
    /// The number of the run in the store.
    pub run: i64,
    /// The number of the series in the store.
    pub series: i64,
    /// What was measured.
    pub measured: Measured,
}

impl SqliteStore {
    /// Inserts points in one transaction: the bulk path for rebuilding a store from results kept elsewhere. A point
    /// that is there already is replaced.
    ///
    /// # Errors
    /// Any [`StoreError`]; the store is then as it was before.
    pub fn import_points(&mut self, rows: &[PointRow]) -> Result<(), StoreError> {
        let mut keyed: Vec<_> = rows.iter().map(|row| (key(row.run, row.series), row.measured)).collect();
        keyed.sort_unstable_by_key(|(id, _)| *id);
        self.write(|connection| insert_points(connection, keyed.iter().map(|(id, measured)| (*id, measured))))
    }

    pub(super) fn save_run(&mut self, document: &Document) -> Result<(), StoreError> {
        // Packed before the write lock is taken: other processes should not wait for it.
        let stored = Stored::pack(document)?;
        self.write(|connection| save_stored(connection, document, &stored))
    }

    pub(super) fn write(&mut self, work: impl FnOnce(&Connection) -> rusqlite::Result<()>) -> Result<(), StoreError> {
        let (path, busy) = (self.path.clone(), self.busy);
        self.labels.get_mut().clear();
        let transaction = self.begin()?;
        work(&transaction)
            .and_then(|()| transaction.commit())
            .map_err(|source| StoreError::from_sqlite(&path, busy, source))
    }
}

/// Writes a run whose document is packed already, within a transaction.
pub(super) fn save_stored(connection: &Connection, document: &Document, stored: &Stored) -> rusqlite::Result<()> {
    let (run, replaced) = save_facts(connection, &RunFacts::from(document))?;
    if replaced {
        clear(connection, run)?;
    }
    stored.insert(connection, run)?;
    save_steps(connection, run, &document.steps)?;
    save_points(connection, run, document)?;
    save_outcomes(connection, run, document)
}

const SAVE_FACTS: &str = "
    INSERT INTO runs (
        id, started, duration_ns, status, exit_code, project, commit_hash, branch, default_branch, dirty, request,
        provider, class_key, host, tests, passed, failed, errored, skipped, flaky, cancelled, generations,
        generations_failed, benchmarks, steps_skipped)
    VALUES (
        :id, :started, :duration_ns, :status, :exit_code, :project, :commit_hash, :branch, :default_branch, :dirty,
        :request, :provider, :class_key, :host, :tests, :passed, :failed, :errored, :skipped, :flaky, :cancelled,
        :generations, :generations_failed, :benchmarks, :steps_skipped)
    ON CONFLICT (id) DO UPDATE SET
        started = excluded.started, duration_ns = excluded.duration_ns, status = excluded.status,
        exit_code = excluded.exit_code, project = excluded.project, commit_hash = excluded.commit_hash,
        branch = excluded.branch, default_branch = excluded.default_branch, dirty = excluded.dirty,
        request = excluded.request, provider = excluded.provider, class_key = excluded.class_key,
        host = excluded.host, tests = excluded.tests, passed = excluded.passed, failed = excluded.failed,
        errored = excluded.errored, skipped = excluded.skipped, flaky = excluded.flaky,
        cancelled = excluded.cancelled, generations = excluded.generations,
        generations_failed = excluded.generations_failed, benchmarks = excluded.benchmarks,
        steps_skipped = excluded.steps_skipped
    RETURNING no";

/// Writes the row of the run. Gives its number and whether it was there before.
fn save_facts(connection: &Connection, facts: &RunFacts) -> rusqlite::Result<(i64, bool)> {
    let id = facts.id.to_string();
    let before: Option<i64> =
        connection.query_row("SELECT no FROM runs WHERE id = ?1", [&id], |row| row.get(0)).optional()?;
    let counts = &facts.counts;
    let run = connection.prepare_cached(SAVE_FACTS)?.query_row(
        named_params! {
            ":id": id, ":started": facts.started_at.as_microsecond(), ":duration_ns": int(facts.duration_ns),
            ":status": facts.status.as_str(), ":exit_code": facts.exit_code.code(), ":project": facts.project,
            ":commit_hash": facts.commit, ":branch": facts.branch, ":default_branch": facts.default_branch,
            ":dirty": facts.dirty, ":request": facts.request.map(int), ":provider": facts.provider.map(word),
            ":class_key": facts.class_key, ":host": facts.host, ":tests": int(counts.tests),
            ":passed": int(counts.passed), ":failed": int(counts.failed), ":errored": int(counts.errored),
            ":skipped": int(counts.skipped), ":flaky": int(counts.flaky), ":cancelled": int(counts.cancelled),
            ":generations": int(counts.generations), ":generations_failed": int(counts.generations_failed),
            ":benchmarks": int(counts.benchmarks), ":steps_skipped": int(counts.steps_skipped),
        },
        |row| row.get(0),
    )?;
    Ok((run, before.is_some()))
}

/// Removes what an earlier save of the run left. Its points lie apart, so the whole block is looked through; this is
/// for the rare second save of one run.
fn clear(connection: &Connection, run: i64) -> rusqlite::Result<()> {
    connection.execute("DELETE FROM steps WHERE run = ?1", [run])?;
    let (first, last) = block_span(block_of(run));
    let slot = run - first_run(block_of(run));
    for table in ["points", "outcomes"] {
        let sql = format!("DELETE FROM {table} WHERE id BETWEEN ?1 AND ?2 AND (id & 31) = ?3");
        connection.execute(&sql, [first, last, slot])?;
    }
    Ok(())
}

fn save_steps(connection: &Connection, run: i64, steps: &[Step]) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO steps (run, step, kind, name, model, target, status, duration_ns)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?;
    for step in steps {
        let (kind, status) = (word(step.kind), word(step.status));
        let duration = int(step.duration_ns);
        insert.execute(params![run, step.id, kind, step.name, step.model, step.target, status, duration])?;
    }
    Ok(())
}

/// Points in the order of their keys; where one run measured a series twice, the later figure stands.
fn save_points(connection: &Connection, run: i64, document: &Document) -> rusqlite::Result<()> {
    let mut points = BTreeMap::new();
    for benchmark in &document.benchmarks {
        let name = benchmark.series();
        for metric in &benchmark.metrics {
            if let Some(measured) = measured(benchmark, metric) {
                let series = series_number(connection, run, document, &name, &benchmark.step, metric)?;
                points.insert(key(run, series), measured);
            }
        }
    }
    insert_points(connection, points.iter().map(|(id, measured)| (*id, measured)))
}

/// The point of a metric; `None` where there is no figure to trust.
fn measured(benchmark: &Benchmark, metric: &Metric) -> Option<Measured> {
    if !metric.value.is_finite() || matches!(benchmark.validity, Validity::Invalid { .. }) {
        return None;
    }
    let summary = metric.summary.as_ref();
    let finite = |value: Option<f64>| value.filter(|value| value.is_finite());
    let counted = Some(metric.samples.len() as u64).filter(|count| *count > 0);
    Some(Measured {
        value: metric.value,
        low: finite(summary.and_then(|summary| summary.low).or(metric.lower)),
        high: finite(summary.and_then(|summary| summary.high).or(metric.upper)),
        samples: summary.map(|summary| summary.n).or(counted).or(metric.iterations),
        noisy: matches!(benchmark.validity, Validity::Noisy { .. }),
    })
}

fn series_number(
    connection: &Connection,
    run: i64,
    document: &Document,
    name: &str,
    step: &str,
    metric: &Metric,
) -> rusqlite::Result<i64> {
    let class = &document.host.class_key;
    let mut select = connection.prepare_cached(
        "SELECT no, direction, first_run FROM series
         WHERE benchmark = ?1 AND metric = ?2 AND class_key = ?3 AND project = ?4 AND unit = ?5 AND step = ?6",
    )?;
    let identity = params![name, metric.metric, class, document.project, metric.unit, step];
    let direction = word(metric.direction);
    let known = select
        .query_row(identity, |row| Ok((row.get(0)?, row.get::<_, String>(1)? == direction, row.get::<_, i64>(2)?)))
        .optional()?;
    let Some((number, same_direction, first)) = known else {
        let mut insert = connection.prepare_cached(
            "INSERT INTO series (benchmark, metric, class_key, project, unit, step, direction, first_run)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?;
        let row = params![name, metric.metric, class, document.project, metric.unit, step, direction, run];
        return insert.insert(row);
    };
    if !same_direction || run < first {
        let sql = "UPDATE series SET direction = ?2, first_run = ?3 WHERE no = ?1";
        connection.prepare_cached(sql)?.execute(params![number, direction, run.min(first)])?;
    }
    Ok(number)
}

fn insert_points<'a>(
    connection: &Connection,
    points: impl Iterator<Item = (i64, &'a Measured)>,
) -> rusqlite::Result<()> {
    let mut insert = connection.prepare_cached(
        "INSERT OR REPLACE INTO points (id, value, low, high, samples, noisy) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for (id, point) in points {
        insert.execute((id, point.value, point.low, point.high, point.samples.map(int), point.noisy))?;
    }
    Ok(())
}

/// Outcomes in the order of their keys; where two cases of a step share all their names, the worse one stands.
fn save_outcomes(connection: &Connection, run: i64, document: &Document) -> rusqlite::Result<()> {
    let mut outcomes: BTreeMap<i64, (Outcome, Option<i64>)> = BTreeMap::new();
    for case in &document.cases {
        let number = case_number(connection, &document.project, case)?;
        let found = (case.outcome, case.duration_ns.map(int));
        let kept = outcomes.entry(key(run, number)).or_insert(found);
        if badness(found.0) > badness(kept.0) {
            *kept = found;
        }
    }
    let mut insert =
        connection.prepare_cached("INSERT INTO outcomes (id, outcome, duration_ns) VALUES (?1, ?2, ?3)")?;
    for (id, (outcome, duration)) in outcomes {
        insert.execute(params![id, outcome.as_str(), duration])?;
    }
    Ok(())
}

const fn badness(outcome: Outcome) -> u8 {
    match outcome {
        Outcome::Skipped => 0,
        Outcome::Passed => 1,
        Outcome::Flaky => 2,
        Outcome::Cancelled => 3,
        Outcome::TimedOut | Outcome::Errored | Outcome::Failed => 4,
    }
}

fn case_number(connection: &Connection, project: &str, case: &Case) -> rusqlite::Result<i64> {
    let (title, suites) = (case.title(), case.suites.join(" > "));
    let identity = params![title, case.step, suites, project];
    let mut select = connection
        .prepare_cached("SELECT no FROM cases WHERE title = ?1 AND step = ?2 AND suites = ?3 AND project = ?4")?;
    if let Some(number) = select.query_row(identity, |row| row.get(0)).optional()? {
        return Ok(number);
    }
    let sql = "INSERT INTO cases (title, step, suites, project) VALUES (?1, ?2, ?3, ?4)";
    connection.prepare_cached(sql)?.insert(identity)
}
