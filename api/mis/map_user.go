package mis

import (
	"slices"
	"strings"

	"quad/api/mis/wire"
	"quad/internal/auth"
	"quad/internal/people"
	"quad/models"
)

func registration(r wire.Register) people.Registration {
	return people.Registration{FirstName: r.FirstName, LastName: r.LastName, Email: r.Email, Password: r.Password}
}

func wireTokens(t auth.TokenPair) wire.TokenPair {
	return wire.TokenPair{AccessToken: t.Access, RefreshToken: t.Refresh}
}

func userSummary(u models.User) wire.UserSummary {
	out := wire.UserSummary{ID: wire.ID(u.ID)}
	if u.Email != nil {
		out.Email = *u.Email
	}
	out.FirstName, out.LastName = people.NameParts(u)
	return out
}

func userProfile(p people.Person) wire.UserProfile {
	titles := make([]string, len(p.Roles))
	for i, r := range p.Roles {
		titles[i] = r.Title
	}
	return wire.UserProfile{UserSummary: userSummary(p.User), Roles: roleNames(titles)}
}

func wireUser(m people.Member) wire.User {
	return wire.User{
		UserProfile: wire.UserProfile{
			UserSummary: wire.UserSummary{ID: wire.ID(m.ID), Email: m.Email, FirstName: m.FirstName, LastName: m.LastName},
			Roles:       roleNames(m.Titles),
		},
		TenantID: wire.OptionalID(m.Tenant), IsActive: m.Status == models.StatusActive, LastLoginAt: wire.OptionalTime(m.LastLoggedInAt),
		CreatedAt: wire.Time(m.CreatedAt), UpdatedAt: wire.Time(m.UpdatedAt),
	}
}

// roleNames gives the names of the contract's roles among titles, in the
// contract's order.
func roleNames(titles []string) []string {
	names := []string{}
	for _, r := range roleBook {
		if slices.ContainsFunc(titles, func(t string) bool { return strings.EqualFold(t, r.title) }) {
			names = append(names, r.name)
		}
	}
	return names
}
