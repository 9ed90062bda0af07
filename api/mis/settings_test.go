package mis_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/settings"
)

const settingsPath = "/mis/auth/settings"

func TestSettings(t *testing.T) {
	w := newWorld(t)
	root := w.as(t, w.root)
	elsewhere := w.elsewhere(t, "far.test")

	listed := members(t, root.Do(t, 200, "GET", settingsPath, nil), "settings")
	keys := make([]string, 0, len(listed))
	for _, s := range listed {
		keys = append(keys, s["key"].(string))
		require.Nil(t, s["updatedBy"])
		require.NotEmpty(t, s["description"])
	}
	require.Equal(t, []string{"mail.welcome_enabled", "registration.enabled", "reports.retention_days"}, keys, "by key")
	w.as(t, w.tenantAdmin).Do(t, 403, "GET", settingsPath, nil)

	a := root.Do(t, 200, "PATCH", settingsPath+"/reports.retention_days", object{"value": " 090 "})
	require.Equal(t, "90", a.Text(t, "value"), "as it is understood")
	require.Equal(t, idText(w.root.ID), a.Text(t, "updatedBy"))
	days, err := w.Hub.Settings.Int(w.Context(), settings.ReportRetentionDays)
	require.NoError(t, err)
	require.Equal(t, 90, days)

	enabled, err := w.Hub.Settings.Bool(w.Context(), settings.RegistrationEnabled)
	require.NoError(t, err)
	require.True(t, enabled)
	root.Do(t, 200, "PATCH", settingsPath+"/registration.enabled", object{"value": "False"})
	enabled, err = w.Hub.Settings.Bool(w.Context(), settings.RegistrationEnabled)
	require.NoError(t, err)
	require.False(t, enabled, "it holds at once")
	for _, s := range members(t, elsewhere.Do(t, 200, "GET", settingsPath, nil), "settings") {
		require.Nil(t, s["updatedBy"], "each account has its own")
	}

	// The same again, or a default again, changes nothing.
	events := func() int64 {
		return w.number(t, `SELECT count(*) FROM audit_events WHERE account_id = @account_id AND action = 'setting.updated'`, nil)
	}
	before := events()
	require.EqualValues(t, 2, before)
	root.Do(t, 200, "PATCH", settingsPath+"/registration.enabled", object{"value": "false"})
	root.Do(t, 200, "PATCH", settingsPath+"/mail.welcome_enabled", object{"value": "true"})
	require.Equal(t, before, events())

	fails(t, root.Do(t, 404, "PATCH", settingsPath+"/default_language", object{"value": "en"}), "Setting not found")
	fails(t, root.Do(t, 400, "PATCH", settingsPath+"/registration.enabled", object{"value": "perhaps"}), []string{"value must be true or false"})
	fails(t, root.Do(t, 400, "PATCH", settingsPath+"/reports.retention_days", object{"value": "-1"}), []string{"value must be an integer from 0 to 3650"})
	fails(t, root.Do(t, 400, "PATCH", settingsPath+"/reports.retention_days", object{"value": 7}), []string{"value must be a string"})
	w.as(t, w.tenantAdmin).Do(t, 403, "PATCH", settingsPath+"/registration.enabled", object{"value": "true"})

	require.LessOrEqual(t, w.statementsOf(func() { root.Do(t, 200, "GET", settingsPath, nil) }), int64(1+1))
	// BEGIN, write, audit, tell others, COMMIT; read.
	require.LessOrEqual(t, w.statementsOf(func() {
		root.Do(t, 200, "PATCH", settingsPath+"/reports.retention_days", object{"value": "1"})
	}), int64(1+6))
}
