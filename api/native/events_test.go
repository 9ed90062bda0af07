package native_test

import (
	"bufio"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/contracttest"
	"quad/internal/hubtest"
)

// event is one server-sent event.
type event struct{ id, typ, data string }

// follow connects to a stream and gives its events as they come; the channel
// closes with the stream.
func follow(t *testing.T, c contracttest.Client, id, lastEventID string) (events <-chan event, disconnect func()) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, c.BaseURL+"/hub/v1/processes/"+id+"/events", nil)
	require.NoError(t, err)
	req.Header = c.Header.Clone()
	if lastEventID != "" {
		req.Header.Set("Last-Event-ID", lastEventID)
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	require.Equal(t, 200, resp.StatusCode)
	require.Contains(t, resp.Header.Get("Content-Type"), "text/event-stream")
	out := make(chan event, 1000)
	go func() {
		defer close(out)
		defer func() { _ = resp.Body.Close() }()
		var e event
		for lines := bufio.NewScanner(resp.Body); lines.Scan(); {
			field, value, _ := strings.Cut(lines.Text(), ": ")
			switch field {
			case "id":
				e.id = value
			case "event":
				e.typ = value
			case "data":
				e.data = value
			case "":
				if e.data != "" {
					out <- e
				}
				e = event{}
			}
		}
	}()
	return out, func() { _ = resp.Body.Close() }
}

// A process is followed to its end over two connections without a gap and
// without a repetition.
func TestEventsAreFollowedToTheEnd(t *testing.T) {
	w := newWorkingWorld(t)
	user, orgAdmin := w.as(t, w.user), w.as(t, w.orgAdmin)
	id := w.startRequest(t, user).Text(t, "id")

	var seen []string
	first, disconnect := follow(t, user, id, "")
	for e := range first {
		seen = append(seen, e.id)
		if strings.Contains(e.data, `"toState":"waiting"`) {
			break
		}
	}
	disconnect()

	second, _ := follow(t, user, id, seen[len(seen)-1])
	orgAdmin.Do(t, 200, "POST", path("/processes/%s/decide", id), object{"decision": "APPROVED"})
	var last event
	for e := range second {
		if last = e; e.id != "" {
			seen = append(seen, e.id)
		}
	}
	require.Equal(t, "end", last.typ)
	require.Empty(t, last.id)
	var ended object
	require.NoError(t, json.Unmarshal([]byte(last.data), &ended))
	require.Equal(t, "completed", ended["state"])
	require.Equal(t, walk(t, user, path("/processes/%s/timeline", id)), seen)

	// The whole stream of an ended process, and nothing after its last line.
	whole := user.Do(t, 200, "GET", path("/processes/%s/events", id), nil)
	require.Equal(t, len(seen), strings.Count(string(whole.Body), "\nid: "))
	user.With("Last-Event-ID", seen[len(seen)-1]).Do(t, 204, "GET", path("/processes/%s/events", id), nil)

	require.Equal(t, []string{"Last-Event-ID"}, fields(t, user.With("Last-Event-ID", "x").Do(t, 400, "GET", path("/processes/%s/events", id), nil)))
	w.as(t, w.otherAdmin).Do(t, 404, "GET", path("/processes/%s/events", id), nil)
	w.anyone().Do(t, 401, "GET", path("/processes/%s/events", id), nil)
}

// What happens after a caller's access has ended does not reach the streams
// that they had opened before.
func TestAStreamEndsWithTheAccess(t *testing.T) {
	w := newWorld(t, nil)
	user := w.as(t, w.user)
	id := w.startRequest(t, user).Text(t, "id")
	events, _ := follow(t, user, id, "")
	require.Equal(t, "created", (<-events).typ)
	w.as(t, w.admin).Do(t, 200, "POST", path("/users/%d/deactivate", w.user.ID), nil)
	require.NoError(t, w.Processes.Note(w.Context(), mustID(t, id), "note", "not for those who have left", nil))
	for e := range events { // ends with the stream
		require.NotContains(t, e.data, "not for those")
	}
}

// A stream that nobody reads any more gives back what it holds.
func TestAbandonedStreamsEnd(t *testing.T) {
	w := newWorld(t, nil)
	user := w.as(t, w.user)
	id := w.startRequest(t, user).Text(t, "id")
	for range 5 {
		events, disconnect := follow(t, user, id, "")
		require.Equal(t, "created", (<-events).typ)
		disconnect()
	}
	// A change makes each stream write, and a write finds that its client is gone.
	hubtest.Eventually(t, "the streams to end", func() bool {
		require.NoError(t, w.Processes.Note(w.Context(), mustID(t, id), "note", "still there?", nil))
		return w.Processes.OpenStreams() == 0
	})
}
