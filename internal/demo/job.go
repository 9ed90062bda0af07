package demo

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"time"

	"quad/internal/devstack"
)

const (
	// jobTimeout bounds the whole job; a loaded machine needs some tens of
	// seconds.
	jobTimeout = 5 * time.Minute
	// mailTimeout bounds the wait for one mail, processTimeout that for a
	// process to end.
	mailTimeout    = time.Minute
	processTimeout = 2 * time.Minute
)

// Run does the main job once on a running development hub, through its public
// HTTP API alone, and writes to out what happened. It may be run any number of
// times: each time with people of its own. An error says what was not as it
// must be.
//
// A person signs up with a one-time code from the mail inbox, asks for the
// mentor role and gets it from an org admin. The org admin then invites the
// people of a list of 1,000 rows, some of them bad on purpose, and one of those
// invited signs up.
func Run(ctx context.Context, hub devstack.DemoHub, out io.Writer) error {
	if err := usable(hub); err != nil {
		return fmt.Errorf("demo: %w", err)
	}
	ctx, cancel := context.WithTimeout(ctx, jobTimeout)
	defer cancel()
	tag := make([]byte, 5)
	rand.Read(tag) //nolint:errcheck // never fails (crypto/rand)
	j := &job{
		hub: hub, out: out, tag: hex.EncodeToString(tag),
		caller: &caller{http: &http.Client{}, api: hub.API, mail: hub.Inbox},
	}
	defer j.http.CloseIdleConnections()
	return j.run(ctx)
}

// usable tells what the job needs and the hub's description lacks.
func usable(hub devstack.DemoHub) error {
	switch {
	case hub.API == "":
		return errors.New("the address of the API is not known")
	case hub.Inbox == "":
		return errors.New("the job reads mails, and the hub has no development inbox (SMTP_URL is set)")
	case hub.Hub == nil || hub.Elevate == nil:
		return errors.New("the hub has no demo data")
	}
	for _, login := range []devstack.DemoLogin{*hub.Hub, hub.Elevate.OrgAdmin, hub.Elevate.User} {
		if login.Password == "" {
			return fmt.Errorf("the password of %s is not known: somebody has changed it", login.Email)
		}
	}
	return nil
}

// job is one run.
type job struct {
	*caller
	hub devstack.DemoHub
	out io.Writer
	tag string // in all addresses and names of this run

	hubToken      string // admin, native API
	orgAdminToken string
	newcomer      account
	roles         map[string]int64 // ids by title
	requestID     int64
	list          list
	fileID        int64
	result        string // address of the result file
	processes     []process
}

// account is a person who signed up.
type account struct {
	email, password, token string
	id                     int64
}

func (j *job) run(ctx context.Context) error {
	j.say("Main job, run %s, on %s", j.tag, j.api)
	steps := []struct {
		what string
		do   func(context.Context) error
	}{
		{"the hub admin and the org admin sign in", j.signIn},
		{"a person signs up with the code that was mailed", j.signUp},
		{"their profile says mentee", j.profileSaysMentee},
		{"they ask for the mentor role", j.askForMentor},
		{"the org admin finds the request and takes it under review", j.review},
		{"the org admin approves it", j.approve},
		{"the next read of the profile says mentor, without a new login", j.profileSaysMentor},
		{"the mail about it arrived", j.acceptedMail},
		{"the process of the request is completed", j.requestProcess},
		{"the sample of an invite list can be downloaded", j.sample},
		{fmt.Sprintf("the org admin uploads a list of %d rows, %d of them bad in %d ways", listRows, badRows, len(badKinds)), j.upload},
		{"the list is worked through", j.processed},
		{"the result file has the expected verdict for each row", j.verdicts},
		{"the process counted the same", j.inviteProcess},
		{fmt.Sprintf("%d invitations arrived, one each, and the org admin was told", invitedRows), j.invitations},
		{"one of the invited signs up and has the roles of the invitation", j.invitedSignUp},
		{"the known person in the list has the role that was missing", j.knownUser},
	}
	begin := time.Now()
	for _, step := range steps {
		at := time.Now()
		if err := step.do(ctx); err != nil {
			j.say("  FAILED  %s", step.what)
			return fmt.Errorf("demo: %s: %w", step.what, err)
		}
		j.say("  ok %6.2f s  %s", time.Since(at).Seconds(), step.what)
	}
	j.report(time.Since(begin))
	return nil
}

