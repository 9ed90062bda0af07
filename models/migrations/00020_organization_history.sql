-- +goose Up

-- Requests and imports that have ended are history: they keep the number of
-- their organization when it is deleted, and do not keep it from that. Open ones
-- do. What is known of a stored file never did more than name it.
ALTER TABLE role_requests
    DROP CONSTRAINT role_requests_organization_id_fkey,
    ADD COLUMN open_organization_id bigint
        GENERATED ALWAYS AS (CASE WHEN status IN ('REQUESTED', 'UNDER_REVIEW') THEN organization_id END) STORED REFERENCES organizations (id);
ALTER TABLE invite_files
    DROP CONSTRAINT invite_files_organization_id_fkey,
    ADD COLUMN open_organization_id bigint
        GENERATED ALWAYS AS (CASE WHEN status = 'UPLOADED' THEN organization_id END) STORED REFERENCES organizations (id);
ALTER TABLE stored_files DROP CONSTRAINT stored_files_organization_id_fkey;
CREATE INDEX role_requests_open_organization ON role_requests (open_organization_id) WHERE open_organization_id IS NOT NULL;
CREATE INDEX invite_files_open_organization ON invite_files (open_organization_id) WHERE open_organization_id IS NOT NULL;

-- +goose Down
ALTER TABLE stored_files ADD CONSTRAINT stored_files_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations (id) NOT VALID;
ALTER TABLE invite_files DROP COLUMN open_organization_id,
    ADD CONSTRAINT invite_files_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations (id) NOT VALID;
ALTER TABLE role_requests DROP COLUMN open_organization_id,
    ADD CONSTRAINT role_requests_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations (id) NOT VALID;
