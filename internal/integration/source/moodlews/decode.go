package moodlews

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"

	"quad/internal/integration/source"
	"quad/internal/integration/source/moodle"
)

// Answers are read as they come, one element of a list after the other, so that
// none has to fit into memory. What they hold is typed loosely: Moodle's own
// types say little, any value may be null, and plugins turn numbers into texts.

// Bounds of answers, in bytes.
const (
	maxAnswer  = 4 << 30
	maxElement = 16 << 20 // of a list, or all before the first
)

var errTooLarge = errors.New("moodle-ws: an answer is too large")

// bounded reads an answer up to its bounds.
type bounded struct {
	from          io.Reader
	whole, budget int64 // bytes that may still come: in all, and of this element
	failed        error // of the line
}

func (b *bounded) Read(p []byte) (int, error) {
	if b.whole <= 0 || b.budget <= 0 {
		b.failed = errTooLarge
		return 0, errTooLarge
	}
	n, err := b.from.Read(p[:min(int64(len(p)), b.whole, b.budget)])
	b.whole -= int64(n)
	b.budget -= int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		b.failed = err
	}
	return n, err
}

// answer is what a function answers.
type answer struct {
	in   *bounded
	json *json.Decoder
	date string // of the site's clock, as HTTP has it
}

func newAnswer(r *http.Response) *answer {
	a := readAnswer(r.Body)
	a.date = r.Header.Get("Date")
	return a
}

func readAnswer(from io.Reader) *answer {
	in := &bounded{from: from, whole: maxAnswer, budget: maxElement}
	return &answer{in: in, json: json.NewDecoder(in)}
}

// members are what to do with the values of an object, by name; others are
// skipped.
type members map[string]func() error

// object reads an object, or nothing from null. An object that tells an error
// is a *fault, whatever was wanted.
func (a *answer) object(of members) error {
	open, err := a.open('{')
	if err != nil || !open {
		return err
	}
	return a.inObject(of)
}

func (a *answer) inObject(of members) error {
	var f fault
	var told bool
	for a.json.More() {
		name, err := a.json.Token()
		if err != nil {
			return err
		}
		read := of[fmt.Sprint(name)]
		switch {
		case name == "exception":
			told = true
			read = func() error { return a.textInto(&f.exception) }
		case name == "errorcode":
			read = func() error { return a.textInto(&f.code) }
		case read == nil:
			read = func() error { var skipped json.RawMessage; return a.decode(&skipped) }
		}
		if err := read(); err != nil {
			return err
		}
	}
	if _, err := a.json.Token(); err != nil {
		return err
	}
	if told {
		return &f
	}
	return nil
}

// list reads a list, or nothing from null, and calls each for each element.
func (a *answer) list(each func() error) error {
	open, err := a.open('[')
	if err != nil || !open {
		return err
	}
	for a.json.More() {
		if err := each(); err != nil {
			return err
		}
		a.in.budget = maxElement
	}
	_, err = a.json.Token()
	return err
}

// open reads the begin of an object or a list; false: it is null.
func (a *answer) open(want json.Delim) (bool, error) {
	token, err := a.json.Token()
	switch {
	case err != nil:
		return false, err
	case token == nil:
		return false, nil
	case token == want:
		return true, nil
	case token == json.Delim('{'): // where a list was wanted: an error, or nonsense
		if err := a.inObject(nil); err != nil {
			return false, err
		}
	}
	return false, fmt.Errorf("%v where %v should be", token, want)
}

// decode reads one value.
func (a *answer) decode(v any) error { return a.json.Decode(v) }

func (a *answer) textInto(s *string) error {
	var v text
	err := a.decode(&v)
	*s = string(v)
	return err
}

// end tells whether nothing follows.
func (a *answer) end() error {
	if _, err := a.json.Token(); !errors.Is(err, io.EOF) {
		return errors.New("something follows the answer")
	}
	return nil
}

var null = []byte("null")

// text is a text, or a number as one.
type text string

// UnmarshalJSON implements json.Unmarshaler.
func (t *text) UnmarshalJSON(raw []byte) error {
	var v string
	switch {
	case bytes.Equal(raw, null):
	case raw[0] == '"':
		if err := json.Unmarshal(raw, &v); err != nil {
			return err
		}
	case raw[0] == '{' || raw[0] == '[':
		return errors.New("no text")
	default:
		v = string(raw)
	}
	*t = text(moodle.Text(v))
	return nil
}

// number is a whole number, also as a text or with an empty fraction.
type number int64

// UnmarshalJSON implements json.Unmarshaler.
func (n *number) UnmarshalJSON(raw []byte) error {
	if bytes.Equal(raw, null) {
		return nil
	}
	v := strings.Trim(string(raw), `"`)
	if v == "" { // how some say 0
		return nil
	}
	if whole, places, ok := strings.Cut(v, "."); ok && strings.Trim(places, "0") == "" {
		v = whole
	}
	parsed, err := strconv.ParseInt(v, 10, 64)
	if err != nil {
		return fmt.Errorf("%.40q is no whole number", v)
	}
	*n = number(parsed)
	return nil
}

// flag is true or false, also as a number or a text.
type flag bool

// UnmarshalJSON implements json.Unmarshaler.
func (f *flag) UnmarshalJSON(raw []byte) error {
	switch v := strings.Trim(string(raw), `"`); v {
	case "true", "1":
		*f = true
	case "false", "0", "", "null":
		*f = false
	default:
		return fmt.Errorf("%.40q is neither true nor false", v)
	}
	return nil
}

// grade is a number of points: a decimal with five places, which JSON may have
// as a floating point number that is off in the last digits.
type grade struct {
	units int64 // of 1/100000
	given bool  // not null
	wrong bool  // no number that a grade can be
}

// UnmarshalJSON implements json.Unmarshaler.
func (g *grade) UnmarshalJSON(raw []byte) error {
	*g = grade{}
	if bytes.Equal(raw, null) {
		return nil
	}
	v := strings.Trim(string(raw), `"`)
	if v == "" {
		return nil
	}
	g.given = true
	if n, ok := moodle.ParseDecimal(v); ok {
		g.units = n
		return nil
	}
	f, err := strconv.ParseFloat(v, 64)
	f = math.Round(f * moodle.Unit)
	// One that is wrong spoils its row, not the answer.
	if g.wrong = err != nil || math.IsNaN(f) || math.Abs(f) > moodle.MaxUnits; !g.wrong {
		g.units = int64(f)
	}
	return nil
}

// points is the grade as a value: nil for none.
func (g grade) points() any {
	if !g.given || g.wrong {
		return nil
	}
	return float64(g.units) / moodle.Unit
}

// need tells that a key is missing that is needed.
func need(function, key, may string) error {
	return source.Incomplete(fmt.Sprintf("key %q in the answer of %s: may the token's user see it%s?", key, function, may))
}
