-- +goose Up

-- environment: what the environment has to do with the connection. sets: it has
-- made it and names it; left: it does not name it any more, and has paused it.
-- changes_from: the newest place of the feed that is no longer kept.
ALTER TABLE connections
    ADD COLUMN environment text CHECK (environment IN ('sets', 'left')),
    ADD COLUMN changes_from bigint NOT NULL DEFAULT 0,
    ADD CONSTRAINT connections_left CHECK (environment IS DISTINCT FROM 'left' OR paused_at IS NOT NULL);
UPDATE connections SET environment = 'sets' WHERE created_by IS NULL AND lower(name) = 'moodle';

-- For the sweep that removes history.
CREATE INDEX sync_runs_ended ON sync_runs (ended_at) WHERE ended_at IS NOT NULL;
CREATE INDEX etl_runs_started ON etl_runs (started_at);

-- +goose Down
DROP INDEX etl_runs_started, sync_runs_ended;
ALTER TABLE connections DROP CONSTRAINT connections_left, DROP COLUMN changes_from, DROP COLUMN environment;
