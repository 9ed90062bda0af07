package validate

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/stretchr/testify/require"
)

// metrics are the names that the hub really publishes: its own from its source,
// the Temporal SDK's from the version it is built with.
func metrics(t *testing.T) map[string]bool {
	t.Helper()
	known := map[string]bool{"process_resident_memory_bytes": true, "process_cpu_seconds_total": true, "up": true}
	collect := func(folder, pattern, prefix string) {
		files, err := filepath.Glob(filepath.Join(folder, "*.go"))
		require.NoError(t, err)
		require.NotEmpty(t, files)
		for _, file := range files {
			source, err := os.ReadFile(file)
			require.NoError(t, err)
			for _, match := range regexp.MustCompile(pattern).FindAllStringSubmatch(string(source), -1) {
				known[prefix+match[1]] = true
			}
		}
	}
	collect(filepath.Join(root, "internal/obs"), `"(quad_[a-z_]+)"`, "")
	sdk, err := exec.CommandContext(t.Context(), "go", "-C", root, "list", "-m", "-f", "{{.Dir}}", "go.temporal.io/sdk").Output()
	require.NoError(t, err)
	names := filepath.Join(strings.TrimSpace(string(sdk)), "internal/common/metrics")
	collect(names, `TemporalMetricsPrefix \+ "([a-z_]+)"`, "temporal_")
	collect(names, `TemporalRequest \+ "([a-z_]+)"`, "temporal_request")
	require.True(t, known["quad_build_info"] && known["temporal_request_failure"], "the metrics are no longer where this test looks")
	return known
}

// published says whether a name in a query can come from a metric: the hub adds
// _total and _seconds to the SDK's names, histograms have three series.
func published(known map[string]bool, name string) bool {
	for _, series := range []string{"", "_bucket", "_count", "_sum"} {
		base, ok := strings.CutSuffix(name, series)
		if !ok {
			continue
		}
		if known[base] {
			return true
		}
		for _, unit := range []string{"_total", "_seconds"} {
			if sdk, ok := strings.CutSuffix(base, unit); ok && strings.HasPrefix(sdk, "temporal_") && known[sdk] {
				return true
			}
		}
	}
	return false
}

// requireQuery parses a query and checks the names in it.
func requireQuery(t *testing.T, known map[string]bool, where, query string) {
	t.Helper()
	for variable, value := range map[string]string{"$__rate_interval": "5m", "$door": ".*", "$kind": ".*"} {
		query = strings.ReplaceAll(query, variable, value)
	}
	expression, err := parser.ParseExpr(query)
	require.NoError(t, err, "%s: %s", where, query)
	parser.Inspect(expression, func(node parser.Node, _ []parser.Node) error {
		if selector, ok := node.(*parser.VectorSelector); ok {
			require.True(t, published(known, selector.Name), "%s asks for %s, which nobody publishes", where, selector.Name)
		}
		return nil
	})
}

func TestAlertRules(t *testing.T) {
	content := read(t, "deploy/dashboards/alerts.yaml")
	groups, errs := rulefmt.Parse(content, false, model.UTF8Validation)
	require.Empty(t, errs)
	known := metrics(t)
	manual := strings.ToLower(string(read(t, "docs/operations.md")))
	seen := map[string]bool{}
	for _, group := range groups.Groups {
		for _, rule := range group.Rules {
			require.NotEmpty(t, rule.Alert)
			require.False(t, seen[rule.Alert], "%s twice", rule.Alert)
			seen[rule.Alert] = true
			requireQuery(t, known, rule.Alert, rule.Expr)
			require.Contains(t, []string{"warning", "critical"}, rule.Labels["severity"], rule.Alert)
			require.NotEmpty(t, rule.Annotations["summary"], rule.Alert)
			_, anchor, ok := strings.Cut(rule.Annotations["runbook"], "docs/operations.md#")
			require.True(t, ok, rule.Alert)
			require.Contains(t, manual, "### "+anchor+"\n", "%s is not in the manual", rule.Alert)
		}
	}
	require.NotEmpty(t, seen)
}

func TestDashboard(t *testing.T) {
	var dashboard struct {
		UID, Title string
		Templating struct {
			List []struct {
				Name  string
				Query any
			}
		}
		Panels []struct {
			ID      int
			Title   string
			Type    string
			GridPos struct{ X, Y, W, H int }
			Targets []struct{ Expr string }
		}
	}
	content := read(t, "deploy/dashboards/quad.json")
	require.NoError(t, json.Unmarshal(content, &dashboard))
	require.NotEmpty(t, dashboard.UID)
	known := metrics(t)
	ids := map[int]bool{}
	queries := 0
	for _, panel := range dashboard.Panels {
		require.False(t, ids[panel.ID], "two panels with id %d", panel.ID)
		ids[panel.ID] = true
		require.LessOrEqual(t, panel.GridPos.X+panel.GridPos.W, 24, panel.Title)
		if panel.Type == "row" {
			continue
		}
		require.NotEmpty(t, panel.Targets, panel.Title)
		for _, target := range panel.Targets {
			requireQuery(t, known, panel.Title, target.Expr)
			queries++
		}
	}
	require.Greater(t, queries, 20)
	variables := map[string]bool{}
	for _, v := range dashboard.Templating.List {
		variables[v.Name] = true
	}
	for _, match := range regexp.MustCompile(`\$\{?([a-z]+)`).FindAllStringSubmatch(string(content), -1) {
		require.True(t, variables[match[1]], "$%s is no variable of the dashboard", match[1])
	}
}
