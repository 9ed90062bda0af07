package suite

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"quad/internal/contracttest"
)

// mutation is one thing that may stand where a value is expected.
type mutation struct {
	title string
	value any // contracttest.Absent, or JSON
}

const (
	tenKB = 10_000
	oneMB = 1_000_000
	deep  = 10_000
	many  = 2_000
)

// wrongTexts are texts that some layer might trip over.
func wrongTexts() []mutation {
	return []mutation{
		{"empty", ""},
		{"white space", "  \t "},
		{"invisible", "\u00a0\u200b\u2060\ufeff"},
		{"unknown word", "NO_SUCH_VALUE"},
		{"emoji", "👩‍👩‍👧‍👦🏳️‍🌈💩"},
		{"right to left", "\u202eمرحبا\u202c"},
		{"zero width", "a\u200bb\u200dc"},
		{"combining", "Z" + strings.Repeat("\u0310\u0352", 40)},
		{"SQL", `' OR '1'='1' --`},
		{"SQL that waits", `'; SELECT pg_sleep(600); --`},
		{"LIKE", `%_\%`},
		{"HTML", `"><script>alert(1)</script>`},
		{"template", `{{7*7}}${7*7}{name}<%= 7*7 %>`},
		{"path", `../../../../../../etc/passwd`},
		{"CRLF", "a\r\nX-Injected: yes\r\n\r\n"},
		{"format", "%s%n%x%!d(string=x)"},
		{"10 kB", strings.Repeat("x", tenKB)},
	}
}

// wrongNumbers are numbers that do not fit or look odd; they are sent as they
// are written. None is the id of a record that other tests of the world need.
func wrongNumbers() []mutation {
	var out []mutation
	for _, n := range []string{"0", "-1", "1.5", "9223372036854775807", "9223372036854775808", "99999999999999999999999999", "1e400", "-1e-400"} {
		out = append(out, mutation{n, contracttest.Raw(n)})
	}
	return out
}

// wrongValues are what a part of a JSON body may be instead of what its schema
// says: everything that its own kind may be wrong with, and samples of the
// other kinds.
func wrongValues(s *openapi3.Schema) []mutation {
	out, numbers := wrongTexts(), wrongNumbers()
	textual := s == nil || s.Type == nil || s.Type.Is(openapi3.TypeString) || s.Type.Is(openapi3.TypeObject)
	if textual {
		out = append(out, numbers[1], numbers[len(numbers)-2])
	} else {
		out = append(slices.DeleteFunc(out, func(m mutation) bool {
			return !slices.Contains([]string{"empty", "white space", "unknown word", "SQL"}, m.title)
		}), numbers...)
	}
	return append(out,
		mutation{"missing", contracttest.Absent},
		mutation{"null", nil},
		mutation{"true", true},
		mutation{"array", []any{}},
		mutation{"array of null", []any{nil}},
		mutation{"array of arrays", []any{[]any{[]any{}}}},
		mutation{"array of mixed", []any{nobody, "a", true, map[string]any{}}},
		mutation{"object", map[string]any{}},
		mutation{"object with keys", map[string]any{"id": map[string]any{"$gt": ""}, "": nil}},
		mutation{"many items", slices.Repeat([]any{"x"}, many)},
		mutation{"NUL", contracttest.Raw(`"a\u0000b"`)},
		mutation{"half a surrogate", contracttest.Raw(`"\ud800"`)},
		mutation{"no UTF-8", contracttest.Raw("\"\xff\xfe\"")},
		mutation{"10,000 levels", contracttest.Raw(strings.Repeat("[", deep) + strings.Repeat("]", deep))},
	)
}

// wrongParams are what a path or query parameter may be.
func wrongParams(in string) []mutation {
	out := wrongTexts()
	for _, n := range wrongNumbers() {
		out = append(out, mutation{n.title, n.title})
	}
	out = append(out,
		mutation{"NUL", "a\x00b"}, mutation{"no UTF-8", "\xff\xfe"}, mutation{"commas", fmt.Sprintf("%d,%d,,", nobody, nobody)}, mutation{"dots", ".."},
		mutation{"plus", fmt.Sprintf("+%d", nobody)}, mutation{"hexadecimal", "0xFFFFFFFFFF"}, mutation{"full width", "１"},
	)
	if in == openapi3.ParameterInPath {
		return out
	}
	return append(out, mutation{"missing", contracttest.Absent}, mutation{"twice", []any{fmt.Sprint(nobody), "x"}}, mutation{"array", []any{"", ""}})
}

