// Package suite proves a door with tests that are generated from its contract:
// who may call what ([Matrix]) and what broken requests do ([Malformed]). The
// door's test brings the table of what it serves and, where the contract can't
// know it, fixtures: records, ids, secrets. An operation that is served later is
// tested from then on without another line.
package suite

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/auth"
	"quad/internal/contracttest"
	"quad/internal/hubtest"
	"quad/internal/people"
	"quad/internal/store"
	"quad/models"
)

// Door is what the suites need to know of a front door.
type Door struct {
	Name     string
	Contract *contracttest.Contract
	// Served are the ids of the operations to test.
	Served []string
	// Authorize is the header that carries a token.
	Authorize func(token string) (header, value string)
	// Roles are those that a caller may hold, one each.
	Roles []string
	// Clients says that callers are API clients, who may do everything in their
	// account, instead of people with roles. Roles is empty then.
	Clients bool
	// Rules are the door's answers to callers that it refuses.
	Rules Rules
	// Fixtures complete the requests, by operation id. Parameters are those of
	// any operation, by the name of the parameter; operations come first.
	Fixtures map[string]Fixture
	// ErrorSchema names the schema of the document that every refusal follows,
	// also one that the operation does not list.
	ErrorSchema string
	// MayGrow are tables that a refused request may write: counters of failed
	// sign-ins and the like.
	MayGrow []string
}

// Refusal is an answer to a caller: its status, and a text that is in its body.
type Refusal struct {
	Status int
	Text   string
}

// Rules are how a door refuses callers, whatever they ask for.
type Rules struct {
	NoToken  Refusal // no token at all
	BadToken Refusal // something that is no token of the hub
	Expired  Refusal // past its time
	Ended    Refusal // its session was closed by a logout, its client revoked
	Inactive Refusal // its user was deactivated
	// Lacks is the answer to the holder of a role that x-roles does not name.
	Lacks func(op contracttest.Operation, role string) Refusal
}

// Reach says whose records an operation finds.
type Reach int

// The reaches.
const (
	OwnOrganization Reach = iota // others' records look as if they were not there
	OwnAccount                   // every organization's of the account
	Everywhere                   // a secret names the record: whoever knows it may use it
)

// Fixture says what a request needs beyond the contract's examples.
type Fixture struct {
	// Values complete every request: what must be new each time, secrets.
	Values func(Cell) contracttest.Values
	// Record makes the record that the request is about, in a place, and gives
	// the values that name it. Nil: the operation is about no single record.
	Record func(Cell, *Place) contracttest.Values
	// Missing are the values that name no record; unnecessary where Record's
	// are ids.
	Missing contracttest.Values
	// Reach is how far a caller with a role sees; nil: OwnOrganization.
	Reach func(role string) Reach
	// Status is what a caller gets who is let through, where it can't be a
	// success: without a worker some operations can only be kept for later.
	Status int
	// EndsSession marks operations after which the caller's token is dead.
	EndsSession bool
}

// Place is an organization with its account.
type Place struct {
	Title        string
	Account      models.Account
	Organization models.Organization
	Host         string // under which clients reach the account; empty: any
	// Mark is in every name made here, Mail is the domain of every address:
	// what an outsider must never see.
	Mark, Mail string
	People     map[string]hubtest.Person // by role

	world *World
}

// World is the hub under test with three places: two organizations of one
// account, and another account.
type World struct {
	*hubtest.Env
	T                 *testing.T
	Door              Door
	Home, Sister, Far *Place

	n int
}

// NewWorld makes the places and their people on a hub without a worker: what a
// request writes is then all that changes.
func NewWorld(t *testing.T, env *hubtest.Env, door Door) *World {
	t.Helper()
	w := &World{Env: env, T: t, Door: door}
	far, _ := env.NewAccount("far.test")
	w.Home = w.place("own organization", env.Account, "zqhome", "hm-mail.test", "")
	w.Sister = w.place("other organization", env.Account, "zqsister", "sr-mail.test", "")
	w.Far = w.place("other account", far, "zqfar", "fr-mail.test", "far.test")
	return w
}

