package invite

import (
	"slices"

	"github.com/jackc/pgx/v5"

	"quad/internal/store"
	"quad/models"
)

type rowScanner = pgx.CollectableRow

// batch is a set of rows as arrays for set-based statements. Rows are found
// again by their address, which is unique in a batch: later rows with the same
// address have their verdict already.
type batch struct {
	rows   []*row
	emails []string
	names  []string
	roles  []string // PostgreSQL arrays
	byMail map[string]*row
}

// newBatch takes the rows that have no verdict yet.
func newBatch(rows []*row) *batch {
	b := &batch{byMail: make(map[string]*row, len(rows))}
	b.rows = make([]*row, 0, len(rows))
	b.emails, b.names, b.roles = make([]string, 0, len(rows)), make([]string, 0, len(rows)), make([]string, 0, len(rows))
	for _, r := range rows {
		if r.verdict != notJudged {
			continue
		}
		b.rows = append(b.rows, r)
		b.emails = append(b.emails, r.email)
		b.names = append(b.names, r.name)
		b.roles = append(b.roles, arrayLiteral(r.roles))
		b.byMail[r.email] = r
	}
	return b
}

// knownUsers finds who has an account. own: in the file's organization;
// movable: in the default organization and without a system role (a list does
// not hand an administrator of the deployment over to an organization);
// missing: the user lacks one of the roles. The look-ups are lateral with a
// limit so that each row is one descent of the unique index, whatever the
// planner believes about tables that grow a thousandfold during an import.
const knownUsers = `
SELECT u.id, u.email, u.status,
    u.organization_id = @organization AS own,
    o.is_default AND NOT EXISTS (
        SELECT FROM user_roles h JOIN roles s ON s.id = h.role_id WHERE h.user_id = u.id AND s.user_type <> 0) AS movable,
    NOT r.roles::bigint[] <@ ARRAY(SELECT role_id FROM user_roles WHERE user_id = u.id) AS missing
FROM unnest(@emails::text[], @roles::text[]) AS r (email, roles)
CROSS JOIN LATERAL (
    SELECT id, email, status, organization_id FROM users WHERE account_id = @account_id AND email = r.email LIMIT 1) AS u
JOIN organizations o ON o.id = u.organization_id`

// users gives the verdicts on rows that name a user. Those of the own
// organization are given the roles they lack, those of the default organization
// are moved besides.
func (w *pageWriter) users(tx *store.BulkTx, b *batch) error {
	var change []*row
	args := store.Args{"emails": b.emails, "roles": b.roles, "organization": w.file.OrganizationID}
	err := tx.Query(knownUsers, args, func(scan rowScanner) error {
		var id int64
		var email string
		var status models.Status
		var own, movable, missing bool
		if err := scan.Scan(&id, &email, &status, &own, &movable, &missing); err != nil {
			return err
		}
		r := b.byMail[email]
		if !own && !movable {
			r.verdict = OtherOrganization // and not even the id of somebody else's user
			return nil
		}
		r.userID = &id
		switch {
		case status != models.StatusActive:
			r.verdict = InactiveUser
		case own && !missing:
			r.verdict = Unchanged
		case w.file.DryRun:
			r.verdict = Updated
		default:
			change = append(change, r)
		}
		return nil
	})
	if err != nil || len(change) == 0 {
		return err
	}
	return w.updateUsers(tx, change)
}

// changeUsers moves users and gives them roles. Users who have been moved away,
// deactivated or deleted since they were looked at are left out: the caller
// judges them again. What was changed goes into the audit trail.
const changeUsers = `
WITH target AS (
    SELECT u.id, u.email, u.organization_id, r.roles::bigint[] AS roles
    FROM unnest(@emails::text[], @roles::text[]) AS r (email, roles)
    JOIN users u ON u.account_id = @account_id AND u.email = r.email AND u.status = 'ACTIVE'
    JOIN organizations o ON o.id = u.organization_id AND (o.id = @organization OR o.is_default)
    ORDER BY u.id FOR NO KEY UPDATE OF u
), moved AS (
    UPDATE users u SET organization_id = @organization, updated_at = now()
    FROM target t WHERE u.account_id = @account_id AND u.id = t.id AND t.organization_id <> @organization
    RETURNING u.id
), given AS (
    INSERT INTO user_roles (account_id, user_id, role_id)
    SELECT @account_id, t.id, ro.id FROM target t CROSS JOIN LATERAL unnest(t.roles) AS x (role_id)
    JOIN roles ro ON ro.account_id = @account_id AND ro.id = x.role_id
        AND ro.status = 'ACTIVE' AND ro.user_type = 0 AND ro.deleted_at IS NULL
    ON CONFLICT DO NOTHING RETURNING user_id, role_id
), changed AS (
    SELECT t.id, t.email, t.organization_id,
        EXISTS (SELECT FROM moved m WHERE m.id = t.id) AS moved,
        ARRAY(SELECT g.role_id FROM given g WHERE g.user_id = t.id ORDER BY 1) AS roles
    FROM target t
), audited AS (
    INSERT INTO audit_events (account_id, organization_id, actor_id, door, action, subject_type, subject_id, process_id, data)
    SELECT @account_id, @organization, @actor, @door, 'user.invited', 'user', id, @process,
        jsonb_build_object('fromOrganization', CASE WHEN moved THEN organization_id END, 'rolesGiven', roles)
    FROM changed WHERE moved OR roles <> '{}'
)
SELECT id, email, moved, moved OR roles <> '{}' FROM changed`

