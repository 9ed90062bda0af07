package mis

import (
	"github.com/gofiber/fiber/v2"

	"quad/api/mis/wire"
	"quad/internal/projects/survey"
)

func (d *door) listForms(c *fiber.Ctx, r wire.ListForms) (reply, error) {
	list, total, err := d.Surveys.List(c.UserContext(), r.Page.Limit, r.Page.Offset())
	if err != nil {
		return reply{}, err
	}
	return ok(wire.PageOf[wire.FormSummary]{Data: all(list, wireFormSummary), Total: total, Page: r.Page.Page, Limit: r.Page.Limit})
}

func (d *door) createForm(c *fiber.Ctx, r wire.CreateForm) (reply, error) {
	in := survey.NewSurvey{Name: r.Name, Description: r.Description, OrganizationID: r.TenantID}
	if r.Status != nil {
		in.Status = *r.Status
	}
	v, err := d.Surveys.Create(c.UserContext(), in)
	if err != nil {
		return reply{}, err
	}
	return created(wireFormSummary(v))
}

func (d *door) getForm(c *fiber.Ctx, r wire.ByID) (reply, error) {
	v, err := d.Surveys.Get(c.UserContext(), r.ID)
	if err != nil {
		return reply{}, err
	}
	return ok(wireForm(v))
}

func (d *door) updateForm(c *fiber.Ctx, r wire.UpdateForm) (reply, error) {
	v, err := d.Surveys.Update(c.UserContext(), r.ID, survey.Change{Name: r.Name, Description: r.Description, Status: r.Status})
	if err != nil {
		return reply{}, err
	}
	return ok(wireForm(v))
}

func (d *door) deleteForm(c *fiber.Ctx, r wire.ByID) (reply, error) {
	if err := d.Surveys.Delete(c.UserContext(), r.ID); err != nil {
		return reply{}, err
	}
	return done("Form deleted")
}

func (d *door) duplicateForm(c *fiber.Ctx, r wire.ByID) (reply, error) {
	v, err := d.Surveys.Duplicate(c.UserContext(), r.ID)
	if err != nil {
		return reply{}, err
	}
	return created(wireFormSummary(v))
}

func (d *door) addFormField(c *fiber.Ctx, r wire.AddFormField) (reply, error) {
	f, err := d.Surveys.AddField(c.UserContext(), r.FormID, fieldInput(r.FormFieldBody))
	if err != nil {
		return reply{}, err
	}
	return created(wireFormField(f))
}

func (d *door) updateFormField(c *fiber.Ctx, r wire.UpdateFormField) (reply, error) {
	f, err := d.Surveys.UpdateField(c.UserContext(), r.FormID, r.ID, fieldInput(r.FormFieldBody))
	if err != nil {
		return reply{}, err
	}
	return ok(wireFormField(f))
}

func (d *door) deleteFormField(c *fiber.Ctx, r wire.FormFieldByID) (reply, error) {
	if err := d.Surveys.DeleteField(c.UserContext(), r.FormID, r.ID); err != nil {
		return reply{}, err
	}
	return done("Field deleted")
}

func (d *door) assignForm(c *fiber.Ctx, r wire.AssignForm) (reply, error) {
	a, err := d.Surveys.Assign(c.UserContext(), r.FormID, r.UserID, r.DueDate)
	if err != nil {
		return reply{}, err
	}
	return created(wireFormAssignment(a))
}

func (d *door) removeFormAssignment(c *fiber.Ctx, r wire.FormAssignmentByID) (reply, error) {
	if err := d.Surveys.Unassign(c.UserContext(), r.FormID, r.ID); err != nil {
		return reply{}, err
	}
	return done("Assignment removed")
}

func (d *door) submitForm(c *fiber.Ctx, r wire.SubmitForm) (reply, error) {
	s, err := d.Surveys.Submit(c.UserContext(), r.FormID, r.Responses)
	if err != nil {
		return reply{}, err
	}
	return created(wireFormSubmission(s))
}

func (d *door) listFormSubmissions(c *fiber.Ctx, r wire.ByID) (reply, error) {
	list, err := d.Surveys.Submissions(c.UserContext(), r.ID)
	if err != nil {
		return reply{}, err
	}
	return ok(all(list, wireFormSubmission))
}

func (d *door) getMySubmissionStats(c *fiber.Ctx, _ wire.Nothing) (reply, error) {
	s, err := d.Surveys.OwnStats(c.UserContext())
	if err != nil {
		return reply{}, err
	}
	return ok(wireSubmissionStats(s))
}
