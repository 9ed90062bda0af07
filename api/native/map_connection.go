package native

import (
	"maps"
	"slices"

	"quad/api/native/wire"
	"quad/internal/integration"
	"quad/internal/integration/mirror"
	"quad/internal/integration/source"
	"quad/models"
)

func connectionKind(k source.Connector) wire.ConnectionKind {
	out := wire.ConnectionKind{Kind: k.Kind(), Fields: []wire.ConnectionField{}}
	for _, f := range k.Fields() {
		field := wire.ConnectionField{Name: f.Name, Text: f.Text, Secret: f.Secret, Required: f.Required, Words: append([]string{}, f.Words...)}
		if f.Default != "" {
			field.Default = &f.Default
		}
		out.Fields = append(out.Fields, field)
	}
	return out
}

// connectionSettings are settings as the area takes them: an empty one is taken
// away.
func connectionSettings(in wire.ConnectionSettings) source.Settings {
	out := make(source.Settings, len(in))
	for name, value := range in {
		if value == nil {
			value = new(string)
		}
		out[name] = *value
	}
	return out
}

// connection shows a connection with its newest run, if last has one.
func connection(c integration.Connection, last map[int64]models.SyncRun) wire.Connection {
	out := wire.Connection{
		ID: c.ID, Kind: c.Kind, Name: c.Name, Settings: c.Values, Secrets: append([]string{}, c.Secrets...), OrganizationID: c.OrganizationID,
		Enabled: c.Enabled, ScheduleMinutes: c.ScheduleMinutes, PagesPerSecond: c.PagesPerSecond, DeletionPercent: c.DeletionPercent,
		Status: c.Status, Error: c.LastError, PausedAt: c.PausedAt, LastSyncAt: c.LastSyncAt, NextRunAt: c.NextRunAt,
		Environment: c.Environment, CreatedBy: c.CreatedBy, CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt,
	}
	if run, has := last[c.ID]; has {
		out.LastRun = new(connectionRun(run))
	}
	return out
}

func connectionTest(d source.Description) wire.ConnectionTest {
	out := wire.ConnectionTest{Product: d.Product, Server: d.Server, Tables: append([]string{}, d.Tables...), Absent: []wire.AbsentTable{}}
	for _, table := range slices.Sorted(maps.Keys(d.Absent)) {
		out.Absent = append(out.Absent, wire.AbsentTable{Table: table, Reason: d.Absent[table]})
	}
	return out
}

func connectionRun(r models.SyncRun) wire.ConnectionRun {
	return wire.ConnectionRun{
		ID: r.ID, ConnectionID: r.ConnectionID, ProcessID: r.ProcessID, Trigger: r.Trigger, Full: r.Whole, DryRun: r.DryRun, State: r.State,
		Error: r.Error, Attempts: r.Attempts, SnapshotAt: r.SnapshotAt, StartedAt: r.StartedAt, MergedAt: r.MergedAt, EndedAt: r.EndedAt,
		ConfirmedAt: r.ConfirmedAt, ConfirmedBy: r.ConfirmedBy,
	}
}

// told is what a run did; if it had to wait and has not merged, what it would
// do.
func told(r integration.RunDetail) []mirror.Counts {
	if len(r.Planned) > 0 {
		return r.Planned
	}
	return r.Tables
}

func connectionRunEntry(r integration.RunDetail) wire.ConnectionRunEntry {
	out := wire.ConnectionRunEntry{ConnectionRun: connectionRun(r.SyncRun)}
	for _, c := range told(r) {
		out.Total.Read += c.Read
		out.Total.Inserted += c.Inserted
		out.Total.Updated += c.Updated
		out.Total.Unchanged += c.Unchanged
		out.Total.Deleted += c.Deleted
		for _, s := range c.Skipped {
			out.Total.Skipped += s.Count
		}
	}
	return out
}

func wholeConnectionRun(r integration.RunDetail) wire.WholeConnectionRun {
	out := wire.WholeConnectionRun{ConnectionRunEntry: connectionRunEntry(r), Tables: []wire.SyncTable{}, Deletions: []wire.SyncDeletion{}}
	for _, c := range told(r) {
		out.Tables = append(out.Tables, syncTable(c))
	}
	for _, d := range r.Deletions {
		out.Deletions = append(out.Deletions, wire.SyncDeletion{Table: d.Table, Before: d.Mirrored, Deleted: d.Deleted})
	}
	return out
}

func syncTable(c mirror.Counts) wire.SyncTable {
	out := wire.SyncTable{
		Table: c.Table, Read: c.Read, Inserted: c.Inserted, Updated: c.Updated, Unchanged: c.Unchanged, Deleted: c.Deleted, Skipped: []wire.SkippedRows{},
	}
	for _, reason := range slices.Sorted(maps.Keys(c.Skipped)) {
		s := c.Skipped[reason]
		out.Skipped = append(out.Skipped, wire.SkippedRows{Reason: string(reason), Count: s.Count, Samples: append([]int64{}, s.Samples...)})
	}
	return out
}

func connectionChange(c models.SyncChange) wire.ConnectionChange {
	return wire.ConnectionChange{RunID: c.RunID, Table: c.Table, SourceID: c.SourceID, Change: c.Op, At: c.At}
}
