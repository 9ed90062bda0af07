package reporting

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"
)

// errInvented refuses a text with a number that is not one of the figures.
type inventedError struct{ number string }

func (e *inventedError) Error() string {
	return fmt.Sprintf("its text has the number %s, which is not one of the figures", e.number)
}

// numerals are numbers as people write them: with or without groups of
// thousands, with or without decimals.
var numerals = regexp.MustCompile(`\d+(?:[,'’\x{00a0}\x{202f}]\d{3})*(?:\.\d+)?`)

var separators = strings.NewReplacer(",", "", "'", "", "’", "", "\u00a0", "", "\u202f", "")

// words are numbers that are written out. One is none of them: it is also what
// somebody is.
var words = map[string]float64{
	"zero": 0, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12,
	"thirteen": 13, "fourteen": 14, "fifteen": 15, "sixteen": 16, "seventeen": 17, "eighteen": 18, "nineteen": 19, "twenty": 20, "thirty": 30,
	"forty": 40, "fifty": 50, "sixty": 60, "seventy": 70, "eighty": 80, "ninety": 90, "hundred": 100, "hundreds": 100, "thousand": 1000,
	"thousands": 1000, "million": 1e6, "millions": 1e6, "billion": 1e9, "dozen": 12, "dozens": 12,
}

// numbers are the numbers of a text, each in one way of writing it.
func numbersOf(text string) []string {
	var out []string
	for _, n := range numerals.FindAllString(text, -1) {
		out = append(out, plain(separators.Replace(n)))
	}
	for _, w := range strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) }) {
		if v, ok := words[w]; ok {
			out = append(out, strconv.FormatFloat(v, 'f', -1, 64))
		}
	}
	return out
}

// plain writes a number without what does not change it: 012.50 is 12.5.
func plain(n string) string {
	if strings.Contains(n, ".") {
		n = strings.TrimRight(strings.TrimRight(n, "0"), ".")
	}
	if n = strings.TrimLeft(n, "0"); n == "" || n[0] == '.' {
		n = "0" + n
	}
	return n
}

var (
	errEmptyText = errors.New("its text is empty")
	errDigits    = errors.New("its text has digits that cannot be checked")
)

// checkNumbers refuses a text that has a number which is not among the figures,
// however it is written. Numbers that the rules' text derives from them, such as
// by how much something rose, are figures too.
func checkNumbers(text Narration, d Data, rules Narration) error {
	if strings.TrimSpace(text.Summary) == "" {
		return errEmptyText
	}
	known := map[string]bool{}
	learn := func(texts ...string) {
		for _, t := range texts {
			for _, n := range numbersOf(t) {
				known[n] = true
			}
		}
	}
	learn(d.Title, d.Scope, d.Heading(), rules.Summary, rules.Details)
	learn(d.Findings...)
	for _, f := range d.Facts {
		learn(f.Name, number(f.Kind, f.Value))
		if f.Before != nil {
			learn(number(f.Kind, *f.Before))
		}
	}
	for _, t := range d.Tables {
		learn(t.Title, number(KindCount, float64(t.Total)), number(KindCount, float64(t.More())))
		for _, row := range t.Rows {
			for i, v := range row {
				learn(Format(t.Columns[i].Kind, v))
			}
		}
	}
	for _, c := range d.Charts {
		learn(c.Title)
		learn(c.Labels...)
	}
	for _, part := range []string{text.Summary, text.Details} {
		if strings.ContainsFunc(part, func(r rune) bool { return unicode.IsNumber(r) && r > unicode.MaxASCII }) {
			return errDigits
		}
		for _, n := range numbersOf(part) {
			if !known[n] {
				return &inventedError{n}
			}
		}
	}
	return nil
}
