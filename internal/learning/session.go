package learning

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"quad/internal/audit"
	"quad/internal/input"
	"quad/internal/ref"
	"quad/internal/store"
	"quad/models"
)

// SessionInput is what a class session is made of.
type SessionInput struct {
	Name         string
	Description  *string // nil or empty: none
	Location     *string // nil or empty: none
	StartsAt     time.Time
	EndsAt       time.Time // not before StartsAt
	AllDay       bool
	Live         bool
	IncludeGrade bool
	Published    *bool // nil: published
	Optional     bool
}

func (in *SessionInput) check() error {
	var c check
	c.name(&in.Name)
	in.Description = c.optionalText("description", in.Description, MaxDescription)
	in.Location = c.optionalText("location", in.Location, MaxLocation)
	c.span(&in.StartsAt, &in.EndsAt)
	return c.Err()
}

// span is from when to when something takes place; both are needed.
func (c *check) span(from, to *time.Time) {
	c.given("starts_at", !from.IsZero())
	c.given("ends_at", !to.IsZero())
	if from.IsZero() || to.IsZero() {
		return
	}
	c.time("starts_at", from)
	c.time("ends_at", to)
	if to.Before(*from) {
		c.Bad("ends_at", input.Invalid, "is invalid, must not be before starts_at")
	}
}

// SessionChange is what of a class session is to be changed. Nil fields and
// those that were not sent stay as they are.
type SessionChange struct {
	Name         *string
	Description  input.Field[string]
	Location     input.Field[string]
	StartsAt     *time.Time
	EndsAt       *time.Time
	AllDay       *bool
	Live         *bool
	IncludeGrade *bool
	Published    *bool
	Optional     *bool
}

// over gives what a session is with the change.
func (in SessionChange) over(m models.ClassSession) SessionInput {
	out := SessionInput{
		Name: m.Name, Description: m.Description, Location: m.Location, StartsAt: m.StartsAt, EndsAt: m.EndsAt,
		AllDay: m.AllDay, Live: m.Live, IncludeGrade: m.IncludeGrade, Published: &m.Published, Optional: m.Optional,
	}
	set(&out.Name, in.Name)
	set(&out.StartsAt, in.StartsAt)
	set(&out.EndsAt, in.EndsAt)
	set(&out.AllDay, in.AllDay)
	set(&out.Live, in.Live)
	set(&out.IncludeGrade, in.IncludeGrade)
	set(out.Published, in.Published)
	set(&out.Optional, in.Optional)
	if in.Description.Sent {
		out.Description = in.Description.Value
	}
	if in.Location.Sent {
		out.Location = in.Location.Value
	}
	return out
}

// Sessions gives all class sessions of a channel by their begin, for an admin;
// a stream has none. Two statements. Errors: ErrCourseUnknown.
func (s *Service) Sessions(ctx context.Context, channel ref.Ref) ([]models.ClassSession, error) {
	c, err := s.Channel(ctx, channel)
	if err != nil {
		return nil, err
	}
	rows, err := s.sessions(ctx, ` ORDER BY s.starts_at, s.id`, store.Args{"course": c.ID})
	return rows, wrap("list sessions", err)
}

// CourseSessions gives a page of the class sessions of a course by id, for an
// admin. next is the after of the page that follows, 0 on the last one. limit
// is 1 to 100; anything else is 100. Two statements. Errors: ErrCourseUnknown.
func (s *Service) CourseSessions(ctx context.Context, course ref.Ref, after int64, limit int) (page []models.ClassSession, next int64, err error) {
	c, err := s.Course(ctx, course)
	if err != nil {
		return nil, 0, err
	}
	limit = store.PageSize(limit)
	rows, err := s.sessions(ctx, ` AND s.id > @after ORDER BY s.id LIMIT @limit`, store.Args{"course": c.ID, "after": after, "limit": limit + 1})
	if err != nil {
		return nil, 0, wrap("list sessions", err)
	}
	page, next = store.Cut(rows, limit, func(m models.ClassSession) int64 { return m.ID })
	return page, next, nil
}

func (s *Service) sessions(ctx context.Context, rest string, args store.Args) (rows []models.ClassSession, err error) {
	err = s.db.QueryRows(ctx, `SELECT s.id, s.account_id, s.course_id, s.name, s.description, s.location, s.starts_at, s.ends_at, s.all_day,
			s.live, s.include_grade, s.published, s.optional, s.created_at, s.updated_at
		FROM class_sessions s WHERE s.account_id = @account_id AND s.course_id = @course`+rest, args, func(row pgx.CollectableRow) error {
		var m models.ClassSession
		if err := row.Scan(&m.ID, &m.AccountID, &m.CourseID, &m.Name, &m.Description, &m.Location, &m.StartsAt, &m.EndsAt, &m.AllDay,
			&m.Live, &m.IncludeGrade, &m.Published, &m.Optional, &m.CreatedAt, &m.UpdatedAt); err != nil {
			return err
		}
		rows = append(rows, m)
		return nil
	})
	return rows, err
}

