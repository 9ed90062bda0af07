package elevate

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"quad/api/elevate/wire"
	"quad/internal/people"
	"quad/models"
)

// resetUser is a person after a password reset.
func resetUser(p people.Person, l labels) wire.ResetUser {
	out := wire.ResetUser{Account: account(p), Details: details(p.User, l), Languages: []string{}, DeletedAt: moment(p.User.DeletedAt)}
	out.Languages = append(out.Languages, p.User.Languages...)
	return out
}

// updatedUser is a person after a change of the profile.
func updatedUser(p people.Person, l labels) wire.UpdatedUser {
	return wire.UpdatedUser{
		Account:           account(p),
		PreferredLanguage: l.preferredLanguage(p.User),
	}
}

// userGroups puts a page of people into groups by the first letter of their
// names, in the order of the page.
func userGroups(page []people.Listed, count int64) wire.List[wire.UserGroup] {
	out := wire.List[wire.UserGroup]{Data: []wire.UserGroup{}, Count: count}
	index := map[string]int{}
	for _, l := range page {
		key := firstLetter(l.Name)
		i, known := index[key]
		if !known {
			i = len(out.Data)
			index[key] = i
			out.Data = append(out.Data, wire.UserGroup{Key: key})
		}
		out.Data[i].Values = append(out.Data[i].Values, wire.UserEntry{
			UnderscoreID: l.ID, ID: l.ID, Name: l.Name, Image: l.Image, About: l.About, Email: l.Email,
			Organization: wire.OrganizationRef{ID: l.Organization.ID, Name: l.Organization.Name, Code: l.Organization.Code},
		})
	}
	return out
}

func firstLetter(name string) string {
	first, size := utf8.DecodeRuneInString(name)
	if size == 0 {
		return ""
	}
	return string(unicode.ToUpper(first))
}

// usersMessage names the role of a list of people where the contract has a word
// for it.
func usersMessage(titles ...string) string {
	kind := "User"
	if len(titles) == 1 {
		switch strings.ToLower(titles[0]) {
		case models.RoleMentor:
			kind = "Mentor"
		case models.RoleMentee:
			kind = "Mentee"
		}
	}
	return kind + " list fetched successfully."
}

// profileChange is what a request changes.
func profileChange(r wire.ProfileRequest) people.ProfileChange {
	return people.ProfileChange{
		Name: r.Name, About: r.About, Image: r.Image, Gender: r.Gender, PreferredLanguage: r.PreferredLanguage,
		Location: r.Location, Languages: r.Languages, AcceptedTerms: r.AcceptedTerms,
	}
}
