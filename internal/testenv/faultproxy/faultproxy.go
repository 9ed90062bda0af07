// Package faultproxy stands between a client and a TCP server of a test and
// makes the network between them as bad as networks are: slow, silent, cut, gone.
package faultproxy

import (
	"context"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// Proxy passes what it gets on to a server and back. Its methods may be called
// at any time, from any goroutine; it ends with the test.
type Proxy struct {
	t      testing.TB
	target string
	addr   string
	ended  context.Context

	mu       sync.Mutex
	listener net.Listener // nil while connections are refused
	conns    map[net.Conn]struct{}
	flow     chan struct{}  // closed while bytes pass
	line     Line           // that answers go over
	passed   int64          // bytes of answers
	busy     sync.WaitGroup // goroutines
}

// Line is how fast a line is. The zero value is as fast as it gets.
type Line struct {
	BytesPerSecond int           // 0: any number
	Latency        time.Duration // of each piece that comes over it
}

// New starts a proxy for a server, host:port.
func New(t testing.TB, target string) *Proxy {
	t.Helper()
	ended, end := context.WithCancel(context.Background())
	p := &Proxy{t: t, target: target, addr: "127.0.0.1:0", ended: ended, conns: map[net.Conn]struct{}{}, flow: make(chan struct{})}
	close(p.flow)
	p.Accept()
	t.Cleanup(func() {
		end()
		p.Refuse()
		p.busy.Wait()
	})
	return p
}

// HostPort is where clients connect to.
func (p *Proxy) HostPort() (host, port string) {
	host, port, _ = net.SplitHostPort(p.addr)
	return host, port
}

// Slow makes the line from the server to clients slow, or fast again.
func (p *Proxy) Slow(line Line) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.line = line
}

// Cut resets all connections that there are; new ones are taken.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for conn := range p.conns {
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0) // closing it is a reset then
		}
		_ = conn.Close()
	}
}

// Refuse cuts all connections and lets nobody in until Accept.
func (p *Proxy) Refuse() {
	p.mu.Lock()
	if p.listener != nil {
		_ = p.listener.Close()
		p.listener = nil
	}
	p.mu.Unlock()
	p.Cut()
}

// Accept takes connections again, at the same address.
func (p *Proxy) Accept() {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener != nil {
		return
	}
	listener, err := new(net.ListenConfig).Listen(p.ended, "tcp", p.addr)
	if err != nil {
		p.t.Errorf("faultproxy: %v", err)
		return
	}
	p.listener, p.addr = listener, listener.Addr().String()
	p.busy.Go(func() { p.serve(listener) })
}

// Silence lets no byte pass in any direction until Speak. Connections stay, and
// new ones are taken: as a firewall does that has forgotten them.
func (p *Proxy) Silence() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.flow:
		p.flow = make(chan struct{})
	default:
	}
}

// Speak ends a Silence.
func (p *Proxy) Speak() {
	p.mu.Lock()
	defer p.mu.Unlock()
	select {
	case <-p.flow:
	default:
		close(p.flow)
	}
}

// Passed is how many bytes of the server have come through.
func (p *Proxy) Passed() int64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.passed
}

func (p *Proxy) serve(listener net.Listener) {
	for {
		client, err := listener.Accept()
		if err != nil {
			return
		}
		p.busy.Go(func() { p.join(client) })
	}
}

// keep notes a connection that may be cut; the function forgets it.
func (p *Proxy) keep(conn net.Conn) (forget func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.conns[conn] = struct{}{}
	return func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		delete(p.conns, conn)
		_ = conn.Close()
	}
}

// join connects a client with the server until one of them ends.
func (p *Proxy) join(client net.Conn) {
	defer p.keep(client)()
	server, err := new(net.Dialer).DialContext(p.ended, "tcp", p.target)
	if err != nil {
		return
	}
	defer p.keep(server)()
	var both sync.WaitGroup
	pass := func(to, from net.Conn, answers bool) {
		_ = p.copy(to, from, answers)
		_, _ = to.Close(), from.Close()
	}
	both.Go(func() { pass(server, client, false) })
	both.Go(func() { pass(client, server, true) })
	both.Wait()
}

// errEnded: the test is over.
var errEnded = errors.New("faultproxy: the test has ended")

// copy passes bytes on, as the state of the line wants it.
func (p *Proxy) copy(to io.Writer, from io.Reader, answers bool) error {
	piece := make([]byte, 16<<10)
	for {
		n, err := from.Read(piece)
		if err != nil {
			return err
		}
		if err := p.pause(n, answers); err != nil {
			return err
		}
		if _, err := to.Write(piece[:n]); err != nil {
			return err
		}
		p.count(n, answers)
	}
}

func (p *Proxy) count(n int, answers bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if answers {
		p.passed += int64(n)
	}
}

// pause waits as long as so many bytes take.
func (p *Proxy) pause(n int, answers bool) error {
	p.mu.Lock()
	flow, wait := p.flow, time.Duration(0)
	if answers {
		wait = p.line.Latency
		if p.line.BytesPerSecond > 0 {
			wait += time.Duration(n) * time.Second / time.Duration(p.line.BytesPerSecond)
		}
	}
	p.mu.Unlock()
	select {
	case <-flow:
	case <-p.ended.Done():
		return errEnded
	}
	if wait <= 0 {
		return nil
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-p.ended.Done():
		return errEnded
	}
}
