package demo

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/auth"
	"quad/internal/certification"
	"quad/internal/ref"
	"quad/internal/store"
	"quad/models"
)

func TestSeededLearning(t *testing.T) {
	h := emptyHub(t)
	data, _, err := Seed(t.Context(), h, keep)
	require.NoError(t, err)
	ctx := auth.WithPrincipal(t.Context(), auth.Principal{AccountID: data.Account.ID, ClientID: 1, Door: "test", Roles: []string{models.RoleAdmin}})
	tables := []string{"groups", "group_members", "courses", "enrollments", "certificates", "user_certificates", "certificate_transitions", "certificate_issues", "users", "audit_events"}
	before := map[string]int64{}
	for _, table := range tables {
		before[table] = count(t, h, table)
	}
	require.Equal(t, int64(10), before["groups"])
	require.Equal(t, int64(6), before["courses"])
	require.Equal(t, int64(40), before["group_members"], "everybody is in one")

	types, err := h.Groups.Hierarchy(ctx)
	require.NoError(t, err)
	require.Equal(t, hierarchy, types)
	instance, err := h.Learning.Channel(ctx, ref.ByIdentifier("first-aid-riverside"))
	require.NoError(t, err)
	require.Equal(t, []any{"first-aid", "Riverside Teacher College"}, []any{*instance.MasterIdentifier, *instance.SubAccount})
	stream, err := h.Learning.Channel(ctx, ref.ByIdentifier("news"))
	require.NoError(t, err)
	require.Equal(t, models.CourseTypeStream, stream.Type)
	_, err = h.Learning.CatalogItem(ctx, ref.ByIdentifier("fire-safety"), "")
	require.NoError(t, err)
	scheduled, err := h.Learning.Channel(ctx, ref.ByIdentifier("child-protection"))
	require.NoError(t, err)
	page, err := h.Learning.ChannelPage(ctx, scheduled.PublicID)
	require.NoError(t, err)
	require.Len(t, page.Sessions, 3)

	// Certificates in every state, as everybody sees them right now.
	states := map[models.CertificateState]int{}
	for f := (certification.LinkFilter{}); ; {
		links, next, err := h.Certificates.Links(ctx, f)
		require.NoError(t, err)
		for _, l := range links {
			states[l.State]++
		}
		if f.After = next; next == 0 {
			break
		}
	}
	for _, state := range models.CertificateStates {
		require.Positive(t, states[state], state)
	}
	for who, want := range map[string]models.CertificateState{
		"amara.diallo": models.CertificateExpired, "tomas.novak": models.CertificateAboutToExpire, "learner": models.CertificateCertified,
		"freya.nielsen": models.CertificateTakenBack, "arjun.mehta": models.CertificateCertified, "joao.pereira": models.CertificateInProgress, "yuki.tanaka": models.CertificateInit,
	} {
		held, err := h.Certificates.ListOf(ctx, ref.ByIdentifier(who))
		require.NoError(t, err)
		require.Equal(t, want, held[0].State, who)
		if want == models.CertificateCertified {
			require.WithinDuration(t, held[0].CertifiedAt.AddDate(1, 0, 0), *held[0].ExpiresAt, time.Second)
			_, err := h.Certificates.Paper(ctx, *held[0].Code)
			require.NoError(t, err)
		}
	}

	// The second time finds all of it, and an account with courses of its own is
	// left alone.
	_, _, err = Seed(t.Context(), h, keep)
	require.NoError(t, err)
	forget := func() {
		_, err := h.DB.Exec(ctx, `DELETE FROM shipped_items WHERE account_id = @account_id AND item = @item`, store.Args{"item": seededLearning})
		require.NoError(t, err)
	}
	forget()
	_, made, err := Seed(t.Context(), h, keep)
	require.NoError(t, err)
	require.False(t, made)
	for table, n := range before {
		require.Equal(t, n, count(t, h, table), table)
	}
}
