// Package e2e holds the tests that break the hub on purpose: they run the real
// quad binary as child processes on real services, kill workers and services in
// the middle of work, and compare what is there after recovery with what the
// input alone promises. Nothing may be lost and nothing doubled.
//
// Two kinds of test, each bounded and independent of the other: those on
// services that all tests share, which kill only their own worker, and those
// that take the services down, on private ones.
//
// The binary is built once for a run; QUAD_TEST_BINARY names one that is built
// already.
package e2e
