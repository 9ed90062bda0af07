package models_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/models"
)

// work and milestone are the tables of the contract, written as it writes them.
var (
	work = map[models.WorkStatus]string{
		"planned": "active, cancelled", "active": "on_hold, completed, cancelled", "on_hold": "active, cancelled", "completed": "active", "cancelled": "",
	}
	milestone = map[models.MilestoneStatus]string{
		"pending": "in_progress, completed, cancelled", "in_progress": "completed, cancelled", "completed": "in_progress", "cancelled": "pending",
	}
)

func TestStatusesOfWorkAndMilestones(t *testing.T) {
	t.Parallel()
	require.Equal(t, table(models.WorkStatuses, models.WorkStatus.CanBecome), work)
	require.Equal(t, table(models.MilestoneStatuses, models.MilestoneStatus.CanBecome), milestone)
	require.False(t, models.WorkStatus("").CanBecome(models.WorkActive))
	require.False(t, models.WorkActive.CanBecome("gone"))
}

// table writes down what can become what.
func table[S ~string](all []S, can func(S, S) bool) map[S]string {
	out := map[S]string{}
	for _, from := range all {
		out[from] = ""
		for _, to := range sorted(all) {
			switch {
			case !can(from, to):
			case out[from] == "":
				out[from] = string(to)
			default:
				out[from] += ", " + string(to)
			}
		}
	}
	return out
}

// sorted puts statuses into the order in which the contract names them.
func sorted[S ~string](all []S) []S {
	order := []S{"in_progress", "active", "on_hold", "completed", "cancelled", "pending", "planned"}
	out := slices.Clone(all)
	slices.SortFunc(out, func(a, b S) int { return slices.Index(order, a) - slices.Index(order, b) })
	return out
}
