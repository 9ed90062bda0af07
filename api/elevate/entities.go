package elevate

import (
	"errors"

	"github.com/gofiber/fiber/v2"

	"quad/api/elevate/wire"
	"quad/internal/people/entity"
	"quad/models"
)

// createEntityType adds an entity type to the caller's organization.
func (d *door) createEntityType(c *fiber.Ctx, req wire.CreateEntityTypeRequest) (reply, error) {
	t, err := d.entities.CreateType(c.UserContext(), entityTypeInput(req.EntityTypeFields))
	if err != nil {
		return reply{}, err
	}
	return reply{status: fiber.StatusCreated, message: "Entity type created successfully.", result: entityTypeOf(t)}, nil
}

// updateEntityType changes an entity type of the caller's organization.
func (d *door) updateEntityType(c *fiber.Ctx, req wire.UpdateEntityTypeRequest) (reply, error) {
	t, err := d.entities.UpdateType(c.UserContext(), req.ID, entityTypeInput(req.EntityTypeFields))
	if err != nil {
		return reply{}, err
	}
	return reply{status: fiber.StatusCreated, message: "Entity type updated successfully", result: entityTypeOf(t)}, nil
}

// deleteEntityType takes an entity type and its entities away. Its texts speak
// of an entity.
func (d *door) deleteEntityType(c *fiber.Ctx, req wire.IDRequest) (reply, error) {
	err := d.entities.DeleteType(c.UserContext(), req.ID)
	if errors.Is(err, entity.ErrTypeNotFound) {
		err = entity.ErrNotFound
	}
	if err != nil {
		return reply{}, err
	}
	return reply{status: fiber.StatusAccepted, message: entityDeleted, result: empty}, nil
}

// readEntityTypes shows entity types with their entities.
func (d *door) readEntityTypes(c *fiber.Ctx, req wire.ReadEntityTypesRequest) (reply, error) {
	types, err := d.entities.Types(c.UserContext(), entity.TypeFilter{Values: req.Values, Own: req.WithOwn})
	if err != nil {
		return reply{}, err
	}
	return reply{status: fiber.StatusCreated, message: "Entity type fetched successfully", result: entityTypesOf(types)}, nil
}

// inheritEntityType copies an entity type of the default organization.
func (d *door) inheritEntityType(c *fiber.Ctx, req wire.InheritEntityTypeRequest) (reply, error) {
	t, err := d.entities.Inherit(c.UserContext(), req.Value, req.Label)
	if err != nil {
		return reply{}, err
	}
	return reply{status: fiber.StatusAccepted, message: "Entity type created successfully", result: entityTypeOf(t)}, nil
}

const (
	entityDeleted = "Entity deleted successfully"
	entityFetched = "Entity fetched successfully"
)

// createEntity adds an entity to a type of the caller's organization.
func (d *door) createEntity(c *fiber.Ctx, req wire.CreateEntityRequest) (reply, error) {
	e, err := d.entities.Create(c.UserContext(), entity.Input{
		EntityTypeID: req.EntityTypeID, Value: &req.Value, Label: &req.Label, Type: &req.Type, Status: (*models.Status)(req.Status),
	})
	if err != nil {
		return reply{}, err
	}
	return reply{status: fiber.StatusCreated, message: "Entity created successfully", result: entityOf(e)}, nil
}

// updateEntity changes an entity of the caller's organization.
func (d *door) updateEntity(c *fiber.Ctx, req wire.UpdateEntityRequest) (reply, error) {
	e, err := d.entities.Update(c.UserContext(), req.ID, entity.Input{
		EntityTypeID: req.EntityTypeID, Value: req.Value, Label: req.Label, Type: req.Type, Status: (*models.Status)(req.Status),
	})
	if err != nil {
		return reply{}, err
	}
	return reply{status: fiber.StatusAccepted, message: "Entity updated successfully", result: entityOf(e)}, nil
}

// deleteEntity takes an entity away.
func (d *door) deleteEntity(c *fiber.Ctx, req wire.IDRequest) (reply, error) {
	if err := d.entities.Delete(c.UserContext(), req.ID); err != nil {
		return reply{}, err
	}
	return reply{status: fiber.StatusAccepted, message: entityDeleted, result: empty}, nil
}

// readEntity shows entities by id or by value.
func (d *door) readEntity(c *fiber.Ctx, req wire.ReadEntityRequest) (reply, error) {
	entities, err := d.entities.Read(c.UserContext(), req.ID, req.Value)
	if err != nil {
		return reply{}, err
	}
	return reply{message: entityFetched, result: entitiesOf(entities)}, nil
}

// listEntities pages through the entities of a type by label.
func (d *door) listEntities(c *fiber.Ctx, req wire.ListEntitiesRequest) (reply, error) {
	page, count, err := d.entities.List(c.UserContext(), entity.Filter{
		EntityTypeID: req.EntityTypeID, Search: req.Search, Page: req.Page.Number, Limit: req.Page.Limit,
	})
	if err != nil {
		return reply{}, err
	}
	return reply{message: entityFetched, result: listOf(page, count, entityOf)}, nil
}
