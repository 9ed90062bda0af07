package notify

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"quad/internal/store"
	"quad/models"
)

//go:embed templates
var templateFiles embed.FS

// shipped are the texts that hold when no organization has its own, by code.
var shipped = readShipped(templateFiles)

// Shipped lists the codes of the shipped texts.
func Shipped() []string {
	codes := make([]string, 0, len(shipped))
	for code := range shipped {
		codes = append(codes, code)
	}
	slices.Sort(codes)
	return codes
}

// readShipped reads <code>.txt, whose first line is the subject, with
// <code>.html. A missing half is a mistake in the build.
func readShipped(files fs.FS) map[string]template {
	read := func(name string) string {
		text, err := fs.ReadFile(files, path.Join("templates", name))
		if err != nil {
			panic(fmt.Sprintf("notify: shipped text: %v", err))
		}
		return string(text)
	}
	names, err := fs.Glob(files, "templates/*.txt")
	if err != nil {
		panic(fmt.Sprintf("notify: shipped texts: %v", err))
	}
	layout := read("layout.html")
	out := map[string]template{}
	for _, name := range names {
		code := strings.TrimSuffix(path.Base(name), ".txt")
		head, text, _ := strings.Cut(read(code+".txt"), "\n\n")
		subject, ok := strings.CutPrefix(head, "Subject: ")
		if !ok {
			panic("notify: shipped text " + code + " has no subject")
		}
		out[code] = template{subject: subject, text: strings.TrimRight(text, "\n"), html: strings.TrimSpace(read(code + ".html")), layout: layout, dropEmpty: true}
	}
	return out
}

// ownTemplates finds an organization's text and the default organization's;
// the organization's own comes first.
const ownTemplate = `
SELECT t.* FROM notification_templates t JOIN organizations o ON o.id = t.organization_id AND o.account_id = t.account_id
WHERE t.account_id = @account_id AND t.code = @code AND t.type = @type AND t.status = 'ACTIVE' AND t.deleted_at IS NULL
  AND (t.organization_id = @organization OR o.is_default)
ORDER BY (t.organization_id = @organization) DESC LIMIT 1`

// template chooses the text of a mail: the organization's own, else that of
// the default organization, else the shipped one. Errors: a permanent one if
// there is no such text.
func (s *Service) template(ctx context.Context, organization *int64, code string) (template, error) {
	find := func(code string, kind models.TemplateType) (models.NotificationTemplate, error) {
		var row models.NotificationTemplate
		org := int64(0)
		if organization != nil {
			org = *organization
		}
		err := s.db.Query(ctx, &row, ownTemplate, store.Args{"code": code, "type": kind, "organization": org})
		if err != nil {
			return row, fmt.Errorf("notify: template %s: %w", code, err)
		}
		return row, nil
	}
	own, err := find(code, models.TemplateEmail)
	if err != nil {
		return template{}, err
	}
	if own.ID == 0 {
		t, ok := shipped[code]
		if !ok {
			return t, &permanentError{fmt.Errorf("there is no template %s", code)}
		}
		return t, nil
	}
	t := template{subject: own.Subject, html: own.Body, text: textFor(own)}
	for _, part := range []struct {
		code       *string
		kind       models.TemplateType
		html, text *string
	}{
		{own.EmailHeader, models.TemplateHeader, &t.headerHTML, &t.headerText},
		{own.EmailFooter, models.TemplateFooter, &t.footerHTML, &t.footerText},
	} {
		if part.code == nil || *part.code == "" {
			continue
		}
		row, err := find(*part.code, part.kind)
		if err != nil {
			return t, err
		}
		if row.ID != 0 { // a header that was deleted leaves the mail without one
			*part.html, *part.text = row.Body, textFor(row)
		}
	}
	return t, nil
}

// textFor is the plain text of a template, made from its HTML when it has none.
func textFor(t models.NotificationTemplate) string {
	if strings.TrimSpace(t.TextBody) != "" {
		return t.TextBody
	}
	return textOf(t.Body)
}
