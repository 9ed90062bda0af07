-- +goose Up

-- Looking for a part of a name. A trusted extension of PostgreSQL itself: the
-- owner of a database may install it.
CREATE EXTENSION IF NOT EXISTS pg_trgm;

-- Lists by name: people and organizations. They are ordered by the bytes of the
-- name in lower case, so that one index gives the order and finds the start of
-- a name in a database of any collation. The name itself is in it because
-- PostgreSQL reads an index alone only when the columns behind its expressions
-- are there.
DROP INDEX organizations_name;
CREATE INDEX organizations_listed ON organizations (account_id, (lower(name) COLLATE "C"), id) INCLUDE (name) WHERE status = 'ACTIVE';
DROP INDEX users_name;
CREATE INDEX users_listed ON users (account_id, (lower(name) COLLATE "C"), id) INCLUDE (name) WHERE status = 'ACTIVE';
CREATE INDEX users_name_part ON users USING gin (lower(name) gin_trgm_ops) WHERE status = 'ACTIVE';
-- The few who are not listed: the number of a role's people is counted without
-- looking at those who are.
CREATE INDEX users_unlisted ON users (account_id, id) WHERE status <> 'ACTIVE';

-- +goose Down
DROP INDEX users_unlisted, users_name_part, users_listed, organizations_listed;
CREATE INDEX organizations_name ON organizations (account_id, lower(name) text_pattern_ops, id) WHERE status = 'ACTIVE';
CREATE INDEX users_name ON users (account_id, lower(name) text_pattern_ops, id);
-- The extension stays: it may have been there before, and others may use it.
