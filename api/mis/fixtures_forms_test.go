package mis_test

import (
	"fmt"

	"quad/internal/contracttest"
	"quad/internal/contracttest/suite"
	"quad/internal/store"
	"quad/models"
)

// formFixtures are those of forms with their fields, assignments and
// submissions.
func formFixtures() map[string]suite.Fixture {
	type values = contracttest.Values
	form := func(_ suite.Cell, p *suite.Place) values {
		return values{"path.id": p.Insert(`INSERT INTO surveys (account_id, organization_id, name, status)
			VALUES (@account_id, @organization, @name, 'active') RETURNING id`, store.Args{"name": p.Name()})}
	}
	// fieldOf adds a field to the form that values name.
	fieldOf := func(p *suite.Place, v values) int64 {
		return p.Insert(`INSERT INTO survey_fields (account_id, survey_id, name, type, position)
			VALUES (@account_id, @form, @name, 'text', 0) RETURNING id`, store.Args{"form": v["path.id"], "name": p.Name()})
	}
	about := func(record func(suite.Cell, *suite.Place) values) suite.Fixture {
		return suite.Fixture{Reach: accountWide, Record: record}
	}
	field := about(func(c suite.Cell, p *suite.Place) values {
		v := form(c, p)
		v["path.fieldId"] = fieldOf(p, v)
		return v
	})
	changed := field
	changed.Values = func(suite.Cell) values { return values{"body": object{"name": "Full legal name", "required": true}} }
	return map[string]suite.Fixture{
		"getForm": about(form), "updateForm": about(form), "deleteForm": about(form), "duplicateForm": about(form),
		"addFormField": about(form), "updateFormField": changed, "deleteFormField": field, "listFormSubmissions": about(form),
		"assignForm": about(func(c suite.Cell, p *suite.Place) values {
			v := form(c, p)
			v["body.userId"] = idText(p.NewPerson(models.RoleUser).ID)
			return v
		}),
		"removeFormAssignment": about(func(c suite.Cell, p *suite.Place) values {
			v := form(c, p)
			v["path.assignmentId"] = p.Insert(`INSERT INTO survey_assignments (account_id, survey_id, user_id)
				VALUES (@account_id, @form, @user) RETURNING id`, store.Args{"form": v["path.id"], "user": p.NewPerson(models.RoleUser).ID})
			return v
		}),
		"submitForm": about(func(c suite.Cell, p *suite.Place) values {
			v := form(c, p)
			v["body.responses"] = object{fmt.Sprint(fieldOf(p, v)): "John Doe"}
			return v
		}),
	}
}
