// Package reporting keeps reports: those that people write and those that the
// process report-generation makes. A made one is read in one snapshot
// (gather.go), put into words by a narrator (narrator.go) and drawn as files
// (render.go); each step works on what the one before has stored.
package reporting

import (
	"context"
	"errors"
	"strings"
	"time"

	"quad/internal/auth"
	"quad/internal/blob"
	"quad/internal/clock"
	"quad/internal/config"
	"quad/internal/learning/figures"
	"quad/internal/notify"
	"quad/internal/outbound"
	"quad/internal/process"
	"quad/internal/store"
	"quad/models"
)

// Deps is what a Service needs.
type Deps struct {
	DB      *store.DB
	Process *process.Service
	Notify  *notify.Service
	Blob    *blob.Store
	Figures *figures.Service
	Config  config.Reports
	// Outbound decides where a narrator may be.
	Outbound outbound.Guard
	Clock    clock.Clock // nil: the machine's
	// Reach tells which organizations' records the caller sees.
	Reach func(ctx context.Context) (auth.Reach, error)
	// Named checks an organization that the caller names.
	Named func(ctx context.Context, organizationID int64) error
	// Retention tells for how many days the reports of the context's account are
	// kept; 0: for ever. nil: for ever.
	Retention func(ctx context.Context) (int, error)
	// PublicURL is the hub's address as people reach it.
	PublicURL string
}

// Service is the area's door. It is safe for concurrent use.
type Service struct {
	d        Deps
	narrator Narrator // nil: the rules' text
}

// New makes a Service, registers it as the handler of its kind of process and
// as the maker of its mails' values. Errors: a missing dependency, a narrator
// that cannot be reached by its address.
func New(d Deps) (*Service, error) {
	if d.DB == nil || d.Process == nil || d.Notify == nil || d.Blob == nil || d.Figures == nil || d.Reach == nil || d.Named == nil {
		return nil, errors.New("reporting: DB, Process, Notify, Blob, Figures, Reach and Named are needed")
	}
	d.Clock, d.PublicURL = d.Clock.Or(), strings.TrimRight(d.PublicURL, "/")
	if d.Retention == nil {
		d.Retention = func(context.Context) (int, error) { return 0, nil }
	}
	s := &Service{d: d}
	if err := s.setNarrator(); err != nil {
		return nil, err
	}
	d.Process.Handle(models.ProcessReportGeneration, handler{s})
	d.Notify.RegisterParams(templateReady, s.readyValues)
	d.Notify.RegisterAttachments(templateReady, s.readyFiles)
	return s, nil
}

// timeLimit is how long the making of a report may take.
const timeLimit = 5 * time.Minute
