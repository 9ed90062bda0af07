package notify

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"gorm.io/gorm"

	"quad/internal/audit"
	"quad/internal/auth"
	"quad/internal/store"
	"quad/models"
)

// Refusals of Templates.
var (
	ErrTemplateExists   = models.Refuse(models.KindConflict, "template.exists", "the organization has a template with this code")
	ErrTemplateNotFound = models.Refuse(models.KindNotFound, "template.not_found", "there is no such template")
)

// Sizes of a template, in characters.
const (
	maxCode    = 100
	maxSubject = 500
	maxBody    = 200_000
)

// Templates keeps the texts of the organizations. Callers pass the
// organization whose templates they may touch.
type Templates struct{ db *store.DB }

// NewTemplates makes a Templates.
func NewTemplates(db *store.DB) *Templates { return &Templates{db: db} }

// TemplateInput is what a person writes. Nil keeps the value in an update and
// takes the default in a creation.
type TemplateInput struct {
	Type        *models.TemplateType
	Code        *string
	Subject     *string
	Body        *string // HTML
	TextBody    *string // made from Body when empty
	EmailHeader *string // code of the template of type emailHeader that stands before the body
	EmailFooter *string
	Status      *models.Status
}

// Create adds a template. Errors: KindInvalid with the fields, ErrTemplateExists.
func (t *Templates) Create(ctx context.Context, organization int64, in TemplateInput) (models.NotificationTemplate, error) {
	row := models.NotificationTemplate{OrganizationID: organization, Status: models.StatusActive, CreatedBy: auth.Actor(ctx), UpdatedBy: auth.Actor(ctx)}
	in.apply(&row)
	if err := check(row); err != nil {
		return row, err
	}
	err := t.db.InTx(ctx, func(ctx context.Context) error {
		if err := t.db.Conn(ctx).Create(&row).Error; err != nil {
			return err
		}
		return t.audit(ctx, "notification_template.created", row)
	})
	return row, templateError("create", err)
}

// Update changes a template of the organization. Errors: KindInvalid with the
// fields, ErrTemplateExists, ErrTemplateNotFound, also for a template of the
// default organization that the organization only reads.
func (t *Templates) Update(ctx context.Context, organization, id int64, in TemplateInput) (models.NotificationTemplate, error) {
	var row models.NotificationTemplate
	err := t.db.InTx(ctx, func(ctx context.Context) error {
		if err := t.lock(ctx, organization, id, &row); err != nil {
			return err
		}
		in.apply(&row)
		if err := check(row); err != nil {
			return err
		}
		row.UpdatedBy = auth.Actor(ctx)
		err := t.db.Conn(ctx).Model(&row).
			Select("type", "code", "subject", "body", "text_body", "email_header", "email_footer", "status", "updated_by", "updated_at").
			Updates(&row).Error
		if err != nil {
			return err
		}
		return t.audit(ctx, "notification_template.updated", row)
	})
	return row, templateError("update", err)
}

// Delete takes a template away; from then on the default organization's or the
// shipped text is used. Its code is free again. Errors: ErrTemplateNotFound.
func (t *Templates) Delete(ctx context.Context, organization, id int64) error {
	err := t.db.InTx(ctx, func(ctx context.Context) error {
		var row models.NotificationTemplate
		if err := t.lock(ctx, organization, id, &row); err != nil {
			return err
		}
		err := t.db.Conn(ctx).Model(&row).Updates(map[string]any{"deleted_at": gorm.Expr("now()"), "updated_by": auth.Actor(ctx)}).Error
		if err != nil {
			return err
		}
		return t.audit(ctx, "notification_template.deleted", row)
	})
	return templateError("delete", err)
}

// Get gives a template of the organization or of the default organization.
// Errors: ErrTemplateNotFound.
func (t *Templates) Get(ctx context.Context, organization, id int64) (models.NotificationTemplate, error) {
	var row models.NotificationTemplate
	err := t.db.Query(ctx, &row, visibleTemplates+` AND t.id = @id`, store.Args{"organization": organization, "id": id})
	if err == nil && row.ID == 0 {
		err = ErrTemplateNotFound
	}
	return row, templateError("get", err)
}

// visibleTemplates are the own ones and those of the default organization.
const visibleTemplates = `
SELECT t.* FROM notification_templates t JOIN organizations o ON o.id = t.organization_id AND o.account_id = t.account_id
WHERE t.account_id = @account_id AND t.deleted_at IS NULL AND (t.organization_id = @organization OR o.is_default)`

// TemplateFilter narrows a list of templates. Zero values do not narrow.
type TemplateFilter struct {
	Type   models.TemplateType
	Code   string
	After  int64 // cursor: only ids above it
	Limit  int   // at most and by default store.MaxPage
	Hidden bool  // with those of the default organization that an own one hides
}

