-- +goose Up

-- Where a door's refresh tokens are random and not signed: the hash of the one
-- that is not spent yet. A token names its session, so a spent one finds it too.
ALTER TABLE sessions ADD COLUMN refresh_hash bytea;

-- +goose Down

ALTER TABLE sessions DROP COLUMN refresh_hash;
