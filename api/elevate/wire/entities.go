package wire

import (
	"strings"
	"unicode/utf8"
)

// Longest texts of entities and their types, in characters.
const (
	maxEntityValue = 100
	maxEntityWord  = 50
)

// textIf reads a text of the body that may be absent, but not empty.
func (in *Input) textIf(name string, maxLen int) *string {
	if !in.Has(name) {
		return nil
	}
	if s := in.Text(name, maxLen); s != "" {
		return &s
	}
	return nil
}

// wordIf is textIf for a text without white space.
func (in *Input) wordIf(name string, maxLen int) *string {
	if !in.Has(name) {
		return nil
	}
	if s := in.Word(name, maxLen); s != "" {
		return &s
	}
	return nil
}

// boolIf reads a boolean that may be absent.
func (in *Input) boolIf(name string) *bool {
	if !in.Has(name) {
		return nil
	}
	b := in.Bool(name)
	return &b
}

// statusIf reads a status that may be absent, in any case.
func (in *Input) statusIf() *string {
	if !in.Has("status") {
		return nil
	}
	if s := in.Enum("status", "ACTIVE", "INACTIVE"); s != "" {
		return &s
	}
	return nil
}

// EntityTypeFields is what an entity type is made of or changed to; what is nil
// was not sent.
type EntityTypeFields struct {
	Value, Label, Type, DataType, Status       *string
	AllowFiltering, HasEntities, CustomAllowed *bool
	ModelNames                                 []string
}

func (f *EntityTypeFields) read(in *Input) {
	f.Type, f.DataType, f.Status = in.textIf("type", maxEntityWord), in.textIf("data_type", maxEntityWord), in.statusIf()
	f.AllowFiltering, f.CustomAllowed = in.boolIf("allow_filtering"), in.boolIf("allow_custom_entities")
	if s, ok := in.Body["has_entities"].(string); ok {
		has := !strings.EqualFold(strings.TrimSpace(s), "false") // clients send the data type here
		f.HasEntities = &has
	} else {
		f.HasEntities = in.boolIf("has_entities")
	}
	f.ModelNames = in.Texts("model_names", maxEntityWord)
}

// CreateEntityTypeRequest is the body of createEntityType.
type CreateEntityTypeRequest struct{ EntityTypeFields }

// Read fills the request.
func (r *CreateEntityTypeRequest) Read(in *Input) {
	value, label := in.Word("value", maxEntityValue), in.Text("label", MaxText)
	r.Value, r.Label = &value, &label
	r.read(in)
}

// UpdateEntityTypeRequest is path and body of updateEntityType.
type UpdateEntityTypeRequest struct {
	ID int64
	EntityTypeFields
}

// Read fills the request.
func (r *UpdateEntityTypeRequest) Read(in *Input) {
	r.ID = in.PathID("id")
	r.Value, r.Label = in.wordIf("value", maxEntityValue), in.textIf("label", MaxText)
	r.read(in)
}

// ReadEntityTypesRequest is the body of readEntityTypes. Values are nil when all
// types are meant.
type ReadEntityTypesRequest struct {
	Values  []string
	WithOwn bool // with the entities that the caller added for themselves
}

// Read fills the request. The contract knows no 422 for this operation: what is
// no text is the value of no type. A single value may come without its list.
func (r *ReadEntityTypesRequest) Read(in *Input) {
	r.WithOwn, _ = in.Body["read_user_entity"].(bool)
	wanted, isList := in.Body["value"].([]any)
	if v := in.Body["value"]; !isList && v != nil && v != "" {
		wanted = []any{v}
	}
	if len(wanted) == 0 {
		return
	}
	r.Values = []string{}
	for _, v := range wanted[:min(len(wanted), maxItems)] {
		if s, ok := v.(string); ok {
			r.Values = append(r.Values, strings.TrimSpace(s))
		}
	}
}

// InheritEntityTypeRequest is the body of inheritEntityType.
type InheritEntityTypeRequest struct{ Value, Label string }

// Read fills the request.
func (r *InheritEntityTypeRequest) Read(in *Input) {
	r.Value, r.Label = in.Text("entity_type_value", maxEntityValue), in.Text("target_entity_type_label", MaxText)
}

