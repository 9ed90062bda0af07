package input

import (
	"bytes"
	"encoding/json"
)

// Field is a value that a caller may leave as it is (the zero Field), clear (a
// Field that was sent without a value) or set. In JSON: absent, null, a value.
type Field[T any] struct {
	Sent  bool
	Value *T
}

// To is a Field that sets a value.
func To[T any](value T) Field[T] { return Field[T]{Sent: true, Value: &value} }

// Cleared is a Field that clears a value.
func Cleared[T any]() Field[T] { return Field[T]{Sent: true} }

// UnmarshalJSON implements json.Unmarshaler: it is called when there is
// something, null included.
func (f *Field[T]) UnmarshalJSON(data []byte) error {
	f.Sent, f.Value = true, nil
	if bytes.Equal(data, []byte("null")) {
		return nil
	}
	f.Value = new(T)
	return json.Unmarshal(data, f.Value)
}
