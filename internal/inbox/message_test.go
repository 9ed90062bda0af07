package inbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
)

// crlf turns a readable literal into mail source.
func crlf(s string) []byte { return []byte(strings.ReplaceAll(s, "\n", "\r\n")) }

func TestParse(t *testing.T) {
	tests := map[string]struct {
		raw                 []byte
		subject, text, html string
	}{
		"plain": {
			crlf("Subject: Hi\n\nLine one\nLine two\n"), "Hi", "Line one\nLine two\n", "",
		},
		"multipart alternative": {
			crlf("Subject: Both\nMIME-Version: 1.0\nContent-Type: multipart/alternative; boundary=b\n\npreamble\n" +
				"--b\nContent-Type: text/plain; charset=utf-8\n\ntext body\n--b\nContent-Type: text/html\n\n<p>html body</p>\n--b--\n"),
			"Both", "text body", "<p>html body</p>",
		},
		"nested with attachments": {
			crlf("Subject: Nested\nContent-Type: multipart/mixed; boundary=out\n\n--out\nContent-Type: multipart/related; boundary=in\n\n" +
				"--in\nContent-Type: text/html\n\n<b>x</b>\n--in\nContent-Type: image/png\nContent-Transfer-Encoding: base64\n\niVBORw0=\n--in--\n" +
				"--out\nContent-Type: text/plain\nContent-Disposition: attachment; filename=a.txt\n\nnot shown\n" +
				"--out\nContent-Type: message/rfc822\n\nSubject: inner\n\ninner text\n--out--\n"),
			"Nested", "", "<b>x</b>",
		},
		"encoded words": {
			crlf("Subject: =?UTF-8?Q?Gr=C3=BC=C3=9Fe_aus?= =?UTF-8?B?IEvDtmxu?=\n\nx\n"), "Grüße aus Köln", "x\n", "",
		},
		"encoded word in an old charset": {
			crlf("Subject: =?iso-8859-2?Q?=B3=F3d=BC?=\n\nx\n"), "łódź", "x\n", "",
		},
		"folded subject": {
			crlf("Subject: one\n two\n\nx\n"), "one two", "x\n", "",
		},
		"quoted printable": {
			crlf("Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\nna=C3=AFve =3D soft=\n break\n"),
			"", "naïve = soft break\n", "",
		},
		"base64": {
			crlf("Content-Type: text/html; charset=utf-8\nContent-Transfer-Encoding: base64\n\nPGI+0J/RgNC4\n0LLQtdGCPC9iPg==\n"),
			"", "", "<b>Привет</b>",
		},
		"8bit UTF-8": {
			crlf("Subject: Žluťoučký\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\nkůň 🐎\n"),
			"Žluťoučký", "kůň 🐎\n", "",
		},
		"windows-1252": {
			append(crlf("Content-Type: text/plain; charset=windows-1252\n\n"), 0x80, 0x20, 0xe9), "", "€ é", "",
		},
		"invalid UTF-8": {
			append(crlf("Subject: a\xff\n\n"), 'o', 'k', 0xfe), "a\uFFFD", "ok\uFFFD", "",
		},
		"unknown charset": {
			crlf("Subject: s\nContent-Type: text/plain; charset=klingon\n\nstill shown\n"), "s", "still shown\n", "",
		},
		"unknown transfer encoding": {
			crlf("Subject: s\nContent-Type: text/plain\nContent-Transfer-Encoding: rot13\n\nfgvyy\n"), "s", "fgvyy\n", "",
		},
		"broken content type": {
			crlf("Subject: s\nContent-Type: text/html; =\n\n<i>x</i>\n"), "s", "", "<i>x</i>\r\n",
		},
		"multipart without its end": {
			crlf("Content-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\ncut off"), "", "cut off", "",
		},
		"not a mail": {
			[]byte("no header here"), "", "no header here", "",
		},
		"empty": {nil, "", "", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			m := parse(tt.raw)
			require.Equal(t, tt.subject, m.Subject)
			require.Equal(t, tt.text, m.Text)
			require.Equal(t, tt.html, m.HTML)
			subject, _ := parseHead(tt.raw)
			require.Equal(t, tt.subject, subject, "the index knows the same subject")
		})
	}
}

func TestParseShowsTheSourceOfAnUnreadableMultipart(t *testing.T) {
	m := parse(crlf("Subject: s\nContent-Type: multipart/mixed; boundary=b\n\nno part in here\n"))
	require.Equal(t, "s", m.Subject)
	require.Contains(t, m.Text, "no part in here")
}

func TestParseHeaders(t *testing.T) {
	m := parse(crlf("Received: one\nreceived: two\nMessage-ID: <a@b>\nX-Name: =?utf-8?Q?=C3=A9?=\nX-Bad: =?nope?Q?x?=\n\n"))
	require.Equal(t, map[string]string{
		"Received": "one\ntwo", "Message-ID": "<a@b>", "X-Name": "é", "X-Bad": "=?nope?Q?x?=",
	}, m.Headers)
}

func TestParseIsBounded(t *testing.T) {
	var many bytes.Buffer
	many.WriteString("Content-Type: multipart/mixed; boundary=b\r\n\r\n")
	for i := range 3 * maxParts {
		fmt.Fprintf(&many, "--b\r\nContent-Type: text/plain\r\n\r\n%d\r\n", i)
	}
	lines := strings.Split(parse(many.Bytes()).Text, "\n")
	require.Len(t, lines, maxParts-1, "the root counts as one")

	var deep bytes.Buffer
	for i := range 200 {
		fmt.Fprintf(&deep, "Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n", i, i)
	}
	deep.WriteString("Content-Type: text/plain\r\n\r\nbottom\r\n")
	require.NotEqual(t, "bottom\n", parse(deep.Bytes()).Text)
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("Subject: =?UTF-8?Q?x?=\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n"))
	f.Add([]byte("Content-Type: text/html; charset=utf-16\r\nContent-Transfer-Encoding: base64\r\n\r\nAAAA"))
	f.Add([]byte("Content-Type: multipart/mixed; boundary=" + strings.Repeat("b", 5000) + "\r\n\r\n--b"))
	f.Add([]byte("Content-Transfer-Encoding: quoted-printable\r\n\r\n=\r\n=ZZ"))
	f.Add([]byte(":\r\n\r\n"))
	f.Add([]byte("\x00\xff"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m := parse(raw)
		parseHead(raw)
		for _, s := range []string{m.Subject, m.Text, m.HTML} {
			if !utf8.ValidString(s) {
				t.Fatalf("invalid UTF-8 in %q", s)
			}
		}
		if m.Headers == nil {
			t.Fatal("no header map")
		}
		if len(m.Headers) == 0 && m.Text == "" && m.HTML == "" && len(raw) > 0 {
			t.Fatalf("nothing of %q is shown", raw)
		}
		if _, err := json.Marshal(m); err != nil {
			t.Fatal(err)
		}
	})
}