func (w *pageWriter) updateUsers(tx *store.BulkTx, rows []*row) error {
	// The statement returns those who are still as they were found; the others
	// keep no verdict, and no id that may not be theirs to know.
	for _, r := range rows {
		r.userID, r.changing = nil, true
	}
	b := newBatch(rows)
	return tx.Query(changeUsers, store.Args{
		"emails": b.emails, "roles": b.roles, "organization": w.file.OrganizationID,
		"actor": w.file.CreatedBy, "door": w.file.Door, "process": w.in.ProcessID,
	}, func(scan rowScanner) error {
		var id int64
		var email string
		var moved, changed bool
		if err := scan.Scan(&id, &email, &moved, &changed); err != nil {
			return err
		}
		r := b.byMail[email]
		r.userID, r.verdict, r.changing = &id, Unchanged, false
		if moved {
			w.moved = append(w.moved, id)
		}
		if changed {
			r.verdict = Updated
		}
		return nil
	})
}

const openInvites = `
SELECT i.id, i.email, i.organization_id = @organization, i.expires_at <= now()
FROM unnest(@emails::text[]) AS r (email)
CROSS JOIN LATERAL (
    SELECT id, email, organization_id, expires_at FROM invites
    WHERE account_id = @account_id AND email = r.email AND status = 'PENDING' LIMIT 1) AS i`

// openInvites gives the verdicts on rows that name somebody who is invited
// already. Invitations that are over are closed, to make room for a new one.
func (w *pageWriter) openInvites(tx *store.BulkTx, b *batch) error {
	var lapsed []int64
	args := store.Args{"emails": b.emails, "organization": w.file.OrganizationID}
	err := tx.Query(openInvites, args, func(scan rowScanner) error {
		var id int64
		var email string
		var own, over bool
		if err := scan.Scan(&id, &email, &own, &over); err != nil {
			return err
		}
		switch r := b.byMail[email]; {
		case r.verdict != notJudged, r.changing: // a user, or one whose change lost a race
		case over:
			lapsed = append(lapsed, id)
		case own:
			r.inviteID, r.verdict = &id, AlreadyInvited
		default:
			r.verdict = InvitedElsewhere
		}
		return nil
	})
	if err != nil || len(lapsed) == 0 || w.file.DryRun {
		return err
	}
	slices.Sort(lapsed)
	_, err = tx.Exec(`UPDATE invites SET status = 'LAPSED', updated_at = now() WHERE id IN (
		SELECT id FROM invites WHERE account_id = @account_id AND id = ANY (@ids) AND status = 'PENDING' AND expires_at <= now()
		ORDER BY id FOR UPDATE)`, store.Args{"ids": lapsed})
	return err
}

const insertInvites = `
INSERT INTO invites (account_id, organization_id, file_id, email, name, role_ids, expires_at)
SELECT @account_id, @organization, @file, email, name, roles::bigint[], now() + make_interval(secs => @lapse)
FROM unnest(@emails::text[], @names::text[], @roles::text[]) AS r (email, name, roles)
ON CONFLICT (account_id, email) WHERE status = 'PENDING' DO NOTHING
RETURNING id, email`

// notifyInvitees writes the mails of new invitations and wakes the dispatcher,
// as notify.Service.Send does. The key is that of resent ones, with the first
// version of the token.
const notifyInvitees = `
WITH m AS (
    INSERT INTO notifications (account_id, organization_id, process_id, template, recipient, event_key, params)
    SELECT @account_id, @organization, @process, @template, email, @prefix || id || '/1', jsonb_build_object('inviteId', id)
    FROM unnest(@ids::bigint[], @emails::text[]) AS r (id, email)
    ON CONFLICT (account_id, event_key, recipient) DO NOTHING
    RETURNING id)
SELECT pg_notify('quad_notifications', '') FROM m LIMIT 1`

// invite makes the invitations of the rows that are left, and their mails in
// the same transaction. The unique index on open invitations decides: where
// another transaction was faster no row comes back, and the caller judges anew.
func (w *pageWriter) invite(tx *store.BulkTx, all *batch) error {
	b := newBatch(slices.DeleteFunc(slices.Clone(all.rows), func(r *row) bool {
		again := r.changing
		r.changing = false
		return again
	}))
	if w.file.DryRun {
		for _, r := range b.rows {
			r.verdict = Invited
		}
		return nil
	}
	if len(b.rows) == 0 {
		return nil
	}
	ids, emails := make([]int64, 0, len(b.rows)), make([]string, 0, len(b.rows))
	err := tx.Query(insertInvites, store.Args{
		"organization": w.file.OrganizationID, "file": w.file.ID, "lapse": w.lapse(),
		"emails": b.emails, "names": b.names, "roles": b.roles,
	}, func(scan rowScanner) error {
		var id int64
		var email string
		if err := scan.Scan(&id, &email); err != nil {
			return err
		}
		r := b.byMail[email]
		r.inviteID, r.verdict = &id, Invited
		ids, emails = append(ids, id), append(emails, email)
		return nil
	})
	if err != nil || !w.s.cfg.Mails || len(ids) == 0 {
		return err
	}
	_, err = tx.Exec(notifyInvitees, store.Args{
		"organization": w.file.OrganizationID, "process": w.in.ProcessID, "template": templateInvite, "prefix": inviteEventPrefix,
		"ids": ids, "emails": emails,
	})
	return err
}
