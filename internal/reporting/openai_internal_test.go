package reporting

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/config"
	"quad/internal/outbound"
	"quad/models"
)

// narrated has a server that answers as do says write the text of the sample.
func narrated(t *testing.T, do http.HandlerFunc, allow bool) draft {
	t.Helper()
	server := httptest.NewServer(do)
	t.Cleanup(server.Close)
	s := &Service{d: Deps{
		Config:   config.Reports{NarratorURL: server.URL + "/v1", NarratorKey: "key-1", NarratorModel: "model-1", NarratorTimeout: 300 * time.Millisecond},
		Outbound: outbound.Guard{AllowInternal: allow},
	}}
	require.NoError(t, s.setNarrator())
	return s.narrate(t.Context(), sampleData())
}

// says answers with a text.
func says(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{"choices": []any{map[string]any{"message": map[string]string{"role": "assistant", "content": text}}}})
	}
}

// hang answers nothing until the caller has left, which is noticed only once all
// that was sent has been read.
func hang(_ http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	<-r.Context().Done()
}

func TestNarratorThatHolds(t *testing.T) {
	var request struct {
		Model    string
		Messages []chatMessage
	}
	var path, key string
	d := narrated(t, func(w http.ResponseWriter, r *http.Request) {
		path, key = r.URL.Path, r.Header.Get("Authorization")
		_ = json.NewDecoder(r.Body).Decode(&request)
		says("Learners rose from 1100 to 1'250, by 13.60%.\n\nEnrolments fell to 4,312.0; the rate is 71.4 %.")(w, r)
	}, true)
	require.Equal(t, "model-1", d.Narrator, d.Note)
	require.Equal(t, "Learners rose from 1100 to 1'250, by 13.60%.", d.Summary)
	require.Equal(t, "Enrolments fell to 4,312.0; the rate is 71.4 %.", d.Details)
	require.Empty(t, d.Note)
	require.Equal(t, []string{"/v1/chat/completions", "Bearer key-1", "model-1"}, []string{path, key, request.Model})
	require.Len(t, request.Messages, 2)
	require.Contains(t, request.Messages[1].Content, `"value":1250`)
}

func TestNarratorThatCannotBeUsed(t *testing.T) {
	for name, c := range map[string]struct {
		do     http.HandlerFunc
		reason string
	}{
		"invents":     {says("Learners rose to 1,300."), "the number 1300, which is not one of the figures"},
		"rounds":      {says("About 71% complete."), "the number 71,"},
		"in words":    {says("There are ninety courses."), "the number 90, which is not one of the figures"},
		"in details":  {says("All is well.\n\nIn 1999 it was not."), "the number 1999"},
		"other digit": {says("There are ١٢٥٠ learners."), "cannot be checked"},
		"empty":       {says("  "), "its text is empty"},
		"limited":     {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(429) }, "status 429"},
		"broken":      {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500) }, "status 500"},
		"hangs":       {hang, "did not answer in time"},
		"garbage":     {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }, "could not be read"},
		"nothing":     {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"choices":[]}`)) }, "could not be read"},
		"too much":    {says(strings.Repeat("word ", 5_000)), "could not be read"},
		"redirects":   {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/", http.StatusFound) }, "status 302"},
	} {
		t.Run(name, func(t *testing.T) {
			d := narrated(t, c.do, true)
			require.Equal(t, narratorRules, d.Narrator)
			require.Equal(t, byRules(sampleData()), d.Narration)
			require.Contains(t, d.Note, c.reason)
			require.NotContains(t, d.Note, "127.0.0.1")
			require.Contains(t, d.full(sampleData()), "Note: The text was written by rules")
		})
	}
	d := narrated(t, says("fine"), false)
	require.Contains(t, d.Note, "an internal network")
}

// What learners are called is told to nobody outside.
func TestNarratorIsNotToldOfLearners(t *testing.T) {
	s := &Service{d: Deps{}, narrator: panicking{}}
	data := sampleData()
	data.Type = models.ReportLearnerProgress
	require.Equal(t, narratorRules, s.narrate(t.Context(), data).Narrator)
}

type panicking struct{ Narrator }

func TestNumbersOfText(t *testing.T) {
	for text, want := range map[string][]string{
		"1,250 and 1'250 and 1250.0": {"1250", "1250", "1250"}, "2026-03-31": {"2026", "3", "31"}, "0.50%": {"0.5"}, "007": {"7"}, "0": {"0"},
		"twenty and a hundred": {"20", "100"}, "12,34": {"12", "34"}, "one of them": nil,
	} {
		require.Equal(t, want, numbersOf(text), text)
	}
}

// The text by rules has only numbers that are figures, as it would be held to.
func TestRulesHoldTheirOwnRule(t *testing.T) {
	d := sampleData()
	text := byRules(d)
	require.NoError(t, checkNumbers(text, d, text))
	require.Contains(t, text.Summary, "Learners rose from 1,100 to 1,250 (by 13.6%)")
	require.Contains(t, text.Summary, "Completion rate rose from 68.2% to 71.4% (by 3.2 points)")
	require.Contains(t, text.Summary, "Enrolments fell from 4,500 to 4,312 (by 4.2%)")
	require.Contains(t, text.Summary, "Spent stayed at 1,234,567.80")
	require.Contains(t, text.Details, "and 55 more")
	empty := byRules(Data{Type: models.ReportExpenseSummary, Facts: []Fact{{Name: "Spent"}}})
	require.Contains(t, empty.Summary, "nothing to report")
}
