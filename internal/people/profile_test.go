package people_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/auth"
	"quad/internal/people"
	"quad/models"
)

func ptr[T any](v T) *T { return &v }

// closedLists allows the codes named, of the fields named.
type closedLists map[string][]string

func (l closedLists) Check(_ context.Context, codes map[string][]string) error {
	for field, values := range codes {
		allowed, closed := l[field]
		for _, v := range values {
			if closed && !strings.Contains(strings.Join(allowed, " ")+" ", v+" ") {
				return models.Invalid(models.FieldError{Field: field, Rule: "closed"})
			}
		}
	}
	return nil
}

func TestChangeProfile(t *testing.T) {
	w := newWorld(t)
	ctx := w.as(w.learner)
	before := w.db.Statements()
	p, err := w.ChangeProfile(ctx, people.ProfileChange{
		Name: ptr(" New Name "), About: ptr("About me\nin two lines"), Image: ptr("https://img.test/a.png"), Gender: ptr("female"),
		Location: ptr([]string{"kl", " ap", "kl"}), Languages: ptr([]string{"en_in"}), PreferredLanguage: ptr("hi"), AcceptedTerms: ptr(true),
	})
	require.NoError(t, err)
	require.EqualValues(t, 2, w.db.Statements()-before)
	require.Equal(t, "New Name", p.User.Name)
	require.Equal(t, titles(w.learner), titles(p))
	stored, err := w.Profile(w.as(w.orgAdmin), w.learner.User.ID)
	require.NoError(t, err)
	require.Equal(t, stored.User, p.User, "what is answered is what is stored")
	require.Equal(t, []string{"kl", "ap"}, []string(stored.User.Location))
	require.NotNil(t, stored.User.AcceptedTermsAt)
	require.True(t, stored.User.UpdatedAt.After(w.learner.User.UpdatedAt))
	require.True(t, w.audited("user.updated", stored.User.ID, stored.User.ID))
	var kept string
	require.NoError(t, w.db.Query(w.public, &kept, `SELECT data::text FROM audit_events WHERE account_id = @account_id AND action = 'user.updated'`, nil))
	require.Contains(t, kept, "preferred_language")
	require.NotContains(t, kept, "About me", "what changed, not to what")

	ctx = w.as(w.learner)
	before = w.db.Statements()
	same, err := w.ChangeProfile(ctx, people.ProfileChange{Name: ptr("New Name"), Location: ptr([]string{"kl", "ap"}), AcceptedTerms: ptr(true), Gender: ptr(" female")})
	require.NoError(t, err)
	require.Equal(t, stored.User, same.User)
	require.Zero(t, w.db.Statements()-before, "nothing changes")
	accepted := same.User.AcceptedTermsAt
	p, err = w.ChangeProfile(ctx, people.ProfileChange{About: ptr(" "), Gender: ptr(""), Location: ptr([]string{}), Image: ptr("")})
	require.NoError(t, err)
	require.Nil(t, p.User.About)
	require.Nil(t, p.User.Gender)
	require.Nil(t, p.User.Image)
	require.Empty(t, p.User.Location)
	require.Equal(t, []string{"en_in"}, []string(p.User.Languages), "what is not given stays")
	require.Equal(t, accepted, p.User.AcceptedTermsAt)
	p, err = w.ChangeProfile(ctx, people.ProfileChange{AcceptedTerms: ptr(false)})
	require.NoError(t, err)
	require.Nil(t, p.User.AcceptedTermsAt)

	_, err = w.ChangeProfile(ctx, people.ProfileChange{Name: ptr(" "), About: ptr(strings.Repeat("ä", 2001)), Gender: ptr("a\x00"), Languages: ptr([]string{"", ""}),
		Location: ptr(make([]string, 101)), PreferredLanguage: ptr("")})
	require.Equal(t, []string{"name:required", "about:too_long", "gender:invalid", "location:too_long", "languages:required", "preferred_language:required"}, rulesOf(t, err))
	_, err = w.ChangeProfile(w.public, people.ProfileChange{})
	require.ErrorIs(t, err, models.ErrUnauthenticated)
	_, err = w.DeactivateUsers(w.as(w.admin), w.learner.User.ID)
	require.NoError(t, err)
	_, err = w.ChangeProfile(ctx, people.ProfileChange{Name: ptr("Too late")})
	require.ErrorIs(t, err, people.ErrUserUnknown)
	require.ErrorIs(t, w.AcceptTerms(ctx), people.ErrUserUnknown)
}

