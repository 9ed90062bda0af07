package httpx

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDecodeJSONRefusals(t *testing.T) {
	type target struct {
		Name string  `json:"name"`
		Age  int8    `json:"age"`
		Tags []int   `json:"tags"`
		Any  any     `json:"any"`
		Sub  *target `json:"sub"`
	}
	for body, want := range map[string]BodyKind{
		"":                    BodyEmpty,
		" \n":                 BodyEmpty,
		"{":                   BodySyntax,
		`{"name":"a"} x`:      BodySyntax,
		`{"name":"a"}{}`:      BodySyntax,
		"nope":                BodySyntax,
		"{\"name\":\"\xff\"}": BodyText,
		`{"name":"a\u0000"}`:  BodyText,
		`{"any":` + strings.Repeat("[", 70) + strings.Repeat("]", 70) + `}`: BodyDepth,
		`{"name":1}`:             BodyType,
		`{"age":300}`:            BodyType,
		`{"age":1.5}`:            BodyType,
		`{"sub":{"tags":["x"]}}`: BodyType,
		`[]`:                     BodyType,
	} {
		var v target
		var be *BodyError
		err := DecodeJSONBytes([]byte(body), &v)
		require.ErrorAs(t, err, &be, body)
		require.Equal(t, want, be.Kind, body)
		require.NotNil(t, ErrorOf(err), body)
	}
	var v target
	var be *BodyError
	require.ErrorAs(t, DecodeJSONBytes([]byte(`{"sub":{"age":"x"}}`), &v), &be)
	require.Equal(t, "sub.age", be.Field)
	require.Equal(t, "an integer in range", be.Want)
	require.ErrorAs(t, DecodeJSONBytes([]byte(`{"other":1}`), &v, RejectUnknown), &be)
	require.Equal(t, BodyKey, be.Kind)
	require.Equal(t, "other", be.Field)
}

func TestDecodeJSONTolerance(t *testing.T) {
	var v struct {
		Name string `json:"name"`
		Any  any    `json:"any"`
	}
	require.NoError(t, DecodeJSONBytes([]byte("\xef\xbb\xbf{\"name\":\"a\",\"name\":\"b \\\\u0000 \\\" [[\",\"any\":12345678901234567890,\"else\":1}\n"), &v))
	require.Equal(t, `b \u0000 " [[`, v.Name, "an escaped backslash before u0000 is no NUL")
	require.Equal(t, json.Number("12345678901234567890"), v.Any)
	require.NoError(t, DecodeJSONBytes(nil, &v, AllowEmpty))
}

func FuzzDecodeJSON(f *testing.F) {
	for _, s := range []string{`{"a":1}`, `[[[`, `"\u0000"`, "\xff", `{"a":"\\u0000"}`, `{"a":{"b":[1,2,{"c":null}]}}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		var v any
		err := DecodeJSONBytes(data, &v)
		if err == nil {
			require.True(t, json.Valid([]byte(strings.TrimPrefix(string(data), "\xef\xbb\xbf"))))
			require.False(t, holdsNUL(v), "PostgreSQL would refuse it")
			return
		}
		var be *BodyError
		require.ErrorAs(t, err, &be)
	})
}

func holdsNUL(v any) bool {
	switch v := v.(type) {
	case string:
		return strings.ContainsRune(v, 0)
	case []any:
		return slices.ContainsFunc(v, holdsNUL)
	case map[string]any:
		for key, value := range v {
			if holdsNUL(key) || holdsNUL(value) {
				return true
			}
		}
	}
	return false
}

func TestCursors(t *testing.T) {
	oldKey, newKey := []byte(strings.Repeat("o", 32)), []byte(strings.Repeat("n", 32))
	before, err := NewCursors(oldKey)
	require.NoError(t, err)
	after, err := NewCursors(newKey, oldKey)
	require.NoError(t, err)
	scope := CursorScope{Account: 1, Operation: "list", Filters: map[string]string{"state": "open"}}
	marker, err := before.Encode(scope, 42)
	require.NoError(t, err)
	var position int
	require.NoError(t, before.Decode(scope, marker, &position))
	require.Equal(t, 42, position)
	require.NoError(t, after.Decode(scope, marker, &position), "a rotated key still verifies")

	fresh, err := after.Encode(scope, 43)
	require.NoError(t, err)
	require.ErrorIs(t, before.Decode(scope, fresh, &position), ErrCursor)
	for name, other := range map[string]CursorScope{
		"account":   {Account: 2, Operation: "list", Filters: scope.Filters},
		"operation": {Account: 1, Operation: "other", Filters: scope.Filters},
		"filters":   {Account: 1, Operation: "list", Filters: map[string]string{"state": "closed"}},
	} {
		require.ErrorIs(t, before.Decode(other, marker, &position), ErrCursor, name)
	}
	for i := range marker {
		broken := []byte(marker)
		broken[i] = map[bool]byte{true: 'B', false: 'A'}[broken[i] == 'A']
		require.ErrorIs(t, before.Decode(scope, string(broken), &position), ErrCursor, i)
	}
	for _, s := range []string{"", "x", marker[:8], strings.Repeat("A", 5000), marker + "A", "ä"} {
		require.ErrorIs(t, before.Decode(scope, s, &position), ErrCursor, s)
	}
	_, err = NewCursors()
	require.Error(t, err)
	_, err = NewCursors([]byte("short"))
	require.Error(t, err)
}

func TestParseID(t *testing.T) {
	for s, want := range map[string]int64{"1": 1, "9223372036854775807": 1<<63 - 1, "007": 7} {
		id, ok := ParseID(s)
		require.True(t, ok, s)
		require.Equal(t, want, id)
	}
	for _, s := range []string{"", "0", "-1", "+1", " 1", "1 ", "1.0", "1e3", "0x1", "٣", "9223372036854775808", "99999999999999999999"} {
		_, ok := ParseID(s)
		require.False(t, ok, s)
	}
}

func TestErrorsKeepTheirKind(t *testing.T) {
	err := error(ErrBodyTooLarge.because(errors.New("why")))
	require.ErrorIs(t, err, ErrBodyTooLarge)
	require.NotErrorIs(t, err, ErrNotFound)
	require.Nil(t, ErrorOf(errors.New("the domain's")))
}
