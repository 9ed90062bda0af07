package models_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/models"
)

// The table of the contract, whole: what is not in it is illegal.
func TestSurveyTransitions(t *testing.T) {
	legal := map[[2]models.SurveyStatus]bool{
		{"draft", "active"}: true, {"draft", "archived"}: true, {"active", "archived"}: true, {"archived", "active"}: true,
	}
	for _, from := range models.SurveyStatuses {
		for _, to := range models.SurveyStatuses {
			require.Equal(t, legal[[2]models.SurveyStatus{from, to}], from.CanBecome(to), "%s to %s", from, to)
		}
		require.False(t, from.CanBecome(""))
	}
}

// decoded is a JSON value as a request brings it.
func decoded(t testing.TB, text string) any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var v any
	require.NoError(t, d.Decode(&v), text)
	return v
}

func quoted(text string) string {
	encoded, _ := json.Marshal(text) // never fails for texts
	return string(encoded)
}

// answers are JSON values that fields of a kind take, and that they refuse.
type answers struct {
	options      []string
	takes, wrong []string
}

func answersOf() map[string]answers {
	notText := []string{`1`, `true`, `{}`, `["a"]`, `[]`}
	with := func(more ...string) []string { return slices.Concat(notText, more) }
	long := strings.Repeat("é", models.MaxAnswerText)
	return map[string]answers{
		"text":     {takes: []string{`"x"`, quoted(long), `"two\nlines"`, `"  "`, `""`}, wrong: with(`"a\u0000b"`)},
		"textarea": {takes: []string{`"x"`}, wrong: notText},
		"file":     {takes: []string{`"files/1.pdf"`}, wrong: notText},
		"number": {
			takes: []string{`0`, `-1.5`, `1e300`, `1e-300`, `0.1`, `"12"`, `"-0.5"`, `"+7"`, `".5"`, `"5."`, `"1E3"`, `"  "`},
			wrong: []string{`true`, `[]`, `{}`, `"1,5"`, `"0x10"`, `"NaN"`, `"Infinity"`, `"1_000"`, `" 1"`, `1e400`, `1e-20000`, `0e99999`, `"."`, `"1e"`, `0.` + strings.Repeat("1", 400)},
		},
		"email": {takes: []string{`"a@b.example"`, `"A.B+c@example.org"`}, wrong: with(`"a"`, `"a@"`, `"A <a@b.example>"`, `"a@b.example "`)},
		"phone": {takes: []string{`"12345"`, `"+49 (30) 123-456"`, `"12345678901234567890"`}, wrong: with(`"1234"`, `"123456789012345678901"`, `"12345a"`, `"12345\n"`)},
		"url": {
			takes: []string{`"http://a.example"`, `"https://a.example:8/p?q=1#f"`},
			wrong: with(`"a.example"`, `"/path"`, `"ftp://a.example"`, `"https://"`, `"http://:80"`, `"mailto:a@b.example"`, `"http://a b.example"`, `"http://%zz"`),
		},
		"date":              {takes: []string{`"2024-02-29"`, `"1890-12-31"`}, wrong: with(`"2023-02-29"`, `"2024-2-9"`, `"2024-02-29T00:00:00Z"`, `"29.02.2024"`)},
		"select":            {options: []string{"a", "b"}, takes: []string{`"a"`, `"b"`}, wrong: with(`"c"`, `"A"`, `"a "`)},
		"radio":             {options: []string{"a", "b"}, takes: []string{`"a"`}, wrong: with(`"c"`)},
		"checkbox":          {takes: []string{`true`, `false`, `""`}, wrong: []string{`"true"`, `1`, `[]`, `["a"]`, `{}`}},
		"checkbox, options": {options: []string{"a", "b"}, takes: []string{`["a"]`, `["b","a"]`, `[]`}, wrong: []string{`"a"`, `true`, `false`, `["c"]`, `["a",1]`, `[["a"]]`, `{}`}},
		"rating":            {takes: []string{`1`, `5`, `3.0`, `3e0`}, wrong: []string{`0`, `6`, `2.5`, `"3"`, `-1`, `true`, `1e400`, `[]`}},
	}
}

