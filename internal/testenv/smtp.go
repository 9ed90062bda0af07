package testenv

import (
	"context"
	"log/slog"
	"testing"

	"quad/internal/inbox"
)

// SMTP starts a mail server of the test's own, whose mails and faults the test
// reads and sets on the returned value; SMTPAddr is its host:port. It ends with
// the test.
func SMTP(t testing.TB) *inbox.Server {
	t.Helper()
	server, err := inbox.New(inbox.Options{SMTPAddr: "127.0.0.1:0", HTTPAddr: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler)})
	server = must(t, server, err)
	t.Cleanup(func() {
		if err := server.Close(); err != nil {
			t.Errorf("testenv: stop the mail server: %v", err)
		}
	})
	// The test's own context would end it before the cleanups of what uses it.
	if err := server.Start(context.Background()); err != nil {
		t.Fatalf("testenv: %v", err)
	}
	return server
}
