// Package auth is the sign-in core that all doors share: who calls (Principal),
// password hashes, tokens and sessions, one-time codes, API tokens and clients,
// and the lock against guessing.
package auth

import (
	"context"
	"slices"

	"quad/internal/store"
	"quad/models"
)

// Principal is who makes a request, whichever door and token it came with.
// Roles are read from the database for each request, never from a token.
type Principal struct {
	AccountID      int64
	UserID         int64
	OrganizationID int64
	SessionID      int64 // 0 for API tokens
	ClientID       int64 // the API client that calls, which is no user: UserID is 0 then
	Door           string
	Name           string
	Roles          []string // titles of the ACTIVE roles held
}

// Has tells whether the principal holds one of the roles.
func (p Principal) Has(roles ...string) bool {
	return slices.ContainsFunc(roles, func(r string) bool { return slices.Contains(p.Roles, r) })
}

type principalKey struct{}

// WithPrincipal puts the principal into the context and binds the context to
// its account.
func WithPrincipal(ctx context.Context, p Principal) context.Context {
	return store.WithAccount(context.WithValue(ctx, principalKey{}, p), p.AccountID)
}

// From gives the context's principal; false for public requests and for the
// hub's own work.
func From(ctx context.Context) (Principal, bool) {
	p, ok := ctx.Value(principalKey{}).(Principal)
	return p, ok
}

// Caller gives the user or the API client that calls. Errors:
// models.ErrUnauthenticated when nobody does.
func Caller(ctx context.Context) (Principal, error) {
	p, ok := From(ctx)
	if !ok || p.UserID == 0 && p.ClientID == 0 {
		return Principal{}, models.ErrUnauthenticated
	}
	return p, nil
}

// CallerWith gives the caller, who must hold one of the roles. Errors:
// models.ErrUnauthenticated, models.ErrForbidden.
func CallerWith(ctx context.Context, roles ...string) (Principal, error) {
	p, err := Caller(ctx)
	if err == nil && !p.Has(roles...) {
		return Principal{}, models.ErrForbidden
	}
	return p, err
}

// Actor is the id of the user who acts, nil for API clients and for the hub's
// own work.
func Actor(ctx context.Context) *int64 {
	if p, ok := From(ctx); ok && p.UserID > 0 {
		return &p.UserID
	}
	return nil
}

// Client is the id of the API client that acts, nil for users and for the hub's
// own work.
func Client(ctx context.Context) *int64 {
	if p, ok := From(ctx); ok && p.ClientID > 0 {
		return &p.ClientID
	}
	return nil
}

type doorKey struct{}

// DoorWorker names the hub's own work where a door's name is recorded.
const DoorWorker = "worker"

// WithDoor records the door of a public request.
func WithDoor(ctx context.Context, door string) context.Context {
	return context.WithValue(ctx, doorKey{}, door)
}

// Door is the front door the request came through, or DoorWorker.
func Door(ctx context.Context) string {
	if p, ok := From(ctx); ok && p.Door != "" {
		return p.Door
	}
	if d, ok := ctx.Value(doorKey{}).(string); ok {
		return d
	}
	return DoorWorker
}
