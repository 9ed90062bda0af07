-- +goose Up

-- How an organization is reached.
ALTER TABLE organizations ADD COLUMN email text NOT NULL DEFAULT '', ADD COLUMN phone text NOT NULL DEFAULT '',
    ADD COLUMN address text NOT NULL DEFAULT '';
-- Active or not, by name.
CREATE INDEX organizations_named ON organizations (account_id, (lower(name) COLLATE "C"), id) WHERE NOT is_default;

-- From where a person acted; null for the hub's own work.
ALTER TABLE audit_events ADD COLUMN ip text, ADD COLUMN user_agent text;
-- The trail by time, with what is counted and filtered by.
CREATE INDEX audit_events_created ON audit_events (account_id, created_at, id) INCLUDE (action);
CREATE INDEX audit_events_organization_created ON audit_events (organization_id, created_at, id) INCLUDE (action) WHERE organization_id IS NOT NULL;
CREATE INDEX audit_events_actor ON audit_events (account_id, actor_id, created_at, id) WHERE actor_id IS NOT NULL;

-- What administrators have set to something else than the configuration says.
CREATE TABLE account_settings (
    account_id bigint NOT NULL REFERENCES accounts (id),
    key        text NOT NULL,
    value      text NOT NULL,
    updated_by bigint,
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, key)
);

-- +goose Down
DROP TABLE account_settings;
DROP INDEX audit_events_actor, audit_events_organization_created, audit_events_created;
ALTER TABLE audit_events DROP COLUMN user_agent, DROP COLUMN ip;
DROP INDEX organizations_named;
ALTER TABLE organizations DROP COLUMN address, DROP COLUMN phone, DROP COLUMN email;
