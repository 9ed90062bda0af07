package certification

import (
	"context"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/notify"
	"quad/internal/process"
	"quad/internal/store"
	"quad/models"
)

// values are those of the mails of a template as they would leave now, by
// recipient; mails that have lost their reason are missing.
func (m *mill) values(template string, make func(context.Context, models.Notification) (map[string]string, error)) map[string]map[string]string {
	m.t.Helper()
	var rows []models.Notification
	require.NoError(m.t, m.db.Conn(m.ctx).Where("template = ?", template).Order("id").Find(&rows).Error)
	out := map[string]map[string]string{}
	for _, n := range rows {
		v, err := make(m.ctx, n)
		if err != nil {
			require.ErrorIs(m.t, err, notify.ErrObsolete)
			continue
		}
		out[n.Recipient] = v
	}
	return out
}

func (m *mill) email(user int64) (email string) {
	m.t.Helper()
	require.NoError(m.t, m.db.Query(m.ctx, &email, `SELECT email FROM users WHERE account_id = @account_id AND id = @id`, store.Args{"id": user}))
	return email
}

// group adds one below another (0: a root) with members.
func (m *mill) group(parent int64, members ...int64) int64 {
	m.t.Helper()
	var above *int64
	if parent != 0 {
		above = &parent
	}
	id := m.id(`INSERT INTO groups (account_id, identifier, name, type, parent_id) VALUES (@account_id, @code, @code, 'TEAM', @parent) RETURNING id`,
		store.Args{"code": newCode(), "parent": above})
	for _, user := range members {
		m.exec(`INSERT INTO group_members (account_id, group_id, user_id) VALUES (@account_id, @group, @user)`, store.Args{"group": id, "user": user})
	}
	return id
}

// manager makes a person the manager of something.
func (m *mill) manager(name, entityType string, entity int64) int64 {
	m.t.Helper()
	user := m.person(name)
	m.entitle(user, entityType, entity, "MANAGER")
	return user
}

func (m *mill) entitle(user int64, entityType string, entity int64, role string) {
	m.t.Helper()
	m.exec(`INSERT INTO entitlements (account_id, user_id, entity_type, entity_id, role) VALUES (@account_id, @user, @type, @entity, @role)`,
		store.Args{"user": user, "type": entityType, "entity": entity, "role": role})
}

func TestReminderMails(t *testing.T) {
	m := newMill(t)
	one := m.course("One")
	c := m.certificate("Safety", "1 YEAR", false, one)
	ann := m.certified("Ann", c, one)
	m.require1(ann, c, true)
	l := m.get(ann, c)
	m.now = l.WarnsAt.UTC()
	m.sweepOnce()
	require.Equal(t, []string{fmt.Sprintf("%s certificate/%d/%d/30", m.email(ann), l.ID, *l.IssueID)}, m.outbox(templateExpires))
	reminders := func() map[string]map[string]string { return m.values(templateExpires, m.reminderValues) }
	want := map[string]string{"name": "Ann", "certificate": "Safety", "expires": "31 January 2027", "link": "https://hub.test"}
	require.Equal(t, want, reminders()[m.email(ann)])

	// What takes the reason away, and what gives it back.
	m.require1(ann, c, false)
	require.Empty(t, reminders(), "not required any more")
	m.require1(ann, c, true)
	require.Len(t, reminders(), 1)
	m.exec(`UPDATE users SET status = 'INACTIVE' WHERE account_id = @account_id AND id = @id`, store.Args{"id": ann})
	require.Empty(t, reminders(), "deactivated")
	m.exec(`UPDATE users SET status = 'ACTIVE' WHERE account_id = @account_id AND id = @id`, store.Args{"id": ann})
	m.now = l.ExpiresAt.UTC()
	require.Empty(t, reminders(), "it has expired meanwhile")
	m.sweepOnce()
	expired := func() map[string]map[string]string { return m.values(templateExpired, m.reminderValues) }
	require.Equal(t, want, expired()[m.email(ann)])
	m.progress(ann, one, 100)
	require.Empty(t, expired(), "renewed")
	_, err := m.reminderValues(m.ctx, models.Notification{Params: []byte(`[]`)})
	require.Error(t, err)
}

