-- +goose Up

-- The state machine of certificates, as far as it is a function of a row and
-- the clock. models/certificate.go has the same in Go; a test compares them.

-- What a state has become by the clock alone.
CREATE FUNCTION certificate_state(state text, warns_at timestamptz, expires_at timestamptz, at timestamptz) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN CASE
        WHEN state IN ('CERTIFIED', 'ABOUT_TO_EXPIRE') AND expires_at <= at THEN 'EXPIRED'
        WHEN state = 'CERTIFIED' AND warns_at <= at THEN 'ABOUT_TO_EXPIRE'
        ELSE state END;

-- The end of a validity, in calendar units in UTC.
CREATE FUNCTION certificate_expiry(certified_at timestamptz, duration integer, unit text) RETURNS timestamptz
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN ((certified_at AT TIME ZONE 'UTC') + CASE unit
        WHEN 'DAY' THEN make_interval(days => duration)
        WHEN 'MONTH' THEN make_interval(months => duration)
        WHEN 'YEAR' THEN make_interval(years => duration) END) AT TIME ZONE 'UTC';

-- 30 days before the end, but not before half of the validity is over. In
-- microseconds, because days depend on the time zone of the session.
CREATE FUNCTION certificate_warning(certified_at timestamptz, expires_at timestamptz) RETURNS timestamptz
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN greatest(
        expires_at - interval '720 hours',
        certified_at + div((extract(epoch FROM expires_at) - extract(epoch FROM certified_at)) * 1000000, 2)::bigint * interval '1 microsecond');

-- The legal transitions. Null stands for the link that is not there.
CREATE FUNCTION certificate_can_become(from_state text, to_state text) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (coalesce(from_state, ''), coalesce(to_state, '')) IN (
        ('', 'INIT'), ('INIT', ''), ('IN_PROGRESS', ''),
        ('INIT', 'IN_PROGRESS'), ('INIT', 'AWAITS_LEARNER_CONFIRMATION'), ('INIT', 'CERTIFIED'), ('INIT', 'REVOKED'),
        ('IN_PROGRESS', 'AWAITS_LEARNER_CONFIRMATION'), ('IN_PROGRESS', 'CERTIFIED'), ('IN_PROGRESS', 'REVOKED'),
        ('AWAITS_LEARNER_CONFIRMATION', 'CERTIFIED'), ('AWAITS_LEARNER_CONFIRMATION', 'REVOKED'),
        ('CERTIFIED', 'ABOUT_TO_EXPIRE'), ('CERTIFIED', 'EXPIRED'), ('CERTIFIED', 'REVOKED'),
        ('ABOUT_TO_EXPIRE', 'CERTIFIED'), ('ABOUT_TO_EXPIRE', 'EXPIRED'), ('ABOUT_TO_EXPIRE', 'REVOKED'),
        ('EXPIRED', 'CERTIFIED'), ('EXPIRED', 'IN_PROGRESS'), ('EXPIRED', 'REVOKED'),
        ('REVOKED', 'INIT'));

-- No other transition can be written. With a person all that they had goes.
ALTER TABLE certificate_transitions ADD CONSTRAINT certificate_transitions_legal
    CHECK (certificate_can_become(from_state, to_state) OR (to_state IS NULL AND reason = 'person_deleted'));

-- Why a notice was not sent, and which sweep dealt with it: the managers are
-- told of what a sweep has found.
ALTER TABLE certificate_notices ADD COLUMN unsent text CHECK (unsent IN ('late', 'inactive', 'no_address'));
ALTER TABLE certificate_notices ADD COLUMN process_id bigint;
UPDATE certificate_notices SET unsent = 'late' WHERE NOT sent;
ALTER TABLE certificate_notices ADD CONSTRAINT certificate_notices_unsent CHECK (sent = (unsent IS NULL));
CREATE INDEX certificate_notices_process ON certificate_notices (process_id) WHERE process_id IS NOT NULL;

-- Numbers the sweeps: what the processes certificate-expiry are about.
CREATE SEQUENCE certificate_sweeps;

-- Mails that go out by the thousand have a lane of their own.
DROP INDEX notifications_due_single;
CREATE INDEX notifications_due_single ON notifications (next_attempt_at, id)
    WHERE state IN ('pending', 'queued', 'sending') AND template NOT IN ('generic_invite', 'certificate_expires', 'certificate_expired');

-- +goose Down
DROP INDEX notifications_due_single;
CREATE INDEX notifications_due_single ON notifications (next_attempt_at, id)
    WHERE state IN ('pending', 'queued', 'sending') AND template <> 'generic_invite';
DROP SEQUENCE certificate_sweeps;
DROP INDEX certificate_notices_process;
ALTER TABLE certificate_notices DROP CONSTRAINT certificate_notices_unsent, DROP COLUMN process_id, DROP COLUMN unsent;
ALTER TABLE certificate_transitions DROP CONSTRAINT certificate_transitions_legal;
DROP FUNCTION certificate_can_become(text, text);
DROP FUNCTION certificate_warning(timestamptz, timestamptz);
DROP FUNCTION certificate_expiry(timestamptz, integer, text);
DROP FUNCTION certificate_state(text, timestamptz, timestamptz, timestamptz);
