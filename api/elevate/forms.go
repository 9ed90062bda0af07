package elevate

import (
	"github.com/gofiber/fiber/v2"

	"quad/api/elevate/wire"
)

// createForm stores a form of the caller's organization.
func (d *door) createForm(c *fiber.Ctx, req wire.FormRequest) (reply, error) {
	if _, err := d.forms.Create(c.UserContext(), formInput(req)); err != nil {
		return reply{}, err
	}
	return reply{message: "Form created successfully", result: empty}, nil
}

// updateForm replaces a form of the caller's organization.
func (d *door) updateForm(c *fiber.Ctx, req wire.FormRequest) (reply, error) {
	if _, err := d.forms.Update(c.UserContext(), req.ID, formInput(req)); err != nil {
		return reply{}, err
	}
	return reply{message: "Form updated successfully", result: empty}, nil
}

const formFetched = "Form fetched successfully"

// readForm shows a form by its id.
func (d *door) readForm(c *fiber.Ctx, req wire.ReadFormRequest) (reply, error) {
	f, err := d.forms.Get(c.UserContext(), req.ID)
	if err != nil {
		return reply{}, err
	}
	return reply{message: formFetched, result: formOf(f)}, nil
}

// readFormByType shows the form that holds for the caller's organization.
func (d *door) readFormByType(c *fiber.Ctx, req wire.FindFormRequest) (reply, error) {
	f, err := d.forms.Find(c.UserContext(), req.Type, req.SubType)
	if err != nil {
		return reply{}, err
	}
	return reply{message: formFetched, result: formOf(f)}, nil
}
