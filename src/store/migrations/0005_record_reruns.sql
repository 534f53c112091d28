-- What came of doing tasks again, to compare: beside the attempts, never among them, so that no rerun becomes a result.
--
-- A rerun names the attempt that it repeats by task and number, not by its row: the database is made again from the
-- journal first, and attempts come in afterwards.

PRAGMA user_version = 5;

CREATE TABLE rerun (
    id         INTEGER PRIMARY KEY,
    task_id    INTEGER NOT NULL REFERENCES task ON DELETE CASCADE,
    -- Names the rerun, and its folder.
    token      TEXT NOT NULL,
    -- Number of the attempt that it repeats.
    attempt    INTEGER NOT NULL CHECK (attempt >= 1),
    -- Seconds since the epoch, UTC.
    recorded   REAL NOT NULL,
    started    REAL NOT NULL,
    ended      REAL NOT NULL,
    verdict    TEXT NOT NULL CHECK (verdict IN ('succeeded', 'failed', 'cancelled')),
    reason     TEXT CHECK (reason IN (
        'out-of-memory', 'time-limit', 'node-failure', 'preempted', 'exit-code', 'signal', 'diverged', 'missing-output',
        'not-started', 'disk-full')),
    message    TEXT NOT NULL,
    provenance TEXT NOT NULL CHECK (json_valid(provenance)),
    UNIQUE (token, task_id)
);

CREATE TABLE rerun_artifact (
    rerun_id INTEGER NOT NULL REFERENCES rerun ON DELETE CASCADE,
    path     TEXT NOT NULL,
    bytes    INTEGER NOT NULL CHECK (bytes >= 0),
    -- BLAKE3 of the content.
    digest   BLOB NOT NULL CHECK (length(digest) = 32),
    PRIMARY KEY (rerun_id, path)
) WITHOUT ROWID;

CREATE TABLE rerun_score (
    id          INTEGER PRIMARY KEY,
    rerun_id    INTEGER NOT NULL REFERENCES rerun ON DELETE CASCADE,
    quantity_id INTEGER NOT NULL REFERENCES quantity ON DELETE CASCADE,
    step        INTEGER,
    value       REAL,
    not_finite  TEXT CHECK (not_finite IN ('NaN', 'inf', '-inf')),
    n           INTEGER,
    stderr      REAL,
    CHECK ((value IS NULL) <> (not_finite IS NULL))
);
CREATE UNIQUE INDEX rerun_score_once ON rerun_score (rerun_id, quantity_id, ifnull(step, -1));
