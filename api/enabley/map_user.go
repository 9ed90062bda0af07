package enabley

import (
	"strings"

	"quad/api/enabley/wire"
	"quad/internal/input"
	"quad/internal/people"
	"quad/internal/people/entitlement"
	"quad/internal/ref"
	"quad/models"
)

func userOut(e people.External) wire.User {
	roles := make([]string, len(e.PossibleRoles))
	for i, title := range e.PossibleRoles {
		roles[i] = strings.ToUpper(title)
	}
	return wire.User{
		Address: e.Address, Created: wire.Timestamp(e.CreatedAt), CustomAttributes: e.CustomAttributes, Email: e.Email, FirstName: *e.FirstName,
		Identifier: e.Identifier, IsActive: e.Status == models.StatusActive, LastName: *e.LastName, Modified: wire.Timestamp(e.UpdatedAt), Phone: e.Phone,
		PossibleRoles: roles, UserSubAccountNames: append([]string{}, e.SubAccounts...), Username: e.Login,
	}
}

func userFilter(r wire.UserFilter) people.ExternalFilter {
	return people.ExternalFilter{
		Identifier: r.Identifier, EmailPart: r.EmailSubstring, FirstNamePart: r.FirstNameSubstring, LastNamePart: r.LastNameSubstring,
		UsernamePart: r.UsernameSubstring, SubAccount: r.SubAccountName,
	}
}

func userChange(r wire.UserInput) people.ExternalChange {
	field := func(n wire.Nullable[string]) input.Field[string] {
		return input.Field[string]{Sent: n.Set, Value: n.Value}
	}
	c := people.ExternalChange{
		Identifier: r.Identifier, Username: r.Username, FirstName: r.FirstName, LastName: r.LastName, Email: field(r.Email), Phone: field(r.Phone),
		Address: field(r.Address), CustomAttributes: r.CustomAttributes, Active: r.IsActive, Password: r.Password, SubAccount: r.SubAccountName,
	}
	if r.PossibleRoles != nil {
		c.PossibleRoles = *r.PossibleRoles
	}
	return c
}

func entitlementChange(r wire.Entitlement) entitlement.Change {
	return entitlement.Change{
		User: ref.ByIdentifier(r.UserIdentifier), EntityType: models.EntitlementEntity(r.EntityType), Entity: ref.ByIdentifier(r.EntityIdentifier),
		Role: models.EntitlementRole(r.UserRole),
	}
}
