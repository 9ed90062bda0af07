package native

import (
	"encoding/json"
	"fmt"
	"net/url"
	"time"

	"quad/api/native/wire"
	"quad/internal/process"
	"quad/models"
)

func (d *door) process(p models.Process) wire.Process {
	self := fmt.Sprintf("/hub/v1/processes/%d", p.ID)
	out := wire.Process{
		ID: p.ID, Kind: p.Kind, State: p.State, Stage: p.Stage, WorkflowID: p.WorkflowID, RunID: p.RunID, Attempt: p.Attempt,
		OrganizationID: p.OrganizationID, Subject: wire.SubjectRef{Type: p.SubjectType, ID: p.SubjectID},
		Done: p.Done, Total: p.Total, Counters: object(p.Counters), Result: object(p.Result), Error: p.Error,
		WaitsFor: p.WaitsFor, Deadline: p.Deadline, StartedBy: p.StartedBy, Door: p.Door, CancelRequestedAt: p.CancelRequestedAt,
		CreatedAt: p.CreatedAt, StartedAt: p.StartedAt, UpdatedAt: p.UpdatedAt, EndedAt: p.EndedAt,
		Links: wire.ProcessLinks{Self: self, Timeline: self + "/timeline", Events: self + "/events", Temporal: d.workflowLink(p)},
	}
	if p.StartedAt != nil {
		until := time.Now()
		if p.EndedAt != nil {
			until = *p.EndedAt
		}
		took := max(until.Sub(*p.StartedAt).Milliseconds(), 0)
		out.DurationMS = &took
	}
	return out
}

// workflowLink is the page of a process's workflow in the Temporal UI.
func (d *door) workflowLink(p models.Process) string {
	link := d.ui + url.PathEscape(p.WorkflowID)
	if p.RunID != nil && *p.RunID != "" {
		link += "/" + url.PathEscape(*p.RunID) + "/history"
	}
	return link
}

func timelineEvent(e models.ProcessEvent) wire.TimelineEvent {
	return wire.TimelineEvent{
		ID: e.ID, Type: e.Type, FromState: e.FromState, ToState: e.ToState, Message: e.Message, Data: object(e.Data),
		ActorID: e.ActorID, CreatedAt: e.CreatedAt,
	}
}

func holders(h process.Hold) wire.Holders {
	out := wire.Holders{Holders: make([]wire.Holder, 0, len(h.Holders)), Deadline: h.Deadline, NextAction: h.Next, NextAt: h.NextAt}
	for _, who := range h.Holders {
		out.Holders = append(out.Holders, wire.Holder{ID: who.ID, Name: who.Name, Role: who.Role})
	}
	return out
}

// object is a stored JSON object, {} when there is none.
func object(raw json.RawMessage) json.RawMessage {
	if len(raw) == 0 || string(raw) == "null" {
		return json.RawMessage("{}")
	}
	return raw
}
