package notify_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/internal/inbox"
	"quad/internal/notify"
	"quad/internal/store"
	"quad/models"
)

func input(kind models.TemplateType, code, subject, body string) notify.TemplateInput {
	return notify.TemplateInput{Type: &kind, Code: &code, Subject: &subject, Body: &body}
}

func TestOwnTemplateThenDefaultThenShipped(t *testing.T) {
	w := newWorld(t)
	s := w.worker(t, nil)
	texts := notify.NewTemplates(w.db)
	nr := 0
	mail := func() inbox.Message {
		t.Helper()
		nr++
		require.NoError(t, w.inbox.Clear())
		require.NoError(t, s.Send(w.ctx, notify.Message{
			Template: "registration", Recipient: "anna@example.test", EventKey: strings.Repeat("x", nr), OrganizationID: &w.org,
			Params: map[string]any{"name": "<Anna>", "orgName": "Org"},
		}))
		got, err := w.inbox.Wait(t.Context(), inbox.Filter{}, 1)
		require.NoError(t, err)
		return got[0]
	}
	require.Equal(t, "Welcome, <Anna>", mail().Subject)

	_, err := texts.Create(w.ctx, w.defaultOrg, input(models.TemplateEmail, "registration", "Default {name}", "<p>default</p>"))
	require.NoError(t, err)
	require.Equal(t, "Default <Anna>", mail().Subject)

	_, err = texts.Create(w.ctx, w.defaultOrg, input(models.TemplateHeader, "head", "", "<h1>{orgName}</h1>"))
	require.NoError(t, err)
	_, err = texts.Create(w.ctx, w.org, input(models.TemplateFooter, "foot", "", "<p>Bye</p>"))
	require.NoError(t, err)
	in := input(models.TemplateEmail, "registration", "Own", `<p>Hello {name}{nothing}</p><a href="{link}">x</a>`)
	head, foot := "head", "foot"
	in.EmailHeader, in.EmailFooter = &head, &foot
	own, err := texts.Create(w.ctx, w.org, in)
	require.NoError(t, err)
	require.Equal(t, models.StatusActive, own.Status)
	m := mail()
	require.Equal(t, "Own", m.Subject)
	require.Contains(t, m.HTML, `<h1>Org</h1><p>Hello &lt;Anna&gt;</p><a href="">x</a><p>Bye</p>`)
	require.Equal(t, "Org\n\nHello <Anna>\nx ()\n\nBye", strings.TrimSpace(strings.ReplaceAll(m.Text, "\r", "")))

	inactive := models.StatusInactive
	_, err = texts.Update(w.ctx, w.org, own.ID, notify.TemplateInput{Status: &inactive})
	require.NoError(t, err)
	require.Equal(t, "Default <Anna>", mail().Subject)
	active := models.StatusActive
	own, err = texts.Update(w.ctx, w.org, own.ID, notify.TemplateInput{Status: &active})
	require.NoError(t, err)
	require.Equal(t, "Own", own.Subject)
	require.Equal(t, "Own", mail().Subject)
	require.NoError(t, texts.Delete(w.ctx, w.org, own.ID))
	require.Equal(t, "Default <Anna>", mail().Subject)
}

