package people_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/auth"
	"quad/internal/config"
	"quad/internal/people"
	"quad/internal/store"
	"quad/models"
)

func noVerification(c *config.Auth) { c.VerifyEmail = false }

func TestSignUpWithAMailedCode(t *testing.T) {
	w := newWorld(t)
	require.NoError(t, w.RequestRegistration(w.public, "Anu", " Anu@Mail.test"))
	mails := w.mails("anu@mail.test", "registrationotp")
	require.Len(t, mails, 1)
	require.Contains(t, string(mails[0].Params), `24 hours`)
	code := w.code(w.public, "anu@mail.test", "registrationotp")
	require.NotContains(t, string(mails[0].Params), code, "the code is not stored readable")

	in := people.SignUp{Name: " Anu ", Email: "ANU@mail.test", Password: password, Code: "12", AcceptedTerms: true}
	_, err := w.SignUp(w.public, in)
	require.ErrorIs(t, err, auth.ErrCodeWrong)
	in.Code = code
	signed, err := w.SignUp(w.public, in)
	require.NoError(t, err)
	require.Equal(t, "Anu", signed.User.Name)
	require.Equal(t, "anu@mail.test", *signed.User.Email)
	require.True(t, signed.User.EmailVerified)
	require.NotNil(t, signed.User.AcceptedTermsAt)
	require.Equal(t, w.home.ID, signed.User.OrganizationID)
	require.Equal(t, []string{models.RoleMentee}, titles(signed.Person))

	me, err := w.Profile(w.with(signed.Tokens.Access), signed.User.ID)
	require.NoError(t, err)
	require.Equal(t, signed.User.ID, me.User.ID)
	require.Len(t, w.mails("anu@mail.test", "registration"), 1)
	require.True(t, w.audited("user.signed_up", signed.User.ID, signed.User.ID))

	require.ErrorIs(t, w.RequestRegistration(w.public, "", "anu@mail.test"), people.ErrEmailTaken)
	_, err = w.SignUp(w.public, in)
	require.ErrorIs(t, err, people.ErrEmailTaken)
	_, err = w.signUp(w.other, "anu@mail.test")
	require.NoError(t, err, "another account knows nothing of it")
}

func TestSignUpRules(t *testing.T) {
	w := newWorld(t)
	_, err := w.SignUp(w.public, people.SignUp{Password: "       "})
	require.Equal(t, []string{"name:required", "email:required", "password:required", "otp:required"}, rulesOf(t, err))
	_, err = w.SignUp(w.public, people.SignUp{Name: strings.Repeat("ä", 256), Email: "no address", Password: "seven77", Code: "12a456"})
	require.Equal(t, []string{"name:too_long", "email:email", "password:too_short", "otp:digits"}, rulesOf(t, err))
	_, err = w.SignUp(w.public, people.SignUp{Name: "a\x00b", Email: "a@b.test", Password: strings.Repeat("x", 129), Code: "12345678901"})
	require.Equal(t, []string{"name:invalid", "password:too_long", "otp:digits"}, rulesOf(t, err))
	require.Equal(t, []string{"email:email"}, rulesOf(t, w.RequestRegistration(w.public, "", "a@b")))
	_, err = w.SignUp(w.public, people.SignUp{Name: strings.Repeat("ä", 255), Email: "a@b.test", Password: "pass wörd", Code: "123456"})
	require.ErrorIs(t, err, auth.ErrCodeWrong, "all in order but the code")
}

func TestEmailSyntax(t *testing.T) {
	for _, ok := range []string{"a@b.test", "first.last+tag@sub.example.org", "x_y-z@a-b.c", strings.Repeat("a", 64) + "@b.test"} {
		require.True(t, people.ValidEmail(ok), ok)
	}
	for _, bad := range []string{"", "a", "@b.test", "a@", "a@b", "a b@c.test", ".a@b.test", "a.@b.test", "a..b@c.test", "a@b..test", "a@-b.test", "a@b-.test",
		"a@b.test.", "a@b@c.test", "ü@b.test", "a@ü.test", "a@b.test\r\nBcc: c@d.test", "<a@b.test>", strings.Repeat("a", 65) + "@b.test",
		"a@" + strings.Repeat("b", 64) + ".test", "a@" + strings.Repeat("b.", 130) + "test"} {
		require.False(t, people.ValidEmail(bad), bad)
	}
}

