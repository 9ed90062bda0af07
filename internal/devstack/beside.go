package devstack

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Beside is the environment (by name) that a command needs to work with the
// services of the hub that runs in the data folder dir. The error wraps
// ErrNoHub when there is none.
func Beside(dir string) (map[string]string, error) {
	file, err := ReadDemo(dir)
	if err != nil {
		return nil, err
	}
	dir, err = filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	vars := map[string]string{
		"QUAD_DATA": dir, "DATABASE_URL": file.DatabaseURL, "REDIS_URL": file.RedisURL,
		"TEMPORAL_ADDRESS": file.Temporal, "PUBLIC_URL": file.API,
	}
	if file.TemporalUI != "" {
		vars["TEMPORAL_UI_URL"] = file.TemporalUI
	}
	if file.Elevate != nil {
		vars["AUTH_ADMIN_SECRET_CODE"] = file.Elevate.AdminSecretCode
	}
	keys, err := os.ReadFile(filepath.Join(dir, keysFile))
	switch {
	case err == nil:
		vars["QUAD_KEYS"] = strings.TrimSpace(string(keys))
	case !errors.Is(err, fs.ErrNotExist): // then they come from the environment
		return nil, fmt.Errorf("keys of the hub: %w", err)
	}
	return vars, nil
}
