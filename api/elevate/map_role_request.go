package elevate

import (
	"encoding/json"
	"slices"

	"quad/api/elevate/wire"
	"quad/internal/people/rolerequest"
	"quad/models"
)

// listOf makes the result of a list operation.
func listOf[T, W any](rows []T, count int64, one func(T) W) wire.List[W] {
	out := wire.List[W]{Data: make([]W, 0, len(rows)), Count: count}
	for _, r := range rows {
		out.Data = append(out.Data, one(r))
	}
	return out
}

// roleRequestStatus is the status in the contract's words. It has none for
// requests that nobody decided in time or that were withdrawn: for its clients
// both are over without the role, as a rejected one.
func roleRequestStatus(s models.RoleRequestStatus) string {
	switch s {
	case models.RoleRequestExpired, models.RoleRequestWithdrawn:
		return string(models.RoleRequestRejected)
	}
	return string(s)
}

// roleRequestStatuses is the reverse, for filters.
func roleRequestStatuses(words []string) []models.RoleRequestStatus {
	var out []models.RoleRequestStatus
	for _, w := range words {
		s := models.RoleRequestStatus(w)
		out = append(out, s)
		if s == models.RoleRequestRejected {
			out = append(out, models.RoleRequestExpired, models.RoleRequestWithdrawn)
		}
	}
	return out
}

func roleRequestReceipt(r models.RoleRequest) wire.RoleRequestReceipt {
	return wire.RoleRequestReceipt{
		RequestID: r.ID, OrgID: r.OrganizationID, OrganizationID: r.OrganizationID,
		Status: roleRequestStatus(r.Status), Meta: object(r.Meta),
	}
}

func roleRequest(v rolerequest.View) wire.RoleRequest {
	return wire.RoleRequest{
		ID: v.ID, RequesterID: v.UserID, Status: roleRequestStatus(v.Status),
		OrgID: v.OrganizationID, OrganizationID: v.OrganizationID, HandledBy: v.HandledBy,
		Requester: person(v.Requester),
	}
}

func roleRequestLine(v rolerequest.View) wire.RoleRequest {
	out := roleRequest(v)
	out.Role = v.RoleID
	return out
}

func roleRequestDetails(v rolerequest.View) wire.RoleRequestDetails {
	out := wire.RoleRequestDetails{RoleRequest: roleRequest(v), Comments: slices.Clone([]string(v.Comments)), Meta: object(v.Meta)}
	out.Role = v.RoleTitle
	if out.Comments == nil {
		out.Comments = []string{}
	}
	if v.Handler != nil {
		handler := person(*v.Handler)
		out.Handler = &handler
	}
	return out
}

func person(p rolerequest.Person) wire.PersonRef {
	return wire.PersonRef{ID: p.ID, Name: p.Name, Email: p.Email}
}

// object is a stored JSON object, {} when there is none.
func object(raw json.RawMessage) json.RawMessage {
	if len(raw) == 0 {
		return json.RawMessage("{}")
	}
	return raw
}