func TestParallelSignUpsWithOneAddressMakeOneUser(t *testing.T) {
	for name, c := range map[string]func(*config.Auth){"without codes": noVerification, "with a code": func(c *config.Auth) { c.OTPMaxAttempts = 100 }} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, c)
			require.NoError(t, w.RequestRegistration(w.public, "Anu", "anu@mail.test"))
			code := w.code(w.public, "anu@mail.test", "registrationotp")
			won := 0
			for _, err := range race(func(int) error {
				_, err := w.SignUp(w.public, people.SignUp{Name: "Anu", Email: "anu@mail.test", Password: password, Code: code})
				return err
			}) {
				switch {
				case err == nil:
					won++
				default:
					require.True(t, errors.Is(err, people.ErrEmailTaken) || errors.Is(err, auth.ErrCodeWrong), err)
				}
			}
			require.Equal(t, 1, won)
			require.EqualValues(t, 1, w.count(`SELECT count(*) FROM users WHERE email = 'anu@mail.test'`, nil))
			require.EqualValues(t, 1, w.count(`SELECT count(*) FROM sessions s JOIN users u ON u.id = s.user_id WHERE u.email = 'anu@mail.test'`, nil))
			require.Len(t, w.mails("anu@mail.test", "registration"), 1)
		})
	}
}

func TestWhereANewPersonBelongs(t *testing.T) {
	w := newWorld(t, noVerification)
	join := func(email string) people.SignedIn {
		signed, err := w.SignUp(w.public, people.SignUp{Name: "Anu", Email: email, Password: password})
		require.NoError(t, err)
		return signed
	}
	school, err := w.CreateOrganization(w.as(w.admin), people.OrganizationInput{Name: "School", Code: "school", Description: "x", Domains: []string{"School.test"}})
	require.NoError(t, err)
	college, err := w.CreateOrganization(w.as(w.admin), people.OrganizationInput{Name: "College", Code: "college", Description: "x"})
	require.NoError(t, err)

	require.Equal(t, w.home.ID, join("a@elsewhere.test").User.OrganizationID)
	require.Equal(t, school.ID, join("b@school.test").User.OrganizationID)
	require.False(t, join("c@school.test").User.EmailVerified, "nobody has proved the address")

	invited := w.invite(w.public, college.Organization, w.orgAdmin, "d@school.test", models.RoleMentor, models.RoleSessionManager)
	d := join("d@school.test")
	require.Equal(t, college.ID, d.User.OrganizationID, "the invitation comes before the domain")
	require.ElementsMatch(t, []string{models.RoleMentor, models.RoleSessionManager}, titles(d.Person), "no mentee beside mentor")
	require.NoError(t, w.db.Conn(w.public).First(&invited, invited.ID).Error)
	require.Equal(t, models.InviteAccepted, invited.Status)
	require.Equal(t, d.User.ID, *invited.UserID)

	w.invite(w.public, college.Organization, w.orgAdmin, "e@mail.test", models.RoleSessionManager)
	require.ElementsMatch(t, []string{models.RoleMentee, models.RoleSessionManager}, titles(join("e@mail.test").Person))

	lapsed := w.invite(w.public, college.Organization, w.orgAdmin, "f@mail.test", models.RoleMentor)
	w.exec(`UPDATE invites SET expires_at = now() WHERE id = @id`, store.Args{"id": lapsed.ID})
	f := join("f@mail.test")
	require.Equal(t, w.home.ID, f.User.OrganizationID)
	require.Equal(t, []string{models.RoleMentee}, titles(f.Person))

	w.invite(w.other, w.otherHome, w.otherOrg, "g@mail.test", models.RoleMentor)
	require.Equal(t, []string{models.RoleMentee}, titles(join("g@mail.test").Person), "another account's invitation")

	w.invite(w.public, college.Organization, w.orgAdmin, "h@school.test", models.RoleMentor)
	_, err = w.DeactivateOrganization(w.as(w.admin), college.ID)
	require.NoError(t, err)
	h := join("h@school.test")
	require.Equal(t, school.ID, h.User.OrganizationID, "the inviting organization is closed")
	require.Equal(t, []string{models.RoleMentee}, titles(h.Person))
}

func TestInvitedRolesThatMayNotBeHeldAreLeftOut(t *testing.T) {
	w := newWorld(t, noVerification)
	w.invite(w.public, w.home, w.orgAdmin, "a@mail.test", models.RoleAdmin, models.RoleMentor)
	w.exec(`UPDATE roles SET status = 'INACTIVE' WHERE title = 'mentor'`, nil)
	signed, err := w.SignUp(w.public, people.SignUp{Name: "Anu", Email: "a@mail.test", Password: password})
	require.NoError(t, err)
	require.Equal(t, []string{models.RoleMentee}, titles(signed.Person))
}

