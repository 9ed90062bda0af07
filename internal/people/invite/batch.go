package invite

import (
	"slices"

	"github.com/jackc/pgx/v5"

	"quad/internal/store"
	"quad/models"
)

type rowScanner = pgx.CollectableRow

// batch is a set of rows for set-based statements. Rows are found again by
// their address, which is unique in a batch: later rows with the same address
// have their verdict already.
type batch struct {
	rows   []*row
	emails []string
	byMail map[string]*row
}

func newBatch(rows []*row) *batch {
	b := &batch{rows: rows, emails: make([]string, len(rows)), byMail: make(map[string]*row, len(rows))}
	for i, r := range rows {
		b.emails[i], b.byMail[r.email] = r.email, r
	}
	return b
}

// open is the batch without the rows that have got their verdict and those
// that wait to be judged again.
func (b *batch) open() *batch {
	left := func(r *row) bool { return r.verdict == notJudged && !r.changing }
	if !slices.ContainsFunc(b.rows, func(r *row) bool { return !left(r) }) {
		return b
	}
	rows := make([]*row, 0, len(b.rows))
	for _, r := range b.rows {
		if left(r) {
			rows = append(rows, r)
		}
	}
	return newBatch(rows)
}

// roles are the rows' roles as PostgreSQL arrays.
func (b *batch) roles() []string {
	roles := make([]string, len(b.rows))
	for i, r := range b.rows {
		roles[i] = arrayLiteral(r.roles)
	}
	return roles
}

// knownUsers finds who has an account. own: in the file's organization;
// movable: in the default organization and without a system role (a list does
// not hand an administrator of the deployment over to an organization). The
// look-up is lateral with a limit so that each row is one descent of the unique
// index, whatever the planner believes about tables that grow a thousandfold
// during an import.
const knownUsers = `
SELECT u.id, u.email, u.status,
    u.organization_id = @organization AS own,
    o.is_default AND NOT EXISTS (
        SELECT FROM user_roles h JOIN roles s ON s.id = h.role_id WHERE h.user_id = u.id AND s.user_type <> 0 AND s.deleted_at IS NULL) AS movable,
    ARRAY(SELECT role_id FROM user_roles WHERE user_id = u.id) AS held
FROM unnest(@emails::text[]) AS r (email)
CROSS JOIN LATERAL (
    SELECT id, email, status, organization_id FROM users WHERE account_id = @account_id AND email = r.email LIMIT 1) AS u
JOIN organizations o ON o.id = u.organization_id`

// users gives the verdicts on rows that name a user. Those of the own
// organization are given the roles they lack, those of the default organization
// are moved besides.
func (w *pageWriter) users(tx *store.BulkTx, b *batch) error {
	var change []*row
	args := store.Args{"emails": b.emails, "organization": w.file.OrganizationID}
	err := tx.Query(knownUsers, args, func(scan rowScanner) error {
		var id int64
		var email string
		var status models.Status
		var own, movable bool
		var held []int64
		if err := scan.Scan(&id, &email, &status, &own, &movable, &held); err != nil {
			return err
		}
		r := b.byMail[email]
		if !own && !movable {
			r.verdict = OtherOrganization // and not even the id of somebody else's user
			return nil
		}
		r.userID = &id
		lacks := func(role int64) bool { return !slices.Contains(held, role) }
		switch {
		case status != models.StatusActive:
			r.verdict = InactiveUser
		case own && !slices.ContainsFunc(r.roles, lacks):
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
	return w.updateUsers(tx, newBatch(change))
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

func (w *pageWriter) updateUsers(tx *store.BulkTx, b *batch) error {
	// The statement returns those who are still as they were found; the others
	// keep no verdict, and no id that may not be the organization's to know.
	for _, r := range b.rows {
		r.userID, r.changing = nil, true
	}
	return tx.Query(changeUsers, store.Args{
		"emails": b.emails, "roles": b.roles(), "organization": w.file.OrganizationID,
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

var inviteColumns = []string{"id", "account_id", "organization_id", "file_id", "email", "name", "role_ids", "expires_at"}

// copyInvites makes the invitations of all rows with COPY. It breaks the
// transaction if one of the addresses has an open invitation.
func (w *pageWriter) copyInvites(tx *store.BulkTx, b *batch) error {
	if len(b.rows) == 0 {
		return nil
	}
	cells := make([]any, len(inviteColumns))
	_, err := tx.Copy("invites", inviteColumns, pgx.CopyFromSlice(len(b.rows), func(i int) ([]any, error) {
		r := b.rows[i]
		r.inviteID, r.verdict = &w.ids[i], Invited
		return append(cells[:0], w.ids[i], w.file.AccountID, w.file.OrganizationID, w.file.ID, r.email, r.name, r.roles, w.expires), nil
	}))
	if err != nil {
		return err
	}
	return w.notify(tx, w.ids[:len(b.rows)], b.emails)
}

// invite finds out who is invited already and invites the others. The unique
// index on open invitations decides: where another transaction was faster no
// row comes back, and the caller judges anew.
func (w *pageWriter) invite(tx *store.BulkTx, b *batch) error {
	if err := w.openInvites(tx, b); err != nil {
		return err
	}
	if b = b.open(); len(b.rows) == 0 {
		return nil
	}
	if w.file.DryRun {
		for _, r := range b.rows {
			r.verdict = Invited
		}
		return nil
	}
	return w.insertInvites(tx, b)
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
		w.careful = true // where one is, there are more
		switch r := b.byMail[email]; {
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
	_, err = tx.Exec(`UPDATE invites SET status = 'LAPSED', updated_at = now() WHERE id IN (
		SELECT id FROM invites WHERE account_id = @account_id AND id = ANY (@ids) AND status = 'PENDING' AND expires_at <= now()
		ORDER BY id FOR UPDATE)`, store.Args{"ids": lapsed})
	return err
}

const insertInvites = `
INSERT INTO invites (account_id, organization_id, file_id, email, name, role_ids, expires_at)
SELECT @account_id, @organization, @file, email, name, roles::bigint[], @expires
FROM unnest(@emails::text[], @names::text[], @roles::text[]) AS r (email, name, roles)
ON CONFLICT (account_id, email) WHERE status = 'PENDING' DO NOTHING
RETURNING id, email`

func (w *pageWriter) insertInvites(tx *store.BulkTx, b *batch) error {
	names := make([]string, len(b.rows))
	for i, r := range b.rows {
		names[i] = r.name
	}
	ids, emails := make([]int64, 0, len(b.rows)), make([]string, 0, len(b.rows))
	err := tx.Query(insertInvites, store.Args{
		"organization": w.file.OrganizationID, "file": w.file.ID, "expires": w.expires,
		"emails": b.emails, "names": names, "roles": b.roles(),
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
	if err != nil {
		return err
	}
	return w.notify(tx, ids, emails)
}

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

// notify writes the mails in the transaction of their invitations.
func (w *pageWriter) notify(tx *store.BulkTx, ids []int64, emails []string) error {
	if !w.s.cfg.Mails || len(ids) == 0 {
		return nil
	}
	_, err := tx.Exec(notifyInvitees, store.Args{
		"organization": w.file.OrganizationID, "process": w.in.ProcessID, "template": templateInvite, "prefix": inviteEventPrefix,
		"ids": ids, "emails": emails,
	})
	return err
}
