package group

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"quad/internal/auth"
	"quad/internal/input"
	"quad/internal/ref"
	"quad/internal/store"
	"quad/models"
)

// All lists all groups of the account in the order of their creation, for an
// admin; with the name of a sub-account those of it. Groups of INACTIVE
// organizations are left out. One statement, one more for the name. Errors:
// models.ErrForbidden, people.ErrOrganizationUnknown.
func (s *Service) All(ctx context.Context, subAccount string) ([]Group, error) {
	if _, err := auth.CallerWith(ctx, models.RoleAdmin); err != nil {
		return nil, err
	}
	where, args := visible, store.Args{}
	if subAccount != "" {
		id, err := s.d.People.SubAccount(ctx, subAccount)
		if err != nil {
			return nil, err
		}
		where, args["organization"] = `g.organization_id = @organization`, id
	}
	var groups []Group
	err := s.d.DB.QueryRows(ctx, `SELECT g.id, g.account_id, g.identifier, g.name, g.type, g.parent_id, g.organization_id, g.created_at, g.updated_at, p.identifier, o.name`+
		from+` WHERE g.account_id = @account_id AND `+where+` ORDER BY g.created_at, g.id`, args, func(row pgx.CollectableRow) error {
		var g Group
		if err := row.Scan(&g.ID, &g.AccountID, &g.Identifier, &g.Name, &g.Type, &g.ParentID, &g.OrganizationID, &g.CreatedAt, &g.UpdatedAt, &g.ParentIdentifier, &g.SubAccount); err != nil {
			return err
		}
		groups = append(groups, g)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("group: list: %w", err)
	}
	return groups, nil
}

// Filter says which groups to list. Zero values do not filter.
type Filter struct {
	ParentID       int64 // directly below this one
	Roots          bool  // those without a parent
	Type           string
	OrganizationID int64
	Search         string // part of the name, in any case
	After          int64  // id of the last one of the page before
	Limit          int    // 1 to 100; anything else is 100
}

// List gives a page of the account's groups in the order of their ids, also
// those of INACTIVE organizations, for an admin. next is the After of the next
// page, 0 on the last one. Errors: models.ErrForbidden.
func (s *Service) List(ctx context.Context, f Filter) (page []Group, next int64, err error) {
	if _, err := auth.CallerWith(ctx, models.RoleAdmin); err != nil {
		return nil, 0, err
	}
	if !store.Storable(f.Type) || !store.Storable(f.Search) {
		return nil, 0, nil
	}
	f.Limit = store.PageSize(f.Limit)
	where := ` WHERE g.account_id = @account_id AND g.id > @after`
	args := store.Args{"after": f.After, "limit": f.Limit + 1}
	if f.ParentID != 0 {
		where, args["parent"] = where+` AND g.parent_id = @parent`, f.ParentID
	}
	if f.Roots {
		where += ` AND g.parent_id IS NULL`
	}
	if f.Type != "" {
		where, args["type"] = where+` AND g.type = @type`, f.Type
	}
	if f.OrganizationID != 0 {
		where, args["organization"] = where+` AND g.organization_id = @organization`, f.OrganizationID
	}
	if search := strings.TrimSpace(f.Search); search != "" {
		where, args["search"] = where+` AND lower(g.name) LIKE lower(@search)`, "%"+store.EscapeLike(search)+"%"
	}
	if err := s.d.DB.Query(ctx, &page, `SELECT `+columns+from+where+` ORDER BY g.id LIMIT @limit`, args); err != nil {
		return nil, 0, fmt.Errorf("group: list: %w", err)
	}
	page, next = store.Cut(page, f.Limit, func(g Group) int64 { return g.ID })
	return page, next, nil
}

// Member is a membership, with what lists show of the person and of the group.
type Member struct {
	GroupID         int64
	GroupIdentifier string
	UserID          int64
	UserIdentifier  *string
	Name            string
	Email           *string
	Status          models.Status
	Since           time.Time
}

// Membership names one of a list: the place where a page ends.
type Membership struct {
	GroupID int64 `json:"g"`
	UserID  int64 `json:"u"`
}

// MaxGroups is how many groups one call asks about at most.
const MaxGroups = 200

// MemberFilter says whose members to list.
type MemberFilter struct {
	GroupIDs    []int64
	Identifiers []string
	Recursive   bool       // with the members of all groups below
	After       Membership // the last one of the page before
	Limit       int        // 1 to 100; anything else is 100
}

// members are the memberships of a page. Whatever the size of tree and groups,
// and whatever the planner believes it to be, each step down is a search in one
// index (what is below a group is of its account, so this is not asked again),
// and the members of one group after the other are read from where the page
// begins until it is full.
const members = `WITH RECURSIVE tree (id) AS (
		SELECT id FROM groups WHERE account_id = @account_id AND (id = ANY(@ids) OR identifier = ANY(@identifiers))
		UNION SELECT next.id FROM tree, LATERAL (
			SELECT g.id FROM groups g WHERE g.parent_id = tree.id AND @recursive::boolean OFFSET 0) next
	), page AS (
		SELECT t.id AS group_id, m.user_id, m.created_at FROM (SELECT id FROM tree WHERE id >= @after_group ORDER BY id) t, LATERAL (
			SELECT m.user_id, m.created_at FROM group_members m WHERE m.group_id = t.id AND m.account_id = @account_id
				AND m.user_id > CASE WHEN t.id = @after_group THEN @after_user::bigint ELSE 0 END
			ORDER BY m.user_id LIMIT @limit) m
		ORDER BY t.id, m.user_id LIMIT @limit
	) SELECT page.group_id, g.identifier, page.user_id, u.identifier, u.name, u.email, u.status, page.created_at
	FROM page JOIN groups g ON g.id = page.group_id JOIN users u ON u.id = page.user_id ORDER BY page.group_id, page.user_id`

// Members gives a page of the members of groups, by group and person, for an
// admin. A person who is in several of the groups is there once for each.
// Unknown groups have none. next is the After of the next page, nil on the last
// one. One statement. Errors: models.ErrForbidden; more than MaxGroups are
// invalid.
func (s *Service) Members(ctx context.Context, f MemberFilter) (page []Member, next *Membership, err error) {
	if _, err := auth.CallerWith(ctx, models.RoleAdmin); err != nil {
		return nil, nil, err
	}
	if len(f.GroupIDs)+len(f.Identifiers) > MaxGroups {
		return nil, nil, models.Invalid(models.FieldError{Field: "groups", Rule: input.TooLong, Text: fmt.Sprintf("groups are more than %d", MaxGroups)})
	}
	f.Limit = store.PageSize(f.Limit)
	identifiers := slices.DeleteFunc(slices.Clone(f.Identifiers), func(s string) bool { return !ref.ValidIdentifier(s) })
	args := store.Args{
		"ids": append([]int64{}, f.GroupIDs...), "identifiers": append([]string{}, identifiers...), "recursive": f.Recursive,
		"after_group": f.After.GroupID, "after_user": f.After.UserID, "limit": f.Limit + 1,
	}
	page = make([]Member, 0, f.Limit+1)
	err = s.d.DB.QueryRows(ctx, members, args, func(row pgx.CollectableRow) error {
		var m Member
		if err := row.Scan(&m.GroupID, &m.GroupIdentifier, &m.UserID, &m.UserIdentifier, &m.Name, &m.Email, (*string)(&m.Status), &m.Since); err != nil {
			return err
		}
		page = append(page, m)
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("group: members: %w", err)
	}
	if len(page) > f.Limit {
		page = page[:f.Limit]
		last := page[f.Limit-1]
		next = &Membership{GroupID: last.GroupID, UserID: last.UserID}
	}
	return page, next, nil
}

// UserGroups is a person with the groups that they are a member of themselves.
type UserGroups struct {
	User   models.User // ID, OrganizationID, Identifier, Name, Email and Status are read
	Groups []models.Group
}

// UserFilter says which people to list with their groups.
type UserFilter struct {
	OrganizationID int64 // only those who belong to it; 0: all
	After          int64 // id of the last person of the page before
	Limit          int   // 1 to 100; anything else is 100
}

// A page of people, by id. Who belongs to an organization is found in two
// indexes, of those whose home it is and of those who are there besides; each
// gives a page at most.
const (
	userColumns    = `SELECT u.id, u.organization_id, u.identifier, u.name, u.email, u.status FROM users u`
	usersOfAccount = userColumns + ` WHERE u.account_id = @account_id AND u.id > @after AND u.status <> 'DELETED' ORDER BY u.id LIMIT @limit`

	usersOfOrganization = userColumns + ` JOIN (
			(SELECT id FROM users WHERE account_id = @account_id AND organization_id = @organization AND id > @after AND status <> 'DELETED' ORDER BY id LIMIT @limit)
			UNION (SELECT user_id FROM user_organizations WHERE account_id = @account_id AND organization_id = @organization AND user_id > @after ORDER BY user_id LIMIT @limit)
		) belong ON belong.id = u.id WHERE u.account_id = @account_id AND u.status <> 'DELETED' ORDER BY u.id LIMIT @limit`
)

// Users gives a page of the account's people in the order of their ids, each
// with their groups, for an admin. The deleted are left out; who is in no group
// is not. next is the After of the next page, 0 on the last one. Two statements.
// Errors: models.ErrForbidden.
func (s *Service) Users(ctx context.Context, f UserFilter) (page []UserGroups, next int64, err error) {
	if _, err := auth.CallerWith(ctx, models.RoleAdmin); err != nil {
		return nil, 0, err
	}
	f.Limit = store.PageSize(f.Limit)
	text := usersOfAccount
	if f.OrganizationID != 0 {
		text = usersOfOrganization
	}
	var users []models.User
	if err := s.d.DB.Query(ctx, &users, text, store.Args{"organization": f.OrganizationID, "after": f.After, "limit": f.Limit + 1}); err != nil {
		return nil, 0, fmt.Errorf("group: users with their groups: %w", err)
	}
	users, next = store.Cut(users, f.Limit, func(u models.User) int64 { return u.ID })
	if len(users) == 0 {
		return nil, 0, nil
	}
	page = make([]UserGroups, len(users))
	ids, at := make([]int64, len(users)), make(map[int64]int, len(users))
	for i, u := range users {
		page[i], ids[i], at[u.ID] = UserGroups{User: u}, u.ID, i
	}
	err = s.d.DB.QueryRows(ctx, `SELECT m.user_id, g.id, g.identifier, g.name, g.type FROM group_members m JOIN groups g ON g.id = m.group_id
		WHERE m.account_id = @account_id AND m.user_id = ANY(@users) ORDER BY m.user_id, g.created_at, g.id`, store.Args{"users": ids},
		func(row pgx.CollectableRow) error {
			var user int64
			var g models.Group
			if err := row.Scan(&user, &g.ID, &g.Identifier, &g.Name, &g.Type); err != nil {
				return err
			}
			of := &page[at[user]]
			of.Groups = append(of.Groups, g)
			return nil
		})
	if err != nil {
		return nil, 0, fmt.Errorf("group: users with their groups: %w", err)
	}
	return page, next, nil
}

// MembersOf is Members of one group, which must be there. Two statements.
// Errors: as Members, and ErrUnknown.
func (s *Service) MembersOf(ctx context.Context, r ref.Ref, f MemberFilter) (page []Member, next *Membership, err error) {
	g, err := s.Get(ctx, r, "")
	if err != nil {
		return nil, nil, err
	}
	f.GroupIDs, f.Identifiers = []int64{g.ID}, nil
	return s.Members(ctx, f)
}
