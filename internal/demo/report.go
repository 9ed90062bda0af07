package demo

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"
)

// report shows the processes that the job started, in one piece.
func (j *job) report(took time.Duration) {
	var b strings.Builder
	fmt.Fprintf(&b, "\nAll as expected after %.1f s. The processes:\n\n", took.Seconds())
	w := tabwriter.NewWriter(&b, 0, 0, 3, ' ', 0)
	fmt.Fprint(w, "  Id\tProcess\tState\tRows\tTook\tAPI and Temporal UI\n")
	for _, p := range j.processes {
		rows, duration := "", ""
		if p.Total > 0 {
			rows = fmt.Sprintf("%d of %d", p.Done, p.Total)
		}
		if p.DurationMs != nil {
			duration = fmt.Sprintf("%.2f s", float64(*p.DurationMs)/1000)
		}
		fmt.Fprintf(w, "  %d\t%s\t%s\t%s\t%s\t%s\n", p.ID, p.Kind, p.State, rows, duration, j.absolute(p.Links.Self))
		fmt.Fprintf(w, "  \t%s\t\t\t\t%s\n", p.WorkflowID, p.Links.Temporal)
	}
	w.Flush() //nolint:errcheck // a strings.Builder takes everything
	for _, p := range j.processes {
		if len(p.Counters) == 0 {
			continue
		}
		fmt.Fprintf(&b, "\n  Verdicts of %s\n", p.WorkflowID)
		w = tabwriter.NewWriter(&b, 0, 0, 3, ' ', 0)
		for _, verdict := range byCount(p.Counters) {
			fmt.Fprintf(w, "    %s\t%d\n", verdict, p.Counters[verdict])
		}
		w.Flush() //nolint:errcheck // as above
	}
	j.say("%s", b.String())
}

// absolute completes a link that is only a path.
func (j *job) absolute(link string) string {
	if strings.HasPrefix(link, "/") {
		return j.api + link
	}
	return link
}

// byCount lists the keys of counters, the largest count first.
func byCount(counters map[string]int64) []string {
	return slices.SortedFunc(maps.Keys(counters), func(a, b string) int {
		return cmp.Or(cmp.Compare(counters[b], counters[a]), cmp.Compare(a, b))
	})
}
