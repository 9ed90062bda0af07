package entity_test

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/people/entity"
	"quad/models"
)

func TestLabels(t *testing.T) {
	w := newWorld(t)
	gender := w.list(w.homeAdmin, models.EntityTypeGender, "female", "male")
	own := w.list(w.branchAdmin, models.EntityTypeGender, "diverse")
	w.add(w.branchAdmin, own, "male", "SYSTEM")
	male, err := w.Read(w.branchAdmin, 0, "male")
	require.NoError(t, err)
	_, err = w.Update(w.branchAdmin, male[0].ID, entity.Input{Label: ptr("Our male")})
	require.NoError(t, err)

	choice := func(organization int64, value string) entity.Choice {
		return entity.Choice{OrganizationID: organization, Type: models.EntityTypeGender, Value: value}
	}
	all := []entity.Choice{choice(home, "male"), choice(branch, "male"), choice(branch, "female"), choice(branch, "diverse"), choice(home, "diverse"), choice(home, "nothing")}
	want := entity.Labels{all[0]: "The male", all[1]: "Our male", all[2]: "The female", all[3]: "The diverse"}
	before := w.db.Statements()
	labels, err := w.Labels(w.homeUser, all...)
	require.NoError(t, err)
	require.Equal(t, want, labels)
	require.EqualValues(t, 1, w.db.Statements()-before)
	// From memory, what is not there included, once the word of the changes
	// above has come back to this process.
	require.Eventually(t, func() bool {
		before := w.db.Statements()
		for range 10 {
			if got, err := w.Labels(w.branchUser, all...); err != nil || !maps.Equal(got, want) {
				return false
			}
		}
		return w.db.Statements() == before
	}, 10*time.Second, 10*time.Millisecond)
	labels, err = w.Labels(w.stranger, all...)
	require.NoError(t, err)
	require.Empty(t, labels, "another account's")
	labels, err = w.Labels(w.homeUser)
	require.NoError(t, err)
	require.Empty(t, labels)

	// A change is seen at once, and soon by other processes.
	second := w.replica()
	_, err = second.Labels(w.homeUser, all...)
	require.NoError(t, err)
	female, err := w.Read(w.homeUser, 0, "female")
	require.NoError(t, err)
	_, err = w.Update(w.homeAdmin, female[0].ID, entity.Input{Label: ptr("Woman")})
	require.NoError(t, err)
	labels, err = w.Labels(w.branchUser, all[2])
	require.NoError(t, err)
	require.Equal(t, "Woman", labels[all[2]])
	require.Eventually(t, func() bool {
		labels, err := second.Labels(w.branchUser, all[2])
		return err == nil && labels[all[2]] == "Woman"
	}, 10*time.Second, 10*time.Millisecond)
	require.NoError(t, w.DeleteType(w.homeAdmin, gender.ID))
	labels, err = w.Labels(w.branchUser, all...)
	require.NoError(t, err)
	require.Equal(t, entity.Labels{all[1]: "Our male", all[3]: "The diverse"}, labels)
}

// Nobody fills the memory with values that do not exist.
func TestLabelsAreBounded(t *testing.T) {
	w := newWorld(t)
	w.list(w.homeAdmin, models.EntityTypeLocation, "ap")
	ap := entity.Choice{OrganizationID: home, Type: models.EntityTypeLocation, Value: "ap"}
	for round := range 3 {
		choices := []entity.Choice{ap}
		for i := range 8_000 {
			choices = append(choices, entity.Choice{OrganizationID: home, Type: models.EntityTypeLocation, Value: fmt.Sprint(round, "x", i)})
		}
		labels, err := w.Labels(w.homeUser, choices...)
		require.NoError(t, err)
		require.Equal(t, entity.Labels{ap: "The ap"}, labels)
	}
}

func TestClosedLists(t *testing.T) {
	w := newWorld(t)
	gender := w.list(w.homeAdmin, models.EntityTypeGender, "female")
	w.add(w.homeAdmin, gender, "mine", "USER")
	free := map[string][]string{models.EntityTypeGender: {"whatever", "female"}, models.EntityTypeLocation: {"ap"}}
	require.NoError(t, w.Check(w.branchUser, free), "an open list, and none")
	require.NoError(t, w.Check(w.branchUser, nil))
	_, err := w.UpdateType(w.homeAdmin, gender.ID, entity.TypeInput{AllowCustomEntities: ptr(false)})
	require.NoError(t, err)
	err = w.Check(w.branchUser, free)
	require.Equal(t, models.KindInvalid, models.KindOf(err))
	var typed *models.Error
	require.ErrorAs(t, err, &typed)
	require.Len(t, typed.Fields, 1)
	require.Equal(t, models.EntityTypeGender, typed.Fields[0].Field)
	require.NoError(t, w.Check(w.branchUser, map[string][]string{models.EntityTypeGender: {"female", ""}}), "nothing chosen is no choice")
	require.Error(t, w.Check(w.branchUser, map[string][]string{models.EntityTypeGender: {"mine"}}), "somebody else's own value")
	require.NoError(t, w.Check(w.homeAdmin, map[string][]string{models.EntityTypeGender: {"mine"}}))
	require.NoError(t, w.Check(w.stranger, free), "another account's list")

	// An inherited list has the values of its parent.
	child, err := w.Inherit(w.branchAdmin, models.EntityTypeGender, "x")
	require.NoError(t, err)
	require.False(t, child.AllowCustomEntities)
	w.add(w.branchAdmin, child, "diverse", "SYSTEM")
	require.NoError(t, w.Check(w.branchUser, map[string][]string{models.EntityTypeGender: {"female", "diverse"}}))
	require.Error(t, w.Check(w.branchUser, map[string][]string{models.EntityTypeGender: {"whatever"}}))
	require.Error(t, w.Check(w.homeUser, map[string][]string{models.EntityTypeGender: {"diverse"}}))
}
