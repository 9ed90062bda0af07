package workflows

import (
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/people/rolerequest"
	"quad/internal/process"
	"quad/models"
)

func TestValidatorRefusesAfterTheEnd(t *testing.T) {
	r := &orgRoleRequest{}
	require.NoError(t, r.mayDecide(nil, models.RoleRequestDecideInput{DecisionID: 1}))
	r.closed = true
	err := r.mayDecide(nil, models.RoleRequestDecideInput{DecisionID: 1})
	require.ErrorIs(t, process.DecodeError(err), rolerequest.ErrNotDecidable, "the refusal reaches the caller as the area's own")
}
