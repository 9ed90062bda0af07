package people_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/auth"
	"quad/internal/input"
	"quad/internal/people"
	"quad/internal/ref"
	"quad/internal/store"
	"quad/models"
)

func p[T any](v T) *T { return &v }

// client is the context of a calling system.
func (w *world) client() context.Context {
	return auth.WithPrincipal(w.t.Context(), auth.Principal{AccountID: w.account.ID, ClientID: 7, Roles: []string{models.RoleAdmin}, Door: "test"})
}

func (w *world) otherClient() context.Context {
	return auth.WithPrincipal(w.t.Context(), auth.Principal{AccountID: w.otherAccount.ID, ClientID: 8, Roles: []string{models.RoleAdmin}, Door: "test"})
}

func jane(identifier string) people.ExternalChange {
	return people.ExternalChange{Identifier: identifier, Username: p("user-" + identifier), FirstName: p("Jane Ann"), LastName: p("Roe"),
		Email: input.To(identifier + "@mail.test")}
}

func (w *world) external(identifier string) people.External {
	w.t.Helper()
	e, err := w.ExternalUser(w.client(), ref.ByIdentifier(identifier), "")
	require.NoError(w.t, err)
	return e
}

func (w *world) put(c people.ExternalChange) bool {
	w.t.Helper()
	created, err := w.UpsertExternal(w.client(), c)
	require.NoError(w.t, err)
	return created
}

func (w *world) subAccount(name string) int64 {
	w.t.Helper()
	o, err := w.AddOrganization(w.public, people.OrganizationInput{Name: name, Code: fmt.Sprint(name, w.count(`SELECT count(*) FROM organizations`, nil)), Description: name})
	require.NoError(w.t, err)
	return o.ID
}

func TestExternalCreatesThenChanges(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	north := w.subAccount("North")
	c := jane("j1")
	c.Phone, c.Address = input.To("+1 555"), input.To("")
	c.CustomAttributes = json.RawMessage(`{"shift":1.50,"half":"\ud800"}`)
	c.PossibleRoles, c.SubAccount, c.Password = []string{"INSTRUCTOR", "learner", "LEARNER"}, p("North"), p("first secret")
	require.True(t, w.put(c))

	e := w.external("j1")
	require.Equal(t, "user-j1", e.Login)
	require.Equal(t, []string{"Jane Ann", "Roe", "Jane Ann Roe", "j1@mail.test"}, []string{*e.FirstName, *e.LastName, e.Name, *e.Email})
	require.Equal(t, []string{"+1 555", ""}, []string{*e.Phone, *e.Address})
	require.JSONEq(t, `{"shift":1.50,"half":"\ufffd"}`, string(e.CustomAttributes))
	require.Equal(t, []string{"learner", "instructor"}, e.PossibleRoles)
	require.Equal(t, []string{"North"}, e.SubAccounts)
	require.Equal(t, north, e.OrganizationID)
	require.Equal(t, models.StatusActive, e.Status)
	require.EqualValues(t, 0, w.count(`SELECT count(*) FROM notifications WHERE recipient = 'j1@mail.test'`, nil), "no mail")
	in, err := w.SignIn(w.public, people.SignIn{Email: "J1@mail.test", Password: "first secret", Address: address})
	require.NoError(t, err, "they sign in through the other doors")
	require.Contains(t, titles(in.Person), models.RoleMentee)
	signedIn := w.with(in.Tokens.Access)

	require.False(t, w.put(people.ExternalChange{Identifier: "j1", Active: p(true)}))
	same := c
	same.SubAccount = nil
	require.False(t, w.put(same))
	require.False(t, w.put(c))
	require.Equal(t, e, w.external("j1"), "nothing was new, so nothing was written")
	require.EqualValues(t, 1, w.count(`SELECT count(*) FROM audit_events WHERE subject_type = 'user' AND subject_id = @id`, store.Args{"id": e.ID}))
	w.put(jane("bare"))
	bare := w.external("bare")
	w.put(people.ExternalChange{Identifier: "bare", Phone: input.Cleared[string](), CustomAttributes: json.RawMessage(`{}`)})
	require.Equal(t, bare, w.external("bare"), "nor was it here")
	_, err = w.auth.Authenticate(signedIn, in.Tokens.Access)
	require.NoError(t, err, "the same password ends no session")

	require.False(t, w.put(people.ExternalChange{Identifier: "j1", LastName: p("Doe"), Phone: input.Cleared[string](), Email: input.Cleared[string](),
		CustomAttributes: json.RawMessage(`{}`), PossibleRoles: []string{"editor"}, Password: p("second secret")}))
	changed := w.external("j1")
	require.Equal(t, []string{"Jane Ann", "Doe", "Jane Ann Doe"}, []string{*changed.FirstName, *changed.LastName, changed.Name})
	require.Nil(t, changed.Email)
	require.Nil(t, changed.Phone)
	require.Equal(t, "", *changed.Address)
	require.JSONEq(t, `{}`, string(changed.CustomAttributes))
	require.Equal(t, []string{"editor"}, changed.PossibleRoles)
	require.True(t, changed.UpdatedAt.After(e.UpdatedAt))
	_, err = w.auth.Authenticate(w.public, in.Tokens.Access)
	require.Error(t, err, "a new password ends the sessions")
}

