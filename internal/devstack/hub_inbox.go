package devstack

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"

	"quad/internal/inbox"
)

// startInbox starts the development mail inbox in this process.
func (h *hub) startInbox(ctx context.Context) error {
	if h.replaced("SMTP_URL", "the mail server") {
		return nil
	}
	smtpPort, err := h.taken.Take("the mail inbox (SMTP)", h.ports.SMTP)
	if err != nil {
		return err
	}
	pagePort, err := h.taken.Take("the mail inbox's page", h.ports.Inbox)
	if err != nil {
		return err
	}
	server, err := inbox.New(inbox.Options{
		SMTPAddr: Address(smtpPort),
		HTTPAddr: Address(pagePort),
		Dir:      filepath.Join(h.dir, "inbox"),
		Logger:   slog.New(slog.NewTextHandler(h.logs.Writer("inbox"), &slog.HandlerOptions{Level: slog.LevelWarn})),
	})
	if err != nil {
		return err
	}
	if err := h.group.Add(server.Close); err != nil {
		return err
	}
	// It ends in its turn, after the worker that sends mails, not with ctx.
	running := context.WithoutCancel(ctx)
	if err := server.Start(running); err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- server.Run(running) }()
	h.inbox = ended
	h.file.Inbox = "http://" + server.HTTPAddr()
	h.vars["SMTP_URL"] = fmt.Sprintf("smtp://%s", server.SMTPAddr())
	return nil
}
