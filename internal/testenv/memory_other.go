//go:build !linux

package testenv

// memoryFolder is empty: no folder is known here whose files are in memory.
func memoryFolder() string { return "" }
