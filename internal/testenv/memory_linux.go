package testenv

import "syscall"

const (
	sharedMemory = "/dev/shm"
	tmpfsMagic   = 0x01021994 // TMPFS_MAGIC of linux/magic.h
	// enoughMemory is several times what a run of all tests has in its folders
	// at a time (logs of PostgreSQL mostly), since it is memory that is filled.
	enoughMemory = 8 << 30
)

// memoryFolder is a folder whose files are kept in memory; empty if there is
// none, or none with plenty of room.
func memoryFolder() string {
	var at syscall.Statfs_t
	if err := syscall.Statfs(sharedMemory, &at); err != nil || int64(at.Type) != tmpfsMagic { //nolint:unconvert // fewer bits elsewhere
		return ""
	}
	if at.Bavail*uint64(at.Bsize) < enoughMemory { //nolint:gosec // the size of a block
		return ""
	}
	return sharedMemory
}