func TestProfileCodesOfClosedLists(t *testing.T) {
	w := newWorld(t)
	ctx := w.as(w.learner)
	_, err := w.ChangeProfile(ctx, people.ProfileChange{Gender: ptr("anything"), Location: ptr([]string{"old"})})
	require.NoError(t, err)
	w.CheckCodes(closedLists{"gender": {"female", "male"}, "location": {"kl"}})
	ctx = w.as(w.learner)
	_, err = w.ChangeProfile(ctx, people.ProfileChange{Gender: ptr("other")})
	require.Equal(t, []string{"gender:closed"}, rulesOf(t, err))
	_, err = w.ChangeProfile(ctx, people.ProfileChange{Location: ptr([]string{"kl", "xx"})})
	require.Equal(t, []string{"location:closed"}, rulesOf(t, err))
	p, err := w.ChangeProfile(ctx, people.ProfileChange{Gender: ptr("male"), Location: ptr([]string{"kl"}), PreferredLanguage: ptr("free")})
	require.NoError(t, err)
	require.Equal(t, "free", p.User.PreferredLanguage)
	p, err = w.ChangeProfile(ctx, people.ProfileChange{Gender: ptr("")})
	require.NoError(t, err, "no code is none of the list's business")
	require.Nil(t, p.User.Gender)
}

func TestAcceptTerms(t *testing.T) {
	w := newWorld(t)
	ctx := w.as(w.learner)
	before := w.db.Statements()
	require.NoError(t, w.AcceptTerms(ctx))
	require.EqualValues(t, 2, w.db.Statements()-before)
	p, err := w.Profile(w.as(w.admin), w.learner.User.ID)
	require.NoError(t, err)
	require.NotNil(t, p.User.AcceptedTermsAt)
	require.True(t, p.User.EmailVerified)
	require.True(t, w.audited("user.terms_accepted", p.User.ID, p.User.ID))

	require.NoError(t, w.AcceptTerms(ctx), "the identity of the request is older")
	again := w.as(w.learner)
	before = w.db.Statements()
	require.NoError(t, w.AcceptTerms(again))
	require.Zero(t, w.db.Statements()-before)
	later, err := w.Profile(w.as(w.admin), w.learner.User.ID)
	require.NoError(t, err)
	require.Equal(t, p.User.AcceptedTermsAt, later.User.AcceptedTermsAt, "the first time counts")
	require.ErrorIs(t, w.AcceptTerms(w.public), models.ErrUnauthenticated)
}

func TestShareLink(t *testing.T) {
	w := newWorld(t)
	ctx := w.as(w.learner)
	links := make([]string, 50)
	for _, err := range race(func(n int) (err error) {
		links[n], err = w.ShareLink(ctx, w.orgAdmin.User.ID)
		return err
	}) {
		require.NoError(t, err)
	}
	for _, link := range links {
		require.Regexp(t, `^[0-9a-f]{32}$`, link)
		require.Equal(t, links[0], link, "made once")
	}
	before := w.db.Statements()
	again, err := w.ShareLink(ctx, w.orgAdmin.User.ID)
	require.NoError(t, err)
	require.Equal(t, links[0], again)
	require.EqualValues(t, 1, w.db.Statements()-before)
	mine, err := w.ShareLink(ctx, w.learner.User.ID)
	require.NoError(t, err)
	require.NotEqual(t, links[0], mine)
	p, err := w.ProfileByShareLink(ctx, links[0])
	require.NoError(t, err)
	require.Equal(t, w.orgAdmin.User.ID, p.User.ID)
	for _, id := range []int64{w.stranger.User.ID, 0, 1 << 60} {
		_, err = w.ShareLink(ctx, id)
		require.ErrorIs(t, err, people.ErrUserUnknown)
	}
}

func TestResetSaysNothingAboutWhoIsKnown(t *testing.T) {
	w := newWorld(t)
	for range 25 { // more than one code is mailed
		require.NoError(t, w.RequestPasswordReset(w.public, "learner@mail.test", "New password", address))
		require.NoError(t, w.RequestPasswordReset(w.public, "nobody@mail.test", "New password", address))
	}
	require.Len(t, w.mails("learner@mail.test", "emailotp"), 20)
}

func TestOneOfManyResetsWins(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.RequestPasswordReset(w.public, "learner@mail.test", "New password", address))
	code := w.code(w.public, "learner@mail.test", "emailotp")
	signed := make([]people.SignedIn, 50)
	won := 0
	for _, err := range race(func(n int) (err error) {
		signed[n], err = w.ResetPassword(w.public, people.PasswordReset{Email: "learner@mail.test", Password: "New password", Code: code, Address: address})
		return err
	}) {
		if err == nil {
			won++
			continue
		}
		require.True(t, errors.Is(err, auth.ErrCodeWrong) || errors.Is(err, people.ErrPasswordReused), err)
	}
	require.Equal(t, 1, won)
	require.EqualValues(t, 1, w.count(`SELECT count(*) FROM sessions WHERE ended_at IS NULL AND user_id = `+
		`(SELECT id FROM users WHERE email = 'learner@mail.test' AND account_id = (SELECT min(id) FROM accounts))`, nil))
}
