package wire

import (
	"strings"
	"unicode/utf8"
)

// PasswordOTPRequest is the body of generatePasswordOtp. The password is the
// new one.
type PasswordOTPRequest struct{ Email, Password string }

// Read fills the request.
func (r *PasswordOTPRequest) Read(in *Input) {
	r.Email, r.Password = in.Email("email"), in.Password("password", 8)
}

// otpDigits is how long a code is.
const otpDigits = 6

// ResetPasswordRequest is the body of resetPassword.
type ResetPasswordRequest struct{ Email, Password, OTP string }

// Read fills the request.
func (r *ResetPasswordRequest) Read(in *Input) {
	r.Email, r.Password = in.Email("email"), in.Password("password", 8)
	wrong := len(in.Errors)
	r.OTP = in.Digits("otp")
	switch {
	case len(in.Errors) > wrong:
	case r.OTP == "":
		in.fail("body", "otp", "otp field is empty", nil)
	case len(r.OTP) != otpDigits:
		in.fail("body", "otp", "otp is invalid", nil)
	}
}

// allTypes stands for people of any role.
const allTypes = "all"

// userType reads the first of the query parameters that says something; the
// first one names it in the error when none does.
func (in *Input) userType(names ...string) string {
	for _, name := range names {
		if s := strings.TrimSpace(in.Query(name)); s != "" {
			return s
		}
	}
	in.fail("query", names[0], "type can not be null", nil)
	return ""
}

// ListUsersRequest is the query of listUsers.
type ListUsersRequest struct {
	Page   Page
	Type   string // title of a role
	Search string
}

// Read fills the request.
func (r *ListUsersRequest) Read(in *Input) {
	r.Type = in.userType("userType", "type")
	r.Page, r.Search = in.Page(), in.Search()
}

// Most characters of the search for users, which may be many e-mail addresses,
// and most titles of roles in one request.
const (
	maxUserSearch = 10_000
	maxTypes      = 100
)

// SearchUsersRequest is query and body of searchUsers.
type SearchUsersRequest struct {
	Page     Page
	Types    []string // titles of roles; nil: all
	Search   string
	IDs      []int64 // nil: any; what is no number is 0, which nobody has
	Emails   []string
	Excluded []int64
}

// Read fills the request.
func (r *SearchUsersRequest) Read(in *Input) {
	r.Page, r.Types = in.Page(), in.types("type")
	if r.Search = strings.TrimSpace(in.Query("search")); utf8.RuneCountInString(r.Search) > maxUserSearch {
		r.Search = string([]rune(r.Search)[:maxUserSearch])
	}
	r.IDs, r.Excluded = in.looseIDs("user_ids"), in.looseIDs("excluded_user_ids")
	r.Emails = list(in, in.Body, "email_ids", "email_ids", looseText)
	if len(r.IDs) == 0 {
		r.IDs = nil
	}
	if len(r.Emails) == 0 {
		r.Emails = nil
	}
}

// types reads titles of roles, separated by commas.
func (in *Input) types(name string) []string {
	text := in.userType(name)
	if text == "" {
		return nil
	}
	titles := []string{}
	for title := range strings.SplitSeq(text, ",") {
		switch title = strings.TrimSpace(title); {
		case strings.EqualFold(title, allTypes):
			return nil
		case title != "" && len(titles) < maxTypes:
			titles = append(titles, title)
		}
	}
	return titles
}

// looseIDs reads a list of ids in which texts that are no numbers are allowed.
func (in *Input) looseIDs(name string) []int64 {
	return list(in, in.Body, name, name, func(v any) (int64, bool) {
		if _, ok := looseText(v); !ok {
			return 0, false
		}
		id, ok := integer(v)
		if !ok || id < 1 {
			return 0, true
		}
		return id, true
	})
}

// looseText takes texts and numbers.
func looseText(v any) (string, bool) {
	switch s := v.(type) {
	case string:
		return s, true
	case interface{ String() string }: // json.Number
		return s.String(), true
	}
	return "", false
}

// ProfileRequest is the body of updateUser. What is nil stays as it is.
type ProfileRequest struct {
	Name, About, Image, Gender, PreferredLanguage *string
	Location, Languages                           *[]string
	AcceptedTerms                                 *bool
	Email                                         bool // the body has the key
}

// profileKeys are those of the body that change something.
var profileKeys = []string{"name", "about", "image", "gender", "preferred_language", "location", "languages", "has_accepted_terms_and_conditions"}

// Read fills the request.
func (r *ProfileRequest) Read(in *Input) {
	for _, t := range []struct {
		name string
		to   **string
		need bool
	}{{"name", &r.Name, true}, {"about", &r.About, false}, {"image", &r.Image, false}, {"gender", &r.Gender, false}, {"preferred_language", &r.PreferredLanguage, true}} {
		if !in.Has(t.name) {
			continue
		}
		read := in.OptionalText
		if t.need {
			read = in.Text
		}
		s := read(t.name, MaxLong)
		*t.to = &s
	}
	for _, l := range []struct {
		name string
		to   **[]string
	}{{"location", &r.Location}, {"languages", &r.Languages}} {
		if in.Has(l.name) {
			codes := in.Texts(l.name, MaxText)
			*l.to = &codes
		}
	}
	if in.Has("has_accepted_terms_and_conditions") {
		accepted := in.Bool("has_accepted_terms_and_conditions")
		r.AcceptedTerms = &accepted
	}
	_, r.Email = in.Body["email"]
}

// LanguageRequest is the body of setLanguagePreference: that of updateUser, in
// which at least one key must be there.
type LanguageRequest struct{ ProfileRequest }

// Read fills the request.
func (r *LanguageRequest) Read(in *Input) {
	r.ProfileRequest.Read(in)
	for _, key := range profileKeys {
		if in.Has(key) {
			return
		}
	}
	if !r.Email { // which is refused in words of its own
		in.fail("body", "preferred_language", "preferred_language field is empty", nil)
	}
}

// ShareUserRequest is the path of shareUserProfile.
type ShareUserRequest struct{ ID int64 }

// Read fills the request.
func (r *ShareUserRequest) Read(in *Input) { r.ID = in.PathID("userId") }

// ResetUser is a user as a password reset shows it: languages are codes.
type ResetUser struct {
	Account
	Details
	Languages []string `json:"languages"`
	DeletedAt *Time    `json:"deleted_at"`
}

// ResetPasswordResponse is the result of resetPassword.
type ResetPasswordResponse struct {
	AccessToken  string    `json:"access_token"`
	RefreshToken string    `json:"refresh_token"`
	User         ResetUser `json:"user"`
}

// UserGroup is people whose names begin with one letter.
type UserGroup struct {
	Key    string      `json:"key"`
	Values []UserEntry `json:"values"`
}

// UserEntry is a person in the lists of people. The id is sent under both
// spellings.
type UserEntry struct {
	UnderscoreID int64           `json:"_id"`
	ID           int64           `json:"id"`
	Name         string          `json:"name"`
	Image        *string         `json:"image"`
	About        *string         `json:"about"`
	Email        string          `json:"email,omitempty"` // for those who manage the person
	Organization OrganizationRef `json:"organization"`
}

// UpdatedUser is the result of updateUser and setLanguagePreference.
type UpdatedUser struct {
	Account
	PreferredLanguage Option `json:"preferred_language"`
}

// ShareLink is the result of shareUserProfile, with the later spelling.
type ShareLink struct {
	ShareLink      string `json:"share_link"`
	ShareLinkCamel string `json:"shareLink"`
}
