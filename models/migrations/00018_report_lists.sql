-- +goose Up

-- Reports of an account in the order of their ids, as the native lists go.
CREATE INDEX reports_account ON reports (account_id, id);

-- +goose Down
DROP INDEX reports_account;
