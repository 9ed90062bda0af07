package orgupload

import (
	"context"
	"encoding/json"
	"errors"
	"strings"

	"quad/internal/input"
	"quad/internal/people"
	"quad/internal/people/group"
	"quad/internal/ref"
	"quad/models"
)

// write does what a row asks for, as the single call would, and tells what that
// was. invitee tells that a new person has to be invited to set a password.
// Errors: those of the area's method.
func (s *Service) write(ctx context.Context, kind models.OrgFileKind, r row) (verdict models.OrgVerdict, invitee bool, err error) {
	created := false
	switch kind {
	case models.OrgFileGroups:
		created, err = s.Groups.Upsert(ctx, r[colIdentifier], r.group())
	case models.OrgFileUsers:
		var c people.ExternalChange
		if c, err = r.person(); err == nil {
			created, err = s.People.UpsertExternal(ctx, c)
		}
		invitee = created && c.Password == nil && c.Email.Value != nil
	case models.OrgFileUserGroups:
		err = s.Groups.AddMember(ctx, ref.ByIdentifier(r[colGroupIdentifier]), ref.ByIdentifier(r[colUserIdentifier]), false)
		verdict = models.OrgRowLinked
	}
	switch {
	case err != nil:
		return models.OrgRowFailed, false, err
	case verdict != "":
	case created:
		verdict = models.OrgRowCreated
	default:
		verdict = models.OrgRowUpdated
	}
	return verdict, invitee, nil
}

// text gives a cell; nil for an empty one, which says nothing.
func (r row) text(column string) *string {
	if value, ok := r[column]; ok {
		return &value
	}
	return nil
}

// field is text for what can be cleared elsewhere: a file only sets it.
func (r row) field(column string) input.Field[string] {
	value := r.text(column)
	return input.Field[string]{Sent: value != nil, Value: value}
}

func (r row) named(column string) input.Field[ref.Ref] {
	if value, ok := r[column]; ok {
		return input.To(ref.ByIdentifier(value))
	}
	return input.Field[ref.Ref]{}
}

func (r row) group() group.Change {
	return group.Change{
		Name: r.text(colName), Type: r.text(colType),
		Parent: r.named(colParentIdentifier), SubAccount: r.named(colSubAccountName),
	}
}

// person gives the change of a row of users.csv. Errors: models.KindInvalid for
// a cell that is no value of its column's type.
func (r row) person() (people.ExternalChange, error) {
	c := people.ExternalChange{
		Identifier: r[colIdentifier], Username: r.text(colUsername), FirstName: r.text(colFirstName), LastName: r.text(colLastName),
		Email: r.field(colEmail), Phone: r.field(colPhone), Address: r.field(colAddress),
		Password: r.text(colPassword), SubAccount: r.text(colSubAccountName),
	}
	if roles, ok := r[colPossibleRoles]; ok {
		c.PossibleRoles = []string{} // none among the separators is a mistake, not nothing
		for role := range strings.SplitSeq(roles, ";") {
			if role = strings.TrimSpace(role); role != "" {
				c.PossibleRoles = append(c.PossibleRoles, role)
			}
		}
	}
	if attributes, ok := r[colCustomAttributes]; ok {
		c.CustomAttributes = json.RawMessage(attributes)
	}
	if active, ok := r[colIsActive]; ok {
		is := active == "true"
		if !is && active != "false" {
			return c, models.Invalid(models.FieldError{Field: colIsActive, Rule: "boolean", Text: colIsActive + " must be true or false"})
		}
		c.Active = &is
	}
	return c, nil
}

// columnOf names fields of the areas as the files' columns are named.
var columnOf = map[string]string{"parent_id": colParentIdentifier, "organization_id": colSubAccountName}

// textInternal is the message of a row that failed for no fault of its own.
const textInternal = "An internal error kept the row from being written. Retry it."

// message says why a row failed, as the single call would: what is wrong with
// the first field, or the refusal itself.
func message(err error) string {
	var typed *models.Error
	if !errors.As(err, &typed) {
		return textInternal
	}
	if len(typed.Fields) == 0 {
		return typed.Text
	}
	f := typed.Fields[0]
	if column, ok := columnOf[f.Field]; ok {
		return strings.ReplaceAll(f.Text, f.Field, column)
	}
	return f.Text
}
