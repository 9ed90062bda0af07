//go:build unix && !linux

package devstack

import "context"

// clearLeftovers leaves a stale pid file to PostgreSQL's own check: without
// /proc there is no safe way to tell whose process its number is.
func clearLeftovers(context.Context, string) error { return nil }