func TestEveryFieldTypeTakesItsAnswers(t *testing.T) {
	seen := map[models.FieldType]bool{}
	for kind, a := range answersOf() {
		name, _, _ := strings.Cut(kind, ",")
		seen[models.FieldType(name)] = true
		f := models.SurveyField{ID: 7, Name: "Q", Type: models.FieldType(name), Options: a.options}
		check := func(text string) []string {
			return models.CheckAnswers([]models.SurveyField{f}, map[string]any{"7": decoded(t, text)})
		}
		for _, text := range append(a.takes, `null`) {
			require.Empty(t, check(text), "%s takes %.50s", kind, text)
		}
		for _, text := range a.wrong {
			require.Equal(t, []string{"Q must be a valid " + name}, check(text), "%s refuses %.50s", kind, text)
		}
		if name != "rating" && name != "checkbox" {
			require.Equal(t, []string{"Q must not be longer than 20000 characters"}, check(quoted(strings.Repeat("é", 20_001))), kind)
		}
		f.Required = true
		for _, text := range []string{`null`, `""`, `" \t\n"`, `[]`} {
			require.Equal(t, []string{"Q is required"}, check(text), "%s %s", kind, text)
		}
		require.Equal(t, []string{"Q is required"}, models.CheckAnswers([]models.SurveyField{f}, nil))
		if kind == "checkbox" {
			require.Equal(t, []string{"Q is required"}, check(`false`))
			require.Empty(t, check(`true`))
		}
	}
	require.Len(t, seen, len(models.FieldTypes))
}

func TestFaultsOfAnswersAreInOrder(t *testing.T) {
	fields := []models.SurveyField{
		{ID: 30, Name: "Mail", Type: models.FieldEmail, Required: true},
		{ID: 4, Name: "Age", Type: models.FieldNumber},
		{ID: 12, Name: "Name", Type: models.FieldText, Required: true},
	}
	require.Equal(t, []string{
		"Mail is required", "Age must be a valid number", "Name is required", "Unknown field ", "Unknown field 04", "Unknown field 5", "Unknown field x",
	}, models.CheckAnswers(fields, map[string]any{"x": nil, "5": "a", "04": "1", "4": "old", "": 1, "12": " "}))
	require.Empty(t, models.CheckAnswers(fields, map[string]any{"30": "a@b.example", "12": "N"}))
	require.Empty(t, models.CheckAnswers(nil, nil))
	require.Equal(t, []string{"Unknown field 1"}, models.CheckAnswers(nil, map[string]any{"1": nil}))
}

// Any form, filled in any way out of good and bad answers, has exactly the
// faults that were put into it.
func TestFaultsOfAnyForm(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 1))
	kinds, all := []string{}, answersOf()
	for kind := range all {
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	for range 2_000 {
		var fields []models.SurveyField
		responses, want := map[string]any{}, []string(nil)
		for i := range r.IntN(8) {
			kind := kinds[r.IntN(len(kinds))]
			name, _, _ := strings.Cut(kind, ",")
			f := models.SurveyField{ID: int64(1000 - i), Name: fmt.Sprint("Q", i), Type: models.FieldType(name), Options: all[kind].options, Required: r.IntN(2) == 0}
			fields = append(fields, f)
			id := strconv.FormatInt(f.ID, 10)
			switch r.IntN(3) {
			case 0: // not answered
				if f.Required {
					want = append(want, f.Name+" is required")
				}
			case 1:
				responses[id] = decoded(t, all[kind].takes[0])
			case 2:
				text := all[kind].wrong[r.IntN(len(all[kind].wrong))]
				responses[id] = decoded(t, text)
				if text == `[]` && f.Required {
					want = append(want, f.Name+" is required")
				} else {
					want = append(want, f.Name+" must be a valid "+name)
				}
			}
		}
		for i := range r.IntN(3) {
			id := fmt.Sprint("x", i)
			responses[id] = nil
			want = append(want, "Unknown field "+id)
		}
		require.Equal(t, want, models.CheckAnswers(fields, responses))
	}
}

// Whatever is answered, the check ends, says the same again, and has at most one
// text for each field and for each answer.
func FuzzCheckAnswers(f *testing.F) {
	for _, a := range answersOf() {
		for _, text := range slices.Concat(a.takes, a.wrong) {
			f.Add([]byte(text), "Q")
		}
	}
	f.Fuzz(func(t *testing.T, answer []byte, option string) {
		d := json.NewDecoder(bytes.NewReader(answer))
		d.UseNumber()
		var v any
		if d.Decode(&v) != nil {
			return
		}
		var fields []models.SurveyField
		responses := map[string]any{option: v}
		for i, fieldType := range models.FieldTypes {
			for j, required := range []bool{false, true} {
				id := int64(2*i + j + 1)
				fields = append(fields, models.SurveyField{ID: id, Name: "Q", Type: fieldType, Required: required, Options: []string{option, "b"}})
				responses[strconv.FormatInt(id, 10)] = v
			}
		}
		faults := models.CheckAnswers(fields, responses)
		require.LessOrEqual(t, len(faults), len(fields)+1)
		require.Equal(t, faults, models.CheckAnswers(fields, responses))
	})
}
