-- Where submissions are: the job that a launcher made of one, and which of its elements are still waited for.

PRAGMA user_version = 4;

-- NULL until the scheduler has answered with an id, and for launchers without one.
ALTER TABLE submission ADD COLUMN job INTEGER;
-- Who submitted: others may not see the job.
ALTER TABLE submission ADD COLUMN owner TEXT;
-- When an array that was submitted held was let go.
ALTER TABLE submission ADD COLUMN released REAL;

-- Element of the array that runs the task.
ALTER TABLE submission_task ADD COLUMN element INTEGER;
-- When nothing more was to be expected of it, and why.
ALTER TABLE submission_task ADD COLUMN closed REAL;
ALTER TABLE submission_task ADD COLUMN closing TEXT CHECK (closing IN ('over', 'refused', 'lost', 'withdrawn'));
CREATE INDEX submission_task_that_is_open ON submission_task (submission_id) WHERE closed IS NULL AND element IS NOT NULL;
