package notify

import (
	"context"
	"errors"
	"fmt"

	gomail "github.com/wneessen/go-mail"
)

// checker is a Sender that can tell whether it is able to send.
type checker interface {
	Check(ctx context.Context) error
}

// Check tells whether the mail server lets the hub in.
func (s *SMTP) Check(ctx context.Context) error {
	client, err := gomail.NewClient(s.host, s.options...)
	if err != nil {
		return fmt.Errorf("notify: mail server: %w", err)
	}
	if err := client.DialWithContext(ctx); err != nil {
		return classify(err)
	}
	return client.Close()
}

// CheckMail tells whether mails can be sent at the moment. Errors: why not.
func (s *Service) CheckMail(ctx context.Context) error {
	if s.sender == nil {
		return errors.New("notify: no mail server is configured")
	}
	if sender, able := s.sender.(checker); able {
		return sender.Check(ctx)
	}
	return nil
}
