package models

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/mail"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// FieldType is what a field of a survey is answered with.
type FieldType string

// The types of fields.
const (
	FieldText     FieldType = "text"
	FieldTextarea FieldType = "textarea"
	FieldNumber   FieldType = "number" // or a text that is one
	FieldEmail    FieldType = "email"
	FieldPhone    FieldType = "phone"
	FieldURL      FieldType = "url"
	FieldDate     FieldType = "date"
	FieldSelect   FieldType = "select" // one of the options
	FieldRadio    FieldType = "radio"  // one of the options
	FieldCheckbox FieldType = "checkbox"
	FieldRating   FieldType = "rating" // 1 to 5
	FieldFile     FieldType = "file"   // a reference to one
)

// FieldTypes are all of them.
var FieldTypes = []FieldType{
	FieldText, FieldTextarea, FieldNumber, FieldEmail, FieldPhone, FieldURL, FieldDate, FieldSelect, FieldRadio,
	FieldCheckbox, FieldRating, FieldFile,
}

// NeedsOptions tells whether a field of the type is answered with one of at
// least two options.
func (t FieldType) NeedsOptions() bool { return t == FieldSelect || t == FieldRadio }

// CheckAnswers tells what is wrong with the answers to fields, which are by the
// field's id as text. Values are those of encoding/json, numbers json.Number.
// The texts are for people: one for each field at fault, in the order of the
// fields, then one for each id that no field has, in the order of the ids. None
// means that the answers can be taken.
//
// What is null, blank or an empty list is no answer: an optional field takes it
// as far as its type does, a required one does not; nor does a required checkbox
// without options that is not set.
func CheckAnswers(fields []SurveyField, responses map[string]any) []string {
	var faults []string
	known := make(map[string]bool, len(fields))
	for _, f := range fields {
		id := strconv.FormatInt(f.ID, 10)
		known[id] = true
		if fault := f.fault(responses[id]); fault != "" {
			faults = append(faults, fault)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(responses)) {
		if !known[id] {
			faults = append(faults, "Unknown field "+id)
		}
	}
	return faults
}

// fault tells what is wrong with the answer to a field, "" for nothing.
func (f SurveyField) fault(answer any) string {
	text, isText := answer.(string)
	switch {
	case f.Required && f.unanswered(answer):
		return f.Name + " is required"
	case answer == nil, isText && strings.TrimSpace(text) == "" && storable(text):
		return ""
	case isText && utf8.RuneCountInString(text) > MaxAnswerText:
		return fmt.Sprintf("%s must not be longer than %d characters", f.Name, MaxAnswerText)
	case !f.takes(answer):
		return f.Name + " must be a valid " + string(f.Type)
	}
	return ""
}

// unanswered tells whether a value says nothing.
func (f SurveyField) unanswered(answer any) bool {
	switch v := answer.(type) {
	case nil:
		return true
	case string:
		return strings.TrimSpace(v) == ""
	case []any:
		return len(v) == 0
	case bool:
		return !v && f.Type == FieldCheckbox && len(f.Options) == 0
	}
	return false
}

// takes tells whether an answer that was given fits the field's type.
func (f SurveyField) takes(answer any) bool {
	switch v := answer.(type) {
	case string:
		return storable(v) && f.takesText(v)
	case json.Number:
		return f.Type == FieldNumber && isNumber(v.String()) || f.Type == FieldRating && isRating(v.String())
	case bool:
		return f.Type == FieldCheckbox && len(f.Options) == 0
	case []any:
		return f.Type == FieldCheckbox && len(f.Options) > 0 && !slices.ContainsFunc(v, func(item any) bool { return !f.offers(item) })
	}
	return false
}

func (f SurveyField) takesText(text string) bool {
	switch f.Type {
	case FieldText, FieldTextarea, FieldFile:
		return true
	case FieldNumber:
		return isNumber(text)
	case FieldEmail:
		a, err := mail.ParseAddress(text)
		return err == nil && a.Address == text && len(text) <= 254
	case FieldPhone:
		return phone.MatchString(text)
	case FieldURL:
		u, err := url.Parse(text)
		return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" && !strings.ContainsAny(text, " \t")
	case FieldDate:
		_, err := time.Parse(time.DateOnly, text)
		return err == nil
	case FieldSelect, FieldRadio:
		return f.offers(text)
	case FieldCheckbox, FieldRating: // never texts
	}
	return false
}

// offers tells whether a value is one of the field's options.
func (f SurveyField) offers(value any) bool {
	text, ok := value.(string)
	return ok && slices.Contains(f.Options, text)
}

var (
	phone = regexp.MustCompile(`^[0-9+() -]{5,20}$`)
	// numeric bounds the exponent, because numbers are stored to the last digit.
	numeric = regexp.MustCompile(`^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?0{0,9}[0-9]{1,3})?$`)
)

// maxNumber is the longest number taken, in characters: the largest that a
// machine reckons with has 309 digits.
const maxNumber = 400

func isNumber(text string) bool {
	if len(text) > maxNumber || !numeric.MatchString(text) {
		return false
	}
	_, err := strconv.ParseFloat(text, 64)
	return err == nil // else it is too large
}

// isRating takes 3.0 for 3, as JSON does.
func isRating(text string) bool {
	f, err := strconv.ParseFloat(text, 64)
	return err == nil && isNumber(text) && f >= 1 && f <= 5 && f == float64(int(f))
}

// storable refuses what no database keeps.
func storable(text string) bool { return utf8.ValidString(text) && !strings.ContainsRune(text, 0) }
