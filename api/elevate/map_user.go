package elevate

import (
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/language"
	"golang.org/x/text/language/display"

	"quad/api/elevate/wire"
	"quad/internal/people"
	"quad/models"
)

// account is a user as sign-up shows it.
func account(p people.Person) wire.Account {
	u := p.User
	out := wire.Account{
		ID: u.ID, Email: text(u.Email), EmailVerified: strconv.FormatBool(u.EmailVerified), Name: u.Name, Status: string(u.Status),
		AcceptedTerms: u.AcceptedTermsAt != nil, OrganizationID: u.OrganizationID, PreferredLanguage: u.PreferredLanguage,
		Roles: make([]int64, 0, len(p.Roles)), UserRoles: make([]wire.RoleSummary, 0, len(p.Roles)),
		CreatedAt: wire.Time{Time: u.CreatedAt}, UpdatedAt: wire.Time{Time: u.UpdatedAt},
	}
	for _, r := range p.Roles {
		out.Roles = append(out.Roles, r.ID)
		out.UserRoles = append(out.UserRoles, wire.RoleSummary{ID: r.ID, Title: r.Title, UserType: int(r.UserType), Status: string(r.Status), Label: r.Label})
	}
	return out
}

// details is what sign-in and profile show besides.
func details(u models.User) wire.Details {
	return wire.Details{
		Gender: option(u.Gender), About: u.About, ShareLink: u.ShareLink, Image: u.Image, LastLoggedInAt: moment(u.LastLoggedInAt),
		Location: options(u.Location, label), Languages: options(u.Languages, languageName),
	}
}

func signedInUser(p people.Person, o people.Organization) wire.SignedInUser {
	out := wire.SignedInUser{
		Account: account(p), Details: details(p.User), DeletedAt: moment(p.User.DeletedAt),
		PreferredLanguage: wire.Option{Value: p.User.PreferredLanguage, Label: languageName(p.User.PreferredLanguage)},
	}
	out.Organization = &wire.OrganizationRef{ID: o.ID, Name: o.Name, Code: o.Code}
	return out
}

func userProfile(p people.Person) wire.UserProfile {
	return wire.UserProfile{
		Account: account(p), Details: details(p.User), EmailVerified: p.User.EmailVerified, Role: leadingRole(p.Roles),
		PreferredLanguage: wire.Option{Value: p.User.PreferredLanguage, Label: languageName(p.User.PreferredLanguage)},
	}
}

// leading is the order in which one of several roles stands for a person.
var leading = []string{
	models.RoleAdmin, models.RoleOrgAdmin, models.RoleSessionManager, models.RoleMentor, models.RoleMentee, models.RoleUser,
}

// leadingRole is the title that the profile shows; roles that an operator added
// come after the shipped ones.
func leadingRole(roles []models.Role) string {
	for _, title := range leading {
		for _, r := range roles {
			if r.Title == title {
				return title
			}
		}
	}
	if len(roles) > 0 {
		return roles[0].Title
	}
	return models.RoleUser
}

func organizationLine(o people.Organization) wire.Organization {
	return wire.Organization{ID: o.ID, Name: o.Name, Code: o.Code, Description: o.Description}
}

func text(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

func moment(t *time.Time) *wire.Time {
	if t == nil {
		return nil
	}
	return &wire.Time{Time: *t}
}

func option(value *string) *wire.Option {
	if value == nil || *value == "" {
		return nil
	}
	return &wire.Option{Value: *value, Label: label(*value)}
}

func options(values []string, name func(string) string) []wire.Option {
	out := make([]wire.Option, 0, len(values))
	for _, v := range values {
		out = append(out, wire.Option{Value: v, Label: name(v)})
	}
	return out
}

// label makes a code readable: "not_specified" is "Not Specified".
func label(code string) string {
	words := strings.FieldsFunc(code, func(r rune) bool { return r == '_' || r == '-' || unicode.IsSpace(r) })
	for i, w := range words {
		first, size := utf8.DecodeRuneInString(w)
		words[i] = string(unicode.ToTitle(first)) + w[size:]
	}
	return strings.Join(words, " ")
}

// languageName is the English name of a language code ("en_in"), or the code
// made readable when it is none.
func languageName(code string) string {
	if known, ok := languageNames.Load(code); ok {
		if name, ok := known.(string); ok {
			return name
		}
	}
	name := findLanguageName(code)
	// Bounded, because the codes are what people have chosen.
	if languageCount.Load() < maxLanguages {
		if _, known := languageNames.LoadOrStore(code, name); !known {
			languageCount.Add(1)
		}
	}
	return name
}

// Names that were looked up: parsing a code takes longer than all the rest of
// a profile.
var (
	languageNames sync.Map // code -> string
	languageCount atomic.Int64
)

const maxLanguages = 1000

func findLanguageName(code string) string {
	if tag, err := language.Parse(strings.ReplaceAll(code, "_", "-")); err == nil {
		base, _ := tag.Base()
		if name := display.English.Languages().Name(base); name != "" {
			return name
		}
	}
	return label(code)
}
