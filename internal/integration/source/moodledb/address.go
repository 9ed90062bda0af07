package moodledb

import (
	"strings"

	"quad/internal/integration/source"
)

// Host implements source.Addressed.
func (connector) Host(s source.Settings) (host, field string) {
	return strings.TrimSpace(s[fieldHost.Name]), fieldHost.Name
}
