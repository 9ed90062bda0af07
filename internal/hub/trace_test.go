package hub_test

import (
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"quad/internal/auth"
	"quad/internal/hubtest"
	"quad/internal/obs"
	"quad/internal/people/rolerequest"
	"quad/models"
	"quad/worker"
)

// otlp is a collector that keeps the names of spans by trace.
type otlp struct {
	mu    sync.Mutex
	spans map[string][]string
}

func (o *otlp) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var body io.Reader = r.Body
	if r.Header.Get("Content-Encoding") == "gzip" {
		unzipped, err := gzip.NewReader(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		body = unzipped
	}
	data, err := io.ReadAll(body)
	var req collector.ExportTraceServiceRequest
	if err == nil {
		err = proto.Unmarshal(data, &req)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, resource := range req.GetResourceSpans() {
		for _, scope := range resource.GetScopeSpans() {
			for _, span := range scope.GetSpans() {
				id := string(span.GetTraceId())
				o.spans[id] = append(o.spans[id], span.GetName())
			}
		}
	}
}

func (o *otlp) has(trace string, prefixes ...string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, prefix := range prefixes {
		found := false
		for _, name := range o.spans[trace] {
			found = found || strings.HasPrefix(name, prefix)
		}
		if !found {
			return false
		}
	}
	return true
}

// One trace leads from a request through the start of its workflow and the
// workflow's activities to their SQL.
func TestTraceReachesFromRequestThroughWorkflowToSQL(t *testing.T) {
	spans := &otlp{spans: map[string][]string{}}
	server := httptest.NewServer(spans)
	defer server.Close()
	e := hubtest.New(t, hubtest.Options{Worker: worker.Run, Settings: map[string]string{"OTEL_EXPORTER_OTLP_ENDPOINT": server.URL}})
	user := e.NewPerson(0, 0, "traced", models.RoleMentee)
	role, err := e.People.RoleByTitle(e.Context(), models.RoleMentor)
	require.NoError(t, err)

	ctx, span := obs.StartSpan(auth.WithPrincipal(t.Context(), auth.Principal{
		AccountID: user.AccountID, UserID: user.ID, OrganizationID: user.OrganizationID, Door: "test",
	}), "request")
	_, err = e.RoleRequests.Ask(ctx, rolerequest.Ask{RoleID: role.ID})
	require.NoError(t, err)
	span.End()
	id := span.SpanContext().TraceID()

	provider, ok := otel.GetTracerProvider().(interface{ ForceFlush(context.Context) error })
	require.True(t, ok)
	defer func() {
		if t.Failed() {
			t.Logf("spans: %q", spans.spans[string(id[:])])
		}
	}()
	hubtest.Eventually(t, "the spans of the workflow and its SQL", func() bool {
		_ = provider.ForceFlush(t.Context())
		return spans.has(string(id[:]), "request", "StartWorkflow:OrgRoleRequest", "RunActivity:OpenRoleRequest", "sql INSERT", "sql SELECT")
	})
}
