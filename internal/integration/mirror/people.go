package mirror

import (
	"context"

	"quad/internal/integration/source"
	"quad/models"
)

// A person of the hub is who has the e-mail address of a user of the learning
// system, as the connector folds it. Where several users have one address, the
// one with the lowest id is the person and the others are not taken. Who has no
// account here gets one: ACTIVE, with the default role, in the organization of
// the connection, known to calling systems as lms-<connection>-<id>, without a
// password and without a mail. A user without an address gets one too, without an
// address.
//
// People whom a connection has made follow its users, in name and, as long as
// they have no password of their own here, in address; they stay the same person
// when the address changes, unless it is that of somebody else. People who were
// here before keep what they are called, and are the user as long as the address
// is the same. A person who was deleted here is not made again.
//
// Who is nobody there any more ends in the courses of the connection. If the
// connection has made them and nothing else holds them, they are deactivated,
// and active again when they come back.

// person is, in SQL, how calling systems know somebody whom a connection has made.
const person = `'lms-' || CAST(CAST(@connection AS bigint) AS text) || '-' || CAST(w.source_id AS text)`

// follows holds for links l, of people u, that keep to the user when the address
// changes.
const follows = `l.made AND NOT EXISTS (SELECT FROM user_credentials k WHERE k.user_id = u.id)`

// link makes a person the user that has their address, unless they are another
// user who is about to get another address. Who either was linked with before is
// free.
const owners = `INSERT INTO lms_owners (source_id, user_id)
	SELECT w.source_id, u.id FROM lms_wanted w JOIN users u ON u.account_id = @account_id AND u.email = w.email AND u.status <> 'DELETED'
		LEFT JOIN lms_people mine ON mine.connection_id = @connection AND mine.source_id = w.source_id
		LEFT JOIN lms_people l ON l.connection_id = @connection AND l.user_id = u.id AND l.source_id <> w.source_id
	WHERE mine.user_id IS DISTINCT FROM u.id AND NOT (l.user_id IS NOT NULL AND ` + follows + `)
		AND NOT EXISTS (SELECT FROM users d WHERE d.id = mine.user_id AND d.status = 'DELETED')`

var linkOwners = []string{
	`DELETE FROM lms_owners WHERE CAST(@account_id AS bigint) > 0`,
	owners,
	`UPDATE lms_people l SET source_id = NULL FROM lms_owners o
		WHERE l.account_id = @account_id AND l.connection_id = @connection AND (l.source_id = o.source_id OR l.user_id = o.user_id AND l.source_id IS NOT NULL)`,
	`INSERT INTO lms_people AS l (connection_id, user_id, account_id, source_id) SELECT @connection, user_id, @account_id, source_id FROM lms_owners ORDER BY user_id
		ON CONFLICT (connection_id, user_id) DO UPDATE SET source_id = EXCLUDED.source_id WHERE l.account_id = @account_id`,
}

// makePeople makes accounts for users who are nobody yet. A name that somebody
// else has to sign in makes nobody.
const makePeople = `WITH made AS (
		INSERT INTO users (account_id, organization_id, identifier, email, name, first_name, last_name, created_at, updated_at)
		SELECT @account_id, home.id, ` + person + `, w.email, w.name, w.first_name, w.last_name, @now, @now
		FROM lms_wanted w CROSS JOIN (
			SELECT id FROM organizations WHERE account_id = @account_id AND (is_default OR id = @organization AND status = 'ACTIVE') ORDER BY is_default LIMIT 1
		) home
		WHERE NOT EXISTS (SELECT FROM lms_people l WHERE l.connection_id = @connection AND l.source_id = w.source_id)
		ORDER BY w.source_id
		ON CONFLICT DO NOTHING
		RETURNING id, identifier
	), given AS (
		INSERT INTO user_roles (account_id, user_id, role_id)
		SELECT @account_id, made.id, r.id FROM made CROSS JOIN roles r
		WHERE r.account_id = @account_id AND lower(r.title) = '` + models.RoleMentee + `' AND r.deleted_at IS NULL AND r.status = 'ACTIVE' AND r.user_type = 0
	)
	INSERT INTO lms_people (connection_id, user_id, account_id, source_id, made)
	SELECT @connection, made.id, @account_id, w.source_id, true FROM made JOIN lms_wanted w ON made.identifier = ` + person

