-- What was asked for: sweeps as text, the runs and tasks that their plans hold.
--
-- Rows have integer keys in order of insertion and digests in unique indexes beside them: random keys would make every
-- insert of a million-run plan a walk through the whole tree (measured: four times slower).

-- 'SWEP': `file` and `sweep` recognise a store by it, whatever its name.
PRAGMA application_id = 1398228304;
PRAGMA user_version = 1;

-- One row: which store this is, and how much of the journal it has seen.
CREATE TABLE store (
    only    INTEGER PRIMARY KEY CHECK (only = 1),
    id      BLOB NOT NULL CHECK (length(id) = 16),
    -- Position of the last fact of the journal that these tables hold.
    applied INTEGER NOT NULL CHECK (applied >= 0)
);

CREATE TABLE sweep_revision (
    id        INTEGER PRIMARY KEY,
    name      TEXT NOT NULL,
    path      TEXT NOT NULL,
    -- With everything that it extends and what `--set` changed.
    text      TEXT NOT NULL,
    digest    BLOB NOT NULL CHECK (length(digest) = 16),
    -- Position in the journal of the last time that this was planned: the largest one is the latest plan.
    position  INTEGER NOT NULL UNIQUE,
    -- Seconds since the epoch, UTC, at that time.
    recorded  REAL NOT NULL,
    UNIQUE (name, digest)
);

CREATE TABLE run (
    id          INTEGER PRIMARY KEY,
    digest      BLOB NOT NULL CHECK (length(digest) = 16),
    -- The plan that asked for it first; its defaults complete the parameters.
    revision_id INTEGER NOT NULL REFERENCES sweep_revision ON DELETE CASCADE,
    -- JSON of the parameters that differ from that revision's defaults.
    parameters  TEXT NOT NULL
);
CREATE UNIQUE INDEX run_by_digest ON run (digest);

CREATE TABLE grid (
    id          INTEGER PRIMARY KEY,
    revision_id INTEGER NOT NULL REFERENCES sweep_revision ON DELETE CASCADE,
    name        TEXT NOT NULL,
    UNIQUE (revision_id, name)
);

-- The cells of a grid in its own order, and the run that answers each.
CREATE TABLE grid_run (
    grid_id  INTEGER NOT NULL REFERENCES grid ON DELETE CASCADE,
    position INTEGER NOT NULL,
    run_id   INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
    -- NULL where the grid has no seeds.
    seed     INTEGER,
    PRIMARY KEY (grid_id, position)
) WITHOUT ROWID;

CREATE TABLE stage (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
);

CREATE TABLE task (
    id       INTEGER PRIMARY KEY,
    digest   BLOB NOT NULL CHECK (length(digest) = 16),
    stage_id INTEGER NOT NULL REFERENCES stage ON DELETE CASCADE
);
CREATE UNIQUE INDEX task_by_digest ON task (digest);

-- Which tasks answer a run; several runs may share one.
CREATE TABLE run_task (
    run_id  INTEGER NOT NULL REFERENCES run ON DELETE CASCADE,
    task_id INTEGER NOT NULL REFERENCES task ON DELETE CASCADE,
    PRIMARY KEY (run_id, task_id)
) WITHOUT ROWID;
