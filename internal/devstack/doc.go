// Package devstack starts and supervises the programs that a development hub
// and the tests need beside them: PostgreSQL, Redis, Temporal, and children of
// the hub's own binary.
//
// A [Child] says how one program is started, when it is healthy and how it is
// stopped; [Start] runs it once and a [Group] keeps several of them running.
// Nothing that is started here survives its parent, however the parent ends:
// a clean end stops the children in order, and on Linux the kernel ends them
// when the parent is killed.
//
// The package is free of the hub's own rules: it gets commands and returns
// addresses.
package devstack
