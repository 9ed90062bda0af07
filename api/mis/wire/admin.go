package wire

import (
	"encoding/json"
	"time"
)

// AuditQuery is a page of the audit trail with its filters.
type AuditQuery struct {
	Page               Page
	UserID, EntityID   *int64 // 0 names nothing
	Action, EntityType string
	From, To           *time.Time
}

// auditLimit is how many entries a page has by default.
const auditLimit = 20

// Read implements the request.
func (r *AuditQuery) Read(in *Input) {
	r.Page = in.Page(auditLimit)
	r.UserID, r.EntityID = in.QueryID("userId"), in.QueryID("entityId")
	r.Action, r.EntityType = in.QueryWord("action", AuditActions...), in.QueryText("entityType")
	r.From, r.To = in.QueryDay("startDate"), in.QueryDay("endDate")
}

// The words of the contract for what was done.
const (
	ActionCreate        = "CREATE"
	ActionUpdate        = "UPDATE"
	ActionDelete        = "DELETE"
	ActionAssign        = "ASSIGN"
	ActionUnassign      = "UNASSIGN"
	ActionLogin         = "LOGIN"
	ActionLoginFailed   = "LOGIN_FAILED"
	ActionLogout        = "LOGOUT"
	ActionPasswordReset = "PASSWORD_RESET"
	ActionSync          = "SYNC"
)

// AuditActions are all of them.
var AuditActions = []string{
	ActionCreate, ActionUpdate, ActionDelete, ActionAssign, ActionUnassign, ActionLogin, ActionLoginFailed, ActionLogout, ActionPasswordReset, ActionSync,
}

// AuditLog is an entry of the audit trail.
type AuditLog struct {
	ID         string          `json:"id"`
	UserID     *string         `json:"userId"`
	UserEmail  *string         `json:"userEmail"`
	TenantID   *string         `json:"tenantId"`
	Action     string          `json:"action"`
	EntityType string          `json:"entityType"`
	EntityID   *string         `json:"entityId"`
	Details    json.RawMessage `json:"details"`
	IPAddress  *string         `json:"ipAddress"`
	UserAgent  *string         `json:"userAgent"`
	CreatedAt  string          `json:"createdAt"`
}

// ActionCount is how many entries have an action.
type ActionCount struct {
	Action string `json:"action"`
	Count  int64  `json:"count"`
}

// EntityTypeCount is how many entries are about a type of thing.
type EntityTypeCount struct {
	EntityType string `json:"entityType"`
	Count      int64  `json:"count"`
}

// BusyUser is a user with the number of their entries.
type BusyUser struct {
	UserID string `json:"userId"`
	Email  string `json:"email"`
	Count  int64  `json:"count"`
}

// AuditLogStatistics are counts over the audit trail.
type AuditLogStatistics struct {
	TotalLogs               int64             `json:"totalLogs"`
	LogsLast24Hours         int64             `json:"logsLast24Hours"`
	LogsLast7Days           int64             `json:"logsLast7Days"`
	FailedLoginsLast24Hours int64             `json:"failedLoginsLast24Hours"`
	ByAction                []ActionCount     `json:"byAction"`
	ByEntityType            []EntityTypeCount `json:"byEntityType"`
	TopUsers                []BusyUser        `json:"topUsers"`
}

// Setting is a system setting.
type Setting struct {
	Key         string  `json:"key"`
	Value       string  `json:"value"`
	Description string  `json:"description"`
	UpdatedAt   string  `json:"updatedAt"`
	UpdatedBy   *string `json:"updatedBy"`
}

// SettingList is all settings.
type SettingList struct {
	Settings []Setting `json:"settings"`
}

// UpdateSetting gives a setting another value.
type UpdateSetting struct{ Key, Value string }

// maxSetting bounds a value, in characters.
const maxSetting = 1_000

// Read implements the request.
func (r *UpdateSetting) Read(in *Input) {
	r.Key, r.Value = in.Path("key"), in.Body().Text("value", 0, maxSetting)
}

// Component is a part of the service.
type Component struct {
	Name      string   `json:"name"`
	Status    string   `json:"status"`
	LatencyMS *float64 `json:"latencyMs"`
	Message   *string  `json:"message"`
}

// SystemHealth is the state of the service.
type SystemHealth struct {
	Status        string      `json:"status"`
	Version       string      `json:"version"`
	UptimeSeconds int64       `json:"uptimeSeconds"`
	Timestamp     string      `json:"timestamp"`
	Components    []Component `json:"components"`
}

// TypeCount is how many events of a type there are.
type TypeCount struct {
	Type  string `json:"type"`
	Count int64  `json:"count"`
}

// EventMetrics are counters of the event stream.
type EventMetrics struct {
	TotalEvents       int64       `json:"totalEvents"`
	Pending           int64       `json:"pending"`
	Processed         int64       `json:"processed"`
	Failed            int64       `json:"failed"`
	EventsLast24Hours int64       `json:"eventsLast24Hours"`
	ByType            []TypeCount `json:"byType"`
	LastEventAt       *string     `json:"lastEventAt"`
}
