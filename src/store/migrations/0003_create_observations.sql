-- What was found: scores and time series of attempts, and results imported from elsewhere.
--
-- SQLite turns NaN into NULL without a word. A value that is not finite is therefore NULL and named in the column beside
-- it: nothing is lost, and `avg(value)` leaves it out by itself.

PRAGMA user_version = 3;

CREATE TABLE source (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
);
INSERT INTO source (id, name) VALUES (1, 'measured');

-- What a number is a number of.
CREATE TABLE quantity (
    id        INTEGER PRIMARY KEY,
    metric    TEXT NOT NULL,
    benchmark TEXT NOT NULL,
    split     TEXT NOT NULL,
    UNIQUE (metric, benchmark, split)
);

CREATE TABLE import (
    id        INTEGER PRIMARY KEY,
    name      TEXT NOT NULL,
    file      TEXT NOT NULL,
    -- Of the file's bytes.
    digest    BLOB NOT NULL CHECK (length(digest) = 16),
    source_id INTEGER NOT NULL REFERENCES source ON DELETE CASCADE,
    recorded  REAL NOT NULL
);

-- Either measured by an attempt, or imported for a run.
CREATE TABLE observation (
    id          INTEGER PRIMARY KEY,
    attempt_id  INTEGER REFERENCES attempt ON DELETE CASCADE,
    run_id      INTEGER REFERENCES run ON DELETE CASCADE,
    import_id   INTEGER REFERENCES import ON DELETE CASCADE,
    -- Line of the imported file.
    line        INTEGER,
    quantity_id INTEGER NOT NULL REFERENCES quantity ON DELETE CASCADE,
    source_id   INTEGER NOT NULL REFERENCES source ON DELETE CASCADE,
    -- Training step of the checkpoint; NULL is the final one.
    step        INTEGER,
    value       REAL,
    not_finite  TEXT CHECK (not_finite IN ('NaN', 'inf', '-inf')),
    n           INTEGER,
    stderr      REAL,
    -- Doubts about an imported number, in the words of its source.
    note        TEXT,
    CHECK ((attempt_id IS NULL) <> (run_id IS NULL)),
    CHECK ((run_id IS NULL) = (import_id IS NULL) AND (run_id IS NULL) = (line IS NULL)),
    CHECK ((value IS NULL) <> (not_finite IS NULL))
);
-- One source gives one score once.
CREATE UNIQUE INDEX observation_by_attempt ON observation (attempt_id, quantity_id, ifnull(step, -1))
    WHERE attempt_id IS NOT NULL;
CREATE UNIQUE INDEX observation_by_run ON observation (run_id, quantity_id, source_id, ifnull(step, -1))
    WHERE run_id IS NOT NULL;

CREATE TABLE series (
    id         INTEGER PRIMARY KEY,
    attempt_id INTEGER NOT NULL REFERENCES attempt ON DELETE CASCADE,
    name       TEXT NOT NULL,
    UNIQUE (attempt_id, name)
);

CREATE TABLE point (
    series_id  INTEGER NOT NULL REFERENCES series ON DELETE CASCADE,
    step       INTEGER NOT NULL,
    value      REAL,
    not_finite TEXT CHECK (not_finite IN ('NaN', 'inf', '-inf')),
    PRIMARY KEY (series_id, step),
    CHECK ((value IS NULL) <> (not_finite IS NULL))
) WITHOUT ROWID;

-- For people with `sqlite3`: every score with the run that it belongs to.
CREATE VIEW score AS
    SELECT lower(hex(run.digest)) AS run, run.parameters, quantity.metric, quantity.benchmark, quantity.split,
           observation.step, observation.value, observation.not_finite, observation.n, observation.stderr,
           source.name AS source
    FROM observation
    JOIN quantity ON quantity.id = observation.quantity_id
    JOIN source ON source.id = observation.source_id
    LEFT JOIN attempt ON attempt.id = observation.attempt_id
    LEFT JOIN run_task ON run_task.task_id = attempt.task_id
    JOIN run ON run.id = coalesce(observation.run_id, run_task.run_id)
    WHERE attempt.id IS NULL OR attempt.verdict = 'succeeded';
