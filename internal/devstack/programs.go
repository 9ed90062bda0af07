package devstack

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
)

// TemporalVersion is the version of the Temporal server that deploy/temporal
// pins and deploy/install.sh builds.
const TemporalVersion = "v1.5.1"

// ErrMissing says that a program is not installed.
var ErrMissing = errors.New("program not found")

func missing(program, where string) error {
	return fmt.Errorf("%w: %s (looked in %s); deploy/install.sh installs what is missing", ErrMissing, program, where)
}

// RedisServer finds the redis-server program. The error wraps ErrMissing.
func RedisServer() (string, error) {
	for _, name := range []string{"redis-server", "valkey-server"} {
		if path, err := exec.LookPath(name); err == nil {
			return filepath.Abs(path)
		}
	}
	return "", missing("redis-server", "PATH")
}

// TemporalServer finds the pinned Temporal server that deploy/install.sh
// builds, or else a temporal in PATH. The error wraps ErrMissing.
func TemporalServer() (string, error) {
	pinned, err := temporalCache()
	if err == nil {
		if _, err := exec.LookPath(pinned); err == nil {
			return pinned, nil
		}
	}
	if path, err := exec.LookPath("temporal"); err == nil {
		return filepath.Abs(path)
	}
	return "", missing("temporal "+TemporalVersion, pinned+" and PATH")
}

// temporalCache is where deploy/install.sh puts the Temporal server.
func temporalCache() (string, error) {
	cache := os.Getenv("QUAD_CACHE")
	if cache == "" {
		base := os.Getenv("XDG_CACHE_HOME")
		if base == "" {
			home, err := os.UserHomeDir()
			if err != nil {
				return "", fmt.Errorf("cache folder: %w", err)
			}
			base = filepath.Join(home, ".cache")
		}
		cache = filepath.Join(base, "quad")
	}
	return filepath.Join(cache, "temporal-"+TemporalVersion, "temporal"), nil
}

// postgresDirs lists the folders with both initdb and postgres: that of PATH
// first, then those of Debian, newest version first, then those of Homebrew.
func postgresDirs() []string {
	var dirs []string
	add := func(dir string) {
		if resolved, err := filepath.EvalSymlinks(filepath.Join(dir, "postgres")); err == nil {
			// A link in /usr/local/bin is not where its libraries are looked up.
			dir = filepath.Dir(resolved)
		}
		for _, program := range []string{"initdb", "postgres"} {
			if _, err := exec.LookPath(filepath.Join(dir, program)); err != nil {
				return
			}
		}
		if !slices.Contains(dirs, dir) {
			dirs = append(dirs, dir)
		}
	}
	if path, err := exec.LookPath("postgres"); err == nil {
		if abs, err := filepath.Abs(path); err == nil {
			add(filepath.Dir(abs))
		}
	}
	for _, pattern := range []string{"/usr/lib/postgresql/*/bin", "/opt/homebrew/opt/postgresql@*/bin", "/usr/local/opt/postgresql@*/bin"} {
		found, _ := filepath.Glob(pattern) // the only error is a bad pattern
		slices.SortFunc(found, func(a, b string) int { return versionIn(b) - versionIn(a) })
		for _, dir := range found {
			add(dir)
		}
	}
	return dirs
}

// versionIn is the number at the end of the next-to-last path element, as 15
// in /usr/lib/postgresql/15/bin.
func versionIn(dir string) int {
	name := filepath.Base(filepath.Dir(dir))
	start := len(name)
	for start > 0 && name[start-1] >= '0' && name[start-1] <= '9' {
		start--
	}
	version, _ := strconv.Atoi(name[start:]) // no number: the oldest
	return version
}
