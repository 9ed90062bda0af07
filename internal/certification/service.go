// Package certification keeps certificates: what they are (definition.go), who
// has earned them and in which state they are, and what was issued.
package certification

import (
	"errors"
	"strings"

	"quad/internal/clock"
	"quad/internal/config"
	"quad/internal/notify"
	"quad/internal/process"
	"quad/internal/store"
	"quad/models"
)

// Deps is what a Service needs.
type Deps struct {
	DB      *store.DB
	Process *process.Service
	Notify  *notify.Service
	Config  config.Certificates
	Clock   clock.Clock // nil: the machine's
	// PublicURL is the hub's address as people reach it, for the links of
	// certificates.
	PublicURL string
}

// Service is the area's door. It is safe for concurrent use.
type Service struct {
	d     Deps
	batch int // how many links are read and written at once
}

// New makes a Service, registers it as the handler of its kind of process and
// as the maker of its mails' values. Errors: a missing dependency.
func New(d Deps) (*Service, error) {
	if d.DB == nil || d.Process == nil || d.Notify == nil {
		return nil, errors.New("certification: DB, Process and Notify are needed")
	}
	d.Clock, d.PublicURL = d.Clock.Or(), strings.TrimRight(d.PublicURL, "/")
	s := &Service{d: d, batch: batchSize}
	d.Process.Handle(models.ProcessCertificateExpiry, handler{s})
	d.Notify.RegisterParams(templateExpires, s.reminderValues)
	d.Notify.RegisterParams(templateExpired, s.reminderValues)
	d.Notify.RegisterParams(templateDigest, s.digestValues)
	return s, nil
}
