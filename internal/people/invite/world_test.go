package invite

import (
	"encoding/json"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"quad/internal/store"
	"quad/models"
)

// world is everything that an import may change for people, without ids and
// times that differ between runs.
func (e *env) world() map[string][]string {
	e.t.Helper()
	out := map[string][]string{}
	for name, query := range map[string]string{
		"invites": `SELECT concat_ws('|', email, name, array_to_string(role_ids, '+'), status, token_version, organization_id)
			FROM invites WHERE account_id = @account_id ORDER BY email, status, id`,
		"mails": `SELECT concat_ws('|', n.recipient, n.template, n.event_key = 'invite/' || i.id || '/' || i.token_version)
			FROM notifications n LEFT JOIN invites i ON i.id = (n.params ->> 'inviteId')::bigint
			WHERE n.account_id = @account_id AND n.template = 'generic_invite' ORDER BY 1`,
		"users": `SELECT concat_ws('|', u.email, u.organization_id, (SELECT string_agg(r.title, '+' ORDER BY r.title)
			FROM user_roles h JOIN roles r ON r.id = h.role_id WHERE h.user_id = u.id)) FROM users u WHERE u.account_id = @account_id ORDER BY 1`,
		"audit": `SELECT concat_ws('|', action, subject_type, data) FROM audit_events WHERE account_id = @account_id AND subject_type = 'user' ORDER BY 1`,
	} {
		require.NoError(e.t, e.db.QueryRows(e.worker(), query, store.Args{}, func(row pgx.CollectableRow) error {
			var line string
			err := row.Scan(&line)
			out[name] = append(out[name], line)
			return err
		}))
	}
	return out
}

// story is world with what the file and its process tell.
func (e *env) story(f models.InviteFile) map[string][]string {
	e.t.Helper()
	out := e.world()
	p := e.proc(f)
	counters, err := json.Marshal(p.Counters)
	require.NoError(e.t, err)
	out["process"] = []string{string(p.State), string(counters), string(f.Status)}
	require.EqualValues(e.t, p.Total, p.Done)
	require.NoError(e.t, e.db.QueryRows(e.worker(), `SELECT concat_ws('|', r.row_no, r.verdict, i.email, u.email) FROM invite_rows r
		LEFT JOIN invites i ON i.id = r.invite_id LEFT JOIN users u ON u.id = r.user_id
		WHERE r.account_id = @account_id AND r.file_id = @file ORDER BY r.row_no`, store.Args{"file": f.ID}, func(row pgx.CollectableRow) error {
		var line string
		err := row.Scan(&line)
		out["rows"] = append(out["rows"], line)
		return err
	}))
	return out
}

func toJSON(t testing.TB, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	require.NoError(t, err)
	return string(b)
}