func TestDigests(t *testing.T) {
	m := newMill(t)
	one, other := m.course("One"), m.course("Other")
	c := m.certificate("Safety", "1 YEAR", false, one)
	ann, bob, cid := m.certified("Ann", c, one), m.certified("Bob", c, one), m.certified("Cid", c, one)
	for _, user := range []int64{ann, bob} {
		m.require1(user, c, true)
	}
	m.exec(`UPDATE users SET email = NULL, username = 'bob' WHERE account_id = @account_id AND id = @id`, store.Args{"id": bob})
	root := m.group(0)
	team := m.group(m.group(root), ann)
	elsewhere := m.group(root, cid)
	var school, branch int64
	for name, id := range map[string]*int64{"School": &school, "Branch": &branch} {
		*id = m.id(`INSERT INTO organizations (account_id, name, code, status) VALUES (@account_id, @name, @name, 'ACTIVE') RETURNING id`, store.Args{"name": name})
	}
	m.exec(`UPDATE users SET organization_id = @org WHERE account_id = @account_id AND id = @id`, store.Args{"id": ann, "org": school})
	m.exec(`INSERT INTO user_organizations (account_id, user_id, organization_id) VALUES (@account_id, @id, @org)`, store.Args{"id": bob, "org": branch})

	ofCourse, ofTeam, ofRoot := m.manager("Of course", "COURSE", one), m.manager("Of team", "GROUP", team), m.manager("Of root", "GROUP", root)
	ofSchool, ofBranch := m.manager("Of school", "WORKSPACE", school), m.manager("Of branch", "WORKSPACE", branch)
	m.manager("Of other course", "COURSE", other)
	m.manager("Of other team", "GROUP", elsewhere)
	editor := m.person("Editor")
	m.entitle(editor, "COURSE", one, "EDITOR")
	m.entitle(editor, "GROUP", team, "INSTRUCTOR")
	inactive := m.manager("Inactive", "COURSE", one)
	m.exec(`UPDATE users SET status = 'INACTIVE' WHERE account_id = @account_id AND id = @id`, store.Args{"id": inactive})
	m.entitle(ann, "GROUP", team, "MANAGER") // of herself and nobody else

	expires := m.get(ann, c).ExpiresAt.UTC()
	m.now = expires.AddDate(0, 0, -30)
	require.Equal(t, map[string]int64{"warned": 3, "expired": 0, "reminded": 1, "digests": 6}, m.sweepOnce())
	m.sweepOnce()
	digests := m.values(templateDigest, m.digestValues)
	const annLine, bobLine = "Ann: Safety expires on 31 January 2027", "Bob: Safety expires on 31 January 2027"
	people := map[string]string{}
	for recipient, v := range digests {
		people[recipient] = v["people"]
	}
	require.Equal(t, map[string]string{
		m.email(ofCourse): annLine + "\n" + bobLine, m.email(ofTeam): annLine, m.email(ofRoot): annLine, m.email(ofSchool): annLine, m.email(ofBranch): bobLine,
	}, people, "people without an address too; nobody is told of themselves")
	require.Equal(t, map[string]string{"name": "Of course", "count": "2", "people": annLine + "\n" + bobLine, "rest": "", "link": "https://hub.test"}, digests[m.email(ofCourse)])
	require.Len(t, m.outbox(templateDigest), 6, "a sweep that found nothing tells nobody")

	m.now = expires
	require.EqualValues(t, 6, m.sweepOnce()["digests"], "one of each sweep")
	require.Equal(t, "Ann: Safety expired on 31 January 2027", m.values(templateDigest, m.digestValues)[m.email(ofTeam)]["people"])
	m.progress(ann, one, 100)
	require.NotContains(t, m.values(templateDigest, m.digestValues), m.email(ofTeam), "all is well by now")
}

// What a sweep that did not get to its end has found is in the digest of the
// next one that does, and in no other.
func TestDigestOfFailedSweeps(t *testing.T) {
	m := newMill(t)
	m.batch = 2
	c := m.many(5, true)
	var course int64
	require.NoError(t, m.db.Query(m.ctx, &course, `SELECT course_id FROM certificate_courses WHERE account_id = @account_id AND certificate_id = @id`, store.Args{"id": c}))
	boss := m.manager("Boss", "COURSE", course)
	for _, end := range []Ending{{Failure: "It broke."}, {Cancelled: true}} {
		p, err := m.start(m.ctx, process.New{})
		require.NoError(t, err)
		in := models.ProcessInput{AccountID: m.account, ProcessID: p.ID}
		turns := 0
		_, err = m.Sweep(m.ctx, in, func() bool { turns++; return true }, func(Swept) {})
		require.NoError(t, err)
		require.NoError(t, m.Finish(m.ctx, in, end))
	}
	require.Empty(t, m.outbox(templateDigest))
	require.EqualValues(t, 1, m.sweepOnce()["digests"])
	require.Equal(t, "5", m.values(templateDigest, m.digestValues)[m.email(boss)]["count"])
	require.Zero(t, m.sweepOnce()["digests"])
}

// A digest names so many people and counts the rest.
func TestLongDigest(t *testing.T) {
	m := newMill(t)
	c := m.many(digestLines+7, true)
	var course int64
	require.NoError(t, m.db.Query(m.ctx, &course, `SELECT course_id FROM certificate_courses WHERE account_id = @account_id AND certificate_id = @id`, store.Args{"id": c}))
	boss := m.manager("Boss", "COURSE", course)
	m.sweepOnce()
	v := m.values(templateDigest, m.digestValues)[m.email(boss)]
	require.Equal(t, "7", v["rest"])
	require.Equal(t, fmt.Sprint(digestLines+7), v["count"])
	require.Contains(t, v["people"], "expired on")
}
