package auth

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"quad/internal/store"
	"quad/models"
)

const (
	hostTTL   = 10 * time.Second
	hostLimit = 4096 // hosts come from clients, so their number is bounded
)

// ErrNoAccount is a request for a host that belongs to no ACTIVE account.
var ErrNoAccount = models.Refuse(models.KindNotFound, "account.unknown", "this address belongs to no account")

// hostCache remembers for a short while which account a host belongs to.
type hostCache struct {
	mu    sync.Mutex
	hosts map[string]hostEntry
}

type hostEntry struct {
	account int64 // 0: none
	until   time.Time
}

func newHostCache() *hostCache { return &hostCache{hosts: map[string]hostEntry{}} }

func (c *hostCache) get(host string, now time.Time) (int64, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := c.hosts[host]
	return e.account, ok && now.Before(e.until)
}

func (c *hostCache) put(host string, account int64, now time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.hosts) >= hostLimit {
		clear(c.hosts)
	}
	c.hosts[host] = hostEntry{account: account, until: now.Add(hostTTL)}
}

// ResolveAccount finds the account of a request's host (with or without a
// port): the one that owns the host, else the default account. Answers are kept
// for some seconds in the process. Errors: ErrNoAccount.
func (s *Service) ResolveAccount(ctx context.Context, host string) (int64, error) {
	host = strings.ToLower(strings.TrimSuffix(hostOnly(host), "."))
	now := s.now()
	id, known := s.hosts.get(host, now)
	if !known {
		var row struct {
			ID     int64
			Status models.Status
		}
		// An INACTIVE account keeps its hosts: they must not fall to the default.
		err := s.db.Query(store.AsSystem(ctx), &row, `SELECT a.id, a.status FROM accounts a
			LEFT JOIN account_domains d ON d.account_id = a.id AND d.host = @host
			WHERE d.host IS NOT NULL OR a.is_default ORDER BY d.host NULLS LAST LIMIT 1`, store.Args{"host": host})
		if err != nil {
			return 0, fmt.Errorf("auth: account of the host: %w", err)
		}
		if row.Status == models.StatusActive {
			id = row.ID
		} else {
			id = 0
		}
		s.hosts.put(host, id, now)
	}
	if id == 0 {
		return 0, ErrNoAccount
	}
	return id, nil
}

// ForgetHosts drops what ResolveAccount remembers in this process, after a
// change of accounts or their hosts.
func (s *Service) ForgetHosts() {
	s.hosts.mu.Lock()
	defer s.hosts.mu.Unlock()
	clear(s.hosts.hosts)
}

func hostOnly(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return strings.Trim(host, "[]")
}