// Session reads a class session, for an admin. One statement. Errors:
// ErrSessionUnknown, also when there is no such course.
func (s *Service) Session(ctx context.Context, course ref.Ref, id int64) (models.ClassSession, error) {
	if err := admin(ctx); err != nil {
		return models.ClassSession{}, err
	}
	m, err := s.session(ctx, course, id, "")
	return m.ClassSession, wrap("read session", err)
}

// owned is a class session and the organization of its course.
type owned struct {
	models.ClassSession
	OrganizationID *int64
}

func (s *Service) session(ctx context.Context, course ref.Ref, id int64, lock string) (m owned, err error) {
	if !course.Valid() {
		return m, ErrSessionUnknown
	}
	args := course.Args()
	args["id"] = id
	err = s.db.Query(ctx, &m, `SELECT s.*, c.organization_id FROM class_sessions s JOIN courses c ON c.id = s.course_id
		WHERE s.account_id = @account_id AND s.id = @id AND `+course.Condition("c")+lock, args)
	if err == nil && m.ID == 0 {
		err = ErrSessionUnknown
	}
	return m, err
}

// CreateSession adds a class session to a channel of type COURSE, for an admin.
// Errors: an invalid input, ErrCourseUnknown, ErrNoSessions.
func (s *Service) CreateSession(ctx context.Context, course ref.Ref, in SessionInput) (made models.ClassSession, err error) {
	if err := in.check(); err != nil {
		return made, err
	}
	err = s.change(ctx, "create session", func(ctx context.Context) ([]audit.Event, error) {
		c, err := s.find(ctx, course, "true", "FOR SHARE OF c")
		if err != nil {
			return nil, err
		}
		if c.Master || c.Type != models.CourseTypeCourse {
			return nil, ErrNoSessions
		}
		published := in.Published == nil || *in.Published
		err = s.db.Query(ctx, &made, `INSERT INTO class_sessions (account_id, course_id, name, description, location, starts_at, ends_at, all_day, live, include_grade, published, optional)
			VALUES (@account_id, @course, @name, @description, @location, @starts, @ends, @all_day, @live, @grade, @published, @optional) RETURNING *`,
			store.Args{
				"course": c.ID, "name": in.Name, "description": in.Description, "location": in.Location, "starts": in.StartsAt, "ends": in.EndsAt,
				"all_day": in.AllDay, "live": in.Live, "grade": in.IncludeGrade, "published": published, "optional": in.Optional,
			})
		if err != nil {
			return nil, err
		}
		return []audit.Event{sessionEvent("class_session.created", made, c.OrganizationID)}, nil
	})
	return made, err
}

// ChangeSession changes a class session, for an admin. Errors: an invalid
// input, ErrSessionUnknown.
func (s *Service) ChangeSession(ctx context.Context, course ref.Ref, id int64, in SessionChange) (changed models.ClassSession, err error) {
	err = s.change(ctx, "change session", func(ctx context.Context) ([]audit.Event, error) {
		old, err := s.session(ctx, course, id, " FOR NO KEY UPDATE OF s")
		if err != nil {
			return nil, err
		}
		to := in.over(old.ClassSession)
		if err := to.check(); err != nil {
			return nil, err
		}
		err = s.db.Query(ctx, &changed, `UPDATE class_sessions SET name = @name, description = @description, location = @location, starts_at = @starts,
				ends_at = @ends, all_day = @all_day, live = @live, include_grade = @grade, published = @published, optional = @optional, updated_at = now()
			WHERE account_id = @account_id AND id = @id RETURNING *`, store.Args{
			"id": old.ID, "name": to.Name, "description": to.Description, "location": to.Location, "starts": to.StartsAt, "ends": to.EndsAt,
			"all_day": to.AllDay, "live": to.Live, "grade": to.IncludeGrade, "published": *to.Published, "optional": to.Optional,
		})
		if err != nil {
			return nil, err
		}
		return []audit.Event{sessionEvent("class_session.updated", changed, old.OrganizationID)}, nil
	})
	return changed, err
}

// DeleteSession deletes a class session and who has attended it, for an admin.
// Errors: ErrSessionUnknown.
func (s *Service) DeleteSession(ctx context.Context, course ref.Ref, id int64) error {
	return s.change(ctx, "delete session", func(ctx context.Context) ([]audit.Event, error) {
		old, err := s.session(ctx, course, id, " FOR UPDATE OF s")
		if err != nil {
			return nil, err
		}
		if _, err := s.db.Exec(ctx, `DELETE FROM class_sessions WHERE account_id = @account_id AND id = @id`, store.Args{"id": old.ID}); err != nil {
			return nil, err
		}
		return []audit.Event{sessionEvent("class_session.deleted", old.ClassSession, old.OrganizationID)}, nil
	})
}

func sessionEvent(action string, m models.ClassSession, organizationID *int64) audit.Event {
	return audit.Event{Action: action, SubjectType: "class_session", SubjectID: m.ID, OrganizationID: organizationID, Data: map[string]any{
		"courseId": m.CourseID, "name": m.Name, "startsAt": moment(&m.StartsAt), "endsAt": moment(&m.EndsAt), "published": m.Published, "optional": m.Optional,
	}}
}
