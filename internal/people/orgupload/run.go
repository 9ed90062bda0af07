package orgupload

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/lib/pq"

	"quad/internal/auth"
	"quad/internal/people/invite"
	"quad/internal/process"
	"quad/internal/store"
	"quad/models"
)

// Limits of a page. Rows lock what they change until the page's end, so a page
// that takes long, because of passwords for example, ends early.
const (
	pageRows = 500
	pageTime = time.Second
)

// pageTries bounds how often the first row of a page is tried again that met
// with something that passes, such as a deadlock.
const pageTries = 5

// errTaken says that another worker works on the same file.
var errTaken = errors.New("orgupload: another worker has written rows of the file")

// Imported says how far an upload has come.
type Imported struct {
	Done      int64 `json:"done"` // rows with a verdict
	Total     int64 `json:"total"`
	More      bool  `json:"more,omitempty"`      // there are rows left
	Cancelled bool  `json:"cancelled,omitempty"` // a cancel was asked for; More tells whether something was left out
}

// Import works on the rows that have no verdict yet: groups, people, memberships,
// each in the order of its file (groups below those that they are to be below),
// until all are done, stop tells so, or the process was asked to cancel.
// heartbeat is called after each page.
//
// Errors: process.ErrEnded, ErrContentGone.
func (s *Service) Import(ctx context.Context, in models.ProcessInput, stop func() bool, heartbeat func(Imported)) (Imported, error) {
	p, err := s.Process.Transition(ctx, in.ProcessID, process.Transition{To: models.ProcessRunning})
	if err != nil {
		return Imported{}, fmt.Errorf("orgupload: begin: %w", err)
	}
	if ctx, err = asStarter(ctx, p); err != nil {
		return Imported{}, err
	}
	u, err := s.upload(ctx, in.SubjectID)
	if err != nil {
		return Imported{}, err
	}
	r := run{s: s, process: p.ID, stop: stop, heartbeat: heartbeat}
	if r.counters, err = s.counters(ctx, u.ID); err != nil {
		return Imported{}, err
	}
	t := u.tally()
	r.out = Imported{Done: t.done, Total: t.rows, More: t.done < t.rows}
	for _, kind := range models.OrgFileKinds {
		for i := range u.Files {
			if f := &u.Files[i]; f.Kind != nil && *f.Kind == kind && f.Status != models.OrgFileRejected {
				if enough, err := r.file(ctx, f); err != nil || enough {
					return r.out, err
				}
			}
		}
	}
	return r.out, nil
}

// asStarter is the context of who began a process, with the rights that they had
// then: what they asked for was granted when it was taken in.
func asStarter(ctx context.Context, p models.Process) (context.Context, error) {
	var in processInput
	if err := json.Unmarshal(p.Input, &in); err != nil {
		return nil, fmt.Errorf("orgupload: input of process %d: %w", p.ID, err)
	}
	who := auth.Principal{AccountID: p.AccountID, Door: p.Door, Roles: []string{models.RoleAdmin}}
	if p.StartedBy != nil {
		who.UserID = *p.StartedBy
	}
	if in.ClientID != nil {
		who.ClientID = *in.ClientID
	}
	return auth.WithPrincipal(ctx, who), nil
}

// counters counts an upload's verdicts.
func (s *Service) counters(ctx context.Context, uploadID int64) (map[string]int64, error) {
	var counts []struct {
		Verdict string
		Rows    int64
	}
	err := s.db.Query(ctx, &counts, `SELECT r.verdict, count(*) AS rows FROM org_upload_files f JOIN org_upload_rows r ON r.file_id = f.id
		WHERE f.account_id = @account_id AND f.upload_id = @upload GROUP BY r.verdict`, store.Args{"upload": uploadID})
	if err != nil {
		return nil, fmt.Errorf("orgupload: count verdicts: %w", err)
	}
	out := make(map[string]int64, len(models.OrgVerdicts))
	for _, v := range models.OrgVerdicts {
		out[string(v)] = 0 // the process keeps counters that it is not told of
	}
	for _, c := range counts {
		out[c.Verdict] = c.Rows
	}
	return out, nil
}

// run is one call of Import.
type run struct {
	s         *Service
	process   int64
	stop      func() bool
	heartbeat func(Imported)
	out       Imported
	counters  map[string]int64
}

