package group

import (
	"context"
	"fmt"
	"slices"

	"github.com/lib/pq"

	"quad/internal/audit"
	"quad/internal/auth"
	"quad/internal/store"
	"quad/models"
)

// Hierarchy gives the types of the account's groups, top first, for an admin.
// Errors: models.ErrForbidden.
func (s *Service) Hierarchy(ctx context.Context) ([]string, error) {
	if _, err := auth.CallerWith(ctx, models.RoleAdmin); err != nil {
		return nil, err
	}
	return s.types(ctx)
}

func (s *Service) types(ctx context.Context) (hierarchy, error) {
	var row models.GroupHierarchy
	if err := s.d.DB.Query(ctx, &row, `SELECT * FROM group_hierarchies WHERE account_id = @account_id`, nil); err != nil {
		return nil, fmt.Errorf("group: hierarchy: %w", err)
	}
	return hierarchy(row.Types), nil
}

// SetHierarchy replaces the types of the account's groups, top first, for an
// admin: 1 to MaxTypes, all different. Errors: an invalid input, also types that
// groups of the account would break: a type in use is gone, a group would stand
// above its parent or need one; models.ErrForbidden.
func (s *Service) SetHierarchy(ctx context.Context, types []string) error {
	if _, err := auth.CallerWith(ctx, models.RoleAdmin); err != nil {
		return err
	}
	types = slices.Clone(types)
	if err := checkTypes(types); err != nil {
		return err
	}
	return s.change(ctx, "set hierarchy", true, func(ctx context.Context) ([]audit.Event, error) {
		old, err := s.types(ctx)
		if err != nil {
			return nil, err
		}
		if slices.Equal(old, types) {
			return nil, nil
		}
		if err := s.checkAgainstGroups(ctx, types); err != nil {
			return nil, err
		}
		if _, err := s.d.DB.Exec(ctx, `INSERT INTO group_hierarchies (account_id, types) VALUES (@account_id, CAST(@types AS text[]))
			ON CONFLICT (account_id) DO UPDATE SET types = excluded.types, updated_at = now()`, store.Args{"types": pq.StringArray(types)}); err != nil {
			return nil, err
		}
		return []audit.Event{{Action: "group_hierarchy.changed", SubjectType: "group_hierarchy", Data: map[string]any{"from": old, "to": types}}}, nil
	})
}

// checkAgainstGroups finds a group that types would break. There are few pairs
// of types, however many groups.
func (s *Service) checkAgainstGroups(ctx context.Context, types hierarchy) error {
	var pairs []struct {
		Type       string
		ParentType *string
		Identifier string // of one such group
	}
	if err := s.d.DB.Query(ctx, &pairs, `SELECT g.type, p.type AS parent_type, min(g.identifier) AS identifier
		FROM groups g LEFT JOIN groups p ON p.id = g.parent_id AND p.account_id = g.account_id
		WHERE g.account_id = @account_id GROUP BY g.type, p.type ORDER BY g.type, p.type`, nil); err != nil {
		return err
	}
	for _, pair := range pairs {
		var rule, text string
		switch level := slices.Index(types, pair.Type); {
		case level < 0:
			rule, text = "in_use", fmt.Sprintf("types must have %s, which the group %s has", pair.Type, pair.Identifier)
		case pair.ParentType == nil && level > 0:
			rule, text = "level", fmt.Sprintf("types must begin with %s: the group %s of this type has no parent", pair.Type, pair.Identifier)
		case pair.ParentType != nil && !types.allows(*pair.ParentType, pair.Type):
			if !slices.Contains(types, *pair.ParentType) {
				continue // found by the parent's own pair, with a better reason
			}
			rule, text = "level", fmt.Sprintf("types must have %s above %s: the group %s stands so", *pair.ParentType, pair.Type, pair.Identifier)
		default:
			continue
		}
		return models.Invalid(models.FieldError{Field: "types", Rule: rule, Text: text})
	}
	return nil
}
