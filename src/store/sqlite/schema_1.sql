-- Format 1. Keys of `points` and `outcomes` are packed as src/store/key.rs says: (block of 32 runs, member, run).

CREATE TABLE runs (
    no INTEGER PRIMARY KEY AUTOINCREMENT CHECK (no < 137438953472),
    id TEXT NOT NULL UNIQUE,
    started INTEGER NOT NULL,
    duration_ns INTEGER NOT NULL,
    status TEXT NOT NULL,
    exit_code INTEGER NOT NULL,
    project TEXT NOT NULL,
    commit_hash TEXT,
    branch TEXT,
    default_branch TEXT,
    dirty INTEGER,
    request INTEGER,
    provider TEXT,
    class_key TEXT NOT NULL,
    host TEXT NOT NULL,
    tests INTEGER NOT NULL,
    passed INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    errored INTEGER NOT NULL,
    skipped INTEGER NOT NULL,
    flaky INTEGER NOT NULL,
    cancelled INTEGER NOT NULL,
    generations INTEGER NOT NULL,
    generations_failed INTEGER NOT NULL,
    benchmarks INTEGER NOT NULL,
    steps_skipped INTEGER NOT NULL
) STRICT;
CREATE INDEX runs_by_time ON runs (started);
CREATE INDEX runs_by_base ON runs (project, class_key, branch, started);

CREATE TABLE documents (
    run INTEGER PRIMARY KEY REFERENCES runs (no) ON DELETE CASCADE,
    bytes INTEGER NOT NULL,
    zlib BLOB NOT NULL
) STRICT;

CREATE TABLE steps (
    run INTEGER NOT NULL REFERENCES runs (no) ON DELETE CASCADE,
    step TEXT NOT NULL,
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    model TEXT,
    target TEXT,
    status TEXT NOT NULL,
    duration_ns INTEGER NOT NULL
) STRICT;
CREATE INDEX steps_by_run ON steps (run);

CREATE TABLE series (
    no INTEGER PRIMARY KEY CHECK (no < 67108864),
    project TEXT NOT NULL,
    class_key TEXT NOT NULL,
    benchmark TEXT NOT NULL,
    metric TEXT NOT NULL,
    unit TEXT NOT NULL,
    step TEXT NOT NULL,
    direction TEXT NOT NULL,
    first_run INTEGER NOT NULL,
    UNIQUE (benchmark, metric, class_key, project, unit, step)
) STRICT;

CREATE TABLE points (
    id INTEGER PRIMARY KEY,
    value REAL NOT NULL,
    low REAL,
    high REAL,
    samples INTEGER,
    noisy INTEGER NOT NULL
) STRICT;

CREATE TABLE cases (
    no INTEGER PRIMARY KEY CHECK (no < 67108864),
    title TEXT NOT NULL,
    step TEXT NOT NULL,
    suites TEXT NOT NULL,
    project TEXT NOT NULL,
    UNIQUE (title, step, suites, project)
) STRICT;

CREATE TABLE outcomes (
    id INTEGER PRIMARY KEY,
    outcome TEXT NOT NULL,
    duration_ns INTEGER
) STRICT;

-- For people and other programs with SQL; Backsight itself does not read these.
CREATE VIEW history AS
SELECT s.project, s.benchmark, s.metric, s.unit, s.direction, s.class_key, s.step, r.id AS run, r.started, r.branch,
       r.commit_hash, r.request, p.value, p.low, p.high, p.samples, p.noisy
FROM points p
JOIN series s ON s.no = (p.id >> 5) & 67108863
JOIN runs r ON r.no = ((p.id >> 31) << 5) | (p.id & 31);

CREATE VIEW case_history AS
SELECT c.project, c.step, c.suites, c.title, r.id AS run, r.started, r.branch, r.commit_hash, r.request, o.outcome,
       o.duration_ns
FROM outcomes o
JOIN cases c ON c.no = (o.id >> 5) & 67108863
JOIN runs r ON r.no = ((o.id >> 31) << 5) | (o.id & 31);
