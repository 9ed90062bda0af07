-- +goose Up

-- People whom a calling system has made are invited too: to set a password. Such
-- an invitation has a user from its start, and no file of invitees.
ALTER TABLE invites ALTER COLUMN file_id DROP NOT NULL;
ALTER TABLE invites ADD COLUMN upload_id bigint; -- org_uploads

-- Whose content is kept, for the purge.
CREATE INDEX org_upload_files_kept ON org_upload_files (upload_id) WHERE blob_key IS NOT NULL;
-- Few rows fail, and they are what people look for.
CREATE INDEX org_upload_rows_failed ON org_upload_rows (file_id, row_no) WHERE verdict = 'failed';

-- +goose Down
DROP INDEX org_upload_rows_failed, org_upload_files_kept;
ALTER TABLE invites DROP COLUMN upload_id;
UPDATE invites SET file_id = 0 WHERE file_id IS NULL;
ALTER TABLE invites ALTER COLUMN file_id SET NOT NULL;
