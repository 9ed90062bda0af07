package contracttest

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
)

// Sample makes a value that a schema allows: its example or default where it
// has one, else the shortest that its type, format and bounds allow. An object
// gets its required properties and those that have an example.
func Sample(s *openapi3.Schema) any {
	switch {
	case s == nil:
		return nil
	case s.Example != nil:
		return plain(s.Example)
	case s.Default != nil:
		return plain(s.Default)
	case len(s.Enum) > 0:
		return plain(s.Enum[0])
	case len(s.AllOf) > 0:
		return sampleAll(s)
	case len(s.OneOf) > 0:
		return Sample(s.OneOf[0].Value)
	case len(s.AnyOf) > 0:
		return merge(sampleTyped(s), Sample(s.AnyOf[0].Value))
	}
	return sampleTyped(s)
}

func sampleAll(s *openapi3.Schema) any {
	out := sampleTyped(s)
	for _, part := range s.AllOf {
		out = merge(out, Sample(part.Value))
	}
	return out
}

// merge joins two objects; of anything else the second one counts.
func merge(a, b any) any {
	first, ok := a.(map[string]any)
	second, ok2 := b.(map[string]any)
	if !ok || !ok2 {
		if b == nil {
			return a
		}
		return b
	}
	for k, v := range second {
		first[k] = v
	}
	return first
}

func sampleTyped(s *openapi3.Schema) any {
	switch {
	case s.Type.Is(openapi3.TypeString):
		return sampleString(s)
	case s.Type.Is(openapi3.TypeInteger), s.Type.Is(openapi3.TypeNumber):
		switch {
		case s.Min != nil:
			return *s.Min
		case s.Max != nil && *s.Max < 1:
			return *s.Max
		}
		return float64(1)
	case s.Type.Is(openapi3.TypeBoolean):
		return true
	case s.Type.Is(openapi3.TypeArray):
		items := []any{}
		for range max(s.MinItems, 1) {
			items = append(items, Sample(s.Items.Value))
		}
		return items
	case s.Type.Is(openapi3.TypeObject), len(s.Properties) > 0:
		object := map[string]any{}
		for name, p := range s.Properties {
			if p.Value.Example != nil {
				object[name] = plain(p.Value.Example)
			}
		}
		for _, name := range s.Required {
			if p := s.Properties[name]; p != nil {
				object[name] = Sample(p.Value)
			}
		}
		return object
	}
	return nil
}

// sampleString knows the formats and patterns that the contracts use; what it
// cannot make, an example or a value of the test gives.
func sampleString(s *openapi3.Schema) string {
	text := "sample"
	switch s.Format {
	case "email":
		text = "sample@example.test"
	case "date":
		text = "2026-01-02"
	case "date-time":
		text = "2026-01-02T03:04:05Z"
	case "uri", "url":
		text = "https://example.test/sample"
	case "uuid":
		text = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
	}
	if strings.HasPrefix(s.Pattern, "^/") {
		text = "/" + text
	}
	if strings.HasPrefix(s.Pattern, "^[0-9]") {
		text = "123456"
	}
	for uint64(len(text)) < s.MinLength {
		text += "x"
	}
	if s.MaxLength != nil && uint64(len(text)) > *s.MaxLength {
		text = text[:*s.MaxLength]
	}
	return text
}

func sampleParam(p *openapi3.Parameter) any {
	if example := exampleOf(p.Example, p.Examples); example != nil {
		return example
	}
	if p.Schema == nil {
		return "sample"
	}
	return Sample(p.Schema.Value)
}

// plain gives a value as JSON decodes it, so that all bodies look alike.
func plain(value any) any {
	switch value.(type) {
	case nil, absent, string, bool, float64, Raw, []byte:
		return value
	}
	encoded, err := json.Marshal(value)
	if err != nil {
		panic(fmt.Sprintf("contracttest: %T is no value of a request: %v", value, err))
	}
	var out any
	if err := json.Unmarshal(encoded, &out); err != nil {
		panic(fmt.Sprintf("contracttest: %v", err)) // Marshal has just made it
	}
	return out
}

// text is how a value is written into a path, query or header.
func text(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case float64:
		if v == float64(int64(v)) {
			return fmt.Sprintf("%d", int64(v))
		}
	case nil:
		return "null"
	}
	encoded, err := json.Marshal(value)
	if err != nil {
		return fmt.Sprint(value)
	}
	return strings.Trim(string(encoded), `"`)
}
