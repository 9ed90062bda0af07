package mis

import (
	"bytes"
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"quad/api/mis/wire"
	"quad/internal/audit"
)

// What the hub did has names of its own, "<thing>.<past participle>". The
// contract has ten words for all of them: the table of whole names wins over the
// last word of a name, and what neither knows is an update.
var (
	auditNames = map[string]string{
		"session.opened": wire.ActionLogin, "session.refused": wire.ActionLoginFailed, "session.closed": wire.ActionLogout,
		"user.password_reset":     wire.ActionPasswordReset,
		"user.signed_up":          wire.ActionCreate,
		"connection.sync_started": wire.ActionSync,
		"api_token.revoked":       wire.ActionDelete, "api_client.revoked": wire.ActionDelete,
		"user_certificate.revoked": wire.ActionUpdate, "invite.revoked": wire.ActionUpdate,
	}
	auditLastWords = map[string]string{
		"created": wire.ActionCreate, "duplicated": wire.ActionCreate, "submitted": wire.ActionCreate,
		"deleted":  wire.ActionDelete,
		"assigned": wire.ActionAssign, "granted": wire.ActionAssign, "added": wire.ActionAssign, "linked": wire.ActionAssign,
		"joined": wire.ActionAssign, "given": wire.ActionAssign,
		"unassigned": wire.ActionUnassign, "revoked": wire.ActionUnassign, "removed": wire.ActionUnassign, "unlinked": wire.ActionUnassign,
		"withdrawn": wire.ActionUnassign, "left": wire.ActionUnassign, "taken": wire.ActionUnassign,
		"synced": wire.ActionSync,
	}
)

// auditAction is the contract's word for what the hub did.
func auditAction(action string) string {
	if word, named := auditNames[action]; named {
		return word
	}
	last := action[strings.LastIndexFunc(action, func(c rune) bool { return c < 'a' || c > 'z' })+1:]
	return cmp.Or(auditLastWords[last], wire.ActionUpdate)
}

// auditActions chooses what auditAction gives a word; nil for no word.
func auditActions(word string) *audit.Actions {
	if word == "" {
		return nil
	}
	chosen := audit.Actions{Others: word == wire.ActionUpdate}
	for name, is := range auditNames {
		if is == word {
			chosen.Named = append(chosen.Named, name)
		} else {
			chosen.Except = append(chosen.Except, name)
		}
	}
	for last, is := range auditLastWords {
		if is == word || chosen.Others {
			chosen.LastWords = append(chosen.LastWords, last)
		}
	}
	return &chosen
}

// Things that have another name here than in the hub.
var entityTypes = map[string]string{"organization": "tenant"}

func entityType(subject string) string { return cmp.Or(entityTypes[subject], subject) }

// subjectType is what the hub calls a thing, in any case.
func subjectType(entity string) string {
	entity = strings.ToLower(entity)
	for subject, name := range entityTypes {
		switch entity {
		case name:
			return subject
		case subject: // nothing is called so here
			return name
		}
	}
	return entity
}

func auditQuery(r wire.AuditQuery) audit.Query {
	return audit.Query{
		ActorID: r.UserID, Actions: auditActions(r.Action), SubjectType: subjectType(r.EntityType), SubjectID: r.EntityID, From: r.From, To: r.To,
		Offset: r.Page.Offset(), Limit: r.Page.Limit,
	}
}

func wireAuditLog(e audit.Entry) wire.AuditLog {
	var entity *string
	if e.SubjectID != 0 {
		entity = wire.OptionalID(&e.SubjectID)
	}
	return wire.AuditLog{
		ID: wire.ID(e.ID), UserID: wire.OptionalID(e.ActorID), UserEmail: e.ActorEmail, TenantID: wire.OptionalID(e.TenantID),
		Action: auditAction(e.Action), EntityType: entityType(e.SubjectType), EntityID: entity, Details: details(e.Data),
		IPAddress: e.IP, UserAgent: e.UserAgent, CreatedAt: wire.Time(e.CreatedAt),
	}
}

// details are an object, whatever the hub has kept.
func details(data json.RawMessage) json.RawMessage {
	if bytes.HasPrefix(data, []byte("{")) {
		return data
	}
	return slices.Concat(json.RawMessage(`{"value":`), data, json.RawMessage(`}`))
}

func wireAuditStatistics(s audit.Statistics) wire.AuditLogStatistics {
	var out wire.AuditLogStatistics
	actions, types := map[string]int64{}, map[string]int64{}
	for _, c := range s.Counts {
		action := auditAction(c.Action)
		actions[action] += c.Events
		types[entityType(c.SubjectType)] += c.Events
		out.TotalLogs, out.LogsLast24Hours, out.LogsLast7Days = out.TotalLogs+c.Events, out.LogsLast24Hours+c.LastDay, out.LogsLast7Days+c.LastWeek
		if action == wire.ActionLoginFailed {
			out.FailedLoginsLast24Hours += c.LastDay
		}
	}
	out.ByAction = all(most(actions), func(name string) wire.ActionCount { return wire.ActionCount{Action: name, Count: actions[name]} })
	out.ByEntityType = all(most(types), func(name string) wire.EntityTypeCount {
		return wire.EntityTypeCount{EntityType: name, Count: types[name]}
	})
	out.TopUsers = all(s.Busiest, func(b audit.Busy) wire.BusyUser {
		return wire.BusyUser{UserID: wire.ID(b.UserID), Email: b.Login, Count: b.Events}
	})
	return out
}

// most gives names by their counts, the largest first, equal ones by name.
func most(counts map[string]int64) []string {
	return slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
}

func wireEventMetrics(s audit.Stream) wire.EventMetrics {
	out := wire.EventMetrics{
		TotalEvents: s.Total(), Pending: s.Pending, Processed: s.Processed(), Failed: s.Failed, LastEventAt: wire.OptionalTime(s.LastAt),
	}
	counts := map[string]int64{}
	for _, c := range s.Counts {
		counts[c.Type] += c.Events
		out.EventsLast24Hours += c.LastDay
	}
	out.ByType = all(most(counts), func(name string) wire.TypeCount { return wire.TypeCount{Type: name, Count: counts[name]} })
	return out
}
