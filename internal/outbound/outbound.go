// Package outbound makes HTTP clients for calls to addresses that people
// configure. Such an address must not lead into the hub's own network: it is
// checked when a connection is made, after its name was resolved, so that a name
// which resolves to another address each time gains nothing.
package outbound

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"time"
)

// ErrInternal refuses an address of an internal network.
var ErrInternal = errors.New("outbound: the address is one of an internal network")

// Guard decides which addresses may be called.
type Guard struct {
	// AllowInternal lets loopback and private networks pass: for machines of
	// developers and networks in which what is called is internal. Where clouds
	// tell machines their credentials stays closed.
	AllowInternal bool
}

// denied are networks beside those that netip knows as private, loopback,
// link-local, multicast and unspecified: https://www.iana.org/assignments/iana-ipv4-special-registry
// and its twin for IPv6. Addresses that carry an IPv4 address are judged by it.
var denied = prefixes(
	"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
	"100::/64", "2001::/23", "2001:db8::/32", "3fff::/20", "5f00::/16", "fec0::/10",
)

// metadata are the addresses at which clouds tell machines their credentials,
// beside the link-local one (169.254.169.254) that most have: Amazon's of IPv6,
// and Alibaba's.
var metadata = prefixes("fd00:ec2::254/128", "100.100.100.200/32")

// carriers are networks whose addresses hold an IPv4 address, at a byte.
var carriers = []struct {
	network netip.Prefix
	at      int
}{
	{netip.MustParsePrefix("64:ff9b::/96"), 12},
	{netip.MustParsePrefix("2002::/16"), 2},
	{netip.MustParsePrefix("::/96"), 12},
}

func prefixes(texts ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(texts))
	for i, t := range texts {
		out[i] = netip.MustParsePrefix(t)
	}
	return out
}

// Allows tells whether an address may be called.
func (g Guard) Allows(addr netip.Addr) bool {
	addr = addr.Unmap().WithZone("")
	switch {
	case !addr.IsValid(), addr.IsUnspecified(), addr.IsLinkLocalUnicast(), addr.IsMulticast(), within(metadata, addr):
		return false
	case addr.IsLoopback(), addr.IsPrivate():
		return g.AllowInternal
	case !g.AllowInternal && within(denied, addr):
		return false
	case addr.Is4():
		return true
	}
	for _, c := range carriers {
		if bytes := addr.As16(); c.network.Contains(addr) {
			return g.Allows(netip.AddrFrom4([4]byte(bytes[c.at : c.at+4])))
		}
	}
	// The last is translation of a network's own.
	return g.AllowInternal || !netip.MustParsePrefix("64:ff9b:1::/48").Contains(addr)
}

func within(networks []netip.Prefix, addr netip.Addr) bool {
	return slices.ContainsFunc(networks, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// AllowsHost tells whether a host may be called, as far as its name says: an
// address, or a name of this machine. What any other name leads to is seen when
// it is called.
func (g Guard) AllowsHost(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
	if addr, err := netip.ParseAddr(host); err == nil {
		return g.Allows(addr)
	}
	return g.AllowInternal || host != "localhost" && !strings.HasSuffix(host, ".localhost")
}

// Control is for net.Dialer: it refuses to connect to a resolved address that is
// not allowed.
func (g Guard) Control(network, address string, _ syscall.RawConn) error {
	target, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("outbound: %s %s: %w", network, address, err)
	}
	if !g.Allows(target.Addr()) {
		return ErrInternal
	}
	return nil
}

// Dialer connects to allowed addresses only.
func (g Guard) Dialer(timeout time.Duration) *net.Dialer {
	return &net.Dialer{Timeout: timeout, Control: g.Control}
}

// Client makes HTTP calls to allowed addresses only, each within the timeout. It
// uses no proxy, which would connect in its place, and follows no redirects.
func (g Guard) Client(timeout time.Duration) *http.Client {
	return &http.Client{
		Timeout: timeout,
		Transport: &http.Transport{
			DialContext:           g.Dialer(min(timeout, 10*time.Second)).DialContext,
			TLSHandshakeTimeout:   10 * time.Second,
			ResponseHeaderTimeout: timeout,
			MaxIdleConnsPerHost:   2,
			IdleConnTimeout:       time.Minute,
			ForceAttemptHTTP2:     true,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// CheckURL refuses an address that can't be called: it must be absolute, http or
// https, without a password in it. Where its host leads is checked with each
// connection.
func CheckURL(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil, u.Host == "", u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("outbound: no absolute http(s) address")
	case u.User != nil:
		return nil, errors.New("outbound: an address must not hold a password")
	}
	return u, nil
}
