package faultproxy

import (
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// echo is a server that says what it hears.
func echo(t *testing.T) (address string) {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, listener.Close()) })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.Copy(conn, conn)
				_ = conn.Close()
			}()
		}
	}()
	return listener.Addr().String()
}

func connect(t *testing.T, p *Proxy) net.Conn {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", net.JoinHostPort(p.HostPort()))
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// ask sends a text and wants it back within a time.
func ask(conn net.Conn, text string, within time.Duration) error {
	if err := conn.SetDeadline(time.Now().Add(within)); err != nil {
		return err
	}
	if _, err := io.WriteString(conn, text); err != nil {
		return err
	}
	_, err := io.ReadFull(conn, make([]byte, len(text)))
	return err
}

const soon, never = 10 * time.Second, 100 * time.Millisecond

func TestFaults(t *testing.T) {
	p := New(t, echo(t))
	one := connect(t, p)
	require.NoError(t, ask(one, "hello", soon))
	require.EqualValues(t, len("hello"), p.Passed())

	p.Silence()
	p.Silence()
	var timeout net.Error
	err := ask(one, "anybody?", never)
	require.ErrorAs(t, err, &timeout)
	require.True(t, timeout.Timeout())
	other := connect(t, p) // is taken, and hears nothing
	require.ErrorAs(t, ask(other, "anybody?", never), &timeout)
	p.Speak()
	p.Speak()
	_, err = io.ReadFull(one, make([]byte, 1)) // its deadline is over
	require.ErrorAs(t, err, &timeout)
	require.NoError(t, one.SetDeadline(time.Now().Add(soon)))
	late := make([]byte, len("anybody?"))
	_, err = io.ReadFull(one, late)
	require.NoError(t, err)
	require.Equal(t, "anybody?", string(late), "nothing is lost by silence")

	p.Slow(Line{BytesPerSecond: 100, Latency: 50 * time.Millisecond})
	begin := time.Now()
	require.NoError(t, ask(one, "0123456789", soon))
	require.GreaterOrEqual(t, time.Since(begin), 150*time.Millisecond)
	p.Slow(Line{})

	p.Cut()
	require.ErrorIs(t, ask(one, "gone", soon), syscall.ECONNRESET)
	require.NoError(t, ask(connect(t, p), "back", soon))

	address := net.JoinHostPort(p.HostPort())
	p.Refuse()
	_, err = new(net.Dialer).DialContext(t.Context(), "tcp", address)
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	p.Accept()
	require.Equal(t, address, net.JoinHostPort(p.HostPort()))
	require.NoError(t, ask(connect(t, p), "back", soon))
}

// A server that is not there ends the connections to it.
func TestNoServer(t *testing.T) {
	gone, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, gone.Close())
	p := New(t, gone.Addr().String())
	require.Error(t, ask(connect(t, p), "hello", soon))
}
