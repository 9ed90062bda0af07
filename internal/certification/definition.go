package certification

import (
	"context"
	"fmt"
	"strings"

	"github.com/lib/pq"

	"quad/internal/audit"
	"quad/internal/auth"
	"quad/internal/input"
	"quad/internal/ref"
	"quad/internal/store"
	"quad/models"
)

// Bounds of what a certificate is made of.
const (
	MaxName    = 255 // characters
	MaxCourses = 100
)

// maxValidity is the longest validity: about a hundred years.
var maxValidity = map[models.ValidityUnit]int{models.ValidityDays: 36_500, models.ValidityMonths: 1_200, models.ValidityYears: 100}

// Validity is how long a certificate is good for, in calendar units.
type Validity struct {
	Duration int // at least 1
	Unit     models.ValidityUnit
}

// Input is what a certificate is made of.
type Input struct {
	Identifier       *string // nil: the hub's id
	Name             string
	Courses          []ref.Ref                // channels, in the order in which people see them
	Validity         *Validity                // nil: it never lapses
	AsksConfirmation bool                     // learners confirm before they are certified
	Status           models.CertificateStatus // "": ACTIVE
}

// Change is what becomes of a certificate; nil leaves a field as it is.
type Change struct {
	Identifier       *string
	Name             *string
	Courses          *[]ref.Ref
	Validity         input.Field[Validity] // cleared: it never lapses any more
	AsksConfirmation *bool
	Status           *models.CertificateStatus
}

// Definition is a certificate with its courses. The three lists of them are
// parallel.
type Definition struct {
	models.Certificate
	CourseIDs         pq.Int64Array  `gorm:"type:bigint[]"`
	CourseIdentifiers pq.StringArray `gorm:"type:text[]"`
	CourseNames       pq.StringArray `gorm:"type:text[]"`
}

// Validity is how long the certificate is good for, nil for ever.
func (d Definition) Validity() *Validity {
	if d.ExpiresAfter == nil || d.ExpiresUnit == nil {
		return nil
	}
	return &Validity{Duration: *d.ExpiresAfter, Unit: *d.ExpiresUnit}
}

type check struct{ input.Check }

func (c *check) identifier(value *string) {
	if value != nil && !ref.ValidIdentifier(*value) {
		c.Bad("identifier", input.Invalid, fmt.Sprintf("must have 1 to %d characters", ref.MaxIdentifier))
	}
}

func (c *check) courses(courses []ref.Ref) {
	switch {
	case len(courses) == 0:
		c.Bad("courses", input.Required, "field is empty")
	case len(courses) > MaxCourses:
		c.Bad("courses", input.TooLong, fmt.Sprintf("must not be more than %d", MaxCourses))
	}
}

func (c *check) validity(v *Validity) {
	if v == nil || !input.OneOf(&c.Check, "validity.unit", &v.Unit, models.ValidityUnits...) {
		return
	}
	if most := maxValidity[v.Unit]; v.Duration < 1 || v.Duration > most {
		c.Bad("validity.duration", "range", fmt.Sprintf("must be from 1 to %d", most))
	}
}

// Create adds a certificate, for an admin. It concerns those too who are
// learners of its courses already. The unique index on the identifier decides
// between callers who want the same. Errors: an invalid input (unknown courses
// and masters among it), models.ErrForbidden, ErrTaken.
func (s *Service) Create(ctx context.Context, in Input) (Definition, error) {
	if _, err := auth.CallerWith(ctx, models.RoleAdmin); err != nil {
		return Definition{}, err
	}
	var c check
	c.identifier(in.Identifier)
	c.Line("name", &in.Name, MaxName)
	c.courses(in.Courses)
	c.validity(in.Validity)
	if in.Status == "" {
		in.Status = models.CertificateActive
	}
	input.OneOf(&c.Check, "status", &in.Status, models.CertificateStatuses...)
	if err := c.Err(); err != nil {
		return Definition{}, err
	}
	var out Definition
	err := s.d.DB.InTx(ctx, func(ctx context.Context) error {
		courses, err := s.lockCourses(ctx, in.Courses)
		if err != nil {
			return err
		}
		if err := s.lockDefinitions(ctx, true); err != nil {
			return err
		}
		id, err := s.insert(ctx, in)
		if err != nil {
			return err
		}
		if err := s.setCourses(ctx, id, courses); err != nil {
			return err
		}
		if err := s.Reevaluate(ctx, id); err != nil {
			return err
		}
		if out, err = s.definition(ctx, ref.ByID(id)); err != nil {
			return err
		}
		return audit.Write(ctx, s.d.DB, definitionEvent("certificate.created", id, definitionData(out)))
	})
	if err != nil {
		return Definition{}, fmt.Errorf("certification: create: %w", err)
	}
	return out, nil
}