// people brings the people in line with the users of the mirror.
func (m *merge) people(ctx context.Context) error {
	e := m.e
	args := with(m.args(), "organization", m.row.OrganizationID)
	if err := e.temporary(ctx, `CREATE TEMPORARY TABLE lms_moved_people (user_id bigint, source_id bigint) ON COMMIT DROP`); err != nil {
		return err
	}
	if !m.full && !m.anything(source.Users) {
		return nil
	}
	before := `CREATE TEMPORARY TABLE lms_people_before (user_id bigint, source_id bigint) ON COMMIT DROP`
	if err := e.temporary(ctx, before); err != nil {
		return err
	}
	const links = `SELECT user_id, source_id FROM lms_people WHERE account_id = @account_id AND connection_id = @connection AND source_id IS NOT NULL`
	texts := []string{
		`INSERT INTO lms_people_before ` + links,
		// Nobody there any more, and other people by their address.
		`UPDATE lms_people l SET source_id = NULL FROM users u WHERE l.account_id = @account_id AND l.connection_id = @connection AND l.source_id IS NOT NULL
			AND u.id = l.user_id AND NOT EXISTS (SELECT FROM lms_wanted w WHERE w.source_id = l.source_id)`,
		`UPDATE lms_people l SET source_id = NULL FROM users u, lms_wanted w WHERE l.account_id = @account_id AND l.connection_id = @connection AND w.source_id = l.source_id
			AND u.id = l.user_id AND NOT l.made AND u.status <> 'DELETED' AND u.email IS DISTINCT FROM w.email`,
	}
	texts = append(texts, linkOwners...)
	texts = append(texts,
		// Who was made once and is wanted again.
		`UPDATE lms_people l SET source_id = w.source_id FROM users u, lms_wanted w WHERE l.account_id = @account_id AND l.connection_id = @connection
			AND l.source_id IS NULL AND l.made AND u.id = l.user_id AND u.status <> 'DELETED' AND u.account_id = @account_id AND u.identifier = `+person+`
			AND NOT EXISTS (SELECT FROM lms_people o WHERE o.connection_id = @connection AND o.source_id = w.source_id)`,
		// Addresses may go from one to the other: all are free before any is taken.
		`INSERT INTO lms_addressed (user_id, email) SELECT u.id, w.email FROM lms_people l JOIN users u ON u.id = l.user_id JOIN lms_wanted w ON w.source_id = l.source_id
			WHERE l.account_id = @account_id AND l.connection_id = @connection AND u.status <> 'DELETED' AND u.email IS DISTINCT FROM w.email AND `+follows,
		`UPDATE users u SET email = NULL, email_verified = false, updated_at = @now FROM lms_addressed a WHERE u.account_id = @account_id AND u.id = a.user_id`,
		`UPDATE users u SET email = a.email FROM lms_addressed a WHERE u.account_id = @account_id AND u.id = a.user_id AND a.email IS NOT NULL
			AND NOT EXISTS (SELECT FROM users o WHERE o.account_id = @account_id AND (o.email = a.email OR lower(coalesce(o.username, o.email)) = a.email))`,
		makePeople,
	)
	texts = append(texts, linkOwners...) // somebody may have signed up meanwhile
	texts = append(texts,
		`UPDATE users u SET name = w.name, first_name = w.first_name, last_name = w.last_name, updated_at = @now FROM lms_people l, lms_wanted w
			WHERE l.account_id = @account_id AND l.connection_id = @connection AND l.made AND w.source_id = l.source_id AND u.id = l.user_id AND u.status <> 'DELETED'
			AND (u.name, u.first_name, u.last_name) IS DISTINCT FROM (w.name, w.first_name, w.last_name)`,
		`WITH back AS (
				UPDATE lms_people l SET retired = false WHERE l.account_id = @account_id AND l.connection_id = @connection AND l.retired AND l.source_id IS NOT NULL RETURNING user_id
			)
			UPDATE users u SET status = 'ACTIVE', updated_at = @now FROM back WHERE u.account_id = @account_id AND u.id = back.user_id AND u.status = 'INACTIVE'`,
		`INSERT INTO lms_moved_people (user_id, source_id)
			(SELECT user_id, source_id FROM lms_people_before EXCEPT `+links+`) UNION ALL (`+links+` EXCEPT SELECT user_id, source_id FROM lms_people_before)`,
	)
	if err := e.each(ctx, args, texts...); err != nil {
		return err
	}
	return e.analyze(ctx, "lms_moved_people")
}

