package workflows_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
	"google.golang.org/protobuf/encoding/protojson"

	"quad/models"
	"quad/workflows"
)

// Histories of workflows that ran, one file each, "<workflow type>-<what
// happened>.json". Today's code must come to the same commands, or a deployment
// would break the workflows that are running.
//
// A change of a workflow that fails here is versioned (workflow.GetVersion);
// the file stays, because such workflows are out there. New histories are
// recorded from the code that is deployed, before a change:
//
//	QUAD_RECORD_HISTORIES=1 go test ./workflows -run Record
const histories = "testdata/replay"

// recordVariable has the tests named TestRecord… write their histories.
const recordVariable = "QUAD_RECORD_HISTORIES"

var silent = log.NewStructuredLogger(slog.New(slog.DiscardHandler))

// replayer knows all workflows, as the workers do.
func replayer() worker.WorkflowReplayer {
	r := worker.NewWorkflowReplayer()
	for _, queue := range []string{models.QueueCore, models.QueueBulk} {
		workflows.Register(r, queue)
	}
	return r
}

func TestReplay(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(histories, "*.json"))
	require.NoError(t, err)
	require.NotEmpty(t, files)
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".json"), func(t *testing.T) {
			require.NoError(t, replayer().ReplayWorkflowHistoryFromJSONFile(silent, file))
		})
	}
}

func TestEveryProcessHasHistories(t *testing.T) {
	for _, spec := range models.ProcessSpecs {
		files, err := filepath.Glob(filepath.Join(histories, spec.WorkflowType+"-*.json"))
		require.NoError(t, err)
		require.NotEmpty(t, files, spec.WorkflowType)
	}
}

// The guard itself: a workflow that does something else is caught.
func TestReplayCatchesAChange(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(histories, "*.json"))
	require.NoError(t, err)
	for _, file := range files {
		name, _, _ := strings.Cut(filepath.Base(file), "-")
		r := worker.NewWorkflowReplayer()
		r.RegisterWorkflowWithOptions(func(ctx workflow.Context, _ models.ProcessInput) error {
			return workflow.ExecuteActivity(workflows.Short(ctx), "SomethingElse").Get(ctx, nil)
		}, workflow.RegisterOptions{Name: name})
		require.Error(t, r.ReplayWorkflowHistoryFromJSONFile(silent, file), file)
	}
}

var (
	// Names of processes and hosts, which belong in no fixture.
	identities = regexp.MustCompile(`("identity":\s*)"[^"]*"`)
	// Arguments and results.
	payloads = regexp.MustCompile(`"data":\s*"([^"]*)"`)
)

// record replays the history of a workflow that just ran, and keeps it as a
// fixture if the environment asks for that.
func record(t *testing.T, c client.Client, workflowID, runID, name string) {
	t.Helper()
	var h history.History
	events := c.GetWorkflowHistory(context.Background(), workflowID, runID, false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		require.NoError(t, err)
		h.Events = append(h.Events, event)
	}
	require.NotEmpty(t, h.Events)
	text, err := protojson.MarshalOptions{Multiline: true, Indent: " "}.Marshal(&h)
	require.NoError(t, err)
	text = append(identities.ReplaceAll(text, []byte(`$1"recorder"`)), '\n')
	read, err := client.HistoryFromJSON(bytes.NewReader(text), client.HistoryJSONOptions{})
	require.NoError(t, err)
	require.NoError(t, replayer().ReplayWorkflowHistory(silent, read))
	for _, found := range payloads.FindAllSubmatch(text, -1) {
		payload, err := base64.StdEncoding.DecodeString(string(found[1]))
		require.NoError(t, err)
		require.NotContains(t, string(payload), "@", "an e-mail address in a history")
	}
	if os.Getenv(recordVariable) == "" {
		return
	}
	require.NoError(t, os.MkdirAll(histories, 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(histories, name+".json"), text, 0o644))
}