func TestExternalInputs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, c := range map[string]struct {
		change func(*people.ExternalChange)
		rule   string
	}{
		"no identifier":   {func(c *people.ExternalChange) { c.Identifier = "" }, "identifier:invalid"},
		"reserved":        {func(c *people.ExternalChange) { c.Identifier = "identityManagement" }, "identifier:reserved"},
		"long":            {func(c *people.ExternalChange) { c.Identifier = strings.Repeat("ü", 256) }, "identifier:invalid"},
		"no user name":    {func(c *people.ExternalChange) { c.Username = nil }, "username:required"},
		"blank user name": {func(c *people.ExternalChange) { c.Username = p(" ") }, "username:required"},
		"no first name":   {func(c *people.ExternalChange) { c.FirstName = nil }, "firstName:required"},
		"no last name":    {func(c *people.ExternalChange) { c.LastName = nil }, "lastName:required"},
		"long name": {func(c *people.ExternalChange) {
			c.FirstName, c.LastName = p(strings.Repeat("a", 200)), p(strings.Repeat("b", 55))
		}, "lastName:too_long"},
		"bad email":         {func(c *people.ExternalChange) { c.Email.Value = p("nobody") }, "email:email"},
		"short password":    {func(c *people.ExternalChange) { c.Password = p("1234567") }, "password:too_short"},
		"no roles":          {func(c *people.ExternalChange) { c.PossibleRoles = []string{} }, "possibleRoles:required"},
		"other role":        {func(c *people.ExternalChange) { c.PossibleRoles = []string{"ADMIN"} }, "possibleRoles:enum"},
		"attribute list":    {func(c *people.ExternalChange) { c.CustomAttributes = json.RawMessage(`[]`) }, "customAttributes:invalid"},
		"attribute null":    {func(c *people.ExternalChange) { c.CustomAttributes = json.RawMessage(`null`) }, "customAttributes:invalid"},
		"attribute NUL":     {func(c *people.ExternalChange) { c.CustomAttributes = json.RawMessage(`{"a":["\u0000"]}`) }, "customAttributes:invalid"},
		"attribute NUL key": {func(c *people.ExternalChange) { c.CustomAttributes = json.RawMessage(`{"\u0000":1}`) }, "customAttributes:invalid"},
		"broken attributes": {func(c *people.ExternalChange) { c.CustomAttributes = json.RawMessage(`{"a":1}}`) }, "customAttributes:invalid"},
		"deep attributes": {func(c *people.ExternalChange) {
			c.CustomAttributes = json.RawMessage(`{"a":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`)
		}, "customAttributes:invalid"},
		"large attributes": {func(c *people.ExternalChange) {
			c.CustomAttributes = json.RawMessage(`{"a":"` + strings.Repeat("x", 100_000) + `"}`)
		}, "customAttributes:too_long"},
		"huge number":  {func(c *people.ExternalChange) { c.CustomAttributes = json.RawMessage(`{"a":1e999999}`) }, "number:range"},
		"NUL in phone": {func(c *people.ExternalChange) { c.Phone = input.To("1\x00") }, "phone:invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			change := jane("j1")
			c.change(&change)
			_, err := w.UpsertExternal(w.client(), change)
			require.Contains(t, rulesOf(t, err), c.rule)
		})
	}
	change := jane("j1")
	change.SubAccount = p("home")
	_, err := w.UpsertExternal(w.client(), change)
	require.ErrorIs(t, err, people.ErrOrganizationUnknown, "the default organization is no sub-account")
	_, err = w.UpsertExternal(w.as(w.learner), jane("j1"))
	require.ErrorIs(t, err, models.ErrForbidden)
	require.EqualValues(t, 0, w.count(`SELECT count(*) FROM users WHERE identifier IS NOT NULL`, nil))
}

