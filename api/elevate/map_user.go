package elevate

import (
	"strconv"
	"time"

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
func details(u models.User, l labels) wire.Details {
	return wire.Details{
		Gender: l.gender(u), About: u.About, ShareLink: u.ShareLink, Image: u.Image, LastLoggedInAt: moment(u.LastLoggedInAt),
		Location: l.locations(u), Languages: l.languages(u),
	}
}

func signedInUser(p people.Person, o people.Organization, l labels) wire.SignedInUser {
	out := wire.SignedInUser{
		Account: account(p), Details: details(p.User, l), DeletedAt: moment(p.User.DeletedAt), PreferredLanguage: l.preferredLanguage(p.User),
	}
	out.Organization = &wire.OrganizationRef{ID: o.ID, Name: o.Name, Code: o.Code}
	return out
}

func userProfile(p people.Person, l labels) wire.UserProfile {
	return wire.UserProfile{
		Account: account(p), Details: details(p.User, l), EmailVerified: p.User.EmailVerified, Role: leadingRole(p.Roles),
		PreferredLanguage: l.preferredLanguage(p.User),
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

func organizationLine(o models.Organization) wire.Organization {
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