// say writes a line with one Write, so that it stays whole among the lines of
// others.
func (j *job) say(format string, args ...any) { fmt.Fprintf(j.out, format+"\n", args...) }

// signIn opens the sessions of the demo logins.
func (j *job) signIn(ctx context.Context) (err error) {
	session, err := native[struct {
		AccessToken string `json:"accessToken"`
	}](ctx, j.caller, "", http.MethodPost, "/hub/v1/login", j.hub.Hub)
	if err != nil {
		return err
	}
	j.hubToken = session.AccessToken
	roles, err := native[struct {
		Items []struct {
			ID    int64  `json:"id"`
			Title string `json:"title"`
		} `json:"items"`
	}](ctx, j.caller, j.hubToken, http.MethodGet, "/hub/v1/roles", nil)
	if err != nil {
		return err
	}
	j.roles = map[string]int64{}
	for _, r := range roles.Items {
		j.roles[r.Title] = r.ID
	}
	j.orgAdminToken, err = j.login(ctx, j.hub.Elevate.OrgAdmin)
	return err
}

// login opens a session at the Elevate door.
func (j *job) login(ctx context.Context, login devstack.DemoLogin) (token string, err error) {
	session, err := elevate[struct {
		AccessToken string `json:"access_token"`
	}](ctx, j.caller, "", http.MethodPost, "/user/v1/account/login", login)
	return session.AccessToken, err
}

var codeLine = regexp.MustCompile(`(?m)^\s*(\d{4,10})\s*$`)

// join signs a person up with the code from the inbox.
func (j *job) join(ctx context.Context, name, email string) (account, error) {
	a := account{email: email, password: "demo " + j.tag + " password"}
	_, err := elevate[any](ctx, j.caller, "", http.MethodPost, "/user/v1/account/registrationOtp", map[string]string{"name": name, "email": email})
	if err != nil {
		return a, err
	}
	var code string
	err = await(ctx, "the mail with the code for "+email, mailTimeout, func(ctx context.Context) (bool, error) {
		found, _, err := j.mails(ctx, url.Values{"to": {email}, "subject": {"code"}, "limit": {"1"}})
		if err != nil || len(found) == 0 {
			return false, err
		}
		match := codeLine.FindStringSubmatch(found[0].Text)
		if match == nil {
			return false, fmt.Errorf("the mail %q has no code in it", found[0].Subject)
		}
		code = match[1]
		return true, nil
	})
	if err != nil {
		return a, err
	}
	signedUp, err := elevate[struct {
		AccessToken string `json:"access_token"`
		User        struct {
			ID int64 `json:"id"`
		} `json:"user"`
	}](ctx, j.caller, "", http.MethodPost, "/user/v1/account/create", map[string]any{
		"name": name, "email": email, "password": a.password, "otp": code, "has_accepted_terms_and_conditions": true,
	})
	a.token, a.id = signedUp.AccessToken, signedUp.User.ID
	return a, err
}

// profile reads a person's own profile and compares roles and organization.
func (j *job) profile(ctx context.Context, a account, want ...string) error {
	p, err := elevate[struct {
		Email          string `json:"email"`
		OrganizationID int64  `json:"organization_id"`
		UserRoles      []struct {
			Title string `json:"title"`
		} `json:"user_roles"`
	}](ctx, j.caller, a.token, http.MethodGet, fmt.Sprintf("/user/v1/user/read/%d", a.id), nil)
	if err != nil {
		return err
	}
	var roles []string
	for _, r := range p.UserRoles {
		roles = append(roles, r.Title)
	}
	slices.Sort(roles)
	switch {
	case p.Email != a.email:
		return fmt.Errorf("the profile is that of %s, not of %s", p.Email, a.email)
	case !slices.Equal(roles, want):
		return fmt.Errorf("%s has the roles %v, not %v", a.email, roles, want)
	case p.OrganizationID != j.hub.Elevate.Organization.ID:
		return fmt.Errorf("%s is in organization %d, not %d", a.email, p.OrganizationID, j.hub.Elevate.Organization.ID)
	}
	return nil
}
