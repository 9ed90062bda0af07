package models

import "time"

// AccountSetting is a value that an administrator has set for an account, in
// place of the configuration's.
type AccountSetting struct {
	AccountID int64  `gorm:"primaryKey"`
	Key       string `gorm:"primaryKey"`
	Value     string
	UpdatedBy *int64
	UpdatedAt time.Time
}
