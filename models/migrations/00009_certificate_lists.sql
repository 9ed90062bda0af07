-- +goose Up

-- An account's certificates of people, page by page.
CREATE INDEX user_certificates_account ON user_certificates (account_id, id);

-- +goose Down
DROP INDEX user_certificates_account;
