package reporting

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"quad/models"
)

// Narrator puts figures into words. Errors: anything that keeps it from giving a
// text; the rules' text is used then.
type Narrator interface {
	Name() string
	Narrate(ctx context.Context, d Data) (Narration, error)
}

// Narration is the text of a report.
type Narration struct {
	Summary string `json:"summary"`
	Details string `json:"details"`
}

// draft is the text of a report that is being made.
type draft struct {
	Narration
	Narrator string `json:"narrator"`
	Note     string `json:"note,omitempty"`
}

// full is the whole text of a report.
func (d draft) full(data Data) string {
	parts := []string{data.Title, data.Heading(), d.Summary, d.Details}
	if d.Note != "" {
		parts = append(parts, "Note: "+d.Note)
	}
	return strings.Join(parts, "\n\n")
}

// Heading says what a report is about and when its figures were read.
func (d Data) Heading() string {
	return fmt.Sprintf("%s. %s. Period: %s. Figures as of %s UTC.", typeTitle(d.Type), d.Scope, d.Period(), d.AsOf.UTC().Format("2006-01-02 15:04"))
}

// typeTitle writes a type for people: "Training summary".
func typeTitle(t models.ReportType) string {
	words := strings.ReplaceAll(string(t), "_", " ")
	return strings.ToUpper(words[:1]) + words[1:]
}

// narratorRules is the name of the narrator that is always there.
const narratorRules = "rules"

// byRules makes a text of figures by rules: what rose, what fell, what was
// found. The same figures give the same text.
func byRules(d Data) Narration {
	return Narration{Summary: summaryOf(d), Details: detailsOf(d)}
}

// summaryOf is the most important in a few sentences.
func summaryOf(d Data) string {
	empty := true
	for _, f := range d.Facts {
		empty = empty && f.Value == 0
	}
	if empty {
		return "There is nothing to report on: no figures were recorded for this scope and period."
	}
	var rose, fell, same, plain []string
	for _, f := range d.Facts {
		switch {
		case f.Before == nil:
			plain = append(plain, strings.ToLower(f.Name[:1])+f.Name[1:]+": "+number(f.Kind, f.Value))
		case f.Value > *f.Before:
			rose = append(rose, moved(f, "rose"))
		case f.Value < *f.Before:
			fell = append(fell, moved(f, "fell"))
		default:
			same = append(same, fmt.Sprintf("%s stayed at %s", f.Name, number(f.Kind, f.Value)))
		}
	}
	var out []string
	for _, group := range [][]string{rose, fell, same} {
		if len(group) > 0 {
			out = append(out, join(group)+".")
		}
	}
	if len(rose)+len(fell)+len(same) > 0 {
		out = append([]string{"Compared with the period of the same length before:"}, out...)
	}
	if len(plain) > 0 {
		list := join(plain)
		out = append(out, strings.ToUpper(list[:1])+list[1:]+".")
	}
	return strings.Join(append(out, d.Findings...), " ")
}

// moved tells how a figure changed.
func moved(f Fact, verb string) string {
	by := math.Abs(f.Value - *f.Before)
	text := fmt.Sprintf("%s %s from %s to %s", f.Name, verb, number(f.Kind, *f.Before), number(f.Kind, f.Value))
	switch {
	case f.Kind == KindRate:
		return text + fmt.Sprintf(" (by %s points)", number(KindCount, round1(by)))
	case *f.Before != 0:
		return text + fmt.Sprintf(" (by %s)", number(KindRate, share(by, math.Abs(*f.Before))))
	}
	return text
}

// lines is how many rows of a table the text has.
const lines = 5

// detailsOf is figures and the heads of tables, a line each.
func detailsOf(d Data) string {
	var out strings.Builder
	out.WriteString("Figures\n")
	for _, f := range d.Facts {
		fmt.Fprintf(&out, "- %s: %s", f.Name, number(f.Kind, f.Value))
		if f.Before != nil {
			fmt.Fprintf(&out, " (before: %s)", number(f.Kind, *f.Before))
		}
		out.WriteByte('\n')
	}
	for _, t := range d.Tables {
		fmt.Fprintf(&out, "\n%s\n", t.Title)
		if len(t.Rows) == 0 {
			out.WriteString("- none\n")
		}
		for _, row := range t.Rows[:min(len(t.Rows), lines)] {
			cells := make([]string, 0, len(row))
			for i, v := range row[1:] {
				cells = append(cells, strings.ToLower(t.Columns[i+1].Name)+" "+Format(t.Columns[i+1].Kind, v))
			}
			fmt.Fprintf(&out, "- %s: %s\n", Format(t.Columns[0].Kind, row[0]), strings.Join(cells, ", "))
		}
		if more := t.Total - lines; more > 0 {
			fmt.Fprintf(&out, "- and %s more\n", number(KindCount, float64(more)))
		}
	}
	return strings.TrimSpace(out.String())
}

// join makes a list of words: "a, b and c".
func join(items []string) string {
	if len(items) < 2 {
		return strings.Join(items, "")
	}
	return strings.Join(items[:len(items)-1], ", ") + " and " + items[len(items)-1]
}

// countOf writes a number with what it counts.
func countOf(n float64, one, many string) string {
	if n == 1 {
		return number(KindCount, n) + " " + one
	}
	return number(KindCount, n) + " " + many
}

// round1 rounds to one decimal, half away from zero.
func round1(v float64) float64 { return math.Round(v*10) / 10 }

// narrate writes the text of a report: the narrator's, if there is one and its
// text holds, else the rules'.
func (s *Service) narrate(ctx context.Context, d Data) draft {
	rules := draft{Narration: byRules(d), Narrator: narratorRules}
	// Names of learners are told to nobody outside.
	if s.narrator == nil || d.Type == models.ReportLearnerProgress {
		return rules
	}
	ctx, cancel := context.WithTimeout(ctx, s.narratorTimeout())
	defer cancel()
	written, err := s.narrator.Narrate(ctx, d)
	if err == nil {
		err = checkNumbers(written, d, rules.Narration)
	}
	if err != nil {
		rules.Note = fmt.Sprintf("The text was written by rules, because that of the narrator %s could not be used: %s.", s.narrator.Name(), reasonOf(ctx, err))
		return rules
	}
	return draft{Narration: written, Narrator: s.narrator.Name()}
}

func (s *Service) narratorTimeout() time.Duration {
	if s.d.Config.NarratorTimeout > 0 {
		return s.d.Config.NarratorTimeout
	}
	return 30 * time.Second
}
