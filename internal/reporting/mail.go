package reporting

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/lib/pq"

	"quad/internal/blob"
	"quad/internal/notify"
	"quad/internal/store"
	"quad/models"
)

// templateReady tells that a report is there, with the report.
const templateReady = "report_ready"

// mostAttached is the largest file that goes with a mail, in bytes; what is
// larger is left to the hub.
const mostAttached = 5 << 20

// readers are the people among some whom a report may be sent to: ACTIVE, with an
// address, administrators or, for the report of an organization, those of its
// members who may see its reports; an author their own.
const readers = `
SELECT u.id, u.email, u.name FROM users u
WHERE u.account_id = @account_id AND u.id = ANY(CAST(@people AS bigint[])) AND u.status = 'ACTIVE' AND u.email IS NOT NULL AND (u.id = CAST(@author AS bigint) OR EXISTS (
    SELECT FROM user_roles ur JOIN roles r ON r.id = ur.role_id AND r.status = 'ACTIVE' AND r.deleted_at IS NULL
    WHERE ur.user_id = u.id AND (r.title = '` + models.RoleAdmin + `'
        OR r.title IN ('` + models.RoleOrgAdmin + `', '` + models.RoleReportViewer + `') AND CAST(@organization AS bigint) IS NOT NULL
            AND (u.organization_id = CAST(@organization AS bigint)
                OR EXISTS (SELECT FROM user_organizations m WHERE m.user_id = u.id AND m.organization_id = CAST(@organization AS bigint))))))
ORDER BY u.id`

type reader struct {
	ID    int64
	Email string
	Name  string
}

func (s *Service) readers(ctx context.Context, people []int64, author, organization *int64) (out []reader, err error) {
	err = s.d.DB.Query(ctx, &out, readers, store.Args{"people": pq.Int64Array(people), "author": author, "organization": organization})
	return out, err
}

// tell writes the mails about a completed report: to its author, or to the
// recipients of its schedule.
func (s *Service) tell(ctx context.Context, r models.Report) error {
	var people []int64
	if r.AuthorID != nil {
		people = []int64{*r.AuthorID}
	}
	author := r.AuthorID
	if r.ScheduleID != nil {
		var of models.ReportSchedule
		if err := s.d.DB.Query(ctx, &of, `SELECT * FROM report_schedules WHERE id = @id AND account_id = @account_id`, store.Args{"id": *r.ScheduleID}); err != nil {
			return err
		}
		people, author = of.Recipients, nil // also an owner must still have the right
	}
	to, err := s.readers(ctx, people, author, r.OrganizationID)
	if err != nil {
		return fmt.Errorf("readers: %w", err)
	}
	mails := make([]notify.Message, len(to))
	for i, reader := range to {
		mails[i] = notify.Message{
			Template: templateReady, Recipient: reader.Email, EventKey: fmt.Sprintf("report/%d/ready", r.ID), UserID: &reader.ID,
			OrganizationID: r.OrganizationID, ProcessID: r.ProcessID,
			Params: map[string]any{"name": reader.Name, "title": r.Title, "type": typeTitle(r.Type), "report": r.ID},
		}
	}
	if len(mails) == 0 {
		return nil
	}
	return s.d.Notify.Send(ctx, mails...)
}

// mailed finds the report that a mail is about.
func (s *Service) mailed(ctx context.Context, n models.Notification) (models.Report, error) {
	var r models.Report
	values, err := notify.Values(n)
	if err != nil {
		return r, err
	}
	id, _ := strconv.ParseInt(values["report"], 10, 64)
	if err := s.d.DB.Query(ctx, &r, `SELECT * FROM reports WHERE id = @id AND account_id = @account_id`, store.Args{"id": id}); err != nil {
		return r, fmt.Errorf("reporting: mail: %w", err)
	}
	if r.Status != models.ReportCompleted {
		return r, notify.ErrObsolete // deleted meanwhile
	}
	return r, nil
}

// readyValues are the values of a mail that come from the report.
func (s *Service) readyValues(ctx context.Context, n models.Notification) (map[string]string, error) {
	r, err := s.mailed(ctx, n)
	if err != nil {
		return nil, err
	}
	values := map[string]string{"summary": Sections(r)[SectionSummary], "attached": "The report is attached as a PDF file.", "elsewhere": ""}
	if r.AsOf != nil {
		values["asOf"] = r.AsOf.UTC().Format("2006-01-02 15:04") + " UTC"
	}
	if f, ok := r.File(models.ReportPDF); !ok || f.Size > mostAttached {
		values["attached"], values["elsewhere"] = "", "Its file is too large for a mail: sign in to the hub to load it."
	}
	return values, nil
}

// readyFiles are what goes with a mail.
func (s *Service) readyFiles(ctx context.Context, n models.Notification) ([]notify.Attachment, error) {
	r, err := s.mailed(ctx, n)
	if err != nil {
		return nil, err
	}
	f, ok := r.File(models.ReportPDF)
	if !ok || f.Size > mostAttached {
		return nil, nil
	}
	object, err := s.d.Blob.NewReader(ctx, f.Key)
	if errors.Is(err, blob.ErrNotFound) {
		return nil, notify.ErrObsolete
	}
	if err != nil {
		return nil, fmt.Errorf("reporting: mail: %w", err)
	}
	defer func() { _ = object.Close() }() // it was only read
	content, err := io.ReadAll(io.LimitReader(object, mostAttached))
	if err != nil {
		return nil, fmt.Errorf("reporting: mail: %w", err)
	}
	return []notify.Attachment{{Name: fileName(r, models.ReportPDF), ContentType: "application/pdf", Content: content}}, nil
}

// fileName is what a report's file is saved as.
func fileName(r models.Report, format string) string {
	return blob.CleanName(strings.NewReplacer("/", "-", `\`, "-").Replace(r.Title) + "." + format)
}