// CreateEntityRequest is the body of createEntity.
type CreateEntityRequest struct {
	EntityTypeID       int64
	Value, Label, Type string
	Status             *string
}

// Read fills the request.
func (r *CreateEntityRequest) Read(in *Input) {
	r.Value, r.Label, r.Type = in.Word("value", maxEntityValue), in.Text("label", MaxText), in.Text("type", maxEntityWord)
	r.EntityTypeID, r.Status = in.ID("entity_type_id"), in.statusIf()
}

// UpdateEntityRequest is path and body of updateEntity; what is nil or 0 was
// not sent.
type UpdateEntityRequest struct {
	ID, EntityTypeID           int64
	Value, Label, Type, Status *string
}

// Read fills the request.
func (r *UpdateEntityRequest) Read(in *Input) {
	r.ID = in.PathID("id")
	r.Value, r.Label, r.Type = in.wordIf("value", maxEntityValue), in.textIf("label", MaxText), in.textIf("type", maxEntityWord)
	r.Status = in.statusIf()
	if in.Has("entity_type_id") {
		r.EntityTypeID = in.ID("entity_type_id")
	}
}

// ReadEntityRequest is the query of readEntity: an id, or a value in its place.
type ReadEntityRequest struct {
	ID    int64
	Value string
}

// Read fills the request.
func (r *ReadEntityRequest) Read(in *Input) {
	if in.Query("id") == "" {
		if r.Value = strings.TrimSpace(in.Query("value")); r.Value != "" {
			if utf8.RuneCountInString(r.Value) > maxEntityValue {
				in.fail("query", "value", "value param is invalid", r.Value)
			}
			return
		}
	}
	r.ID = in.queryID("id")
}

// queryID reads a required id of the query.
func (in *Input) queryID(name string) int64 {
	raw := in.Query(name)
	if raw == "" {
		in.fail("query", name, name+" param is empty", nil)
		return 0
	}
	id, ok := integer(raw)
	if !ok || id < 1 {
		in.fail("query", name, name+" param is invalid, must be an integer", raw)
		return 0
	}
	return id
}

// ListEntitiesRequest is the query of listEntities.
type ListEntitiesRequest struct {
	Page         Page
	Search       string
	EntityTypeID int64
}

// Read fills the request.
func (r *ListEntitiesRequest) Read(in *Input) {
	r.Page, r.Search, r.EntityTypeID = in.Page(), in.Search(), in.queryID("entity_type_id")
}

// EntityType is an entity type. The id of the organization is sent under both
// spellings.
type EntityType struct {
	ID                  int64    `json:"id"`
	Value               string   `json:"value"`
	Label               string   `json:"label"`
	Type                string   `json:"type"`
	Status              string   `json:"status"`
	DataType            string   `json:"data_type"`
	AllowFiltering      bool     `json:"allow_filtering"`
	HasEntities         bool     `json:"has_entities"`
	AllowCustomEntities bool     `json:"allow_custom_entities"`
	ModelNames          []string `json:"model_names"`
	OrgID               int64    `json:"org_id"`
	OrganizationID      int64    `json:"organization_id"`
	ParentID            *int64   `json:"parent_id"`
	CreatedBy           int64    `json:"created_by"`
	UpdatedBy           int64    `json:"updated_by"`
	CreatedAt           Time     `json:"created_at"`
	UpdatedAt           Time     `json:"updated_at"`
	DeletedAt           *Time    `json:"deleted_at"`
}

// EntityTypeWithEntities is a line of readEntityTypes.
type EntityTypeWithEntities struct {
	EntityType
	Entities []Entity `json:"entities"`
}

// Entity is one value of an entity type.
type Entity struct {
	ID           int64  `json:"id"`
	EntityTypeID int64  `json:"entity_type_id"`
	Value        string `json:"value"`
	Label        string `json:"label"`
	Status       string `json:"status"`
	Type         string `json:"type"`
	CreatedBy    int64  `json:"created_by"`
	UpdatedBy    int64  `json:"updated_by"`
	CreatedAt    Time   `json:"created_at"`
	UpdatedAt    Time   `json:"updated_at"`
	DeletedAt    *Time  `json:"deleted_at"`
}