func TestAcceptingAnInvitation(t *testing.T) {
	w := newWorld(t)
	i := w.invite(w.other, w.otherHome, w.otherOrg, "new@mail.test", models.RoleMentor)
	token := auth.InviteToken(w.keys, i.ID, 1)
	_, err := w.AcceptInvite(w.public, token, "", "short")
	require.Equal(t, []string{"password:too_short"}, rulesOf(t, err))
	for name, bad := range map[string]string{"forged": "AAAA", "empty": "", "newer": auth.InviteToken(w.keys, i.ID, 2), "unknown": auth.InviteToken(w.keys, i.ID+1000, 1)} {
		_, err := w.AcceptInvite(w.public, bad, "", password)
		require.ErrorIs(t, err, people.ErrInviteInvalid, name)
	}
	won := 0
	var signed people.SignedIn
	for _, err := range race(func(int) error {
		s, err := w.AcceptInvite(w.public, token, "", password) // through the default account's host
		if err == nil {
			signed = s
		}
		return err
	}) {
		if err == nil {
			won++
			continue
		}
		require.True(t, errors.Is(err, people.ErrInviteInvalid) || errors.Is(err, people.ErrEmailTaken), err)
	}
	require.Equal(t, 1, won)
	require.Equal(t, w.otherAccount.ID, signed.User.AccountID)
	require.Equal(t, "Invited", signed.User.Name)
	require.True(t, signed.User.EmailVerified)
	require.Equal(t, []string{models.RoleMentor}, titles(signed.Person))
	_, err = w.SignIn(w.other, people.SignIn{Email: "new@mail.test", Password: password})
	require.NoError(t, err)

	for name, change := range map[string]string{
		"revoked": `UPDATE invites SET status = 'REVOKED' WHERE id = @id`, "lapsed": `UPDATE invites SET expires_at = now() WHERE id = @id`,
		"replaced": `UPDATE invites SET token_version = 2 WHERE id = @id`,
	} {
		i := w.invite(w.public, w.home, w.orgAdmin, name+"@mail.test")
		w.exec(change, store.Args{"id": i.ID})
		_, err = w.AcceptInvite(w.public, auth.InviteToken(w.keys, i.ID, 1), "", password)
		require.ErrorIs(t, err, people.ErrInviteInvalid, name)
	}
}

func TestAdministratorsNeedTheSecretCode(t *testing.T) {
	w := newWorld(t)
	in := people.NewAdmin{Name: "Root", Email: "root@mail.test", Password: password, SecretCode: "open sesam"}
	_, err := w.CreateAdmin(w.public, in)
	require.ErrorIs(t, err, people.ErrSecretCode)
	_, err = w.CreateAdmin(w.public, people.NewAdmin{})
	require.Equal(t, []string{"secret_code:required", "name:required", "email:required", "password:required"}, rulesOf(t, err))
	in.SecretCode = "open sesame"
	root, err := w.CreateAdmin(w.public, in)
	require.NoError(t, err)
	require.Equal(t, []string{models.RoleAdmin}, titles(root))
	require.Equal(t, w.home.ID, root.User.OrganizationID)
	_, err = w.CreateAdmin(w.public, in)
	require.ErrorIs(t, err, people.ErrEmailTaken)

	none := newWorld(t, func(c *config.Auth) { c.AdminSecretCode = "" })
	in.SecretCode = " \t"
	_, err = none.CreateAdmin(none.public, in)
	require.Error(t, err)
	in.SecretCode = "x"
	_, err = none.CreateAdmin(none.public, in)
	require.ErrorIs(t, err, people.ErrSecretCode)
}

func TestSignUpAndDeactivationOfTheOrganizationLeaveNobodyBehind(t *testing.T) {
	w := newWorld(t, noVerification)
	o, err := w.CreateOrganization(w.as(w.admin), people.OrganizationInput{Name: "School", Code: "school", Description: "x", Domains: []string{"school.test"}})
	require.NoError(t, err)
	ctx := w.as(w.admin)
	for _, err := range race(func(n int) error {
		if n == 25 {
			_, err := w.DeactivateOrganization(ctx, o.ID)
			return err
		}
		_, err := w.SignUp(w.public, people.SignUp{Name: "Anu", Email: strings.Repeat("a", n+1) + "@school.test", Password: password})
		return err
	}) {
		require.NoError(t, err)
	}
	require.EqualValues(t, 0, w.count(`SELECT count(*) FROM users WHERE organization_id = @id AND status = 'ACTIVE'`, store.Args{"id": o.ID}))
	require.EqualValues(t, 0, w.count(`SELECT count(*) FROM sessions s JOIN users u ON u.id = s.user_id WHERE u.organization_id = @id AND s.ended_at IS NULL`,
		store.Args{"id": o.ID}))
	require.EqualValues(t, 49, w.count(`SELECT count(*) FROM users WHERE email LIKE '%@school.test'`, nil))
}
