package people_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/people"
	"quad/internal/store"
	"quad/models"
)

// TestShippedLists: an account has the lists and the form once, and what an
// operator makes of them stays.
func TestShippedLists(t *testing.T) {
	w := newWorld(t)
	var types []models.EntityType
	require.NoError(t, w.db.Conn(w.public).Order("id").Find(&types).Error)
	require.NotEmpty(t, types)
	for _, list := range types {
		require.Equal(t, w.home.ID, list.OrganizationID)
		require.True(t, list.AllowCustomEntities && list.AllowFiltering, list.Value)
		require.Positive(t, w.count(`SELECT count(*) FROM entities WHERE entity_type_id = @id AND created_by = 0`, store.Args{"id": list.ID}), list.Value)
	}
	var form models.Form
	require.NoError(t, w.db.Conn(w.public).Where("type = 'user' AND sub_type = 'profile'").First(&form).Error)
	var data struct {
		Fields struct {
			Controls []struct {
				Name string
				Meta struct{ EntityType string }
			}
		}
	}
	require.NoError(t, json.Unmarshal(form.Data, &data))
	require.NotEmpty(t, data.Fields.Controls)
	offered := map[string]bool{"": true}
	for _, list := range types {
		offered[list.Value] = true
	}
	for _, c := range data.Fields.Controls {
		require.True(t, offered[c.Meta.EntityType], c.Name)
	}

	mine := store.Args{"id": w.account.ID}
	w.exec(`UPDATE entity_types SET deleted_at = now() WHERE account_id = @id AND value = 'location'`, mine)
	w.exec(`UPDATE entities SET label = 'Man' WHERE account_id = @id AND value = 'male'`, mine)
	w.exec(`DELETE FROM forms WHERE account_id = @id`, mine)
	// A list that is new in a version reaches the account, unless it has one of
	// its own.
	w.exec(`DELETE FROM shipped_items WHERE account_id = @id AND item IN ('entity_type:gender', 'entity_type:designation')`, mine)
	w.exec(`UPDATE entity_types SET deleted_at = now() WHERE account_id = @id AND value = 'designation'`, mine)
	_, _, err := w.EnsureAccount(t.Context(), people.AccountSpec{Name: "One", Default: true})
	require.NoError(t, err)
	for query, want := range map[string]int64{
		`SELECT count(*) FROM entity_types WHERE account_id = @id AND value = 'location' AND deleted_at IS NULL`:    0,
		`SELECT count(*) FROM entity_types WHERE account_id = @id AND value = 'gender' AND deleted_at IS NULL`:      1,
		`SELECT count(*) FROM entity_types WHERE account_id = @id AND value = 'designation' AND deleted_at IS NULL`: 1,
		`SELECT count(*) FROM entities WHERE account_id = @id AND value = 'male' AND label = 'Man'`:                 1,
		`SELECT count(*) FROM forms WHERE account_id = @id`:                                                         0,
	} {
		require.Equal(t, want, w.count(query, mine), query)
	}
}
