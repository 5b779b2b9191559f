//! Finding runs: by filter, by the beginning of an id, as a baseline.

use jiff::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, OptionalExtension, Row, named_params, params_from_iter};

use super::SqliteStore;
use super::words::{count, from_value, int, read, read_optional, word};
use crate::results::{Counts, ExitCode};
use crate::store::filter::name_glob;
use crate::store::key::SLOT_BITS;
use crate::store::{BaselineQuery, RunFacts, RunFilter, StepTime, StoreError};

/// The states of a run whose figures are complete.
const FINISHED: &str = "('passed', 'failed', 'undecided')";

pub(super) fn runs(store: &SqliteStore, filter: &RunFilter) -> Result<Vec<RunFacts>, StoreError> {
    let mut query = Conditions::default();
    query.states(filter);
    query.steps(filter);
    if let Some(pattern) = &filter.name {
        let glob = name_glob(pattern)?;
        query.names(&store.connection, &glob).map_err(|source| store.error(source))?;
    }
    query.read(&store.connection, filter.limit).map_err(|source| store.error(source))
}

/// How long the steps of a project took in its newest finished runs.
pub(super) fn step_times(connection: &Connection, project: &str, runs: u32) -> rusqlite::Result<Vec<StepTime>> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT t.step, r.class_key, t.duration_ns FROM
             (SELECT no, class_key FROM runs WHERE project = ?1 AND status IN {FINISHED} ORDER BY started DESC LIMIT ?2) r
         JOIN steps t ON t.run = r.no
         WHERE t.status IN ('passed', 'failed') AND t.duration_ns > 0",
    ))?;
    let rows = statement.query_map((project, runs), |row| {
        let duration_ns = row.get::<_, i64>(2)?.unsigned_abs();
        Ok(StepTime { step: row.get(0)?, class_key: row.get(1)?, duration_ns })
    })?;
    rows.collect()
}

/// The conditions of a listing with the values for their placeholders.
#[derive(Default)]
struct Conditions {
    sql: String,
    values: Vec<Value>,
}

impl Conditions {
    fn and(&mut self, sql: &str, value: impl Into<Value>) {
        self.sql.push_str(" AND ");
        self.sql.push_str(sql);
        self.values.push(value.into());
    }

    fn states(&mut self, filter: &RunFilter) {
        if !filter.statuses.is_empty() {
            self.and("r.status IN (SELECT value FROM json_each(?))", array(filter.statuses.iter().map(word)));
        }
        if let Some(branch) = &filter.branch {
            self.and("r.branch = ?", branch.clone());
        }
        if let Some(since) = filter.since {
            self.and("r.started >= ?", since.as_microsecond());
        }
        if let Some(until) = filter.until {
            self.and("r.started < ?", until.as_microsecond());
        }
    }

    /// One step must fulfil all that is asked of steps.
    fn steps(&mut self, filter: &RunFilter) {
        if filter.kinds.is_empty() && filter.target.is_none() && filter.model.is_none() {
            return;
        }
        self.sql.push_str(" AND EXISTS (SELECT 1 FROM steps t WHERE t.run = r.no");
        if !filter.kinds.is_empty() {
            self.and("t.kind IN (SELECT value FROM json_each(?))", array(filter.kinds.iter().map(word)));
        }
        if let Some(target) = &filter.target {
            self.and("t.target = ?", target.clone());
        }
        if let Some(model) = &filter.model {
            self.and("t.model = ?", model.clone());
        }
        self.sql.push(')');
    }

    /// Names are matched here, once each; the runs are then found by number.
    fn names(&mut self, connection: &Connection, glob: &globset::GlobMatcher) -> rusqlite::Result<()> {
        let members = |sql| matching_numbers(connection, sql, glob);
        let steps = matching_words(connection, "SELECT DISTINCT name, step FROM steps", glob)?;
        let series = members("SELECT no, benchmark FROM series")?;
        let cases = members("SELECT no, title FROM cases")?;
        let row_of = |table: &str| {
            format!(
                "EXISTS (SELECT 1 FROM json_each(?) m CROSS JOIN {table} p ON p.id =
                    ((r.no >> {SLOT_BITS}) << 31) | (m.value << {SLOT_BITS}) | (r.no & 31))"
            )
        };
        self.and(
            "(EXISTS (SELECT 1 FROM steps t WHERE t.run = r.no AND t.step IN (SELECT value FROM json_each(?)))",
            steps,
        );
        for (table, numbers) in [("points", series), ("outcomes", cases)] {
            self.sql.push_str(" OR ");
            self.sql.push_str(&row_of(table));
            self.values.push(numbers.into());
        }
        self.sql.push(')');
        Ok(())
    }

    fn read(mut self, connection: &Connection, limit: Option<u32>) -> rusqlite::Result<Vec<RunFacts>> {
        self.values.push(limit.map_or(-1, i64::from).into());
        let sql = format!("SELECT r.* FROM runs r WHERE 1 {} ORDER BY r.started DESC, r.no DESC LIMIT ?", self.sql);
        let mut statement = connection.prepare(&sql)?;
        statement.query_map(params_from_iter(self.values), facts)?.collect()
    }
}

/// A JSON array, which a statement takes as one value.
fn array(words: impl Iterator<Item = String>) -> String {
    serde_json::Value::from_iter(words).to_string()
}

