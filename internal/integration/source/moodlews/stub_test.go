package moodlews

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/integration/source"
)

// token is a secret that must show nowhere.
const token = "0a1b2c3d4e5f60718293a4b5c6d7e8f9"

// stub is a small site whose answers a test says.
type stub struct {
	*httptest.Server
	lock    sync.Mutex
	calls   map[string]int
	answers map[string]http.HandlerFunc
}

// everything are all functions.
var everything = []string{
	fnSiteInfo, fnUsers, fnCategories, fnCourses, fnContents, fnEnrolled, fnCompletion, fnActivities, fnGrades, fnQuizzes, fnAttempts, fnAssignments,
	fnSubmissions, fnMarks, fnCohorts, fnCohortPeople, fnBadges, fnCertificates,
}

func siteInfo(functions ...string) string {
	list := []map[string]string{}
	for _, f := range functions {
		list = append(list, map[string]string{"name": f})
	}
	raw, _ := json.Marshal(map[string]any{"release": "4.1.2 (Build: 20230313)", "username": "quad", "functions": list, "siteurl": nil})
	return string(raw)
}

// newStub is a site with three courses; 1 is the front page.
func newStub(t *testing.T, start func(http.Handler) *httptest.Server) *stub {
	t.Helper()
	s := &stub{calls: map[string]int{}, answers: map[string]http.HandlerFunc{}}
	s.say(fnSiteInfo, siteInfo(everything...))
	s.say(fnUsers, `{"users": [{"id": 7, "username": "anna", "auth": "manual", "confirmed": true, "suspended": 0, "email": "Anna@Example.org"}], "warnings": []}`)
	s.say(fnCourses, `{"courses": [{"id": 1, "format": "site"}, {"id": 3, "fullname": "C", "shortname": "c", "visible": 1, "enablecompletion": 1},
		{"id": 2, "fullname": "B", "visible": 0, "enablecompletion": 0, "startdate": null}]}`)
	s.Server = start(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.RawQuery != "" || r.ParseForm() != nil || r.PostForm.Get("wstoken") != token {
			http.Error(w, "no token, or in the address", http.StatusTeapot)
			return
		}
		function := r.PostForm.Get("wsfunction")
		s.lock.Lock()
		s.calls[function]++
		answer := s.answers[function]
		s.lock.Unlock()
		if answer == nil {
			answer = saying(`{"exception": "moodle_exception", "errorcode": "nopermissions", "message": "Nein, ` + token + `", "debuginfo": "` + token + `"}`)
		}
		answer(w, r)
	}))
	t.Cleanup(s.Close)
	return s
}

func saying(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, text) }
}

func (s *stub) do(function string, answer http.HandlerFunc) {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.answers[function] = answer
}

func (s *stub) say(function, text string) { s.do(function, saying(text)) }

func (s *stub) called(function string) int {
	s.lock.Lock()
	defer s.lock.Unlock()
	return s.calls[function]
}

func (s *stub) settings() source.Settings { return source.Settings{"url": s.URL, "token": token} }

// plain starts a stub that speaks plain HTTP.
func plain(t *testing.T) *stub {
	t.Helper()
	return newStub(t, func(h http.Handler) *httptest.Server { return httptest.NewServer(h) })
}

// by answers by what is asked for.
func by(key string, answers map[string]string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		answer, ok := answers[r.PostForm.Get(key)]
		if !ok {
			answer = answers[""]
		}
		fmt.Fprint(w, answer)
	}
}

func exception(code string) string {
	return `{"exception": "moodle_exception", "errorcode": "` + code + `", "message": "Fehler ` + token + `"}`
}

func TestSettings(t *testing.T) {
	good := source.Settings{"url": "https://moodle.example.org/lernen/", "token": token}
	s, err := parse(good)
	require.NoError(t, err)
	require.Equal(t, "https://moodle.example.org/lernen/webservice/rest/server.php", s.url.String())
	require.Equal(t, []string{"student"}, s.learners)
	host, field := connector{}.Host(good)
	require.Equal(t, []string{"moodle.example.org", "url"}, []string{host, field})
	for name, wrong := range map[string]source.Settings{
		"url":           {"url": "moodle.example.org"},
		"url ":          {"url": "https://moodle.example.org/?x=1"},
		"url  ":         {"url": "https://anna:secret@moodle.example.org"},
		"url   ":        {"url": "ftp://moodle.example.org"},
		"token":         {"token": "a b"},
		"token ":        {"token": ""},
		"learner_roles": {"learner_roles": " , "},
		"ca":            {"ca": "no certificate"},
		"language":      {"language": "x"},
	} {
		values := source.Settings{}
		for k, v := range good {
			values[k] = v
		}
		for k, v := range wrong {
			values[k] = v
			require.Len(t, fieldsOf(t, New().Check(values)), 1, name)
			require.Equal(t, k, fieldsOf(t, New().Check(values))[0], name)
		}
	}
	require.Equal(t, Kind, New().Kind())
	require.NoError(t, New().Check(source.Settings{"url": "http://10.0.0.1/webservice/rest/server.php", "token": token}))
}

// choose answers in one of several ways.
func choose(which func(form func(string) string) int, answers ...http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { answers[which(r.PostForm.Get)](w, r) }
}
