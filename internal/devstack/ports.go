package devstack

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

// Loopback is the only address that children listen on.
const Loopback = "127.0.0.1"

// portSearch is how far Take looks above the preferred port.
const portSearch = 200

// Ports hands out free TCP ports of the loopback address, none twice. The zero
// value is ready. It is not safe for concurrent use.
type Ports struct {
	given map[int]bool
	moved []string
}

// Take returns preferred when it is free, else the next free port above it,
// which is then reported by Moved under the given name.
func (p *Ports) Take(name string, preferred int) (int, error) {
	for port := preferred; port <= min(preferred+portSearch, 65535); port++ {
		if p.given[port] || !portFree(port) {
			continue
		}
		if port != preferred {
			p.moved = append(p.moved, fmt.Sprintf("port %d is taken: %s listens on %d", preferred, name, port))
		}
		if p.given == nil {
			p.given = map[int]bool{}
		}
		p.given[port] = true
		return port, nil
	}
	return 0, fmt.Errorf("no free port for %s from %d on", name, preferred)
}

// Moved lists, for people, the ports that are not the preferred ones.
func (p *Ports) Moved() []string { return p.moved }

// RandomPort returns a free port at random. It lies below the range from which
// systems take the ports of outgoing connections, so that it stays free for
// one who binds it soon; who loses that race asks for another one.
func RandomPort() (int, error) {
	const low, high, tries = 15000, 32000, 500
	for range tries {
		if port := low + rand.IntN(high-low); portFree(port) {
			return port, nil
		}
	}
	return 0, errors.New("no free port found")
}

func portFree(port int) bool {
	listener, err := net.Listen("tcp4", Address(port)) //nolint:noctx // returns at once
	if err != nil {
		return false
	}
	return listener.Close() == nil
}

// Address is host:port of a loopback port.
func Address(port int) string { return net.JoinHostPort(Loopback, strconv.Itoa(port)) }
