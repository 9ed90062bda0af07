package elevate

import (
	"encoding/json"

	"quad/api/elevate/wire"
	"quad/internal/people/form"
	"quad/models"
)

func formInput(req wire.FormRequest) form.Input {
	return form.Input{Type: req.Type, SubType: req.SubType, Data: req.Data}
}

func formOf(f models.Form) wire.Form {
	return wire.Form{
		ID: f.ID, Type: f.Type, SubType: f.SubType, Data: formData(f.Data), Version: f.Version, OrganizationID: f.OrganizationID,
		CreatedAt: wire.Time{Time: f.CreatedAt}, UpdatedAt: wire.Time{Time: f.UpdatedAt},
	}
}

// formData is what was stored, with what every answer promises besides:
// templateName next to template_name, and a list of controls.
func formData(stored json.RawMessage) json.RawMessage {
	var data, fields map[string]json.RawMessage
	if json.Unmarshal(stored, &data) != nil || data == nil {
		return stored // not written by this door
	}
	if absent(data["templateName"]) {
		data["templateName"] = data["template_name"]
	}
	if absent(data["templateName"]) {
		data["templateName"] = json.RawMessage(`""`)
	}
	if json.Unmarshal(data["fields"], &fields) != nil || fields == nil {
		fields = map[string]json.RawMessage{}
	}
	if absent(fields["controls"]) {
		fields["controls"] = json.RawMessage(`[]`)
		data["fields"] = encoded(fields)
	}
	return encoded(data)
}

func absent(v json.RawMessage) bool { return len(v) == 0 || string(v) == "null" }

// encoded encodes what was decoded before, which cannot fail.
func encoded(v map[string]json.RawMessage) json.RawMessage {
	raw, err := json.Marshal(v)
	if err != nil {
		return json.RawMessage(`{}`)
	}
	return raw
}
