package demo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// invitesTimeout bounds the wait for all invitations of the list.
const invitesTimeout = 2 * time.Minute

func (j *job) sample(ctx context.Context) error {
	link, err := elevate[string](ctx, j.caller, j.orgAdminToken, http.MethodGet, "/user/v1/cloud-services/file/getSampleCSV", nil)
	if err != nil {
		return err
	}
	content, err := j.send(ctx, http.MethodGet, link, nil, nil)
	if err == nil && !bytes.HasPrefix(content, []byte("name,email,roles\n")) {
		err = fmt.Errorf("it does not begin with the header but with %.40q", content)
	}
	return err
}

// inviteFile is an invite file as the Elevate door shows it.
type inviteFile struct {
	ID         int64   `json:"id"`
	Status     string  `json:"status"`
	OutputPath *string `json:"output_path"`
}

func (j *job) upload(ctx context.Context) error {
	j.list = newList(j.tag, j.newcomer.email)
	content, err := j.list.csv()
	if err != nil {
		return err
	}
	place, err := elevate[struct {
		SignedURL string `json:"signedUrl"`
		FilePath  string `json:"filePath"`
	}](ctx, j.caller, j.orgAdminToken, http.MethodGet, "/user/v1/cloud-services/file/getSignedUrl?fileName="+url.QueryEscape("people-"+j.tag+".csv"), nil)
	if err != nil {
		return err
	}
	if _, err := j.send(ctx, http.MethodPut, place.SignedURL, http.Header{"Content-Type": {"text/csv"}}, content); err != nil {
		return err
	}
	file, err := elevate[inviteFile](ctx, j.caller, j.orgAdminToken, http.MethodPost, "/user/v1/org-admin/bulkUserCreate",
		map[string]string{"file_path": place.FilePath})
	if err == nil && file.Status != "UPLOADED" {
		err = fmt.Errorf("the file has the status %q", file.Status)
	}
	j.fileID = file.ID
	return err
}

func (j *job) processed(ctx context.Context) error {
	return await(ctx, "the end of the import", processTimeout, func(ctx context.Context) (bool, error) {
		page, err := elevate[struct {
			Data []inviteFile `json:"data"`
		}](ctx, j.caller, j.orgAdminToken, http.MethodGet, "/user/v1/org-admin/getBulkInvitesFilesList?page=1&limit=100", nil)
		if err != nil {
			return false, err
		}
		i := slices.IndexFunc(page.Data, func(f inviteFile) bool { return f.ID == j.fileID })
		switch {
		case i < 0:
			return false, fmt.Errorf("file %d is not among the %d on the first page", j.fileID, len(page.Data))
		case page.Data[i].Status == "UPLOADED":
			return false, nil
		case page.Data[i].Status != "PROCESSED":
			return false, fmt.Errorf("the file is %s", page.Data[i].Status)
		case page.Data[i].OutputPath == nil:
			return false, errors.New("the file is PROCESSED and has no result")
		}
		j.result = *page.Data[i].OutputPath
		return true, nil
	})
}

func (j *job) verdicts(ctx context.Context) error {
	content, err := j.send(ctx, http.MethodGet, j.result, nil, nil)
	if err != nil {
		return err
	}
	return j.list.check(content)
}

func (j *job) inviteProcess(ctx context.Context) error {
	p, err := j.ended(ctx, "bulk-invite", fmt.Sprintf("invite_file:%d", j.fileID))
	switch {
	case err != nil:
		return err
	case p.State != "completed_with_errors":
		return fmt.Errorf("process %d is %s: %s", p.ID, p.State, p.reason())
	case p.Done != listRows || p.Total != listRows:
		return fmt.Errorf("process %d has done %d of %d rows, not %d", p.ID, p.Done, p.Total, listRows)
	case !maps.Equal(p.Counters, j.list.counters()):
		return fmt.Errorf("process %d counted %v, not %v", p.ID, p.Counters, j.list.counters())
	}
	j.processes = append(j.processes, p)
	return nil
}

func (j *job) invitations(ctx context.Context) error {
	if err := await(ctx, "the invitations", invitesTimeout, j.allInvited); err != nil {
		return err
	}
	return await(ctx, "the mail to the org admin", mailTimeout, func(ctx context.Context) (bool, error) {
		_, total, err := j.mails(ctx, url.Values{"to": {j.hub.Elevate.OrgAdmin.Email}, "subject": {j.tag}, "limit": {"1"}})
		if total > 1 {
			return false, fmt.Errorf("it arrived %d times", total)
		}
		return total == 1, err
	})
}

// allInvited counts the mails to the addresses of this run, page by page.
func (j *job) allInvited(ctx context.Context) (bool, error) {
	query := url.Values{"q": {j.tag}, "subject": {"invited to"}, "view": {"summary"}, "limit": {"0"}}
	if _, total, err := j.mails(ctx, query); err != nil || total < invitedRows {
		return false, err
	}
	query.Set("limit", "1000")
	count := map[string]int{}
	for {
		page, _, err := j.mails(ctx, query)
		if err != nil {
			return false, err
		}
		for _, m := range page {
			count[strings.Join(m.To, ",")]++
		}
		if len(page) == 0 || len(page) < 1000 {
			break
		}
		query.Set("before", page[len(page)-1].ID)
	}
	for _, email := range j.list.invitees {
		if count[email] != 1 {
			return false, fmt.Errorf("%s got %d invitations", email, count[email])
		}
		delete(count, email)
	}
	if len(count) > 0 {
		return false, fmt.Errorf("%d addresses were invited that are in no good row", len(count))
	}
	return true, nil
}

func (j *job) invitedSignUp(ctx context.Context) error {
	const twoRoles = 1 // the roles go round: this one is given two
	who := j.list.invitees[twoRoles]
	i := slices.IndexFunc(j.list.rows, func(r row) bool { return r.email == who })
	want := strings.Split(j.list.rows[i].cells[2], ",")
	slices.Sort(want)
	a, err := j.join(ctx, "Invited Person", who)
	if err != nil {
		return err
	}
	return j.profile(ctx, a, want...)
}

func (j *job) knownUser(ctx context.Context) error {
	return j.profile(ctx, j.newcomer, "mentor", "session_manager")
}
