// Package arch holds the tests that guard the shape of the repository as a
// whole: the size of files, the folders, the OpenAPI documents, the pinned
// versions. The direction of imports is guarded by depguard in .golangci.yml.
package arch