// insert writes the row. Without an identifier the id is it, or the next one
// that is free.
func (s *Service) insert(ctx context.Context, in Input) (id int64, err error) {
	args := store.Args{
		"identifier": in.Identifier, "name": in.Name, "status": in.Status, "confirmation": in.AsksConfirmation,
		"after": nil, "unit": nil,
	}
	if in.Validity != nil {
		args["after"], args["unit"] = in.Validity.Duration, in.Validity.Unit
	}
	for {
		err := s.d.DB.Query(ctx, &id, `INSERT INTO certificates (id, account_id, identifier, name, status, expires_after, expires_unit, asks_confirmation)
			SELECT n.id, @account_id, coalesce(CAST(@identifier AS text), CAST(n.id AS text)), @name, @status,
				CAST(@after AS integer), CAST(@unit AS text), @confirmation
			FROM (SELECT nextval(pg_get_serial_sequence('certificates', 'id')) AS id) n
			ON CONFLICT (account_id, identifier) DO NOTHING RETURNING id`, args)
		switch {
		case err != nil:
			return 0, err
		case id != 0:
			return id, nil
		case in.Identifier != nil:
			return 0, ErrTaken
		}
	}
}

// Change changes a certificate, for an admin. What it means for those who have
// or are earning it holds at once; what was issued stays as it was issued.
// Errors: an invalid input, models.ErrForbidden, ErrCertificateUnknown, ErrTaken.
func (s *Service) Change(ctx context.Context, certificate ref.Ref, ch Change) (Definition, error) {
	if _, err := auth.CallerWith(ctx, models.RoleAdmin); err != nil {
		return Definition{}, err
	}
	var c check
	c.identifier(ch.Identifier)
	c.Line("name", ch.Name, MaxName)
	if ch.Courses != nil {
		c.courses(*ch.Courses)
	}
	c.validity(ch.Validity.Value)
	input.OneOf(&c.Check, "status", ch.Status, models.CertificateStatuses...)
	if err := c.Err(); err != nil {
		return Definition{}, err
	}
	if !certificate.Valid() {
		return Definition{}, ErrCertificateUnknown
	}
	var out Definition
	err := s.d.DB.InTx(ctx, func(ctx context.Context) error {
		var courses []int64
		var err error
		if ch.Courses != nil { // courses are locked before certificates
			if courses, err = s.lockCourses(ctx, *ch.Courses); err != nil {
				return s.unknownFirst(ctx, certificate, err)
			}
		}
		// Before the row, as those do whom Reevaluate waits for.
		if err := s.lockDefinitions(ctx, true); err != nil {
			return err
		}
		old, err := s.lock(ctx, certificate)
		if err != nil {
			return err
		}
		if err := s.update(ctx, old, ch); err != nil {
			return err
		}
		if courses != nil {
			if err := s.setCourses(ctx, old.ID, courses); err != nil {
				return err
			}
		}
		if ch.Courses != nil || ch.Validity.Sent || ch.AsksConfirmation != nil || ch.Status != nil {
			if err := s.Reevaluate(ctx, old.ID); err != nil {
				return err
			}
		}
		if out, err = s.definition(ctx, ref.ByID(old.ID)); err != nil {
			return err
		}
		return audit.Write(ctx, s.d.DB, definitionEvent("certificate.changed", old.ID,
			map[string]any{"from": definitionData(Definition{Certificate: old}), "to": definitionData(out)}))
	})
	if err != nil {
		return Definition{}, fmt.Errorf("certification: change: %w", err)
	}
	return out, nil
}

// unknownFirst lets an unknown certificate win over what is wrong with its
// courses.
func (s *Service) unknownFirst(ctx context.Context, certificate ref.Ref, err error) error {
	if _, unknown := s.definition(ctx, certificate); unknown != nil {
		return unknown
	}
	return err
}

