-- What happened: submissions, the attempts of tasks, and the files that those left behind.

PRAGMA user_version = 2;

-- Written before anything is started, so that a crash in between can be told from nothing at all.
CREATE TABLE submission (
    id       INTEGER PRIMARY KEY,
    token    TEXT NOT NULL UNIQUE,
    launcher TEXT NOT NULL,
    recorded REAL NOT NULL
);

CREATE TABLE submission_task (
    submission_id INTEGER NOT NULL REFERENCES submission ON DELETE CASCADE,
    task_id       INTEGER NOT NULL REFERENCES task ON DELETE CASCADE,
    PRIMARY KEY (submission_id, task_id)
) WITHOUT ROWID;

-- A person's wish that a task be not tried again, until it is submitted once more.
CREATE TABLE cancellation (
    task_id  INTEGER PRIMARY KEY REFERENCES task ON DELETE CASCADE,
    recorded REAL NOT NULL
);

-- A person's wish that what a run made be kept.
CREATE TABLE pin (
    run_id   INTEGER PRIMARY KEY REFERENCES run ON DELETE CASCADE,
    recorded REAL NOT NULL
);

-- One ended try of a task, as its worker published it. What still runs is known from task folders alone.
CREATE TABLE attempt (
    id         INTEGER PRIMARY KEY,
    task_id    INTEGER NOT NULL REFERENCES task ON DELETE CASCADE,
    number     INTEGER NOT NULL CHECK (number >= 1),
    -- Folder of its results, below the folder of all tasks unless absolute.
    folder     TEXT NOT NULL,
    -- Seconds since the epoch, UTC.
    started    REAL NOT NULL,
    ended      REAL NOT NULL,
    verdict    TEXT NOT NULL CHECK (verdict IN ('succeeded', 'failed', 'cancelled')),
    reason     TEXT CHECK (reason IN (
        'out-of-memory', 'time-limit', 'node-failure', 'preempted', 'exit-code', 'signal', 'diverged', 'missing-output',
        'not-started', 'disk-full')),
    -- The last words of the program or of the worker.
    message    TEXT NOT NULL,
    exit_code  INTEGER,
    signal     INTEGER,
    -- JSON as the worker wrote it.
    provenance TEXT NOT NULL CHECK (json_valid(provenance)),
    UNIQUE (task_id, number),
    CHECK ((verdict = 'failed') = (reason IS NOT NULL))
);
-- A task may rarely be started twice; it is never counted twice.
CREATE UNIQUE INDEX attempt_that_counts ON attempt (task_id) WHERE verdict = 'succeeded';

CREATE TABLE artifact (
    attempt_id INTEGER NOT NULL REFERENCES attempt ON DELETE CASCADE,
    path       TEXT NOT NULL,
    bytes      INTEGER NOT NULL CHECK (bytes >= 0),
    -- BLAKE3 of the content.
    digest     BLOB NOT NULL CHECK (length(digest) = 32),
    -- When the file was deleted on purpose; the row stays.
    deleted    REAL,
    PRIMARY KEY (attempt_id, path)
) WITHOUT ROWID;

-- What an attempt's files hold that is not as the protocol says.
CREATE TABLE problem (
    attempt_id INTEGER NOT NULL REFERENCES attempt ON DELETE CASCADE,
    position   INTEGER NOT NULL,
    path       TEXT NOT NULL,
    -- From 1; NULL where the whole file is meant.
    line       INTEGER,
    message    TEXT NOT NULL,
    PRIMARY KEY (attempt_id, position)
) WITHOUT ROWID;