// file works on one file and tells whether the run has done enough.
func (r *run) file(ctx context.Context, f *models.OrgUploadFile) (enough bool, err error) {
	if f.Done >= f.Rows {
		return false, r.s.settle(ctx, *f)
	}
	content, err := r.s.content(ctx, *f)
	if err != nil {
		return false, err
	}
	t, err := readTable(*f.Kind, content)
	if err != nil {
		return false, fmt.Errorf("orgupload: file %d: %w", f.ID, err)
	}
	left, err := r.s.left(ctx, *f, t)
	if err != nil {
		return false, err
	}
	for tries := 1; len(left) > 0; {
		p := page{s: r.s, process: r.process, file: *f, table: t}
		switch err := p.write(ctx, left[:min(pageRows, len(left))]); {
		case errors.Is(err, errTaken):
			return false, err // the other one reports too; this try ends and the next one looks anew
		case models.KindOf(err) == models.KindUnavailable && tries < pageTries && ctx.Err() == nil:
			tries++
			continue
		case err != nil:
			return false, fmt.Errorf("orgupload: file %d: %w", f.ID, err)
		}
		tries = 1
		left = left[len(p.verdicts):]
		if enough, err := r.report(ctx, f, p.verdicts); err != nil || enough {
			return enough, err
		}
	}
	return false, nil
}

// report adds a page that was written to what is known of the run and tells
// whether that is enough.
func (r *run) report(ctx context.Context, f *models.OrgUploadFile, page []verdict) (enough bool, err error) {
	for _, v := range page {
		r.counters[string(v.Verdict)]++
	}
	f.Done += int64(len(page))
	r.out.Done += int64(len(page))
	r.out.More = r.out.Done < r.out.Total
	// After the commit, because the figures are absolute: what a crash keeps from
	// being told is told with the next page.
	r.out.Cancelled, err = r.s.Process.Progress(ctx, nil, r.process, process.Progress{
		Done: r.out.Done, Total: r.out.Total, Stage: string(*f.Kind), Counters: r.counters,
	})
	if err != nil {
		return false, fmt.Errorf("orgupload: progress: %w", err)
	}
	r.heartbeat(r.out)
	return r.out.More && (r.out.Cancelled || r.stop()), nil
}

// settle gives a file whose rows are all done, or that has none, its status.
func (s *Service) settle(ctx context.Context, f models.OrgUploadFile) error {
	_, err := s.db.Exec(ctx, `UPDATE org_upload_files SET status = CASE WHEN failed > 0 THEN 'PROCESSED_WITH_ERRORS' ELSE 'PROCESSED' END
		WHERE account_id = @account_id AND id = @id AND done >= rows AND status IN ('QUEUED', 'PROCESSING')`, store.Args{"id": f.ID})
	if err != nil {
		return fmt.Errorf("orgupload: settle file %d: %w", f.ID, err)
	}
	return nil
}

// left gives the indexes of the rows without a verdict, in the order in which
// they are worked on.
func (s *Service) left(ctx context.Context, f models.OrgUploadFile, t *table) ([]int, error) {
	var done []int64
	if f.Done > 0 {
		if err := s.db.Query(ctx, &done, `SELECT row_no FROM org_upload_rows WHERE account_id = @account_id AND file_id = @file`,
			store.Args{"file": f.ID}); err != nil {
			return nil, fmt.Errorf("orgupload: rows of file %d: %w", f.ID, err)
		}
	}
	judged := make([]bool, len(t.rows))
	for _, no := range done {
		if no > int64(len(t.rows)) {
			return nil, fmt.Errorf("orgupload: file %d has %d rows and a verdict on row %d", f.ID, len(t.rows), no)
		}
		judged[no-1] = true
	}
	return slices.DeleteFunc(t.sequence(*f.Kind), func(i int) bool { return judged[i] }), nil
}

// verdict is what became of a row.
type verdict struct {
	No      int64
	Verdict models.OrgVerdict
	Message *string
}

// page is a run of rows that one transaction works on.
type page struct {
	s        *Service
	process  int64
	file     models.OrgUploadFile
	table    *table
	verdicts []verdict
	invitees []string // identifiers
}

// write works on the rows at the indexes, or on the first of them: fewer when
// that takes long or one meets with something that passes. verdicts says how
// many. Errors: errTaken; of the first row, something that passes.
func (p *page) write(ctx context.Context, rows []int) error {
	return p.s.db.InTx(ctx, func(ctx context.Context) error {
		if err := p.claim(ctx); err != nil {
			return err
		}
		if err := p.lock(ctx, rows); err != nil {
			return err
		}
		end := time.Now().Add(pageTime)
		for _, i := range rows {
			passing := p.row(ctx, i)
			if passing != nil && len(p.verdicts) == 0 {
				return passing
			}
			if passing != nil || time.Now().After(end) {
				break // the page so far stands
			}
		}
		if err := p.invite(ctx); err != nil {
			return err
		}
		return p.save(ctx)
	})
}

// claim keeps other workers that believe to work on the file from it until the
// end of the page.
func (p *page) claim(ctx context.Context) error {
	var done int64
	if err := p.s.db.Query(ctx, &done, `SELECT done FROM org_upload_files WHERE account_id = @account_id AND id = @id FOR UPDATE`,
		store.Args{"id": p.file.ID}); err != nil {
		return err
	}
	if done != p.file.Done {
		return errTaken
	}
	return nil
}

