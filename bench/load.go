package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/valyala/fasthttp"
)

// roleLoad makes this program generate load, see main.
const roleLoad = "load"

// load is what the generator does: each connection asks for its targets in
// turn, one request after the other.
type load struct {
	Host        string        `json:"host"`
	Connections int           `json:"connections"`
	Time        time.Duration `json:"time"`
	Targets     []target      `json:"targets"`
	Base        int64         `json:"base"` // see target.Body; set by run
}

// target is a request. An answer must have the status and hold the text.
type target struct {
	Path   string `json:"path"`
	Token  string `json:"token"`
	Header string `json:"header"` // that the token is in; empty: the Elevate door's
	Method string `json:"method"` // empty: GET
	// Body is sent as JSON. {n} in it is a number that no other request has,
	// also of other runs; {m} is that number modulo Modulus.
	Body    string `json:"body"`
	Modulus int64  `json:"modulus"`
	Status  int    `json:"status"` // 0: 200
	Expect  string `json:"expect"`
}

// body is that of the request with the number n.
func (t target) body(n int64) string {
	out := strings.ReplaceAll(t.Body, "{n}", strconv.FormatInt(n, 10))
	if t.Modulus > 0 {
		out = strings.ReplaceAll(out, "{m}", strconv.FormatInt(n%t.Modulus, 10))
	}
	return out
}

// loaded is what came of it.
type loaded struct {
	Requests int64         `json:"requests"`
	Took     time.Duration `json:"took"`
}

func (l loaded) perSecond() float64 { return float64(l.Requests) / l.Took.Seconds() }

// run generates the load in a process of its own, so that what it needs of the
// CPU is taken from every server in the same way.
func (l load) run(ctx context.Context) (out loaded, err error) {
	l.Base = time.Now().UnixMicro() // no run sends a million requests a second
	spec, err := json.Marshal(l)
	if err != nil {
		return out, err
	}
	self, err := os.Executable()
	if err != nil {
		return out, err
	}
	ctx, cancel := context.WithTimeout(ctx, l.Time+30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, self, roleLoad)
	cmd.Stdin, cmd.Stderr = bytes.NewReader(spec), os.Stderr
	answer, err := cmd.Output()
	if err != nil {
		return out, fmt.Errorf("load generator: %w", err)
	}
	return out, json.Unmarshal(answer, &out)
}

// generateLoad is the other end of run.
func generateLoad(in io.Reader, out io.Writer) error {
	var l load
	if err := json.NewDecoder(in).Decode(&l); err != nil {
		return err
	}
	if len(l.Targets) == 0 || l.Connections < 1 {
		return errors.New("load: no targets or no connections")
	}
	client := &fasthttp.HostClient{Addr: l.Host, MaxConns: l.Connections, ReadTimeout: 30 * time.Second, WriteTimeout: 30 * time.Second}
	var requests, numbers atomic.Int64
	numbers.Store(l.Base)
	failures := make(chan error, l.Connections)
	begin := time.Now()
	deadline := begin.Add(l.Time)
	var group sync.WaitGroup
	for i := range l.Connections {
		group.Go(func() {
			n, err := l.connection(client, i, &numbers, deadline)
			requests.Add(n)
			if err != nil {
				failures <- err
			}
		})
	}
	group.Wait()
	took := time.Since(begin)
	close(failures)
	if err := <-failures; err != nil {
		return err
	}
	return json.NewEncoder(out).Encode(loaded{Requests: requests.Load(), Took: took})
}

func (l load) connection(client *fasthttp.HostClient, first int, numbers *atomic.Int64, deadline time.Time) (n int64, err error) {
	request, response := fasthttp.AcquireRequest(), fasthttp.AcquireResponse()
	defer fasthttp.ReleaseRequest(request)
	defer fasthttp.ReleaseResponse(response)
	for i := first; time.Now().Before(deadline); i++ {
		t := l.Targets[i%len(l.Targets)]
		t.write(request, l.Host, numbers)
		if err := client.Do(request, response); err != nil {
			return n, err
		}
		want := t.Status
		if want == 0 {
			want = fasthttp.StatusOK
		}
		if response.StatusCode() != want || !bytes.Contains(response.Body(), []byte(t.Expect)) {
			return n, fmt.Errorf("%s answers %d: %.300s", t.Path, response.StatusCode(), response.Body())
		}
		n++
	}
	return n, nil
}

// write makes the request that the target is.
func (t target) write(request *fasthttp.Request, host string, numbers *atomic.Int64) {
	request.SetRequestURI("http://" + host + t.Path)
	if t.Method != "" {
		request.Header.SetMethod(t.Method)
	}
	switch {
	case t.Token == "":
	case t.Header == "":
		request.Header.Set("X-auth-token", "bearer "+t.Token)
	default:
		request.Header.Set(t.Header, "Bearer "+t.Token)
	}
	if t.Body != "" {
		request.Header.SetContentType("application/json")
		request.SetBodyString(t.body(numbers.Add(1)))
	}
}
