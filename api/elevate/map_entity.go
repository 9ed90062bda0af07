package elevate

import (
	"quad/api/elevate/wire"
	"quad/internal/people/entity"
	"quad/models"
)

func entityTypeInput(f wire.EntityTypeFields) entity.TypeInput {
	return entity.TypeInput{
		Value: f.Value, Label: f.Label, Type: f.Type, DataType: f.DataType, Status: (*models.Status)(f.Status),
		AllowFiltering: f.AllowFiltering, HasEntities: f.HasEntities, AllowCustomEntities: f.CustomAllowed, ModelNames: f.ModelNames,
	}
}

func entityTypeOf(t models.EntityType) wire.EntityType {
	return wire.EntityType{
		ID: t.ID, Value: t.Value, Label: t.Label, Type: t.Type, Status: string(t.Status), DataType: t.DataType,
		AllowFiltering: t.AllowFiltering, HasEntities: t.HasEntities, AllowCustomEntities: t.AllowCustomEntities,
		ModelNames: append([]string{}, t.ModelNames...), OrgID: t.OrganizationID, OrganizationID: t.OrganizationID, ParentID: t.ParentID,
		CreatedBy: t.CreatedBy, UpdatedBy: t.UpdatedBy,
		CreatedAt: wire.Time{Time: t.CreatedAt}, UpdatedAt: wire.Time{Time: t.UpdatedAt}, DeletedAt: moment(t.DeletedAt),
	}
}

func entityTypesOf(types []entity.Type) []wire.EntityTypeWithEntities {
	out := make([]wire.EntityTypeWithEntities, 0, len(types))
	for _, t := range types {
		out = append(out, wire.EntityTypeWithEntities{EntityType: entityTypeOf(t.EntityType), Entities: entitiesOf(t.Entities)})
	}
	return out
}

func entityOf(e models.Entity) wire.Entity {
	return wire.Entity{
		ID: e.ID, EntityTypeID: e.EntityTypeID, Value: e.Value, Label: e.Label, Status: string(e.Status), Type: string(e.Type),
		CreatedBy: e.CreatedBy, UpdatedBy: e.UpdatedBy,
		CreatedAt: wire.Time{Time: e.CreatedAt}, UpdatedAt: wire.Time{Time: e.UpdatedAt}, DeletedAt: moment(e.DeletedAt),
	}
}

func entitiesOf(entities []models.Entity) []wire.Entity {
	out := make([]wire.Entity, 0, len(entities))
	for _, e := range entities {
		out = append(out, entityOf(e))
	}
	return out
}
