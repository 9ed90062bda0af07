package httpx

import (
	"fmt"
	"net"
	"net/netip"
	"strings"

	"github.com/gofiber/fiber/v2"
)

// parseProxies reads addresses and networks.
func parseProxies(list []string) ([]netip.Prefix, error) {
	out := make([]netip.Prefix, 0, len(list))
	for _, s := range list {
		s = strings.TrimSpace(s)
		if s == "" {
			continue
		}
		if addr, err := netip.ParseAddr(s); err == nil {
			out = append(out, netip.PrefixFrom(addr.Unmap(), addr.Unmap().BitLen()))
			continue
		}
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return nil, fmt.Errorf("trusted proxy %q is neither an address nor a network", s)
		}
		out = append(out, p.Masked())
	}
	return out, nil
}

func (a *App) trusted(addr netip.Addr) bool {
	for _, p := range a.proxies {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// peer is the other end of the connection.
func peer(c *fiber.Ctx) netip.Addr {
	if tcp, ok := c.Context().RemoteAddr().(*net.TCPAddr); ok {
		return tcp.AddrPort().Addr().Unmap().WithZone("")
	}
	return netip.Addr{}
}

// clientAddr walks X-Forwarded-For from the right, past the proxies we trust.
// What stands left of the first stranger was written by the stranger.
func (a *App) clientAddr(c *fiber.Ctx) netip.Addr {
	addr := peer(c)
	if len(a.proxies) == 0 || !a.trusted(addr) {
		return addr
	}
	hops := strings.Split(c.Get(fiber.HeaderXForwardedFor), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			return addr
		}
		addr = hop.Unmap().WithZone("")
		if !a.trusted(addr) {
			return addr
		}
	}
	return addr
}

// clientText writes an address; "" for none.
func clientText(addr netip.Addr) string {
	if !addr.IsValid() {
		return ""
	}
	return addr.String()
}

// Host returns the host name the client asked for, in lower case and without
// port: what a trusted proxy says in X-Forwarded-Host, else the Host header.
func Host(c *fiber.Ctx) string {
	host := string(c.Request().Host())
	if r := requestOf(c); r != nil && r.app.trusted(peer(c)) {
		if forwarded := c.Get(fiber.HeaderXForwardedHost); forwarded != "" {
			first, _, _ := strings.Cut(forwarded, ",")
			host = strings.TrimSpace(first)
		}
	}
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return strings.ToLower(strings.Trim(host, "[]"))
}

// Secure tells whether the client's connection is encrypted, as a trusted proxy
// in front of the hub says in X-Forwarded-Proto; the hub itself speaks no TLS.
func Secure(c *fiber.Ctx) bool {
	r := requestOf(c)
	if r == nil || !r.app.trusted(peer(c)) {
		return false
	}
	first, _, _ := strings.Cut(c.Get(fiber.HeaderXForwardedProto), ",")
	return strings.EqualFold(strings.TrimSpace(first), "https")
}