/// The ids of steps of which the name or the id matches.
fn matching_words(connection: &Connection, sql: &str, glob: &globset::GlobMatcher) -> rusqlite::Result<String> {
    let mut statement = connection.prepare(sql)?;
    let rows = statement.query_map([], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
    let rows = rows.collect::<rusqlite::Result<Vec<_>>>()?;
    let matches = |(name, step): &(String, String)| glob.is_match(name) || glob.is_match(step);
    Ok(array(rows.into_iter().filter(matches).map(|(_, step)| step)))
}

fn matching_numbers(connection: &Connection, sql: &str, glob: &globset::GlobMatcher) -> rusqlite::Result<String> {
    let mut statement = connection.prepare(sql)?;
    let mut rows = statement.query([])?;
    let mut numbers = Vec::new();
    while let Some(row) = rows.next()? {
        if glob.is_match(row.get_ref(1)?.as_str()?) {
            numbers.push(row.get::<_, i64>(0)?);
        }
    }
    Ok(serde_json::Value::from(numbers).to_string())
}

/// The runs whose id begins with `prefix`.
pub(super) fn find(connection: &Connection, prefix: &str, limit: u32) -> rusqlite::Result<Vec<RunFacts>> {
    let prefix = prefix.to_ascii_lowercase();
    if !prefix.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-') {
        return Ok(Vec::new());
    }
    // `g` comes after every character of an id.
    let sql = "SELECT * FROM runs WHERE id >= ?1 AND id < ?1 || 'g' ORDER BY started DESC, no DESC LIMIT ?2";
    let mut statement = connection.prepare_cached(sql)?;
    statement.query_map((prefix, limit), facts)?.collect()
}

/// The newest finished run that the query allows.
pub(super) fn baseline(connection: &Connection, query: &BaselineQuery) -> rusqlite::Result<Option<RunFacts>> {
    let sql = format!(
        "SELECT * FROM runs
         WHERE project = :project AND class_key = :class AND branch IS :branch AND status IN {FINISHED}
           AND (request IS NULL OR request = :request)
           AND (:exclude IS NULL OR id <> :exclude)
           AND (:before IS NULL OR started < :before)
           AND (NOT :measured OR benchmarks > 0)
         ORDER BY started DESC, no DESC LIMIT 1"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let values = named_params! {
        ":project": query.project, ":class": query.class_key, ":branch": query.branch,
        ":request": query.request.map(int), ":exclude": query.exclude.map(|id| id.to_string()),
        ":before": query.before.map(Timestamp::as_microsecond), ":measured": query.with_benchmarks,
    };
    statement.query_row(values, facts).optional()
}

/// The finished runs of these commits that the query allows.
pub(super) fn of_commits(
    connection: &Connection,
    query: &BaselineQuery,
    commits: &[String],
) -> rusqlite::Result<Vec<RunFacts>> {
    let sql = format!(
        "SELECT * FROM runs
         WHERE project = :project AND commit_hash IN (SELECT value FROM json_each(:commits)) AND class_key = :class
           AND status IN {FINISHED} AND (request IS NULL OR request = :request)
           AND (:exclude IS NULL OR id <> :exclude) AND (NOT :measured OR benchmarks > 0)
         ORDER BY started DESC, no DESC"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let values = named_params! {
        ":project": query.project, ":commits": array(commits.iter().cloned()), ":class": query.class_key,
        ":request": query.request.map(int), ":exclude": query.exclude.map(|id| id.to_string()),
        ":measured": query.with_benchmarks,
    };
    statement.query_map(values, facts)?.collect()
}

/// The newest finished run of no change request for each branch × class key.
pub(super) fn baselines(connection: &Connection, project: Option<&str>) -> rusqlite::Result<Vec<RunFacts>> {
    let sql = format!(
        "SELECT * FROM runs r
         WHERE (?1 IS NULL OR r.project = ?1) AND r.no = (
             SELECT s.no FROM runs s
             WHERE s.project = r.project AND s.class_key = r.class_key AND s.branch IS r.branch
               AND s.status IN {FINISHED} AND s.request IS NULL
             ORDER BY s.started DESC, s.no DESC LIMIT 1)
         ORDER BY r.project, r.branch, r.class_key"
    );
    connection.prepare(&sql)?.query_map([project], facts)?.collect()
}

fn facts(row: &Row<'_>) -> rusqlite::Result<RunFacts> {
    Ok(RunFacts {
        id: read(row, "id")?,
        started_at: time(row, "started")?,
        duration_ns: count(row, "duration_ns")?,
        status: read(row, "status")?,
        exit_code: exit_code(row)?,
        project: row.get("project")?,
        commit: row.get("commit_hash")?,
        branch: row.get("branch")?,
        default_branch: row.get("default_branch")?,
        dirty: row.get("dirty")?,
        request: row.get::<_, Option<i64>>("request")?.and_then(|number| u64::try_from(number).ok()),
        provider: read_optional(row, "provider")?,
        class_key: row.get("class_key")?,
        host: row.get("host")?,
        counts: counts(row)?,
    })
}

fn exit_code(row: &Row<'_>) -> rusqlite::Result<ExitCode> {
    let code: i64 = row.get("exit_code")?;
    from_value(row, "exit_code", code.into())
}

/// Reads a column of microseconds since 1970.
fn time(row: &Row<'_>, column: &str) -> rusqlite::Result<Timestamp> {
    let (place, microseconds) = (row.as_ref().column_index(column)?, row.get(column)?);
    Timestamp::from_microsecond(microseconds).map_err(|_| rusqlite::Error::IntegralValueOutOfRange(place, microseconds))
}

fn counts(row: &Row<'_>) -> rusqlite::Result<Counts> {
    Ok(Counts {
        tests: count(row, "tests")?,
        passed: count(row, "passed")?,
        failed: count(row, "failed")?,
        errored: count(row, "errored")?,
        skipped: count(row, "skipped")?,
        flaky: count(row, "flaky")?,
        cancelled: count(row, "cancelled")?,
        generations: count(row, "generations")?,
        generations_failed: count(row, "generations_failed")?,
        benchmarks: count(row, "benchmarks")?,
        steps_skipped: count(row, "steps_skipped")?,
    })
}
