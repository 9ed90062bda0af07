package models

import (
	"encoding/json"
	"time"
)

// Form is a form that an organization stored for its apps. The hub keeps Data
// as it came and counts its versions from 0.
type Form struct {
	ID             int64
	AccountID      int64
	OrganizationID int64
	Type           string
	SubType        string
	Data           json.RawMessage `gorm:"type:json"`
	Version        int
	CreatedBy      int64 // 0: the hub
	UpdatedBy      int64
	CreatedAt      time.Time
	UpdatedAt      time.Time
}
