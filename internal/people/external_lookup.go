package people

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/lib/pq"

	"quad/internal/ref"
	"quad/internal/store"
	"quad/models"
)

// SubAccountSQL finds the id of the sub-account called @sub_account, for
// statements of other areas too: a list of a sub-account then takes no more of
// them. The name in lower case is what the index has.
const SubAccountSQL = `SELECT o.id FROM organizations o WHERE o.account_id = @account_id AND o.status = 'ACTIVE' AND NOT o.is_default
	AND lower(o.name) COLLATE "C" = lower(CAST(@sub_account AS text)) AND o.name = @sub_account ORDER BY o.id LIMIT 1`

// SubAccount gives the id of a sub-account, which is an ACTIVE organization
// other than the default one, by its exact name; of several the oldest. In a
// transaction it stays ACTIVE until the end of it: organizations are locked
// before people. One statement. Errors: ErrOrganizationUnknown.
func (s *Service) SubAccount(ctx context.Context, name string) (int64, error) {
	if !store.Storable(name) {
		return 0, ErrOrganizationUnknown
	}
	lock := ""
	if store.HasTx(ctx) {
		lock = " FOR SHARE"
	}
	var id int64
	err := s.db.Query(ctx, &id, SubAccountSQL+lock, store.Args{"sub_account": name})
	if err != nil {
		return 0, fmt.Errorf("people: sub-account: %w", err)
	}
	if id == 0 {
		return 0, ErrOrganizationUnknown
	}
	return id, nil
}

// LockUser reads a person who is not deleted, and keeps everybody else who
// locks people from them until the transaction ends. Who changes what a person
// belongs to calls it first. One statement. Errors: ErrUserUnknown.
func (s *Service) LockUser(ctx context.Context, user ref.Ref) (models.User, error) {
	var u models.User
	if !user.Valid() {
		return u, ErrUserUnknown
	}
	err := s.db.Query(ctx, &u, `SELECT u.* FROM users u WHERE u.account_id = @account_id AND u.status <> 'DELETED' AND `+user.Condition("u")+
		` FOR NO KEY UPDATE`, user.Args())
	if err != nil {
		return models.User{}, fmt.Errorf("people: lock user: %w", err)
	}
	if u.ID == 0 {
		return models.User{}, ErrUserUnknown
	}
	return u, nil
}

// sortPossible puts titles in the order in which they are shown; nobody is
// without one.
func sortPossible(titles []string) []string {
	if len(titles) == 0 {
		return []string{models.PossibleRoleLearner}
	}
	slices.SortFunc(titles, func(a, b string) int {
		return slices.Index(models.PossibleRoles, a) - slices.Index(models.PossibleRoles, b)
	})
	return slices.Compact(titles)
}

// PossibleRoles gives the titles of the possible roles of a user. Who holds none
// counts as a learner. One statement.
func (s *Service) PossibleRoles(ctx context.Context, userID int64) ([]string, error) {
	var titles []string
	err := s.db.Query(ctx, &titles, `SELECT lower(r.title) FROM user_roles ur JOIN roles r ON r.id = ur.role_id
		WHERE ur.account_id = @account_id AND ur.user_id = @user AND r.deleted_at IS NULL AND lower(r.title) = ANY(CAST(@possible AS text[]))`,
		store.Args{"user": userID, "possible": pq.StringArray(models.PossibleRoles)})
	if err != nil {
		return nil, fmt.Errorf("people: possible roles: %w", err)
	}
	return sortPossible(titles), nil
}

// overTheSite are possible roles that reach over the whole account. As system
// roles they are given neither by request nor by list.
var overTheSite = []string{
	models.PossibleRoleSiteAdmin, models.PossibleRoleManager, models.PossibleRoleHRManager, models.PossibleRoleSiteTrainingManager,
}

// ensureRoles makes sure that the account has the roles with these titles of
// models.PossibleRoles. Who makes one at the same time makes the same one.
func (s *Service) ensureRoles(ctx context.Context, titles []string) error {
	labels, types := make(pq.StringArray, len(titles)), make(pq.Int64Array, len(titles))
	for i, t := range titles {
		labels[i], types[i] = labelOf(t), int64(models.UserTypeOrdinary)
		if slices.Contains(overTheSite, t) {
			types[i] = int64(models.UserTypeSystem)
		}
	}
	_, err := s.db.Exec(ctx, `INSERT INTO roles (account_id, organization_id, title, label, user_type)
		SELECT @account_id, o.id, t.title, t.label, t.user_type
		FROM unnest(CAST(@titles AS text[]), CAST(@labels AS text[]), CAST(@types AS bigint[])) t (title, label, user_type)
			JOIN organizations o ON o.account_id = @account_id AND o.is_default
		ON CONFLICT (account_id, lower(title)) WHERE deleted_at IS NULL DO NOTHING`,
		store.Args{"titles": pq.StringArray(titles), "labels": labels, "types": types})
	if err != nil {
		return fmt.Errorf("people: possible roles: %w", err)
	}
	return nil
}

// labelOf is a title for people: "Site admin" for site_admin.
func labelOf(title string) string {
	if title == models.PossibleRoleHRManager {
		return "HR manager"
	}
	words := strings.ReplaceAll(title, "_", " ")
	return strings.ToUpper(words[:1]) + words[1:]
}
