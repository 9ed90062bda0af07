package inbox

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/smtp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func newServer(t *testing.T, opts Options) *Server {
	t.Helper()
	opts.SMTPAddr, opts.HTTPAddr = "127.0.0.1:0", "127.0.0.1:0"
	opts.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	s, err := New(opts)
	require.NoError(t, err)
	require.NoError(t, s.Start(t.Context()))
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

// mailOf is a small plain mail.
func mailOf(subject, body string) string {
	return "From: Quad <quad@hub.test>\r\nTo: someone@hub.test\r\nSubject: " + subject + "\r\n\r\n" + body + "\r\n"
}

func send(t *testing.T, s *Server, raw string, to ...string) {
	t.Helper()
	require.NoError(t, smtp.SendMail(s.SMTPAddr(), nil, "quad@hub.test", to, []byte(raw)))
}

func waitFor(t *testing.T, s *Server, f Filter, n int) []Message {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	got, err := s.Wait(ctx, f, n)
	require.NoError(t, err)
	return got
}

func TestReceivesAndFindsMail(t *testing.T) {
	s := newServer(t, Options{})
	before := time.Now()
	send(t, s, mailOf("Your code", "123456"), "Ann@hub.test", "hidden@hub.test")
	send(t, s, mailOf("Welcome", "Hello"), "bob@hub.test")

	all := waitFor(t, s, Filter{}, 2)
	require.Equal(t, "Welcome", all[0].Subject, "newest first")
	require.Equal(t, "2", all[0].ID)

	got := s.Messages(Filter{To: "ann@HUB.test"})
	require.Len(t, got, 1)
	m := got[0]
	require.Equal(t, "quad@hub.test", m.From)
	require.Equal(t, []string{"Ann@hub.test", "hidden@hub.test"}, m.To, "the envelope, blind copies included")
	require.Equal(t, "Your code", m.Subject)
	require.Equal(t, "123456\n", m.Text)
	require.Empty(t, m.HTML)
	require.Equal(t, "Quad <quad@hub.test>", m.Headers["From"])
	require.WithinRange(t, m.ReceivedAt, before, time.Now())

	require.Len(t, s.Messages(Filter{Subject: "COD"}), 1)
	require.Len(t, s.Messages(Filter{Query: "bob@"}), 1)
	require.Len(t, s.Messages(Filter{Query: "quad@"}), 2)
	require.Empty(t, s.Messages(Filter{To: "ann"}), "an address, not a part of one")
	require.Empty(t, s.Messages(Filter{After: all[0].ReceivedAt}))
	require.Len(t, s.Messages(Filter{After: m.ReceivedAt}), 1)
	require.Len(t, s.Messages(Filter{Limit: 1}), 1)
	require.Equal(t, "1", s.Messages(Filter{Before: 2})[0].ID)

	require.NoError(t, s.Clear())
	require.NoError(t, s.Clear())
	require.Empty(t, s.Messages(Filter{}))
	send(t, s, mailOf("Again", ""), "ann@hub.test")
	require.Equal(t, "3", s.Messages(Filter{})[0].ID, "ids are never reused")
}

func TestAcceptsAnyLogin(t *testing.T) {
	s := newServer(t, Options{})
	auth := smtp.PlainAuth("", "user", "any password", "127.0.0.1")
	require.NoError(t, smtp.SendMail(s.SMTPAddr(), auth, "", []string{"a@hub.test"}, []byte(mailOf("x", "y"))))
	require.Equal(t, "quad@hub.test", s.Messages(Filter{})[0].From, "From header when the envelope sender is empty")
}

func TestRefusesLargeMail(t *testing.T) {
	s := newServer(t, Options{MaxMessageBytes: 2000})
	err := smtp.SendMail(s.SMTPAddr(), nil, "a@hub.test", []string{"b@hub.test"}, []byte(mailOf("big", strings.Repeat("x", 4000))))
	require.ErrorContains(t, err, "552")
	require.Empty(t, s.Messages(Filter{}))
	send(t, s, mailOf("small", "x"), "b@hub.test")
}

func TestWaitEnds(t *testing.T) {
	s := newServer(t, Options{})
	send(t, s, mailOf("one", ""), "a@hub.test")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	got, err := s.Wait(ctx, Filter{}, 2)
	require.ErrorIs(t, err, context.Canceled)
	require.Len(t, got, 1)

	result := make(chan error, 1)
	go func() {
		_, err := s.Wait(context.Background(), Filter{}, 2)
		result <- err
	}()
	require.NoError(t, s.Close())
	require.ErrorIs(t, <-result, net.ErrClosed)
	require.ErrorIs(t, s.Start(t.Context()), net.ErrClosed)
}

func TestRunStopsWithItsContext(t *testing.T) {
	s, err := New(Options{SMTPAddr: "127.0.0.1:0", HTTPAddr: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error, 1)
	go func() { result <- s.Run(ctx) }()
	send(t, s, mailOf("while it runs", ""), "a@hub.test") // The listener is bound since New.
	cancel()
	require.NoError(t, <-result)
	_, err = net.DialTimeout("tcp", s.SMTPAddr(), time.Second)
	require.Error(t, err)
}

func TestNewReportsTakenAddresses(t *testing.T) {
	s := newServer(t, Options{})
	_, err := New(Options{SMTPAddr: s.SMTPAddr(), HTTPAddr: "127.0.0.1:0"})
	require.ErrorContains(t, err, "listen for SMTP")
	_, err = New(Options{SMTPAddr: "127.0.0.1:0", HTTPAddr: s.HTTPAddr()})
	require.ErrorContains(t, err, "listen for HTTP")
}

func TestManySendersAtOnce(t *testing.T) {
	const senders, each = 16, 40
	s := newServer(t, Options{MaxMessages: 500})
	var wg sync.WaitGroup
	errs := make(chan error, senders*each)
	for sender := range senders {
		wg.Go(func() {
			for i := range each {
				to := fmt.Sprintf("p%d-%d@hub.test", sender, i)
				errs <- smtp.SendMail(s.SMTPAddr(), nil, "quad@hub.test", []string{to}, []byte(mailOf("m", to)))
				s.Messages(Filter{Limit: 3})
			}
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		require.NoError(t, err)
	}
	got := s.Messages(Filter{})
	require.Len(t, got, 500, "the oldest went first")
	for i, m := range got {
		require.Equal(t, m.To[0]+"\n", m.Text)
		require.Equal(t, strconv.Itoa(senders*each-i), m.ID, "no gap, newest first")
	}
}

func TestFaultReject(t *testing.T) {
	s := newServer(t, Options{})
	require.NoError(t, s.SetFault(FaultReject, 0.25))
	failed := 0
	for range 40 {
		if err := smtp.SendMail(s.SMTPAddr(), nil, "a@hub.test", []string{"b@hub.test"}, []byte(mailOf("m", ""))); err != nil {
			require.ErrorContains(t, err, "451")
			failed++
		}
	}
	require.Equal(t, 10, failed)
	require.Len(t, s.Messages(Filter{}), 30)

	require.NoError(t, s.SetFault(FaultOK, 1))
	send(t, s, mailOf("m", ""), "b@hub.test")

	require.NoError(t, s.faults.set(Fault{Mode: FaultReject, Rate: 1, Code: 550}))
	err := smtp.SendMail(s.SMTPAddr(), nil, "a@hub.test", []string{"b@hub.test"}, []byte(mailOf("m", "")))
	require.ErrorContains(t, err, "550")

	require.Error(t, s.SetFault("explode", 1))
	require.Error(t, s.SetFault(FaultReject, 1.1))
	require.Error(t, s.SetFault(FaultReject, -0.1))
	require.Equal(t, 550, s.faults.get().Code, "a refused setting changes nothing")
}

func TestFaultSharesAreExact(t *testing.T) {
	for _, rate := range []float64{0, 0.1, 0.3, 0.5, 1} {
		var f faults
		require.NoError(t, f.set(Fault{Mode: FaultDrop, Rate: rate}))
		n := 0
		for range 1000 {
			if f.next().Mode == FaultDrop {
				n++
			}
		}
		require.Equal(t, int(rate*1000+0.5), n)
	}
}

func TestFaultDrop(t *testing.T) {
	s := newServer(t, Options{})
	require.NoError(t, s.SetFault(FaultDrop, 1))
	err := smtp.SendMail(s.SMTPAddr(), nil, "a@hub.test", []string{"b@hub.test"}, []byte(mailOf("m", strings.Repeat("long line\r\n", 10_000))))
	require.Error(t, err)
	require.NotContains(t, err.Error(), "451")
	require.Empty(t, s.Messages(Filter{}))
}

// hangingClient sends a whole message and returns the connection that waits for
// its answer.
func hangingClient(t *testing.T, s *Server) net.Conn {
	t.Helper()
	conn, err := net.Dial("tcp", s.SMTPAddr())
	require.NoError(t, err)
	client, err := smtp.NewClient(conn, "127.0.0.1")
	require.NoError(t, err)
	require.NoError(t, client.Mail("a@hub.test"))
	require.NoError(t, client.Rcpt("b@hub.test"))
	w, err := client.Data()
	require.NoError(t, err)
	_, err = io.WriteString(w, mailOf("m", "body"))
	require.NoError(t, err)
	answered := make(chan struct{})
	go func() {
		_ = w.Close()
		close(answered)
	}()
	t.Cleanup(func() {
		_ = conn.Close()
		<-answered
	})
	select {
	case <-answered:
		t.Fatal("the server answered")
	case <-time.After(100 * time.Millisecond):
	}
	return conn
}

func TestFaultHangEndsWithTheServer(t *testing.T) {
	s := newServer(t, Options{})
	require.NoError(t, s.SetFault(FaultHang, 1))
	hangingClient(t, s)
	done := make(chan error, 1)
	go func() { done <- s.Close() }()
	select {
	case err := <-done:
		require.NoError(t, err)
	case <-time.After(10 * time.Second):
		t.Fatal("Close waits for a hanging client")
	}
}

func TestFaultHangEndsByItself(t *testing.T) {
	s := newServer(t, Options{HangTimeout: 200 * time.Millisecond})
	require.NoError(t, s.SetFault(FaultHang, 1))
	err := smtp.SendMail(s.SMTPAddr(), nil, "a@hub.test", []string{"b@hub.test"}, []byte(mailOf("m", "")))
	require.Error(t, err)
	require.Empty(t, s.Messages(Filter{}))
}

func TestKeepsMailAcrossRestarts(t *testing.T) {
	dir := t.TempDir()
	first := newServer(t, Options{Dir: dir})
	send(t, first, mailOf("one", "first"), "a@hub.test")
	send(t, first, mailOf("two", "second"), "b@hub.test")
	_, err := New(Options{SMTPAddr: "127.0.0.1:0", HTTPAddr: "127.0.0.1:0", Dir: dir})
	require.ErrorContains(t, err, "in use by another inbox")
	want := first.Messages(Filter{})
	require.NoError(t, first.Close())

	second := newServer(t, Options{Dir: dir})
	require.Equal(t, want, second.Messages(Filter{}))
	require.NoError(t, second.Clear())
	require.NoError(t, second.Close())

	third := newServer(t, Options{Dir: dir})
	require.Empty(t, third.Messages(Filter{}))
	send(t, third, mailOf("three", ""), "a@hub.test")
	require.Equal(t, "3", third.Messages(Filter{})[0].ID)
}
