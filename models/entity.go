package models

import (
	"time"

	"github.com/lib/pq"
)

// EntityKind says whom an entity is for. It is free text; only EntityUser
// carries meaning.
type EntityKind string

// The kinds that are known by name. An EntityUser is a value that somebody added
// for themselves; every other entity is for all who see its type.
const (
	EntitySystem EntityKind = "SYSTEM"
	EntityUser   EntityKind = "USER"
)

// Entity types whose entities people choose for their profile.
const (
	EntityTypeGender            = "gender"
	EntityTypeLocation          = "location"
	EntityTypeLanguages         = "languages"
	EntityTypePreferredLanguage = "preferred_language"
)

// EntityType is a list of values of an organization, such as its languages. A
// type with a ParentID shows the entities of that type besides its own.
type EntityType struct {
	ID                  int64
	AccountID           int64
	OrganizationID      int64
	ParentID            *int64
	Value               string
	Label               string
	Type                string
	DataType            string
	Status              Status
	AllowFiltering      bool
	HasEntities         bool
	AllowCustomEntities bool           // false: the list is closed
	ModelNames          pq.StringArray `gorm:"type:text[]"`
	CreatedBy           int64          // 0: the hub
	UpdatedBy           int64
	DeletedAt           *time.Time
	CreatedAt           time.Time
	UpdatedAt           time.Time
}

// Entity is one value of an entity type.
type Entity struct {
	ID           int64
	AccountID    int64
	EntityTypeID int64
	Value        string
	Label        string
	Type         EntityKind
	Status       Status
	CreatedBy    int64 // 0: the hub
	UpdatedBy    int64
	DeletedAt    *time.Time
	CreatedAt    time.Time
	UpdatedAt    time.Time
}
