-- +goose Up

-- What belongs to no organization is in everybody's list, beside what belongs to
-- the organizations of the caller, which have an index already.
CREATE INDEX projects_shared ON projects (account_id, created_at, id) WHERE organization_id IS NULL;
CREATE INDEX surveys_shared ON surveys (account_id, created_at, id) WHERE organization_id IS NULL AND deleted_at IS NULL;

-- +goose Down
DROP INDEX surveys_shared, projects_shared;
