package reporting

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/models"
)

// sampleData is a report with everything that can be in one.
func sampleData() Data {
	before := func(v float64) *float64 { return &v }
	d := Data{
		Type: models.ReportTrainingSummary, Title: "Q1 training report – Größe & Ñandú", Scope: "North Academy, South Works", From: "2026-01-01", Until: "2026-03-31",
		AsOf: time.Date(2026, 4, 1, 6, 0, 0, 0, time.UTC),
		Facts: []Fact{
			{Key: "trainees", Name: "Learners", Kind: KindCount, Value: 1250, Before: before(1100), Good: 1},
			{Key: "enrollments", Name: "Enrolments", Kind: KindCount, Value: 4312, Before: before(4500), Good: 1},
			{Key: "completion_rate", Name: "Completion rate", Kind: KindRate, Value: 71.4, Before: before(68.2), Good: 1},
			{Key: "spent", Name: "Spent", Kind: KindMoney, Value: 1234567.8, Before: before(1234567.8)},
			{Key: "needs_support", Name: "Learners who need support", Kind: KindCount, Value: 87},
		},
		Charts: []Chart{
			{Title: "Enrolments and completions by month", Lines: true, Kind: KindCount, Labels: []string{"Jan 26", "Feb 26", "Mar 26", "Apr 26"},
				Series: []Series{{"Enrolments", []float64{1200, 1612, 1500, 1720}}, {"Completions", []float64{800, 1100, 1175, 1190}}}},
			{Title: "Completion rate by course", Kind: KindRate, Labels: []string{"Fire safety", "First aid for people in offices and workshops", "שלום עולם"},
				Series: []Series{{"Completion rate", []float64{92.5, 48.1, 0}}}},
		},
		Findings: []string{"87 learners have a mean score below 70 percent and may need support."},
	}
	courses := Table{Title: "Courses by enrolments", Columns: []Column{{"Course", KindText}, {"Enrolments", KindCount}, {"Completions", KindCount},
		{"Completion rate", KindRate}, {"Average score", KindRate}, {"Last day", KindDay}}, Total: 60}
	for i := range 15 {
		courses.Rows = append(courses.Rows, []any{fmt.Sprintf("Course %d with a rather long name that needs two lines or so in a table", i), float64(900 - i*20), float64(500 - i*10), 55.6, nil, "2026-03-31"})
	}
	d.Tables = []Table{courses, {Title: "Names", Columns: []Column{{"Name", KindText}, {"Formula", KindText}}, Rows: [][]any{{"محمد", "=1+1"}, {"Nguyễn Thị", "@x"}, {"山田", "-1"}}, Total: 3}, {Title: "Empty", Columns: []Column{{"A", KindText}}}}
	return d
}

func TestRenderPDF(t *testing.T) {
	d := sampleData()
	text := draft{Narration: byRules(d), Narrator: narratorRules}
	a, err := renderPDF(d, text)
	require.NoError(t, err)
	b, err := renderPDF(d, text)
	require.NoError(t, err)
	require.Equal(t, a, b, "the same report gives the same bytes")
	if out := os.Getenv("REPORT_SAMPLE"); out != "" {
		require.NoError(t, os.WriteFile(out, a, 0o600))
	}
}
