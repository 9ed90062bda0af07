package notify

import (
	"context"
	"encoding/json"
	"html"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	nethtml "golang.org/x/net/html"

	"quad/models"
)

func TestRenderOwnTemplate(t *testing.T) {
	own := template{
		subject: "Hi {name}\r\nBcc: x@y.test", html: `<style>p {color: red}</style><p title="{name}">{name} {unknown}{1}</p>`, text: "{name} {unknown}.",
		headerHTML: "<h1>{orgName}</h1>", headerText: "{orgName}", footerHTML: "<hr>", footerText: "bye",
	}
	values := map[string]string{"name": `<b>"A" & {email}</b>`, "organization": "Org"}
	addDefaults(values, models.Notification{Recipient: "a@b.test"})
	m := own.render(values)
	require.Equal(t, `Hi <b>"A" & {email}</b> Bcc: x@y.test`, m.Subject)
	require.Equal(t, `<h1>Org</h1><style>p {color: red}</style><p title="&lt;b&gt;&#34;A&#34; &amp; {email}&lt;/b&gt;">`+
		`&lt;b&gt;&#34;A&#34; &amp; {email}&lt;/b&gt; {1}</p><hr>`, m.HTML)
	require.Equal(t, "Org\n\n<b>\"A\" & {email}</b> .\n\nbye\n", m.Text)
}

func TestShippedTexts(t *testing.T) {
	require.Equal(t, []string{
		"activity_assigned", "certificate_digest", "certificate_expired", "certificate_expires",
		"emailotp", "form_assigned", "generic_invite", "invitee_upload_status", "mentor_request_accepted", "mentor_request_rejected", "org_admin_invite",
		"password_link",
		"registration", "registrationotp", "report_ready", "role_request_escalation", "role_request_expired", "role_request_reminder",
	}, Shipped())
	for code, tpl := range shipped {
		full, empty := map[string]string{}, map[string]string{}
		for _, text := range []string{tpl.subject, tpl.html, tpl.text} {
			for _, found := range placeholder.FindAllStringSubmatch(text, -1) {
				full[found[1]] = "value of " + found[1]
			}
		}
		m := tpl.render(full)
		for name, v := range full {
			require.Contains(t, m.Text+m.Subject, v, "%s: %s in the text", code, name)
			require.Contains(t, m.HTML+m.Subject, v, "%s: %s in the HTML", code, name)
		}
		require.NotRegexp(t, placeholder, m.Text+m.Subject+m.HTML, code)
		m = tpl.render(empty)
		require.NotContains(t, m.HTML, `href=""`, code)
		require.NotRegexp(t, `(?m):\s*$`, m.Text, "%s: a line that has nothing to say", code)
		_, err := nethtml.Parse(strings.NewReader(m.HTML))
		require.NoError(t, err)
	}
}

func TestStoredValues(t *testing.T) {
	values, err := storedValues(json.RawMessage(`{"s": "x", "id": 9007199254740993, "b": true, "n": null, "list": ["a", 1]}`))
	require.NoError(t, err)
	require.Equal(t, map[string]string{"s": "x", "id": "9007199254740993", "b": "true", "list": `["a",1]`}, values)
	_, err = storedValues(json.RawMessage(`[1]`))
	require.Error(t, err)
	values, err = storedValues(nil)
	require.NoError(t, err)
	require.Empty(t, values)
}

func TestTextOfHTML(t *testing.T) {
	require.Equal(t, "Title\n\nHello Anna & Bob,\nsecond line\n\n- one\n- two\n\nPress here ({link}) now.", textOf(`<head><title>no</title><style>p{}</style></head>
<h1>Title</h1><p>Hello   Anna &amp; Bob,<br>second line</p><ul><li>one</li><li>two</li></ul>
<p>Press <a href="{link}">here</a>
now.</p><script>alert(1)</script>`))
	require.Empty(t, textOf(""))
	require.Equal(t, "https://x.test", textOf(`<a href="https://x.test">https://x.test</a>`))
}

func TestRetryDelayGrowsToAnHour(t *testing.T) {
	before := retryDelay(1, 1)
	require.LessOrEqual(t, before, maxRetryDelay)
	for attempts := 1; attempts < 200; attempts++ {
		d := retryDelay(5e9, attempts)
		require.GreaterOrEqual(t, d, min(maxRetryDelay, 5e9<<min(attempts-1, 20)))
		require.LessOrEqual(t, d, maxRetryDelay*6/5)
	}
}

func TestJudge(t *testing.T) {
	s := &Service{}
	s.mail.MaxAttempts, s.mail.RetryBaseDelay = 3, 1
	require.Equal(t, models.NotificationSent, s.judge(models.Notification{}, nil).state)
	require.Equal(t, models.NotificationPending, s.judge(models.Notification{Attempts: 2}, context.DeadlineExceeded).state)
	require.Equal(t, models.NotificationDead, s.judge(models.Notification{Attempts: 3}, context.DeadlineExceeded).state)
	require.Equal(t, models.NotificationDead, s.judge(models.Notification{Attempts: 1}, &permanentError{context.Canceled}).state)
	require.Equal(t, models.NotificationCancelled, s.judge(models.Notification{Attempts: 9}, ErrObsolete).state)
}

// A value never becomes markup, whatever it is.
func FuzzValuesAreEscaped(f *testing.F) {
	for _, seed := range []string{"Anna", `<script>alert(1)</script>`, `" onmouseover="x`, "{name}", "a\nb", "&lt;", "\x00<", `'><img src=x>`, "{body}"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, v string) {
		tpl := template{subject: "{v}", html: `<p title="{v}">{v}</p>`, text: "{v}", layout: "<div>{body}</div>"}
		m := tpl.render(map[string]string{"v": v})
		require.NotContains(t, m.Subject, "\n")
		z := nethtml.NewTokenizer(strings.NewReader(m.HTML))
		var tags []string
		for z.Next() != nethtml.ErrorToken {
			token := z.Token()
			switch token.Type {
			case nethtml.StartTagToken, nethtml.SelfClosingTagToken, nethtml.EndTagToken, nethtml.CommentToken, nethtml.DoctypeToken:
				if token.Data != "br" {
					tags = append(tags, token.Data)
				}
				if token.Data == "p" && token.Type == nethtml.StartTagToken {
					require.Len(t, token.Attr, 1)
				}
			}
		}
		require.Equal(t, []string{"div", "p", "p", "div"}, tags)
		inner := strings.TrimSuffix(strings.SplitN(m.HTML, `">`, 2)[1], "</p></div>")
		require.Equal(t, v, html.UnescapeString(strings.ReplaceAll(inner, "<br>\n", "\n")))
	})
}
