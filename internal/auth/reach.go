package auth

import (
	"context"
	"slices"

	"github.com/lib/pq"

	"quad/internal/store"
	"quad/models"
)

// Reach is which organizations' records a caller sees: all of the account, or
// those of the organizations named. What belongs to no organization is in
// everybody's reach. It is a caller's right to see, not to change.
type Reach struct {
	All bool
	// Organizations are the ACTIVE ones that the caller is a member of, oldest
	// membership first; the default organization is none of them.
	Organizations []int64
}

// Sees tells whether a record of this organization is in reach; nil is a record
// without one.
func (r Reach) Sees(organizationID *int64) bool {
	return organizationID == nil || r.Member(*organizationID)
}

// Member tells whether the organization itself is in reach.
func (r Reach) Member(organizationID int64) bool {
	return r.All || slices.Contains(r.Organizations, organizationID)
}

// Owns tells whether a record of this organization is the caller's to change, if
// their role lets them change such records at all: what belongs to no
// organization only who sees all may change.
func (r Reach) Owns(organizationID *int64) bool {
	return r.All || organizationID != nil && r.Member(*organizationID)
}

// Args adds the reach to the arguments of a statement with ReachSQL.
func (r Reach) Args(args store.Args) store.Args {
	// Never NULL, which would be neither in nor out of a list.
	args["reach_all"], args["reach_organizations"] = r.All, pq.Int64Array(append([]int64{}, r.Organizations...))
	return args
}

// ReachSQL is the condition that a record is in reach, by the column that holds
// its organization. For statements that GORM runs; see Reach.Args.
func ReachSQL(column string) string {
	return `(@reach_all OR ` + column + ` IS NULL OR ` + column + ` = ANY(CAST(@reach_organizations AS bigint[])))`
}

type reachKey struct{}

// WithReach keeps the reach of the context's principal for the request.
func WithReach(ctx context.Context, r Reach) context.Context {
	return context.WithValue(ctx, reachKey{}, r)
}

// Reach gives what the caller sees, with one statement unless the request knows
// it already. API clients and administrators see all. Errors:
// models.ErrUnauthenticated when nobody calls.
func (s *Service) Reach(ctx context.Context) (Reach, error) {
	if r, known := ctx.Value(reachKey{}).(Reach); known {
		return r, nil
	}
	p, err := Caller(ctx)
	switch {
	case err != nil:
		return Reach{}, err
	case p.ClientID > 0, p.Has(models.RoleAdmin):
		return Reach{All: true}, nil
	}
	ids, err := s.memberships(ctx, p.UserID)
	return Reach{Organizations: ids}, err
}
