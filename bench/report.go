package main

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// Row is one measurement. Limit is what the machine does without the hub,
// measured in the same run, and Ratio is Value against it; both are missing
// where there is nothing to compare with. Without a Goal a row informs only,
// and Met is missing.
type Row struct {
	Name  string   `json:"name"`
	Value float64  `json:"value"`
	Unit  string   `json:"unit"`
	Limit *float64 `json:"limit"`
	Ratio *float64 `json:"ratio"`
	Goal  string   `json:"goal"`
	Met   *bool    `json:"met"`
	Note  string   `json:"note,omitempty"`
}

// against compares the row with the limit of the same rounds. The ratio is the
// median of the rounds' own, not that of the medians: what disturbs the machine
// for a while disturbs both sides of a round.
func (r Row) against(limit float64, ratios []float64) Row {
	ratio := median(ratios)
	r.Limit, r.Ratio = &limit, &ratio
	return r
}

// goal is a bound of a value or of a ratio.
type goal struct {
	text string
	met  func(Row) bool
}

func ratioAtLeast(n float64) goal {
	return goal{fmt.Sprintf("ratio >= %g", n), func(r Row) bool { return r.Ratio != nil && *r.Ratio >= n }}
}

func ratioAtMost(n float64) goal {
	return goal{fmt.Sprintf("ratio <= %g", n), func(r Row) bool { return r.Ratio != nil && *r.Ratio <= n }}
}

func ratioUnder(n float64) goal {
	return goal{fmt.Sprintf("ratio < %g", n), func(r Row) bool { return r.Ratio != nil && *r.Ratio < n }}
}

func atLeast(n float64) goal {
	return goal{"value >= " + plain(n), func(r Row) bool { return r.Value >= n }}
}

func atMost(n float64) goal {
	return goal{"value <= " + plain(n), func(r Row) bool { return r.Value <= n }}
}

func under(n float64) goal {
	return goal{"value < " + plain(n), func(r Row) bool { return r.Value < n }}
}

// judge sets the goals, all of which must be met.
func (r Row) judge(goals ...goal) Row {
	met := true
	texts := make([]string, 0, len(goals))
	for _, g := range goals {
		texts = append(texts, g.text)
		met = met && g.met(r)
	}
	r.Goal, r.Met = strings.Join(texts, ", "), &met
	return r
}

// Report is a run: what latest.json holds.
type Report struct {
	Time    time.Time `json:"time"`
	Seconds float64   `json:"seconds"`
	Quick   bool      `json:"quick"` // small sizes: not to be compared
	Machine Machine   `json:"machine"`
	Rows    []Row     `json:"rows"`
}

// Machine is where the run was. Values of two machines cannot be compared,
// ratios roughly can.
type Machine struct {
	System string `json:"system"`
	CPU    string `json:"cpu,omitempty"`
	CPUs   int    `json:"cpus"`
	Go     string `json:"go"`
}

func newReport(at time.Time, quick bool) *Report {
	return &Report{Time: at.UTC().Truncate(time.Second), Quick: quick, Machine: Machine{
		System: runtime.GOOS + "/" + runtime.GOARCH, CPU: cpuModel("/proc/cpuinfo"), CPUs: runtime.NumCPU(), Go: runtime.Version(),
	}}
}

func cpuModel(file string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return "" // not Linux
	}
	for line := range strings.SplitSeq(string(text), "\n") {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// write stores the report whole or not at all.
func (r *Report) write(file string) error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return err
	}
	unfinished := file + ".new"
	if err := os.WriteFile(unfinished, append(text, '\n'), 0o644); err != nil { //nolint:gosec // results are no secret
		return err
	}
	return os.Rename(unfinished, file)
}

func (r *Report) print(out io.Writer) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "name\tvalue\tunit\tlimit\tratio\tgoal\tmet\tnote")
	for _, row := range r.Rows {
		met := ""
		if row.Met != nil {
			met = map[bool]string{true: "yes", false: "NO"}[*row.Met]
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", row.Name, plain(row.Value), row.Unit,
			optional(row.Limit, plain), optional(row.Ratio, func(n float64) string { return strconv.FormatFloat(n, 'f', 2, 64) }), row.Goal, met, row.Note)
	}
	_ = w.Flush() // to the terminal
	fmt.Fprintf(out, "\n%s, %d CPUs, %s, %.0f s", r.Machine.System, r.Machine.CPUs, r.Machine.Go, r.Seconds)
	if r.Quick {
		fmt.Fprint(out, ", -quick: too short to compare")
	}
	fmt.Fprintln(out)
}

func optional(n *float64, format func(float64) string) string {
	if n == nil {
		return ""
	}
	return format(*n)
}

// plain writes a number with three significant digits, whole from 100 on and
// in groups of three from 1,000 on.
func plain(n float64) string {
	switch size := math.Abs(n); {
	case size < 100:
		return strconv.FormatFloat(n, 'g', 3, 64)
	default:
		digits := strconv.FormatFloat(math.Round(n), 'f', 0, 64)
		for i := len(digits) - 3; i > 0 && digits[i-1] != '-'; i -= 3 {
			digits = digits[:i] + "," + digits[i:]
		}
		return digits
	}
}

// median of at least one number.
func median(numbers []float64) float64 { return percentile(numbers, 50) }

// percentile is the smallest number that p percent of the numbers do not
// exceed; for the median of an even count it is the mean of the middle two.
func percentile(numbers []float64, p float64) float64 {
	sorted := slices.Sorted(slices.Values(numbers))
	n := len(sorted)
	if p == 50 && n%2 == 0 {
		return (sorted[n/2-1] + sorted[n/2]) / 2
	}
	return sorted[max(int(math.Ceil(p/100*float64(n))), 1)-1]
}
