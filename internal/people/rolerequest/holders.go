package rolerequest

import (
	"context"

	"quad/internal/process"
	"quad/models"
)

var _ process.HolderHandler = handler{}

// Holders implements process.HolderHandler.
func (h handler) Holders(ctx context.Context, p models.Process) (process.Hold, error) {
	hold, err := h.s.WhoHolds(ctx, p.SubjectID)
	if err != nil {
		return process.Hold{}, err
	}
	out := process.Hold{Next: string(hold.Next), Deadline: &hold.Deadline}
	if !hold.NextAt.IsZero() {
		out.NextAt = &hold.NextAt
	}
	for _, who := range hold.Holders {
		out.Holders = append(out.Holders, process.Holder{ID: who.ID, Name: who.Name, Role: who.Role})
	}
	return out, nil
}
