-- +goose Up

-- Modules and permissions are deleted softly, as roles are: the audit trail
-- keeps something to point to, and the code can be used again.
ALTER TABLE modules ADD COLUMN deleted_at timestamptz;
ALTER TABLE permissions ADD COLUMN deleted_at timestamptz;
DROP INDEX modules_code;
DROP INDEX permissions_code;
CREATE UNIQUE INDEX modules_code ON modules (account_id, lower(code)) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX permissions_code ON permissions (account_id, lower(code)) WHERE deleted_at IS NULL;

-- What goes or is renamed with a module, and what goes with a permission.
CREATE INDEX permissions_module ON permissions (account_id, lower(module)) WHERE deleted_at IS NULL;
CREATE INDEX role_permissions_permission ON role_permissions (permission_id);

-- A mapping is found by the title in lower case. One without a role would be
-- inherited by the next role of that title.
DELETE FROM role_permissions m WHERE m.role_title NOT IN ('public', 'any') AND NOT EXISTS (
    SELECT FROM roles r WHERE r.account_id = m.account_id AND lower(r.title) = m.role_title AND r.deleted_at IS NULL);
ALTER TABLE role_permissions ADD CONSTRAINT role_permissions_title CHECK (role_title = lower(role_title));

-- +goose Down
ALTER TABLE role_permissions DROP CONSTRAINT role_permissions_title;
DROP INDEX role_permissions_permission;
DROP INDEX permissions_module;
-- Without the column they would be alive again.
DELETE FROM permissions WHERE deleted_at IS NOT NULL;
DELETE FROM modules WHERE deleted_at IS NOT NULL;
DROP INDEX permissions_code;
DROP INDEX modules_code;
ALTER TABLE permissions DROP COLUMN deleted_at;
ALTER TABLE modules DROP COLUMN deleted_at;
CREATE UNIQUE INDEX modules_code ON modules (account_id, lower(code));
CREATE UNIQUE INDEX permissions_code ON permissions (account_id, lower(code));