func (w *World) place(title string, account models.Account, mark, mail, host string) *Place {
	w.T.Helper()
	p := &Place{Title: title, Account: account, Host: host, Mark: mark, Mail: mail, People: map[string]hubtest.Person{}, world: w}
	o, err := w.People.AddOrganization(p.Context(), people.OrganizationInput{Name: mark + " school", Code: mark, Description: mark})
	require.NoError(w.T, err)
	p.Organization = o.Organization
	for _, role := range w.Door.Roles {
		p.People[role] = p.NewPerson(role)
	}
	return p
}

// Context is bound to the place's account.
func (p *Place) Context() context.Context {
	return store.WithAccount(p.world.T.Context(), p.Account.ID)
}

// NewPerson makes an ACTIVE user with hubtest.Password who holds the roles.
func (p *Place) NewPerson(roles ...string) hubtest.Person {
	p.world.T.Helper()
	name, email := p.Name(), p.Email()
	who, err := p.world.People.EnsureUser(p.Context(), people.NewUser{
		OrganizationID: p.Organization.ID, Name: name, Email: email, Password: hubtest.Password, Roles: roles,
	})
	require.NoError(p.world.T, err)
	return hubtest.Person{User: who.User, Email: email}
}

// Name is a new name that bears the place's mark; one word of letters and digits.
func (p *Place) Name() string { return fmt.Sprintf("%s%d", p.Mark, p.world.Next()) }

// Email is a new address of the place.
func (p *Place) Email() string { return fmt.Sprintf("p%d@%s", p.world.Next(), p.Mail) }

// Insert runs an INSERT … RETURNING id in the place's account, which the text
// names @account_id; @organization is the place's organization.
func (p *Place) Insert(text string, args store.Args) int64 {
	p.world.T.Helper()
	all := store.Args{"organization": p.Organization.ID}
	maps.Copy(all, args)
	var id int64
	require.NoError(p.world.T, p.world.DB.Query(p.Context(), &id, text, all))
	require.Positive(p.world.T, id, text)
	return id
}

// As is a context in which a person of the place acts.
func (p *Place) As(who hubtest.Person, roles ...string) context.Context {
	return auth.WithPrincipal(p.world.T.Context(), auth.Principal{
		AccountID: p.Account.ID, UserID: who.ID, OrganizationID: who.OrganizationID, Door: p.world.Door.Name, Name: who.Name, Roles: roles,
	})
}

// Next is a number that was not given before.
func (w *World) Next() int {
	w.n++
	return w.n
}

// client asks in a place, with a token unless it is empty.
func (w *World) client(p *Place, token string) contracttest.Client {
	c := contracttest.Client{Contract: w.Door.Contract, BaseURL: w.URL, Host: p.Host}
	if token != "" {
		c = c.With(w.Door.Authorize(token))
	}
	return c
}

// RequestsAreValid proves the generator: for every operation of the contract,
// served or not, the request made from the examples is one that the contract
// allows. Operations that need fixtures to be valid get them when served.
func RequestsAreValid(t *testing.T, contract *contracttest.Contract) {
	t.Helper()
	for _, id := range contract.Operations() {
		r, err := contract.Operation(id).Request(nil)
		require.NoError(t, err, id)
		require.NoError(t, r.Validate())
	}
}

// RolesAreKnown proves that every operation has roles that the door knows, and that
// every fixture belongs to an operation of the contract.
func RolesAreKnown(t *testing.T, door Door) {
	t.Helper()
	known := append([]string{"public", "any"}, door.Roles...)
	for _, id := range door.Contract.Operations() {
		op := door.Contract.Operation(id)
		require.NotEmpty(t, op.Roles, id)
		require.Subset(t, known, op.Roles, id)
	}
	require.Subset(t, door.Contract.Operations(), slices.Collect(maps.Keys(door.Fixtures)))
}

// Admin is a context in which somebody acts who may do everything in the
// place's account.
func (p *Place) Admin() context.Context {
	return auth.WithPrincipal(p.world.T.Context(), auth.Principal{
		AccountID: p.Account.ID, ClientID: 1, Door: p.world.Door.Name, Roles: []string{models.RoleAdmin},
	})
}