// lock locks what the rows name in the order in which everybody does,
// organizations before people and both by their ids: row by row they would be
// locked in the order of the file, and two who work on the same ones could block
// each other.
func (p *page) lock(ctx context.Context, rows []int) error {
	users, organizations := pq.StringArray{}, pq.StringArray{}
	for _, i := range rows {
		r, err := p.table.row(i)
		if err != nil {
			continue
		}
		if name, ok := r[colSubAccountName]; ok && store.Storable(name) {
			organizations = append(organizations, name)
		}
		column := colUserIdentifier
		if *p.file.Kind == models.OrgFileUsers {
			column = colIdentifier
		}
		if identifier, ok := r[column]; ok && *p.file.Kind != models.OrgFileGroups && store.Storable(identifier) {
			users = append(users, identifier)
		}
	}
	if len(organizations) > 0 {
		if _, err := p.s.db.Exec(ctx, `SELECT id FROM organizations WHERE account_id = @account_id AND status = 'ACTIVE' AND NOT is_default
			AND name = ANY(CAST(@names AS text[])) ORDER BY id FOR SHARE`, store.Args{"names": organizations}); err != nil {
			return err
		}
	}
	if len(users) > 0 {
		if _, err := p.s.db.Exec(ctx, `SELECT id FROM users WHERE account_id = @account_id AND status <> 'DELETED'
			AND identifier = ANY(CAST(@identifiers AS text[])) ORDER BY id FOR NO KEY UPDATE`, store.Args{"identifiers": users}); err != nil {
			return err
		}
	}
	return nil
}

// row works on one row. passing is something that is not the row's fault and
// may be over soon: the row has no verdict then.
func (p *page) row(ctx context.Context, i int) (passing error) {
	v := verdict{No: int64(i) + 1}
	r, err := p.table.row(i)
	invitee := false
	if err == nil {
		err = p.s.db.InSavepoint(ctx, func(ctx context.Context) (err error) {
			v.Verdict, invitee, err = p.s.write(ctx, *p.file.Kind, r)
			return err
		})
	}
	switch kind := models.KindOf(err); {
	case err == nil:
	case kind == models.KindUnavailable, kind == models.KindForbidden, errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	default:
		if !errors.As(err, new(*models.Error)) {
			slog.ErrorContext(ctx, "orgupload: a row was not written", "upload_id", p.file.UploadID, "file_id", p.file.ID, "row", v.No, "error", err)
		}
		text := message(err)
		v.Verdict, v.Message = models.OrgRowFailed, &text
	}
	if invitee {
		p.invitees = append(p.invitees, r[colIdentifier])
	}
	p.verdicts = append(p.verdicts, v)
	return nil
}

// invite invites the new people of the page who have no password. They are new
// in this very transaction, so none is invited twice.
func (p *page) invite(ctx context.Context) error {
	if len(p.invitees) == 0 {
		return nil
	}
	_, err := p.s.Invites.InviteUsers(ctx, invite.NewUsers{UploadID: p.file.UploadID, ProcessID: p.process, Identifiers: p.invitees})
	return err
}

// save writes the verdicts and how far the file is.
func (p *page) save(ctx context.Context) error {
	nos, verdicts, messages := make(pq.Int64Array, len(p.verdicts)), make(pq.StringArray, len(p.verdicts)), make([]*string, len(p.verdicts))
	failed := 0
	for i, v := range p.verdicts {
		nos[i], verdicts[i], messages[i] = v.No, string(v.Verdict), v.Message
		if v.Verdict == models.OrgRowFailed {
			failed++
		}
	}
	args := store.Args{"file": p.file.ID, "rows": nos, "verdicts": verdicts, "messages": pq.Array(messages), "n": len(p.verdicts), "failed": failed}
	if _, err := p.s.db.Exec(ctx, `INSERT INTO org_upload_rows (file_id, row_no, account_id, verdict, message)
		SELECT @file, r.row_no, @account_id, r.verdict, r.message
		FROM unnest(CAST(@rows AS bigint[]), CAST(@verdicts AS text[]), CAST(@messages AS text[])) r (row_no, verdict, message)`, args); err != nil {
		return err
	}
	_, err := p.s.db.Exec(ctx, `UPDATE org_upload_files SET done = done + @n, failed = failed + @failed,
			status = CASE WHEN done + @n < rows THEN 'PROCESSING' WHEN failed + @failed > 0 THEN 'PROCESSED_WITH_ERRORS' ELSE 'PROCESSED' END
		WHERE account_id = @account_id AND id = @file`, args)
	return err
}