func TestExternalAdoption(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	require.False(t, w.put(people.ExternalChange{Identifier: "l1", Username: p("Learner@MAIL.test")}), "who has no user name is called by the address")
	e := w.external("l1")
	require.Equal(t, w.learner.User.ID, e.ID)
	require.Equal(t, []string{"Learner@MAIL.test", "The", "learner"}, []string{e.Login, *e.FirstName, *e.LastName})
	require.Equal(t, []string{"learner"}, e.PossibleRoles, "nobody is without one")

	_, err := w.UpsertExternal(w.client(), people.ExternalChange{Identifier: "l2", Username: p("learner@mail.test"), FirstName: p("A"), LastName: p("B")})
	require.ErrorIs(t, err, people.ErrUsernameTaken, "they have an identifier now")
	_, err = w.UpsertExternal(w.client(), people.ExternalChange{Identifier: "l2", Username: p("someone"), FirstName: p("A"), LastName: p("B"),
		Email: input.To("Admin@mail.test")})
	require.ErrorIs(t, err, people.ErrEmailTaken)
	require.True(t, w.put(jane("j1")))
	_, err = w.UpsertExternal(w.client(), people.ExternalChange{Identifier: "j1", Username: p("LEARNER@mail.test")})
	require.ErrorIs(t, err, people.ErrUsernameTaken)
	_, err = w.UpsertExternal(w.client(), people.ExternalChange{Identifier: "j1", Email: input.To("learner@mail.test")})
	require.ErrorIs(t, err, people.ErrEmailTaken)

	created, err := w.UpsertExternal(w.otherClient(), jane("j1"))
	require.NoError(t, err)
	require.True(t, created, "another account has its own")
}

func TestSignUpWithAnAddressThatIsAUserName(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := jane("j1")
	c.Username = p("Taken@mail.test")
	require.True(t, w.put(c))
	_, err := w.EnsureUser(w.public, people.NewUser{Name: "Late", Email: "taken@mail.test", Password: password})
	require.ErrorIs(t, err, people.ErrEmailTaken)
	_, err = w.signUp(w.public, "taken@mail.test")
	require.ErrorIs(t, err, people.ErrEmailTaken)
}

func TestOneOfManyCreates(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, change := range map[string]func(n int) people.ExternalChange{
		"same":  func(int) people.ExternalChange { return jane("same") },
		"email": func(n int) people.ExternalChange { c := jane("email"); c.Username = p(fmt.Sprint("u", n)); return c },
	} {
		t.Run(name, func(t *testing.T) {
			var created [50]bool
			for _, err := range race(func(n int) (err error) {
				created[n], err = w.UpsertExternal(w.client(), change(n))
				return err
			}) {
				require.NoError(t, err)
			}
			made := 0
			for _, c := range created {
				if c {
					made++
				}
			}
			require.Equal(t, 1, made)
			require.EqualValues(t, 1, w.count(`SELECT count(*) FROM users WHERE identifier = @name`, store.Args{"name": name}))
			id := w.external(name).ID
			require.EqualValues(t, 2, w.count(`SELECT count(*) FROM user_roles WHERE user_id = @id`, store.Args{"id": id}))
		})
	}
	t.Run("many identifiers want one user name", func(t *testing.T) {
		errs := race(func(n int) error {
			c := jane(fmt.Sprint("wants", n))
			c.Username = p("wanted")
			_, err := w.UpsertExternal(w.client(), c)
			return err
		})
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
				continue
			}
			require.ErrorIs(t, err, people.ErrUsernameTaken)
		}
		require.Equal(t, 1, won)
	})
	t.Run("many adopt one", func(t *testing.T) {
		errs := race(func(n int) error {
			_, err := w.UpsertExternal(w.client(), people.ExternalChange{Identifier: fmt.Sprint("a", n), Username: p("learner@mail.test"), FirstName: p("A"), LastName: p("B")})
			return err
		})
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
				continue
			}
			require.ErrorIs(t, err, people.ErrUsernameTaken)
		}
		require.Equal(t, 1, won)
	})
}

func TestNamesAndTheirParts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put(jane("j1"))
	id := w.external("j1").ID
	_, err := w.UpdateUser(w.as(w.admin), id, people.UserChange{Name: p("Maria de la Cruz")})
	require.NoError(t, err)
	e := w.external("j1")
	require.Equal(t, []string{"Maria", "de la Cruz"}, []string{*e.FirstName, *e.LastName})
	w.put(people.ExternalChange{Identifier: "j1", FirstName: p("María José")})
	e = w.external("j1")
	require.Equal(t, []string{"María José", "de la Cruz", "María José de la Cruz"}, []string{*e.FirstName, *e.LastName, e.Name})
	w.put(people.ExternalChange{Identifier: "j1", Password: p("a new secret")})
	in, err := w.SignIn(w.public, people.SignIn{Email: "j1@mail.test", Password: "a new secret", Address: address})
	require.NoError(t, err)
	_, err = w.ChangeProfile(w.with(in.Tokens.Access), people.ProfileChange{Name: p("Madonna")})
	require.NoError(t, err)
	e = w.external("j1")
	require.Equal(t, []string{"Madonna", ""}, []string{*e.FirstName, *e.LastName})
	w.put(people.ExternalChange{Identifier: "j1", FirstName: p("Cher")})
	require.Equal(t, "Cher", w.external("j1").Name)
	_, err = w.UpsertExternal(w.client(), people.ExternalChange{Identifier: "j1", FirstName: p(strings.Repeat("a", 200)), LastName: p(strings.Repeat("b", 60))})
	require.Contains(t, rulesOf(t, err), "lastName:too_long")
}