// List gives the templates that hold for an organization, by id: its own, and
// those of the default organization that none of its own replaces. next is the
// cursor of the following page, 0 when there is none.
func (t *Templates) List(ctx context.Context, organization int64, f TemplateFilter) (page []models.NotificationTemplate, next int64, err error) {
	limit := store.PageSize(f.Limit)
	text := visibleTemplates + ` AND t.id > @after`
	if f.Type != "" {
		text += ` AND t.type = @type`
	}
	if f.Code != "" {
		text += ` AND t.code = @code`
	}
	if !f.Hidden {
		text += ` AND (t.organization_id = @organization OR NOT EXISTS (SELECT FROM notification_templates mine
    WHERE mine.account_id = t.account_id AND mine.organization_id = @organization AND mine.code = t.code AND mine.deleted_at IS NULL))`
	}
	args := store.Args{"organization": organization, "after": f.After, "type": f.Type, "code": f.Code, "limit": limit + 1}
	if err := t.db.Query(ctx, &page, text+` ORDER BY t.id LIMIT @limit`, args); err != nil {
		return nil, 0, templateError("list", err)
	}
	page, next = store.Cut(page, limit, func(t models.NotificationTemplate) int64 { return t.ID })
	return page, next, nil
}

// lock reads an own template for a change.
func (t *Templates) lock(ctx context.Context, organization, id int64, row *models.NotificationTemplate) error {
	const text = `
SELECT * FROM notification_templates
WHERE account_id = @account_id AND organization_id = @organization AND id = @id AND deleted_at IS NULL FOR UPDATE`
	if err := t.db.Query(ctx, row, text, store.Args{"organization": organization, "id": id}); err != nil {
		return err
	}
	if row.ID == 0 {
		return ErrTemplateNotFound
	}
	return nil
}

func (t *Templates) audit(ctx context.Context, action string, row models.NotificationTemplate) error {
	return audit.Write(ctx, t.db, audit.Event{
		Action: action, SubjectType: "notification_template", SubjectID: row.ID, OrganizationID: &row.OrganizationID,
		Data: map[string]any{"code": row.Code, "type": row.Type},
	})
}

func templateError(what string, err error) error {
	switch {
	case err == nil:
		return nil
	case store.Violates(err, "notification_templates_code"):
		return ErrTemplateExists.With(err)
	case models.KindOf(err) == models.KindInvalid, errors.Is(err, ErrTemplateNotFound):
		return err
	}
	return fmt.Errorf("notify: %s template: %w", what, err)
}

func (in TemplateInput) apply(row *models.NotificationTemplate) {
	set := func(to, from *string) {
		if from != nil {
			*to = *from
		}
	}
	if in.Code != nil {
		row.Code = strings.TrimSpace(*in.Code)
	}
	set(&row.Subject, in.Subject)
	set(&row.Body, in.Body)
	set(&row.TextBody, in.TextBody)
	if in.Type != nil {
		row.Type = *in.Type
	}
	if in.Status != nil {
		row.Status = *in.Status
	}
	if in.EmailHeader != nil {
		row.EmailHeader = optional(strings.TrimSpace(*in.EmailHeader))
	}
	if in.EmailFooter != nil {
		row.EmailFooter = optional(strings.TrimSpace(*in.EmailFooter))
	}
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// check holds the rules of a template.
func check(row models.NotificationTemplate) error {
	var bad []models.FieldError
	refuse := func(field, rule, text string) {
		bad = append(bad, models.FieldError{Field: field, Rule: rule, Text: text})
	}
	sized := func(field, value string, limit int) {
		if utf8.RuneCountInString(value) > limit {
			refuse(field, "too_long", fmt.Sprintf("may have at most %d characters", limit))
		}
		if strings.ContainsRune(value, 0) || !utf8.ValidString(value) {
			refuse(field, "text", "is no text")
		}
	}
	switch row.Type {
	case models.TemplateEmail, models.TemplateHeader, models.TemplateFooter:
	case "":
		refuse("type", "required", "is needed")
	default:
		refuse("type", "enum", "is none of email, emailHeader, emailFooter")
	}
	switch row.Status {
	case models.StatusActive, models.StatusInactive:
	default:
		refuse("status", "enum", "is none of ACTIVE, INACTIVE")
	}
	codes := map[string]*string{"code": &row.Code, "email_header": row.EmailHeader, "email_footer": row.EmailFooter}
	for _, field := range []string{"code", "email_header", "email_footer"} {
		if code := codes[field]; code != nil {
			sized(field, *code, maxCode)
			if strings.ContainsFunc(*code, unicode.IsSpace) {
				refuse(field, "no_space", "may not contain white space")
			}
		}
	}
	if row.Code == "" {
		refuse("code", "required", "is needed")
	}
	if row.Type == models.TemplateEmail && strings.TrimSpace(row.Subject) == "" {
		refuse("subject", "required", "is needed")
	}
	if strings.TrimSpace(row.Body) == "" {
		refuse("body", "required", "is needed")
	}
	sized("subject", row.Subject, maxSubject)
	sized("body", row.Body, maxBody)
	sized("text_body", row.TextBody, maxBody)
	if len(bad) > 0 {
		return models.Invalid(bad...)
	}
	return nil
}
