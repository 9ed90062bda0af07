package devstack

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// outsideDir takes the clusters of data folders that PostgreSQL's user cannot
// reach.
const outsideDir = "/var/lib/quad"

// postgresHome is the folder of a cluster together with who owns it.
type postgresHome struct {
	path       string
	credential *syscall.Credential // nil: we run it ourselves
	password   string
	notes      []string
}

// newPostgresHome makes or finds the folder of the cluster that belongs to the
// data folder dir. The password is kept in dir, for us alone; a cluster
// without it is of no use.
func newPostgresHome(dir string) (*postgresHome, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make data folder: %w", err)
	}
	h := &postgresHome{path: filepath.Join(dir, "postgres")}
	if os.Geteuid() == 0 {
		if err := h.leaveRoot(dir); err != nil {
			return nil, err
		}
	}
	passwordFile := filepath.Join(dir, "postgres.password")
	var made bool
	if h.password, made, err = keepSecret(passwordFile); err != nil {
		return nil, err
	}
	if made {
		if err := h.setAside(passwordFile, dir); err != nil {
			return nil, errors.Join(err, os.Remove(passwordFile))
		}
	}
	if err := os.MkdirAll(h.path, 0o700); err != nil {
		return nil, fmt.Errorf("make the cluster's folder: %w", err)
	}
	return h, h.give(h.path)
}

// leaveRoot chooses who runs the server, and a place that this user can reach.
func (h *postgresHome) leaveRoot(dir string) error {
	var err error
	if h.credential, err = unprivileged(h.path); err != nil {
		return err
	}
	// The user must pass through the data folder; what is in it stays closed.
	if err := os.Chmod(dir, 0o711); err != nil {
		return fmt.Errorf("open the data folder: %w", err)
	}
	closed, err := firstClosed(dir, h.credential)
	if err != nil || closed == "" {
		return err
	}
	sum := sha256.Sum256([]byte(dir))
	h.path = filepath.Join(outsideDir, hex.EncodeToString(sum[:6]))
	if h.credential, err = unprivileged(h.path); err != nil {
		return err
	}
	if err := os.MkdirAll(outsideDir, 0o755); err != nil {
		return fmt.Errorf("make the cluster's folder: %w", err)
	}
	h.notes = append(h.notes, fmt.Sprintf("PostgreSQL never runs as root, and its user cannot enter %s: its data is in %s", closed, h.path))
	return nil
}

// setAside handles a cluster whose password is gone. Outside the data folder
// it is what a removed data folder left behind, and the person who removed it
// wants a new one: the old is moved aside, in place of one moved before.
func (h *postgresHome) setAside(passwordFile, dir string) error {
	if _, err := os.Lstat(filepath.Join(h.path, "data")); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if filepath.Dir(h.path) == dir {
		return fmt.Errorf("%s is gone, and the database in %s cannot be opened without it; remove that folder to begin anew", passwordFile, h.path)
	}
	aside := h.path + ".removed"
	if err := os.RemoveAll(aside); err != nil {
		return fmt.Errorf("set an old cluster aside: %w", err)
	}
	if err := os.Rename(h.path, aside); err != nil {
		return fmt.Errorf("set an old cluster aside: %w", err)
	}
	h.notes = append(h.notes, fmt.Sprintf("the database of an earlier %s was moved to %s", dir, aside))
	return nil
}

// give makes the server's user the owner of path.
func (h *postgresHome) give(path string) error {
	if h.credential == nil {
		return nil
	}
	if err := os.Chown(path, int(h.credential.Uid), int(h.credential.Gid)); err != nil {
		return fmt.Errorf("give %s to PostgreSQL's user: %w", path, err)
	}
	return nil
}

// env is the server's whole environment: none of ours, whose PGDATA, PGPORT or
// locale would change what it does.
func (h *postgresHome) env() []string {
	return []string{"PATH=/usr/bin:/bin", "HOME=" + h.path, "LC_ALL=C.UTF-8", "TZ=UTC"}
}

// unprivileged is the user who runs the server in place of root: the owner of
// an existing home, else postgres, else nobody.
func unprivileged(home string) (*syscall.Credential, error) {
	if info, err := os.Stat(home); err == nil {
		if owner, ok := info.Sys().(*syscall.Stat_t); ok && owner.Uid != 0 {
			return &syscall.Credential{Uid: owner.Uid, Gid: owner.Gid}, nil
		}
	}
	for _, name := range []string{"postgres", "nobody"} {
		account, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err := strconv.ParseUint(account.Uid, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("user %s: %w", name, err)
		}
		gid, err := strconv.ParseUint(account.Gid, 10, 32)
		if err != nil {
			return nil, fmt.Errorf("user %s: %w", name, err)
		}
		return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
	}
	return nil, errors.New("PostgreSQL never runs as root, and there is neither a user postgres nor nobody")
}

// firstClosed is the topmost folder on the way to dir, dir included, that the
// user must not pass; empty when the way is open.
func firstClosed(dir string, who *syscall.Credential) (string, error) {
	resolved, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return "", fmt.Errorf("data folder: %w", err)
	}
	var way []string
	for path := resolved; ; path = filepath.Dir(path) {
		way = append(way, path)
		if path == filepath.Dir(path) {
			break
		}
	}
	for i := len(way) - 1; i >= 0; i-- {
		info, err := os.Stat(way[i])
		if err != nil {
			return "", fmt.Errorf("data folder: %w", err)
		}
		owner, ok := info.Sys().(*syscall.Stat_t)
		if !ok {
			continue
		}
		bit := fs.FileMode(0o001)
		switch {
		case owner.Uid == who.Uid:
			bit = 0o100
		case owner.Gid == who.Gid:
			bit = 0o010
		}
		if info.Mode().Perm()&bit == 0 {
			return way[i], nil
		}
	}
	return "", nil
}
