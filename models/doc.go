// Package models holds the entities of the hub with their GORM tags, their
// status types with the legal transitions, and the typed errors that the areas
// answer with. It contains data and pure functions only: no database handle, no
// hooks, no wire format of any door.
//
// Every struct with a field AccountID is tenant-owned: the store adds the
// account of the context to each of its statements (see internal/store).
package models
