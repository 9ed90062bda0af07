package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

const (
	// callTimeout bounds one HTTP request.
	callTimeout = 30 * time.Second
	// maxAnswer bounds what is read of an answer.
	maxAnswer = 64 << 20
)

// caller sends requests to the hub and its inbox as any client would.
type caller struct {
	http *http.Client
	api  string // address of the API
	mail string // address of the inbox
}

// send makes one request and gives the body of a 2xx answer. Errors show the
// answer, which is what a person needs to find out what is wrong.
func (c *caller) send(ctx context.Context, method, address string, header http.Header, body []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	where, err := url.Parse(address)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", method, err)
	}
	what := method + " " + where.Path // the query of a signed link is a secret
	request, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	for name, values := range header {
		request.Header[name] = values
	}
	answer, err := c.http.Do(request)
	if err != nil {
		var failed *url.Error
		if errors.As(err, &failed) {
			err = failed.Err
		}
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	content, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer))
	if err = errors.Join(err, answer.Body.Close()); err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		return nil, fmt.Errorf("%s answers %s: %s", what, answer.Status, bytes.TrimSpace(content[:min(len(content), 500)]))
	}
	return content, nil
}

// call makes one request with JSON in and out.
func call[T any](ctx context.Context, c *caller, method, address string, header http.Header, in any) (out T, err error) {
	var body []byte
	if in != nil {
		if body, err = json.Marshal(in); err != nil {
			return out, err
		}
		header = header.Clone()
		if header == nil {
			header = http.Header{}
		}
		header.Set("Content-Type", "application/json")
	}
	content, err := c.send(ctx, method, address, header, body)
	if err != nil {
		return out, err
	}
	if err := json.Unmarshal(content, &out); err != nil {
		return out, fmt.Errorf("%s %s: the answer cannot be read: %w", method, address, err)
	}
	return out, nil
}

// elevate calls an operation of the Elevate door and gives its result.
func elevate[T any](ctx context.Context, c *caller, token, method, path string, in any) (T, error) {
	header := http.Header{}
	if token != "" {
		header.Set("X-auth-token", "bearer "+token)
	}
	answer, err := call[struct {
		ResponseCode string `json:"responseCode"`
		Result       T      `json:"result"`
	}](ctx, c, method, c.api+path, header, in)
	if err == nil && answer.ResponseCode != "OK" {
		err = fmt.Errorf("%s %s: responseCode is %q", method, path, answer.ResponseCode)
	}
	return answer.Result, err
}

// native calls an operation of the hub's own API.
func native[T any](ctx context.Context, c *caller, token, method, path string, in any) (T, error) {
	header := http.Header{}
	if token != "" {
		header.Set("Authorization", "Bearer "+token)
	}
	return call[T](ctx, c, method, c.api+path, header, in)
}

// mail is a message as the inbox lists it.
type mail struct {
	ID      string   `json:"id"`
	To      []string `json:"to"`
	Subject string   `json:"subject"`
	Text    string   `json:"text"`
}

// mails gives a page of the inbox, newest first, and how many match.
func (c *caller) mails(ctx context.Context, query url.Values) ([]mail, int, error) {
	page, err := call[struct {
		Total    int    `json:"total"`
		Messages []mail `json:"messages"`
	}](ctx, c, http.MethodGet, c.mail+"/api/messages?"+query.Encode(), nil, nil)
	return page.Messages, page.Total, err
}

// pollEvery is the pause between two looks at something that is awaited.
const pollEvery = 100 * time.Millisecond

// await looks until ok is true. Its error says what was awaited in vain.
func await(ctx context.Context, what string, atMost time.Duration, look func(context.Context) (ok bool, err error)) error {
	ctx, cancel := context.WithTimeout(ctx, atMost)
	defer cancel()
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for {
		ok, err := look(ctx)
		switch {
		case ok && err == nil:
			return nil
		case err != nil && ctx.Err() == nil:
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("%s: not within %s", what, atMost)
		}
	}
}
