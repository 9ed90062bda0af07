// Package audit writes the audit trail: who changed what, when and through
// which door. An event is written in the transaction of the change, so there is
// no change without its event and no event without its change.
package audit

import (
	"context"
	"encoding/json"
	"fmt"

	"quad/internal/auth"
	"quad/internal/obs"
	"quad/internal/store"
	"quad/models"
)

// Event is one change. Account, actor, door and client are taken from the context.
type Event struct {
	Action         string // object and past participle, "organization.created"
	SubjectType    string // what was changed, "organization"
	SubjectID      int64
	OrganizationID *int64 // the organization the change belongs to, if any
	ProcessID      *int64 // the long process that made the change, if any
	ActorID        *int64 // only when the actor is not the context's principal, such as a person who signs up
	Data           any    // what is worth knowing besides; encoded as JSON; no secrets
}

// Write adds events to the audit trail in the context's transaction, in one
// statement.
func Write(ctx context.Context, db *store.DB, events ...Event) error {
	if len(events) == 0 {
		return nil
	}
	var ip, userAgent *string
	client := obs.ClientOf(ctx)
	if client.IP != "" {
		ip = &client.IP
	}
	if client.UserAgent != "" {
		userAgent = &client.UserAgent
	}
	rows := make([]models.AuditEvent, len(events))
	for i, e := range events {
		data := json.RawMessage("{}")
		if e.Data != nil {
			encoded, err := json.Marshal(e.Data)
			if err != nil {
				return fmt.Errorf("audit: %s: %w", e.Action, err)
			}
			data = encoded
		}
		actor := e.ActorID
		if actor == nil {
			actor = auth.Actor(ctx)
		}
		rows[i] = models.AuditEvent{
			OrganizationID: e.OrganizationID, ActorID: actor, ClientID: auth.Client(ctx), Door: auth.Door(ctx), Action: e.Action,
			SubjectType: e.SubjectType, SubjectID: e.SubjectID, ProcessID: e.ProcessID, Data: data, IP: ip, UserAgent: userAgent,
		}
	}
	if err := db.Conn(ctx).CreateInBatches(rows, 1000).Error; err != nil {
		return fmt.Errorf("audit: %w", err)
	}
	return nil
}
