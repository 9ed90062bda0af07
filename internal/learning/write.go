package learning

import (
	"context"
	"maps"
	"reflect"
	"time"

	"quad/internal/audit"
	"quad/internal/store"
	"quad/models"
)

// update writes what differs between a course, which is locked, and what it is
// to be. Nothing different: nothing is written.
func (s *Service) update(ctx context.Context, old models.Course, to *models.Course) ([]audit.Event, error) {
	before, after := facts(old), facts(*to)
	if reflect.DeepEqual(before, after) {
		return nil, nil
	}
	err := s.db.Query(ctx, &to.UpdatedAt, `UPDATE courses SET organization_id = @organization, name = @name, published = @published, status = @status,
			scheduled = @scheduled, starts_at = @starts, ends_at = @ends, duration_ms = @duration, categories = @categories, updated_at = now()
		WHERE account_id = @account_id AND id = @id RETURNING updated_at`, store.Args{
		"id": old.ID, "organization": to.OrganizationID, "name": to.Name, "published": to.Published, "status": to.Status,
		"scheduled": to.Scheduled, "starts": to.StartsAt, "ends": to.EndsAt, "duration": to.DurationMS, "categories": texts(to.Categories),
	})
	if err != nil {
		return nil, err
	}
	from := map[string]any{}
	maps.DeleteFunc(after, func(field string, value any) bool {
		if reflect.DeepEqual(before[field], value) {
			return true
		}
		from[field] = before[field]
		return false
	})
	return []audit.Event{courseEvent("course.updated", *to, map[string]any{"from": from, "to": after})}, nil
}

// facts is what can be changed about a course, as the audit trail tells it.
func facts(c models.Course) map[string]any {
	return map[string]any{
		"identifier": c.Identifier, "name": c.Name, "type": c.Type, "master": c.Master, "published": c.Published, "status": c.Status,
		"organizationId": value(c.OrganizationID), "scheduled": c.Scheduled, "startsAt": moment(c.StartsAt), "endsAt": moment(c.EndsAt),
		"durationMs": value(c.DurationMS), "categories": []string(texts(c.Categories)), "masterId": value(c.MasterID),
	}
}

// value is what a pointer points to, nil for none.
func value[T any](p *T) any {
	if p == nil {
		return nil
	}
	return *p
}

// moment is a time as text, nil for none.
func moment(t *time.Time) any {
	if t == nil {
		return nil
	}
	return t.UTC().Format(time.RFC3339Nano)
}

func courseEvent(action string, c models.Course, data map[string]any) audit.Event {
	return audit.Event{Action: action, SubjectType: "course", SubjectID: c.ID, OrganizationID: c.OrganizationID, Data: data}
}

// insertNative adds a course of the hub's own. Without an identifier it gets
// its id as one. When another course has that, the next ids are tried, ever
// more at a time: a calling system may number its courses too. Errors:
// ErrIdentifierTaken.
func (s *Service) insertNative(ctx context.Context, c models.Course, identifier *string) (made models.Course, err error) {
	for tries := 1; ; tries = min(tries*10, 10_000) {
		err = s.db.Query(ctx, &made, `WITH ids AS MATERIALIZED (SELECT nextval(pg_get_serial_sequence('courses', 'id')) AS id FROM generate_series(1, @tries)),
			free AS (SELECT id, coalesce(CAST(@identifier AS text), CAST(id AS text)) AS identifier FROM ids)
			INSERT INTO courses (id, account_id, organization_id, identifier, name, type, master, published, status, scheduled, starts_at, ends_at, duration_ms, categories)
			SELECT id, @account_id, CAST(@organization AS bigint), identifier, @name, @type, @master, @published, @status, @scheduled,
				CAST(@starts AS timestamptz), CAST(@ends AS timestamptz), CAST(@duration AS bigint), @categories
			FROM free WHERE NOT EXISTS (SELECT FROM courses t WHERE t.account_id = @account_id AND t.identifier = free.identifier)
			ORDER BY id LIMIT 1 ON CONFLICT (account_id, identifier) DO NOTHING RETURNING *`, store.Args{
			"tries": tries, "identifier": identifier, "organization": c.OrganizationID, "name": c.Name, "type": c.Type, "master": c.Master,
			"published": c.Published, "status": c.Status, "scheduled": c.Scheduled, "starts": c.StartsAt, "ends": c.EndsAt,
			"duration": c.DurationMS, "categories": texts(c.Categories),
		})
		switch {
		case err != nil, made.ID != 0:
			return made, err
		case identifier != nil:
			return made, ErrIdentifierTaken
		}
	}
}
