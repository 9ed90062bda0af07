package wire

import (
	"fmt"
	"unicode/utf8"
)

// Lengths of new passwords, in characters. Those that were set elsewhere may be
// longer.
const (
	minPassword = 8
	maxPassword = 72
)

// secret reads a secret that must be there, of which any character counts.
func (o Object) secret(name string, most int) string {
	if o.missing(name) {
		return ""
	}
	if s := o.optionalSecret(name, most); s != nil {
		return *s
	}
	return ""
}

// optionalSecret reads a secret that may be absent, but not null.
func (o Object) optionalSecret(name string, most int) *string {
	value, there := o.get(name)
	if !there {
		return nil
	}
	s, ok := value.(string)
	switch {
	case !ok:
		o.fail(name, "string", "must be a string")
	case s == "":
		o.fail(name, "required", "should not be empty")
	case utf8.RuneCountInString(s) > most:
		o.fail(name, "too_long", fmt.Sprintf("must be shorter than or equal to %d characters", most))
	default:
		return &s
	}
	return nil
}

// Login is the request of login.
type Login struct{ Email, Password string }

// Read implements the request.
func (r *Login) Read(in *Input) {
	o := in.Body()
	r.Email, r.Password = o.Email("email"), o.secret("password", MaxToken)
}

// Register is the request of registerUser.
type Register struct{ Email, Password, FirstName, LastName string }

// Read implements the request.
func (r *Register) Read(in *Input) { r.read(in.Body()) }

func (r *Register) read(o Object) {
	r.Email, r.Password = o.Email("email"), o.Text("password", minPassword, maxPassword)
	r.FirstName, r.LastName = o.Text("firstName", 1, MaxName), o.Text("lastName", 1, MaxName)
}

// Refresh is the request of refreshTokens.
type Refresh struct{ RefreshToken string }

// Read implements the request.
func (r *Refresh) Read(in *Input) { r.RefreshToken = in.Body().secret("refreshToken", MaxToken) }

// ForgotPassword is the request of forgotPassword.
type ForgotPassword struct{ Email string }

// Read implements the request.
func (r *ForgotPassword) Read(in *Input) { r.Email = in.Body().Email("email") }

// ResetPassword is the request of resetPassword.
type ResetPassword struct{ Token, Password string }

// Read implements the request.
func (r *ResetPassword) Read(in *Input) {
	o := in.Body()
	r.Token, r.Password = o.secret("token", MaxToken), o.Text("password", minPassword, maxPassword)
}

// Logout is the request of logout.
type Logout struct{ RefreshToken string }

// Read implements the request. Any text is taken for a token: one that is none
// is of no matter.
func (r *Logout) Read(in *Input) {
	if token := in.Body().OptionalText("refreshToken", 0, MaxToken); token != nil {
		r.RefreshToken = *token
	}
}

// UpdateMe is the request of updateMe.
type UpdateMe struct{ FirstName, LastName *string }

// Read implements the request.
func (r *UpdateMe) Read(in *Input) { r.read(in.Body()) }

func (r *UpdateMe) read(o Object) {
	r.FirstName, r.LastName = o.OptionalText("firstName", 1, MaxName), o.OptionalText("lastName", 1, MaxName)
}

// ChangePassword is the request of changePassword.
type ChangePassword struct{ CurrentPassword, NewPassword string }

// Read implements the request.
func (r *ChangePassword) Read(in *Input) {
	o := in.Body()
	r.CurrentPassword, r.NewPassword = o.secret("currentPassword", MaxToken), o.Text("newPassword", minPassword, maxPassword)
}

// TokenPair is what a refresh gives.
type TokenPair struct {
	AccessToken  string `json:"accessToken"`
	RefreshToken string `json:"refreshToken"`
}

// LoginResult is what a sign-in gives.
type LoginResult struct {
	TokenPair
	User UserSummary `json:"user"`
}

// UserProfile is a person with the names of their roles.
type UserProfile struct {
	UserSummary
	Roles []string `json:"roles"`
}

// Health is how the service is.
type Health struct {
	Status        string `json:"status"`
	Version       string `json:"version"`
	UptimeSeconds int64  `json:"uptimeSeconds"`
	Timestamp     string `json:"timestamp"`
}
