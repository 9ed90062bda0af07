// Package certification keeps certificates: what they are (definition.go), who
// has earned them and in which state they are, and what was issued.
package certification

import (
	"errors"
	"strings"

	"quad/internal/clock"
	"quad/internal/config"
	"quad/internal/store"
)

// Deps is what a Service needs.
type Deps struct {
	DB     *store.DB
	Config config.Certificates
	Clock  clock.Clock // nil: the machine's
	// PublicURL is the hub's address as people reach it, for the links of
	// certificates.
	PublicURL string
}

// Service is the area's door. It is safe for concurrent use.
type Service struct{ d Deps }

// New makes a Service. Errors: a missing dependency.
func New(d Deps) (*Service, error) {
	if d.DB == nil {
		return nil, errors.New("certification: DB is missing")
	}
	d.Clock = d.Clock.Or()
	d.PublicURL = strings.TrimRight(d.PublicURL, "/")
	return &Service{d: d}, nil
}