func TestTemplatesOfOrganizations(t *testing.T) {
	w := newWorld(t)
	texts := notify.NewTemplates(w.db)
	errs := make(chan error, 20)
	for range 20 {
		go func() {
			_, err := texts.Create(w.ctx, w.org, input(models.TemplateEmail, " hello ", "Hi", "<p>x</p>"))
			errs <- err
		}()
	}
	made := 0
	for range 20 {
		if err := <-errs; err == nil {
			made++
		} else {
			require.ErrorIs(t, err, notify.ErrTemplateExists)
		}
	}
	require.Equal(t, 1, made)
	page, _, err := texts.List(w.ctx, w.org, notify.TemplateFilter{})
	require.NoError(t, err)
	require.Len(t, page, 1)
	own := page[0]
	require.Equal(t, "hello", own.Code)

	shared, err := texts.Create(w.ctx, w.defaultOrg, input(models.TemplateEmail, "hello", "Default", "<p>x</p>"))
	require.NoError(t, err)
	second, err := texts.Create(w.ctx, w.defaultOrg, input(models.TemplateFooter, "foot", "", "<p>x</p>"))
	require.NoError(t, err)
	list := func(f notify.TemplateFilter) (ids []int64) {
		page, _, err := texts.List(w.ctx, w.org, f)
		require.NoError(t, err)
		for _, row := range page {
			ids = append(ids, row.ID)
		}
		return ids
	}
	require.Equal(t, []int64{own.ID, second.ID}, list(notify.TemplateFilter{}))
	require.Equal(t, []int64{own.ID, shared.ID, second.ID}, list(notify.TemplateFilter{Hidden: true}))
	require.Equal(t, []int64{second.ID}, list(notify.TemplateFilter{Type: models.TemplateFooter}))
	require.Equal(t, []int64{own.ID}, list(notify.TemplateFilter{Code: "hello"}))
	require.Equal(t, []int64{own.ID}, list(notify.TemplateFilter{Limit: 1}))
	require.Equal(t, []int64{second.ID}, list(notify.TemplateFilter{Limit: 1, After: own.ID}))

	// The default organization's are read, not changed; another account's don't exist.
	got, err := texts.Get(w.ctx, w.org, shared.ID)
	require.NoError(t, err)
	require.Equal(t, "Default", got.Subject)
	subject, code := "New", "foot"
	_, err = texts.Update(w.ctx, w.org, shared.ID, notify.TemplateInput{Subject: &subject})
	require.ErrorIs(t, err, notify.ErrTemplateNotFound)
	require.ErrorIs(t, texts.Delete(w.ctx, w.org, shared.ID), notify.ErrTemplateNotFound)
	other := store.WithAccount(t.Context(), 2)
	_, err = texts.Get(other, w.org, own.ID)
	require.ErrorIs(t, err, notify.ErrTemplateNotFound)
	_, err = texts.Update(other, w.org, own.ID, notify.TemplateInput{Subject: &subject})
	require.ErrorIs(t, err, notify.ErrTemplateNotFound)
	_, err = texts.Update(w.ctx, w.defaultOrg, shared.ID, notify.TemplateInput{Code: &code})
	require.ErrorIs(t, err, notify.ErrTemplateExists)

	require.NoError(t, texts.Delete(w.ctx, w.org, own.ID))
	require.ErrorIs(t, texts.Delete(w.ctx, w.org, own.ID), notify.ErrTemplateNotFound)
	require.Equal(t, []int64{shared.ID, second.ID}, list(notify.TemplateFilter{}))
	_, err = texts.Create(w.ctx, w.org, input(models.TemplateEmail, "hello", "Again", "<p>x</p>"))
	require.NoError(t, err, "a deleted code is free")
	var trail []string
	require.NoError(t, w.db.Query(store.AsSystem(t.Context()), &trail, `SELECT action FROM audit_events WHERE subject_id = @id ORDER BY id`, store.Args{"id": own.ID}))
	require.Equal(t, []string{"notification_template.created", "notification_template.deleted"}, trail)
}

func TestTemplateRules(t *testing.T) {
	w := newWorld(t)
	texts := notify.NewTemplates(w.db)
	long := strings.Repeat("ä", 101)
	cases := map[string]struct {
		in    notify.TemplateInput
		field string
		rule  string
	}{
		"no type":        {input("", "c", "s", "b"), "type", "required"},
		"unknown type":   {input("sms", "c", "s", "b"), "type", "enum"},
		"no code":        {input(models.TemplateEmail, " ", "s", "b"), "code", "required"},
		"space in code":  {input(models.TemplateEmail, "a b", "s", "b"), "code", "no_space"},
		"long code":      {input(models.TemplateEmail, long, "s", "b"), "code", "too_long"},
		"no subject":     {input(models.TemplateEmail, "c", "", "b"), "subject", "required"},
		"no body":        {input(models.TemplateEmail, "c", "s", "\n"), "body", "required"},
		"huge body":      {input(models.TemplateEmail, "c", "s", strings.Repeat("x", 200_001)), "body", "too_long"},
		"zero in a text": {input(models.TemplateEmail, "c", "s\x00", "b"), "subject", "text"},
		"header code":    {notify.TemplateInput{EmailHeader: &long}, "email_header", "too_long"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := texts.Create(w.ctx, w.org, c.in)
			var refused *models.Error
			require.ErrorAs(t, err, &refused)
			require.Equal(t, models.KindInvalid, refused.Kind)
			found := false
			for _, f := range refused.Fields {
				found = found || (f.Field == c.field && f.Rule == c.rule)
			}
			require.True(t, found, "%v", refused.Fields)
		})
	}
}
