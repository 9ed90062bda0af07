package demo

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/devstack"
)

// hubOf describes a hub that is nowhere.
func hubOf(data devstack.Demo) devstack.DemoHub {
	return devstack.DemoHub{API: "http://127.0.0.1:1", Inbox: "http://127.0.0.1:1", Demo: data}
}

func someDemo() devstack.Demo {
	login := devstack.DemoLogin{Email: "a@demo.test", Password: "secret"}
	return devstack.Demo{Hub: &login, Elevate: &devstack.DemoElevate{OrgAdmin: login, User: login}}
}

func TestRunNeedsADescribedHub(t *testing.T) {
	for says, hub := range map[string]devstack.DemoHub{
		"the address of the API is not known": {},
		"no development inbox":                {API: "http://127.0.0.1:1", Demo: someDemo()},
		"no demo data":                        {API: "http://127.0.0.1:1", Inbox: "http://127.0.0.1:1"},
	} {
		require.ErrorContains(t, Run(t.Context(), hub, nil), says)
	}
}

func TestRunSaysWhichStepFailed(t *testing.T) {
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "not today", http.StatusServiceUnavailable)
	}))
	t.Cleanup(api.Close)
	hub := hubOf(someDemo())
	hub.API = api.URL
	var out bytes.Buffer
	err := Run(t.Context(), hub, &out)
	require.EqualError(t, err, "demo: the hub admin and the org admin sign in: POST /hub/v1/login answers 503 Service Unavailable: not today")
	require.Contains(t, out.String(), "FAILED  the hub admin and the org admin sign in")
}
