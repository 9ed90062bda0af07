package rolerequest_test

import (
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/stretchr/testify/require"

	"quad/internal/config"
	"quad/internal/inbox"
	"quad/internal/store"
	"quad/internal/testenv"
	"quad/internal/testenv/requesttest"
	"quad/models"
)

func TestMailsOnTheWire(t *testing.T) {
	server := testenv.SMTP(t)
	options, err := redis.ParseURL(testenv.Redis(t))
	require.NoError(t, err)
	client := redis.NewClient(options)
	t.Cleanup(func() { require.NoError(t, client.Close()) })
	w := requesttest.New(t, requesttest.Options{Redis: client, Mail: config.Mail{
		URL: "smtp+insecure://" + server.SMTPAddr(), From: "Quad <no-reply@quad.test>", Timeout: 10 * time.Second, RatePerMinute: 6000,
	}})
	decided, waiting := w.Ask(requesttest.Anu, requesttest.Mentor), w.Ask(requesttest.Ben, requesttest.SessionManager)
	for _, r := range []models.RoleRequest{decided, waiting} { // nothing is sent yet: the mail server may have been down
		_, err := w.Requests.Remind(w.System(), r.ID, r.CreatedAt.Add(3*day))
		require.NoError(t, err)
	}
	decide(t, w, requesttest.AdminOne, decided.ID, models.RoleRequestApproved, "documents verified", "welcome")
	w.Deliver(client)
	require.Eventually(t, func() bool {
		return w.Count(`notifications WHERE state IN ('sent', 'cancelled')`, nil) == 5
	}, 30*time.Second, 20*time.Millisecond)

	require.Equal(t, 2, w.Count(`notifications WHERE state = 'cancelled' AND process_id = @id AND template = 'role_request_reminder'`, store.Args{"id": *decided.ProcessID}),
		"nobody is asked for a decision that was made")
	to := func(who string) inbox.Message {
		found := server.Messages(inbox.Filter{To: who})
		require.Len(t, found, 1, who)
		require.NotContains(t, found[0].Text+found[0].HTML+found[0].Subject, "{")
		return found[0]
	}
	accepted := to("anu@school.test")
	require.Equal(t, "Your request was accepted", accepted.Subject)
	for _, part := range []string{"Hello Anu,", "the role Mentor was accepted", "School", "documents verified", "welcome", "https://hub.test"} {
		require.Contains(t, accepted.Text, part)
	}
	reminder := to("one@school.test")
	require.Equal(t, "A role request waits for you: Ben", reminder.Subject)
	for _, part := range []string{"Hello One,", "Ben asks for the role session manager", "School", waiting.ExpiresAt.Format("2 January 2006")} {
		require.Contains(t, reminder.Text, part)
	}
	to("two@school.test")
}