// wrongBodies are what may come instead of a body, made from a valid one.
func wrongBodies(valid any) []mutation {
	text, err := json.Marshal(valid)
	if err != nil || valid == nil {
		text = []byte(`{}`)
	}
	object := strings.HasPrefix(string(text), "{")
	out := []mutation{
		{"no body", nil}, {"empty", ""}, {"white space", " \n"}, {"null", "null"}, {"array", "[]"}, {"text", `"text"`}, {"number", "12"}, {"true", "true"},
		{"huge number", "1e400"}, {"NaN", "NaN"}, {"word", "nonsense"}, {"open", string(text[:len(text)-1])}, {"cut", string(text[:len(text)/2])},
		{"no value", `{"a":}`}, {"single quotes", `{'a':'b'}`}, {"comment", `{/* x */}`}, {"two values", string(text) + string(text)},
		{"rest", string(text) + " x"}, {"comma at the end", string(text[:len(text)-1]) + ",}"},
		{"NUL byte", string(text) + "\x00"}, {"no UTF-8", "{\"a\":\"\xff\xfe\xc3\"}"}, {"UTF-16", "\xff\xfe{\x00}\x00"},
		{"NUL in a key", `{"a\u0000":1}`}, {"deep arrays", strings.Repeat("[", deep) + strings.Repeat("]", deep)},
		{"deep objects", strings.Repeat(`{"a":`, deep) + "1" + strings.Repeat("}", deep)}, {"open arrays", strings.Repeat("[", deep)},
		{"XML", `<?xml version="1.0"?><!DOCTYPE x [<!ENTITY y SYSTEM "file:///etc/passwd">]><x>&y;</x>`},
		{"form", "a=b&c=d"},
	}
	if object {
		out = append(out,
			mutation{"prototype", `{"__proto__":{"admin":true},"constructor":{"prototype":{}},` + string(text[1:])},
			mutation{"byte order mark", "\ufeff" + string(text)},
			mutation{"keys twice", twice(string(text))},
			mutation{"many keys", manyKeys()},
		)
	}
	return out
}

// twice repeats all keys of an object.
func twice(object string) string {
	if object == "{}" {
		return `{"a":1,"a":2}`
	}
	return object[:len(object)-1] + "," + object[1:]
}

func manyKeys() string {
	var b strings.Builder
	b.WriteString("{")
	for i := range many {
		fmt.Fprintf(&b, `"k%d":%d,`, i, i)
	}
	return strings.TrimSuffix(b.String(), ",") + "}"
}

// contentTypes are declared for a body that is something else, or nothing
// sensible.
var contentTypes = []string{
	"text/plain", "application/xml", "multipart/form-data", "multipart/form-data; boundary=x", "application/x-www-form-urlencoded",
	"application/json; charset=utf-16", "application/octet-stream", "nonsense", "a/b;;;=\"",
}

// part is a part of a body that its schema names.
type part struct {
	key    string // as in contracttest.Values
	schema *openapi3.Schema
}

// places are the parts of a body: properties, those inside of them, and the
// first item of arrays. A part that several schemas name is there once.
func places(schema *openapi3.Schema, valid any, at string, depth int) []part {
	if schema == nil || depth > 4 {
		return nil
	}
	var out []part
	for _, s := range slices.Concat(schema.AllOf, schema.OneOf, schema.AnyOf) {
		out = append(out, places(s.Value, valid, at, depth+1)...)
	}
	object, _ := valid.(map[string]any)
	for name, p := range schema.Properties {
		key := at + "." + name
		out = append(append(out, part{key, p.Value}), places(p.Value, object[name], key, depth+1)...)
	}
	if items, ok := valid.([]any); ok && schema.Items != nil && len(items) > 0 {
		key := at + ".0"
		out = append(append(out, part{key, schema.Items.Value}), places(schema.Items.Value, items[0], key, depth+1)...)
	}
	slices.SortStableFunc(out, func(a, b part) int { return strings.Compare(a.key, b.key) })
	return slices.CompactFunc(out, func(a, b part) bool { return a.key == b.key })
}
