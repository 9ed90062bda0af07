package notify

import (
	"context"
	"fmt"

	"quad/models"
)

// Attachment is a file that goes with a mail.
type Attachment struct {
	Name        string
	ContentType string
	Content     []byte
}

// AttachFunc makes what goes with the mails of a template. It is called for each
// attempt, as a ParamsFunc is; it bounds the size of what it gives.
type AttachFunc func(ctx context.Context, n models.Notification) ([]Attachment, error)

// RegisterAttachments sets the function that makes the attachments of a
// template's mails. It is called while the program is put together.
func (s *Service) RegisterAttachments(template string, fn AttachFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.attach[template] = fn
}

// attachments makes what goes with a mail.
func (s *Service) attachments(ctx context.Context, n models.Notification) ([]Attachment, error) {
	s.mu.RLock()
	fn := s.attach[n.Template]
	s.mu.RUnlock()
	if fn == nil {
		return nil, nil
	}
	files, err := fn(ctx, n)
	if err != nil {
		return nil, fmt.Errorf("attachments of the mail: %w", err)
	}
	return files, nil
}

// Values reads the stored values of a mail's placeholders.
func Values(n models.Notification) (map[string]string, error) { return storedValues(n.Params) }
