package models

import (
	"encoding/json"
	"time"

	"github.com/lib/pq"
)

// Titles of the possible roles: what a person may be in the learning systems
// that keep people under keys of their own. They are roles like others, made in
// an account when somebody first gets one. Doors show them in upper case.
const (
	PossibleRoleSiteAdmin           = "site_admin"
	PossibleRoleLearner             = "learner"
	PossibleRoleInstructor          = "instructor"
	PossibleRoleEditor              = "editor"
	PossibleRolePreview             = "preview"
	PossibleRoleManager             = "manager"
	PossibleRoleHRManager           = "hr_manager"
	PossibleRoleSiteTrainingManager = "site_training_manager"
	PossibleRoleEvaluator           = "evaluator"
)

// PossibleRoles are all possible roles, in the order in which they are shown.
var PossibleRoles = []string{
	PossibleRoleSiteAdmin, PossibleRoleLearner, PossibleRoleInstructor, PossibleRoleEditor, PossibleRolePreview,
	PossibleRoleManager, PossibleRoleHRManager, PossibleRoleSiteTrainingManager, PossibleRoleEvaluator,
}

// Permissions that an instructor can be given.
const (
	PermissionCreateCourse   = "INSTRUCTOR_CREATE_COURSE"
	PermissionCreateInstance = "INSTRUCTOR_CREATE_COURSE_INSTANCE"
)

// InstructorPermissions are all of them.
var InstructorPermissions = []string{PermissionCreateInstance, PermissionCreateCourse}

// UserDetail is what few operations read of a person. No row is the zero one.
type UserDetail struct {
	UserID           int64 `gorm:"primaryKey"`
	AccountID        int64
	Phone            *string
	Address          *string
	CustomAttributes json.RawMessage // an object
	Permissions      pq.StringArray  `gorm:"type:text[]"` // InstructorPermissions
	UpdatedAt        time.Time
}

// UserOrganization says that a person belongs to an organization besides the
// one of their row.
type UserOrganization struct {
	AccountID      int64
	UserID         int64 `gorm:"primaryKey"`
	OrganizationID int64 `gorm:"primaryKey"`
	CreatedAt      time.Time
}

// EntitlementEntity is what kind of thing an entitlement is about.
type EntitlementEntity string

// The kinds of entities.
const (
	EntitlementCourse    EntitlementEntity = "COURSE"
	EntitlementGroup     EntitlementEntity = "GROUP"
	EntitlementWorkspace EntitlementEntity = "WORKSPACE" // an organization
)

// EntitlementRole is what a person is on an entity.
type EntitlementRole string

// The roles of entitlements. Each needs the possible role of the same name.
const (
	EntitlementManager    EntitlementRole = "MANAGER"
	EntitlementEditor     EntitlementRole = "EDITOR"
	EntitlementInstructor EntitlementRole = "INSTRUCTOR"
)

// Entitlement is a role that a person has on one entity.
type Entitlement struct {
	ID         int64
	AccountID  int64
	UserID     int64
	EntityType EntitlementEntity
	EntityID   int64
	Role       EntitlementRole
	CreatedAt  time.Time
}
