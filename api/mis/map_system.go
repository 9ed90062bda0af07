package mis

import (
	"cmp"

	"quad/api/mis/wire"
	"quad/internal/health"
	"quad/internal/settings"
)

func wireSetting(s settings.Setting) wire.Setting {
	return wire.Setting{Key: s.Key, Value: s.Value, Description: s.Description, UpdatedAt: wire.Time(s.UpdatedAt), UpdatedBy: wire.OptionalID(s.UpdatedBy)}
}

// Parts of the hub that have another name here.
var componentNames = map[string]string{"postgres": "database", "files": "storage"}

func wireSystemHealth(r health.Report) wire.SystemHealth {
	out := wire.SystemHealth{
		Status: "healthy", Version: r.Version, UptimeSeconds: int64(r.Uptime.Seconds()), Timestamp: wire.Time(r.At), Components: all(r.States, wireComponent),
	}
	switch {
	case r.Broken():
		out.Status = "unhealthy"
	case r.Degraded():
		out.Status = "degraded"
	}
	return out
}

func wireComponent(s health.State) wire.Component {
	out := wire.Component{Name: cmp.Or(componentNames[s.Name], s.Name), Status: "up"}
	if s.Err != nil {
		reason := s.Reason()
		out.Status, out.Message = "down", &reason
		return out
	}
	latency := float64(s.Took.Microseconds()/100) / 10
	out.LatencyMS = &latency
	return out
}
