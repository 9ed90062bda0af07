package devstack

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// RedisOptions say where and how a private Redis runs.
type RedisOptions struct {
	// Dir is the data folder that all children share.
	Dir string
	// Port is the loopback port.
	Port int
	// Databases is the number of logical databases; 16 when zero.
	Databases int
	// InMemory keeps nothing on disk.
	InMemory bool
}

// Redis is a private Redis, ready to be started.
type Redis struct {
	// Child runs the server.
	Child Child
	// Data is the folder with the append-only file.
	Data string

	password string
	port     int
}

// NewRedis prepares a private Redis: loopback only, a generated password,
// an append-only file, and no eviction, since a queue must not lose entries to
// a full memory. The error wraps ErrMissing when Redis is not installed.
func NewRedis(options RedisOptions) (*Redis, error) {
	program, err := RedisServer()
	if err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(options.Dir)
	if err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	r := &Redis{Data: filepath.Join(dir, "redis"), port: options.Port}
	if err := os.MkdirAll(r.Data, 0o700); err != nil {
		return nil, fmt.Errorf("make Redis' folder: %w", err)
	}
	if r.password, _, err = keepSecret(filepath.Join(dir, "redis.password")); err != nil {
		return nil, err
	}
	// A file and not arguments: everybody on the machine can read those.
	config := filepath.Join(dir, "redis.conf")
	if err := WriteFile(config, []byte(r.config(options))); err != nil {
		return nil, fmt.Errorf("write Redis' configuration: %w", err)
	}
	r.Child = Child{
		Name:  "redis",
		Path:  program,
		Args:  []string{config},
		Dir:   r.Data,
		Ready: r.probe,
		// It reads its whole file first.
		ReadyTimeout: 5 * time.Minute,
		Quiet:        true, // "User requested shutdown..." is a warning to it
	}
	return r, nil
}

func (r *Redis) config(options RedisOptions) string {
	databases := options.Databases
	if databases == 0 {
		databases = 16
	}
	settings := [][2]string{
		{"bind", Loopback},
		{"port", strconv.Itoa(options.Port)},
		{"requirepass", r.password},
		{"dir", strconv.Quote(r.Data)},
		{"databases", strconv.Itoa(databases)},
		{"daemonize", "no"},
		{"loglevel", "warning"},
		{"maxmemory-policy", "noeviction"},
		{"save", `""`},
		{"appendonly", "yes"},
		{"appendfsync", "everysec"},
	}
	if options.InMemory {
		settings = append(settings, [2]string{"appendonly", "no"}) // the last one holds
	}
	var b strings.Builder
	for _, setting := range settings {
		fmt.Fprintf(&b, "%s %s\n", setting[0], setting[1])
	}
	return b.String()
}

// URL is the address of a logical database, password included.
func (r *Redis) URL(database int) string {
	u := url.URL{
		Scheme: "redis",
		User:   url.UserPassword("default", r.password),
		Host:   Address(r.port),
		Path:   "/" + strconv.Itoa(database),
	}
	return u.String()
}

func (r *Redis) probe(ctx context.Context) error {
	// The client logs failed connections by itself; while the server starts
	// they are no news, so it is asked only when the port is open.
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", Address(r.port))
	if err != nil {
		return err
	}
	if err := conn.Close(); err != nil {
		return err
	}
	client := redis.NewClient(&redis.Options{Addr: Address(r.port), Password: r.password, MaxRetries: -1, DialerRetries: 1, PoolSize: 1})
	return errors.Join(client.Ping(ctx).Err(), client.Close())
}