// wanted are the users of the mirror who are people of the hub.
const wanted = `INSERT INTO lms_wanted (source_id, email, name, first_name, last_name)
	SELECT source_id, email, coalesce(nullif(trim(first_name || ' ' || last_name), ''), nullif(username, ''), email, 'User ' || CAST(source_id AS text)), first_name, last_name
	FROM lms_users u WHERE account_id = @account_id AND connection_id = @connection AND NOT deleted AND (email IS NULL OR NOT EXISTS (
		SELECT FROM lms_users o WHERE o.connection_id = @connection AND NOT o.deleted AND o.email = u.email AND o.source_id < u.source_id))`

// lock locks the people whom the merge may change, by id, and the organization
// that new ones join.
func (m *merge) lock(ctx context.Context) error {
	e := m.e
	args := with(m.args(), "organization", m.row.OrganizationID)
	for _, text := range []string{
		`CREATE TEMPORARY TABLE lms_wanted (source_id bigint PRIMARY KEY, email text, name text, first_name text, last_name text) ON COMMIT DROP`,
		`CREATE TEMPORARY TABLE lms_owners (source_id bigint, user_id bigint) ON COMMIT DROP`,
		`CREATE TEMPORARY TABLE lms_addressed (user_id bigint, email text) ON COMMIT DROP`,
	} {
		if err := e.temporary(ctx, text); err != nil {
			return err
		}
	}
	// As an array they are found once, whatever the planner knows of the tables.
	lock := `SELECT u.id FROM users u WHERE u.account_id = @account_id AND u.id = ANY(ARRAY(
		SELECT l.user_id FROM lms_people l JOIN lms_dirty_pairs d ON d.user_id = l.source_id WHERE l.connection_id = @connection`
	if m.full || m.anything(source.Users) {
		if err := e.each(ctx, args,
			`SELECT id FROM organizations WHERE account_id = @account_id AND (is_default OR id = @organization) ORDER BY id FOR SHARE`, wanted); err != nil {
			return err
		}
		if err := e.analyze(ctx, "lms_wanted"); err != nil {
			return err
		}
		lock += ` UNION SELECT l.user_id FROM lms_people l JOIN users u ON u.id = l.user_id LEFT JOIN lms_wanted w ON w.source_id = l.source_id
				WHERE l.connection_id = @connection AND (w.source_id IS NULL OR l.retired
					OR (u.email, u.name, u.first_name, u.last_name) IS DISTINCT FROM (w.email, w.name, w.first_name, w.last_name))
			UNION SELECT u.id FROM lms_wanted w JOIN users u ON u.account_id = @account_id AND u.email = w.email
				LEFT JOIN lms_people l ON l.connection_id = @connection AND l.source_id = w.source_id WHERE l.user_id IS DISTINCT FROM u.id`
	}
	_, err := e.db.Exec(ctx, lock+`)) ORDER BY u.id FOR NO KEY UPDATE`, args)
	return err
}

// retire deactivates people whom the connection has made, who are nobody there
// any more and whom nothing else holds.
func (m *merge) retire(ctx context.Context) error {
	if !m.full && !m.anything(source.Users) {
		return nil
	}
	_, err := m.e.db.Exec(ctx, `WITH unused AS (
			SELECT u.id, u.organization_id FROM lms_people l JOIN users u ON u.id = l.user_id
			WHERE l.account_id = @account_id AND l.connection_id = @connection AND l.source_id IS NULL AND l.made AND NOT l.retired AND u.status = 'ACTIVE'
				AND NOT EXISTS (SELECT FROM user_credentials k WHERE k.user_id = u.id)
				AND NOT EXISTS (SELECT FROM lms_people o WHERE o.user_id = u.id AND o.source_id IS NOT NULL)
				AND NOT EXISTS (SELECT FROM enrollments n WHERE n.user_id = u.id AND n.ended_at IS NULL)
				AND NOT EXISTS (SELECT FROM group_members g WHERE g.user_id = u.id)
				AND NOT EXISTS (SELECT FROM user_roles h JOIN roles r ON r.id = h.role_id WHERE h.user_id = u.id AND lower(r.title) <> '`+models.RoleMentee+`')
		), retired AS (
			UPDATE lms_people l SET retired = true FROM unused WHERE l.connection_id = @connection AND l.user_id = unused.id
		), noted AS (
			INSERT INTO audit_events (account_id, organization_id, door, action, subject_type, subject_id, data)
			SELECT @account_id, organization_id, 'system', 'user.deactivated', 'user', id, jsonb_build_object('connectionId', CAST(@connection AS bigint)) FROM unused
		)
		UPDATE users u SET status = 'INACTIVE', updated_at = @now FROM unused WHERE u.account_id = @account_id AND u.id = unused.id`, m.args())
	return err
}
