-- Format 2. What was read from shelves of shared results, so that nothing is read twice, and finding runs by commit.

CREATE TABLE shelves (
    place TEXT PRIMARY KEY,
    mark TEXT NOT NULL
) STRICT;

CREATE TABLE shelved (
    place TEXT NOT NULL,
    path TEXT NOT NULL,
    content TEXT NOT NULL,
    problem TEXT,
    PRIMARY KEY (place, path)
) STRICT;

CREATE TABLE accepted (
    id TEXT PRIMARY KEY,
    at INTEGER NOT NULL,
    json TEXT NOT NULL
) STRICT;

CREATE INDEX runs_by_commit ON runs (project, commit_hash);
