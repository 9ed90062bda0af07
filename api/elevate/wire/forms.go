package wire

import (
	"encoding/json"
	"slices"
)

// maxFormData is the longest data of a form, in bytes of JSON.
const maxFormData = 512 << 10

// FormRequest is path and body of createForm and updateForm.
type FormRequest struct {
	ID            int64
	Type, SubType string
	Data          json.RawMessage
}

// Read fills the request. What is in the fields is the organization's business;
// only what every answer has to show must be there in its place.
func (r *FormRequest) Read(in *Input) {
	r.ID = in.PathID("formId")
	r.Type, r.SubType = in.Text("type", 100), in.Text("sub_type", 100)
	data, ok := in.Body["data"].(map[string]any)
	switch {
	case in.Body["data"] == nil:
		in.fail("body", "data", "data field is empty", nil)
		return
	case !ok:
		in.fail("body", "data", "data is invalid", in.Body["data"])
		return
	}
	for _, name := range []string{"template_name", "templateName"} {
		if v := data[name]; v != nil {
			if _, ok := v.(string); !ok {
				in.fail("body", "data."+name, name+" is invalid", v)
			}
		}
	}
	checkFields(in, data["fields"])
	raw, err := json.Marshal(data)
	if err != nil || len(raw) > maxFormData || !decodable(data) {
		in.fail("body", "data", "data is invalid", nil)
		return
	}
	r.Data = raw
}

// decodable tells whether every client can read a value back: JSON allows
// numbers that no number type holds.
func decodable(v any) bool {
	switch v := v.(type) {
	case json.Number:
		_, err := v.Float64()
		return err == nil
	case map[string]any:
		for _, inner := range v {
			if !decodable(inner) {
				return false
			}
		}
	case []any:
		return !slices.ContainsFunc(v, func(inner any) bool { return !decodable(inner) })
	}
	return true
}

func checkFields(in *Input, v any) {
	fields, ok := v.(map[string]any)
	switch {
	case v == nil, ok && len(fields) == 0:
		in.fail("body", "data.fields", "fields field is empty", nil)
		return
	case !ok:
		in.fail("body", "data.fields", "fields is invalid", v)
		return
	}
	controls, ok := fields["controls"].([]any)
	if fields["controls"] != nil && !ok {
		in.fail("body", "data.fields.controls", "controls is invalid", fields["controls"])
	}
	for _, control := range controls {
		if _, ok := control.(map[string]any); !ok {
			in.fail("body", "data.fields.controls", "controls is invalid", control)
			return
		}
	}
}

// ReadFormRequest is the path of readForm; the id wins over whatever the body
// says.
type ReadFormRequest struct{ ID int64 }

// Read fills the request.
func (r *ReadFormRequest) Read(in *Input) { r.ID = in.PathID("formId") }

// FindFormRequest is the body of readFormByType. Without a sub-type any form of
// the type will do.
type FindFormRequest struct{ Type, SubType string }

// Read fills the request.
func (r *FindFormRequest) Read(in *Input) {
	r.Type, r.SubType = in.Text("type", 100), in.OptionalText("sub_type", 100)
}

// Form is the result of readForm and readFormByType.
type Form struct {
	ID             int64           `json:"id"`
	Type           string          `json:"type"`
	SubType        string          `json:"sub_type"`
	Data           json.RawMessage `json:"data"`
	Version        int             `json:"version"`
	OrganizationID int64           `json:"organization_id"`
	CreatedAt      Time            `json:"created_at"`
	UpdatedAt      Time            `json:"updated_at"`
}
