package entity

import (
	"context"
	"fmt"
	"sync"

	"github.com/jackc/pgx/v5"

	"quad/internal/auth"
	"quad/internal/store"
	"quad/models"
)

// Choice is a value that a person of an organization chose from an entity type.
type Choice struct {
	OrganizationID int64
	Type           string // the type's value: models.EntityTypeGender …
	Value          string
}

// Labels are the texts that people see for choices. A choice without an entity
// has none.
type Labels map[Choice]string

// known is what is known of an account's labels: "" where there is no entity.
type known struct {
	mu     sync.RWMutex
	labels Labels
}

// maxKnown bounds what is kept for an account; with more it starts anew.
const maxKnown = 10_000

// Labels finds the labels of choices, of ACTIVE entities of the organization
// and, where it has none, of the default one. What was asked before comes from
// memory, the rest with one statement.
func (s *Service) Labels(ctx context.Context, choices ...Choice) (Labels, error) {
	if len(choices) == 0 {
		return nil, nil
	}
	k, err := s.labels.Get(ctx, func(context.Context) (*known, error) { return &known{labels: Labels{}}, nil })
	if err != nil {
		return nil, fmt.Errorf("entity: labels: %w", err)
	}
	found, missing := k.of(choices)
	if len(missing) == 0 {
		return found, nil
	}
	fresh, err := s.loadLabels(ctx, missing)
	if err != nil {
		return found, fmt.Errorf("entity: labels: %w", err)
	}
	k.add(fresh)
	for c, label := range fresh {
		if label != "" {
			found[c] = label
		}
	}
	return found, nil
}

func (k *known) of(choices []Choice) (found Labels, missing []Choice) {
	found = make(Labels, len(choices))
	k.mu.RLock()
	defer k.mu.RUnlock()
	for _, c := range choices {
		switch label, ok := k.labels[c]; {
		case !ok:
			missing = append(missing, c)
		case label != "":
			found[c] = label
		}
	}
	return found, missing
}

func (k *known) add(fresh Labels) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.labels)+len(fresh) > maxKnown {
		clear(k.labels)
	}
	for c, label := range fresh {
		if len(k.labels) < maxKnown {
			k.labels[c] = label
		}
	}
}

const findLabels = `SELECT c.organization, c.type, c.value, coalesce((
		SELECT e.label FROM entity_types t JOIN entities e ON e.entity_type_id = t.id
		WHERE t.account_id = @account_id AND t.value = c.type AND t.status = 'ACTIVE' AND t.deleted_at IS NULL
			AND t.organization_id IN (c.organization, (SELECT o.id FROM organizations o WHERE o.account_id = @account_id AND o.is_default))
			AND e.account_id = @account_id AND e.value = c.value AND e.status = 'ACTIVE' AND e.deleted_at IS NULL
		ORDER BY t.organization_id = c.organization DESC LIMIT 1), '')
	FROM unnest(CAST(@organizations AS bigint[]), CAST(@types AS text[]), CAST(@values AS text[])) AS c (organization, type, value)`

// loadLabels reads the labels of all choices, "" where there is no entity.
func (s *Service) loadLabels(ctx context.Context, choices []Choice) (Labels, error) {
	organizations, types, values := columns(choices)
	out := make(Labels, len(choices))
	err := s.db.QueryRows(ctx, findLabels, store.Args{"organizations": organizations, "types": types, "values": values}, func(row pgx.CollectableRow) error {
		var c Choice
		var label string
		if err := row.Scan(&c.OrganizationID, &c.Type, &c.Value, &label); err != nil {
			return err
		}
		out[c] = label
		return nil
	})
	return out, err
}

func columns(choices []Choice) (organizations []int64, types, values []string) {
	for _, c := range choices {
		organizations, types, values = append(organizations, c.OrganizationID), append(types, c.Type), append(values, c.Value)
	}
	return organizations, types, values
}

const findUnknown = `SELECT DISTINCT c.type
	FROM unnest(CAST(@types AS text[]), CAST(@values AS text[])) AS c (type, value)
	JOIN entity_types t ON t.value = c.type AND ` + shown + `
	WHERE t.has_entities AND NOT t.allow_custom_entities AND c.value <> ''
		AND NOT EXISTS (SELECT FROM entities e WHERE e.entity_type_id IN (t.id, t.parent_id) AND e.value = c.value AND ` + offered + `)`

// Check refuses values that are not in a closed list of the caller's
// organization: an entity type that allows no custom entities. Values of other
// types, and of types that do not exist, are free. Errors: an invalid input
// that names the types.
func (s *Service) Check(ctx context.Context, choices map[string][]string) error {
	p, err := auth.Caller(ctx)
	if err != nil {
		return err
	}
	types, values := []string{}, []string{}
	for t, all := range choices {
		for _, v := range all {
			types, values = append(types, t), append(values, v)
		}
	}
	if len(values) == 0 {
		return nil
	}
	var unknown []models.FieldError
	err = s.db.QueryRows(ctx, findUnknown, store.Args{
		"organization": p.OrganizationID, "user": p.UserID, "types": types, "values": values,
	}, func(row pgx.CollectableRow) error {
		var t string
		if err := row.Scan(&t); err != nil {
			return err
		}
		unknown = append(unknown, models.FieldError{Field: t, Rule: "closed", Text: t + " is none of the entities of its type"})
		return nil
	})
	switch {
	case err != nil:
		return fmt.Errorf("entity: check: %w", err)
	case len(unknown) > 0:
		return models.Invalid(unknown...)
	}
	return nil
}
