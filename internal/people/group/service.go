// Package group is the tree of an account's groups, the hierarchy of types that
// orders it, and who is a member of what.
//
// All that changes the shape of the tree is decided under one lock for each
// account (Lock), so two changes that are right alone and wrong together, such
// as two moves that make a circle, cannot both happen. What follows from a
// change for other areas is done in its transaction, by the callbacks of Deps.
package group

import (
	"context"
	"errors"
	"fmt"

	"quad/internal/audit"
	"quad/internal/ref"
	"quad/internal/store"
	"quad/models"
)

// Refusals of this package.
var (
	ErrUnknown       = models.Refuse(models.KindNotFound, "group.unknown", "there is no such group")
	ErrParentUnknown = models.Refuse(models.KindNotFound, "group.parent_unknown", "there is no such parent group")
	ErrTaken         = models.Refuse(models.KindConflict, "group.taken", "a group with this identifier exists already")
	ErrHasGroups     = models.Refuse(models.KindInvalid, "group.has_groups", "the group has groups below it")
)

// People is what this package asks about people. *people.Service is one.
type People interface {
	// LockUser finds a person who is not deleted and keeps others from changing
	// what they belong to until the end of the transaction.
	LockUser(ctx context.Context, user ref.Ref) (models.User, error)
	// SubAccount finds the ACTIVE organization of a name, which is not the
	// default one.
	SubAccount(ctx context.Context, name string) (int64, error)
}

// Deps is what a Service needs. The callbacks run in the transaction of what
// they tell of, after its rows are written; their errors refuse it. One that is
// nil is not called.
type Deps struct {
	DB     *store.DB
	People People
	// MembersChanged: these people have joined or left groups.
	MembersChanged func(ctx context.Context, userIDs []int64) error
	// TreeChanged: these groups stand elsewhere now, with all that is below them.
	TreeChanged func(ctx context.Context, groupIDs []int64) error
	// Leaving: the group is about to be deleted; it has its members still.
	Leaving func(ctx context.Context, groupID int64) error
}

// Service is the area's door. It is safe for concurrent use.
type Service struct{ d Deps }

// New makes a Service. Errors: a missing dependency.
func New(d Deps) (*Service, error) {
	if d.DB == nil || d.People == nil {
		return nil, errors.New("group: DB and People are needed")
	}
	return &Service{d: d}, nil
}

// Lock takes the lock of the account's group tree until the end of the
// transaction that the context must be in. Exclusive is for what changes the
// shape of the tree or what groups are linked to; shared for what a person
// belongs to, and goes together with other shared ones. Whoever locks a person
// too does that first, and nobody takes the exclusive lock who has the shared
// one.
func Lock(ctx context.Context, db *store.DB, exclusive bool) error {
	if !store.HasTx(ctx) {
		return errors.New("group: the lock of the tree needs a transaction")
	}
	function := "pg_advisory_xact_lock_shared"
	if exclusive {
		function = "pg_advisory_xact_lock"
	}
	if _, err := db.Exec(ctx, `SELECT `+function+`(hashtextextended('quad:groups:' || CAST(CAST(@account_id AS bigint) AS text), 0))`, nil); err != nil {
		return fmt.Errorf("group: lock: %w", err)
	}
	return nil
}

// change runs fn in a transaction that holds the tree's lock. What fn gives goes
// to the audit trail.
func (s *Service) change(ctx context.Context, what string, exclusive bool, fn func(ctx context.Context) ([]audit.Event, error)) error {
	err := s.d.DB.InTx(ctx, func(ctx context.Context) error {
		if err := Lock(ctx, s.d.DB, exclusive); err != nil {
			return err
		}
		events, err := fn(ctx)
		if err != nil {
			return err
		}
		return audit.Write(ctx, s.d.DB, events...)
	})
	if err != nil {
		return fmt.Errorf("group: %s: %w", what, err)
	}
	return nil
}

func (s *Service) membersChanged(ctx context.Context, userIDs ...int64) error {
	if s.d.MembersChanged == nil || len(userIDs) == 0 {
		return nil
	}
	return s.d.MembersChanged(ctx, userIDs)
}

func event(action string, g models.Group, data map[string]any) audit.Event {
	return audit.Event{Action: action, SubjectType: "group", SubjectID: g.ID, OrganizationID: g.OrganizationID, Data: data}
}
