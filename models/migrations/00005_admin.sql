-- +goose Up

-- A deleted person's address is <md5 of the id>@deletedUser, which clients
-- know by its capital.
ALTER TABLE users DROP CONSTRAINT users_email_check;
ALTER TABLE users ADD CONSTRAINT users_email_check CHECK (email = lower(email) OR status = 'DELETED');

-- By which everything about a deleted person is found. The partial ones cost an
-- import nothing: what it writes is not in them.
CREATE INDEX invites_closed ON invites (account_id, email) WHERE status <> 'PENDING';
CREATE INDEX notifications_recipient ON notifications (account_id, recipient) WHERE template <> 'generic_invite';
CREATE INDEX one_time_codes_email ON one_time_codes (account_id, email);
CREATE INDEX role_requests_user ON role_requests (user_id);

-- +goose Down
DROP INDEX role_requests_user, one_time_codes_email, notifications_recipient, invites_closed;
UPDATE users SET email = lower(email) WHERE status = 'DELETED';
ALTER TABLE users DROP CONSTRAINT users_email_check;
ALTER TABLE users ADD CONSTRAINT users_email_check CHECK (email = lower(email));