func (s *Service) update(ctx context.Context, to models.Certificate, ch Change) error {
	set(&to.Identifier, ch.Identifier)
	set(&to.Name, ch.Name)
	set(&to.AsksConfirmation, ch.AsksConfirmation)
	set(&to.Status, ch.Status)
	if ch.Validity.Sent {
		to.ExpiresAfter, to.ExpiresUnit = nil, nil
		if v := ch.Validity.Value; v != nil {
			to.ExpiresAfter, to.ExpiresUnit = &v.Duration, &v.Unit
		}
	}
	_, err := s.d.DB.Exec(ctx, `UPDATE certificates SET identifier = @identifier, name = @name, status = @status, asks_confirmation = @confirmation,
			expires_after = CAST(@after AS integer), expires_unit = CAST(@unit AS text), updated_at = now()
		WHERE account_id = @account_id AND id = @id`, store.Args{
		"id": to.ID, "identifier": to.Identifier, "name": to.Name, "status": to.Status, "confirmation": to.AsksConfirmation,
		"after": to.ExpiresAfter, "unit": to.ExpiresUnit,
	})
	if store.Violates(err, "certificates_identifier") {
		return ErrTaken.With(err)
	}
	return err
}

func (s *Service) lock(ctx context.Context, certificate ref.Ref) (models.Certificate, error) {
	var row models.Certificate
	err := s.d.DB.Query(ctx, &row, `SELECT * FROM certificates c WHERE account_id = @account_id AND `+certificate.Condition("c")+` FOR NO KEY UPDATE`, certificate.Args())
	if err == nil && row.ID == 0 {
		err = ErrCertificateUnknown
	}
	return row, err
}

// lockCourses gives the ids of the courses in the order named, and keeps them
// from being deleted or becoming masters until the transaction ends. Errors: an
// invalid input for one that is unknown, a master, or named twice.
func (s *Service) lockCourses(ctx context.Context, courses []ref.Ref) ([]int64, error) {
	var ids pq.Int64Array
	var identifiers pq.StringArray
	for _, r := range courses {
		switch {
		case !r.Valid():
		case r.ID != 0:
			ids = append(ids, r.ID)
		default:
			identifiers = append(identifiers, r.Identifier)
		}
	}
	var found []struct {
		ID         int64
		Identifier string
	}
	err := s.d.DB.Query(ctx, &found, `SELECT id, identifier FROM courses
		WHERE account_id = @account_id AND NOT master AND (id = ANY(CAST(@ids AS bigint[])) OR identifier = ANY(CAST(@identifiers AS text[])))
		ORDER BY id FOR SHARE`, store.Args{"ids": ids, "identifiers": identifiers})
	if err != nil {
		return nil, err
	}
	byID, byIdentifier := map[int64]int64{}, map[string]int64{}
	for _, course := range found {
		byID[course.ID], byIdentifier[course.Identifier] = course.ID, course.ID
	}
	var c check
	out, seen := make([]int64, 0, len(courses)), map[int64]bool{}
	for i, r := range courses {
		field, id := fmt.Sprintf("courses[%d]", i), byID[r.ID]
		if r.ID == 0 {
			id = byIdentifier[r.Identifier]
		}
		switch {
		case id == 0:
			c.Bad(field, "unknown", "is no channel of this account")
		case seen[id]:
			c.Bad(field, "repeated", "is named twice")
		}
		seen[id] = true
		out = append(out, id)
	}
	return out, c.Err()
}

func (s *Service) setCourses(ctx context.Context, certificate int64, courses []int64) error {
	args := store.Args{"certificate": certificate, "courses": pq.Int64Array(courses)}
	if _, err := s.d.DB.Exec(ctx, `DELETE FROM certificate_courses WHERE account_id = @account_id AND certificate_id = @certificate
		AND course_id <> ALL(CAST(@courses AS bigint[]))`, args); err != nil {
		return err
	}
	_, err := s.d.DB.Exec(ctx, `INSERT INTO certificate_courses (account_id, certificate_id, course_id, position)
		SELECT @account_id, @certificate, c.id, c.position FROM unnest(CAST(@courses AS bigint[])) WITH ORDINALITY AS c (id, position)
		ON CONFLICT (certificate_id, course_id) DO UPDATE SET position = excluded.position`, args)
	return err
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

func definitionEvent(action string, id int64, data any) audit.Event {
	return audit.Event{Action: action, SubjectType: "certificate", SubjectID: id, Data: data}
}

func definitionData(d Definition) map[string]any {
	data := map[string]any{
		"identifier": d.Identifier, "name": d.Name, "status": d.Status, "asksConfirmation": d.AsksConfirmation,
		"validFor": validText(d.Validity()),
	}
	if d.CourseIDs != nil {
		data["courses"] = []int64(d.CourseIDs)
	}
	return data
}

// validText says in words how long something is good for: "2 YEAR".
func validText(v *Validity) string {
	if v == nil {
		return ""
	}
	return strings.TrimSpace(fmt.Sprint(v.Duration, " ", v.Unit))
}
