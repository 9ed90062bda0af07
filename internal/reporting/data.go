package reporting

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"quad/models"
)

// Data is what a report is made of, and all that it is made of: text and files
// say nothing that is not in it.
type Data struct {
	Type   models.ReportType `json:"type"`
	Title  string            `json:"title"`
	Scope  string            `json:"scope"` // in words
	From   string            `json:"from,omitempty"`
	Until  string            `json:"until,omitempty"`
	AsOf   time.Time         `json:"asOf"`
	Facts  []Fact            `json:"facts"`
	Charts []Chart           `json:"charts"`
	Tables []Table           `json:"tables"`
	// Findings are sentences that rules made of more than the figures shown,
	// such as which courses need support.
	Findings []string `json:"findings"`
}

// Kind says how a value is written.
type Kind string

// The kinds of values.
const (
	KindText    Kind = "text"
	KindCount   Kind = "count"
	KindRate    Kind = "rate" // percent, one decimal
	KindMoney   Kind = "money"
	KindMinutes Kind = "minutes"
	KindDay     Kind = "day"
)

// Fact is one figure with, where it is known, the one of the period before.
type Fact struct {
	Key    string   `json:"key"`
	Name   string   `json:"name"`
	Kind   Kind     `json:"kind"`
	Value  float64  `json:"value"`
	Before *float64 `json:"before,omitempty"`
	// Good tells which way is the better one: 1 up, -1 down, 0 neither.
	Good int `json:"good,omitempty"`
}

// Chart is a picture of figures.
type Chart struct {
	Title  string   `json:"title"`
	Lines  bool     `json:"lines,omitempty"` // lines instead of bars
	Kind   Kind     `json:"kind"`
	Labels []string `json:"labels"`
	Series []Series `json:"series"`
}

// Series is the values of a chart that belong together, one for each label.
type Series struct {
	Name   string    `json:"name"`
	Values []float64 `json:"values"`
}

// Column is one column of a table.
type Column struct {
	Name string `json:"name"`
	Kind Kind   `json:"kind"`
}

// Table is the first rows of a table; all of them are in the object of the
// report's rows. Values are texts or numbers, nil for none.
type Table struct {
	Title   string   `json:"title"`
	Columns []Column `json:"columns"`
	Rows    [][]any  `json:"rows"`
	Total   int      `json:"total"` // rows in all
}

// More is how many rows a table has that it does not show.
func (t Table) More() int { return t.Total - len(t.Rows) }

// Period is the days that the figures are about, in words.
func (d Data) Period() string {
	switch {
	case d.From != "" && d.Until != "":
		return d.From + " to " + d.Until
	case d.From != "":
		return "since " + d.From
	case d.Until != "":
		return "until " + d.Until
	}
	return "all time"
}

// Format writes a value for people; of nil it is a dash.
func Format(kind Kind, value any) string {
	switch v := value.(type) {
	case nil:
		return "–"
	case string:
		return v
	case float64:
		return number(kind, v)
	case int64:
		return number(kind, float64(v))
	}
	return fmt.Sprint(value)
}

// number writes a figure.
func number(kind Kind, v float64) string {
	switch kind {
	case KindRate:
		return strconv.FormatFloat(v, 'f', 1, 64) + "%"
	case KindMoney:
		whole, part, _ := strings.Cut(strconv.FormatFloat(v, 'f', 2, 64), ".")
		return grouped(whole) + "." + part
	case KindMinutes:
		return grouped(strconv.FormatFloat(math.Round(v), 'f', 0, 64)) + " min"
	case KindText, KindCount, KindDay:
	}
	return grouped(strconv.FormatFloat(v, 'f', -1, 64))
}

// grouped parts the thousands of a number with commas.
func grouped(digits string) string {
	sign := ""
	if strings.HasPrefix(digits, "-") {
		sign, digits = "-", digits[1:]
	}
	digits, part, _ := strings.Cut(digits, ".")
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	if part != "" {
		part = "." + part
	}
	return sign + digits + part
}
