package moodlews

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"quad/internal/integration/source"
	"quad/models"
)

// client calls functions of a site.
type client struct {
	url     *url.URL
	token   string
	options source.Options
	http    *http.Client
	places  chan struct{} // of requests at once
}

// Bounds of requests.
const (
	parallel    = 4                // requests at once
	tries       = 3                // of a request that nothing came back of, or that may soon be repeated
	shortPause  = 10 * time.Second // up to which the pause that a site asks for is waited for here
	firstPause  = 200 * time.Millisecond
	maintenance = 5 * time.Minute  // how long to leave a site alone that is being worked on
	busyPause   = 30 * time.Second // or that is busy and names no time
	maxPause    = time.Hour
	dialPause   = 10 * time.Second
)

func newClient(s settings, options source.Options) *client {
	return &client{url: s.url, token: s.token, options: options, places: make(chan struct{}, parallel), http: &http.Client{
		Transport: &http.Transport{
			DialContext:         options.Dial,
			TLSClientConfig:     &tls.Config{RootCAs: s.roots, MinVersion: tls.VersionTLS12},
			TLSHandshakeTimeout: dialPause,
			MaxIdleConnsPerHost: parallel, MaxConnsPerHost: parallel,
			IdleConnTimeout:        time.Minute,
			MaxResponseHeaderBytes: 64 << 10,
			ForceAttemptHTTP2:      true,
		},
		// A token goes to the site that it was made for, and nowhere else.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// fault is an error that Moodle tells: those that are about what was asked, not
// about the whole token or site. Its message is left out: it may name people.
type fault struct{ exception, code string }

func (f *fault) Error() string { return "moodle: " + f.exception + ": " + f.code }

// ofOne tells whether a fault is about the course or the person that was asked
// for: not to be seen by the token's user, gone meanwhile, or not to be asked
// about.
func (f *fault) ofOne() bool {
	return slices.Contains([]string{
		"nopermissions", "requireloginerror", "errorcoursecontextnotvalid", "usernotenroled", "invaliduser", "userdeleted", "usernotconfirmed", "suspended",
		"guestsarenotallowed", "invalidcourseid", "invalidrecord", codeNoCriteria,
	}, f.code)
}

// faultOf gives the fault that an error is; nil for those that say already what
// it means.
func faultOf(err error) *fault {
	var f *fault
	var known *models.Error
	if errors.As(err, &known) || !errors.As(err, &f) {
		return nil
	}
	return f
}

// codeNoCriteria: a course that nobody can complete.
const codeNoCriteria = "nocriteriaset"

// call calls a function and hands its answer to read, which begins anew each
// time that it is called. Errors: those of package source, and *fault.
func (c *client) call(ctx context.Context, function string, params url.Values, read func(*answer) error) error {
	for try := 1; ; try++ {
		err := c.once(ctx, function, params, read)
		pause := firstPause << (try - 1)
		var busy *source.BusyError
		switch {
		case err == nil || try == tries:
			return err
		case errors.As(err, &busy):
			if pause = busy.After; pause > shortPause {
				return err
			}
		case errors.Is(err, source.ErrForbiddenHost), !errors.Is(err, source.ErrUnreachable) && !errors.Is(err, source.ErrEnded):
			return err
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return fmt.Errorf("moodle-ws: %w", ctx.Err())
		}
	}
}

// whole says what a fault means where all of a table depends on the call.
func (c *client) whole(function string, err error) error {
	f := faultOf(err)
	switch {
	case f == nil:
		return err
	case f.ofOne():
		return as(source.Incomplete(fmt.Sprintf("function %s that the token's user may call: it answers %q", function, f.code)), f)
	}
	return refuse("the learning system answers the function "+function+" with the error "+strconv.Quote(f.code), source.ErrProtocol, f)
}

// refuse gives a refusal other words, and a cause.
func refuse(words string, kind *models.Error, cause error) error {
	e := *kind
	e.Text, e.Cause = words, cause
	return &e
}

// as gives an error of package source a cause.
func as(err error, cause error) error {
	var e *models.Error
	if !errors.As(err, &e) {
		return err
	}
	return e.With(cause)
}

// once sends one request and reads its answer.
func (c *client) once(ctx context.Context, function string, params url.Values, read func(*answer) error) error {
	select {
	case c.places <- struct{}{}:
		defer func() { <-c.places }()
	case <-ctx.Done():
		return fmt.Errorf("moodle-ws: %w", ctx.Err())
	}
	if err := c.options.Wait(ctx); err != nil {
		return fmt.Errorf("moodle-ws: %w", err)
	}
	form := url.Values{"wstoken": {c.token}, "wsfunction": {function}, "moodlewsrestformat": {"json"}, "moodlewssettingraw": {"1"}}
	for name, values := range params {
		form[name] = values
	}
	limited, cancel := context.WithTimeout(ctx, c.options.Timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(limited, http.MethodPost, c.url.String(), strings.NewReader(form.Encode()))
	if err != nil {
		return source.ErrProtocol.With(err)
	}
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Accept", "application/json")
	response, err := c.http.Do(request)
	if err != nil {
		return c.sort(ctx, limited, err, false)
	}
	defer response.Body.Close()
	if err := c.status(response); err != nil {
		return err
	}
	a := newAnswer(response)
	err = read(a)
	if err == nil {
		err = a.end()
	}
	var f *fault
	switch {
	case err == nil:
		return nil
	case a.in.failed != nil: // the line, not what came over it
		return c.sort(ctx, limited, a.in.failed, true)
	case errors.As(err, &f):
		return c.told(function, f)
	}
	var known *models.Error
	if errors.As(err, &known) {
		return err
	}
	return source.ErrProtocol.With(fmt.Errorf("the answer of %s: %w", function, err))
}

// told says what an error of Moodle is if it is about more than what was asked.
func (c *client) told(function string, f *fault) error {
	switch f.code {
	case "invalidtoken":
		return refuse("the learning system does not know the token", source.ErrRefused, f)
	case "accessexception":
		if function == fnSiteInfo {
			return refuse("the learning system refuses the token: it may have lapsed, be bound to another address, its user may not use REST (webservice/rest:use), or "+
				fnSiteInfo+" is not in its service", source.ErrRefused, f)
		}
		return as(source.Incomplete("function "+function+" that the token may call: is it in its service, and the token still valid?"), f)
	case "sitemaintenance", "upgraderunning":
		return &source.BusyError{After: maintenance, Cause: f}
	}
	return f
}

// status says what an answer means that is none of a function.
func (c *client) status(r *http.Response) error {
	cause := errors.New("status " + strconv.Itoa(r.StatusCode))
	switch code := r.StatusCode; {
	case code == http.StatusOK:
		return nil
	case code == http.StatusForbidden:
		if n, err := io.CopyN(io.Discard, r.Body, 1); n == 0 && errors.Is(err, io.EOF) {
			return refuse("web services or their REST protocol are switched off in the learning system", source.ErrRefused, cause)
		}
		return refuse("something in front of the learning system refuses the request", source.ErrRefused, cause)
	case code == http.StatusUnauthorized:
		return source.ErrRefused.With(cause)
	case code == http.StatusTooManyRequests, code == http.StatusServiceUnavailable:
		return &source.BusyError{After: pauseOf(r.Header.Get("Retry-After"), time.Now()), Cause: cause}
	case code == http.StatusGatewayTimeout, code == http.StatusRequestTimeout:
		return source.ErrSlow.With(cause)
	case code == http.StatusBadGateway:
		return source.ErrUnreachable.With(cause)
	case code/100 == 3:
		return refuse("the learning system answers with a redirection"+leading(r)+": url must be the address to which it leads", source.ErrProtocol, cause)
	case code == http.StatusNotFound:
		return refuse("there is no Moodle at url: the page for web services is not found", source.ErrProtocol, cause)
	}
	return source.ErrProtocol.With(cause)
}

// leading tells where a redirection leads, without what a query may hold.
func leading(r *http.Response) string {
	to, err := r.Location()
	if err != nil || len(to.Host) > 200 {
		return ""
	}
	return " to " + to.Scheme + "://" + to.Host
}

// pauseOf reads Retry-After: seconds, or a time.
func pauseOf(header string, now time.Time) time.Duration {
	pause := busyPause
	if n, err := strconv.ParseUint(strings.TrimSpace(header), 10, 31); err == nil {
		pause = time.Duration(n) * time.Second //nolint:gosec // 31 bits
	} else if at, err := http.ParseTime(header); err == nil {
		pause = at.Sub(now)
	}
	return min(max(pause, time.Second), maxPause)
}

// sort says what an error of the line is in words of package source. limited is
// the context of the request, within that of the caller. began: an answer had
// begun.
func (c *client) sort(ctx, limited context.Context, err error, began bool) error {
	if ctx.Err() != nil {
		return fmt.Errorf("moodle-ws: %w", ctx.Err())
	}
	var known *models.Error
	if errors.As(err, &known) { // the dialer's, for one
		return known
	}
	var alert tls.AlertError
	switch {
	case source.Untrusted(err), errors.As(err, &alert), errors.Is(err, http.ErrSchemeMismatch):
		return source.ErrTLS.With(err)
	case errors.Is(err, errTooLarge):
		return refuse("the learning system gives an answer that is larger than any should be", source.ErrProtocol, err)
	case errors.Is(err, context.DeadlineExceeded), limited.Err() != nil:
		return source.ErrSlow.With(err)
	case began, errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return source.ErrEnded.With(err)
	}
	return source.ErrUnreachable.With(err)
}

// ids are the parameters of a list of numbers.
func ids(name string, of ...int64) url.Values {
	out := url.Values{}
	for i, id := range of {
		out.Set(name+"["+strconv.Itoa(i)+"]", strconv.FormatInt(id, 10))
	}
	return out
}

// param is a parameter that is a number.
func param(id int64) []string { return []string{strconv.FormatInt(id, 10)} }
