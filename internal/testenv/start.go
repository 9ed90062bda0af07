package testenv

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"

	"go.temporal.io/api/enums/v1"

	"quad/internal/devstack"
)

// portTries is how many ports are tried: another process can take a port
// between our look and the server's.
const portTries = 5

// redisDatabases is the number of logical databases of our own Redis, enough
// for all tests of all packages at once.
const redisDatabases = 4096

// SearchAttributes are those of the hub's workflows, registered in every
// namespace.
var SearchAttributes = map[string]enums.IndexedValueType{
	"QuadAccount":      enums.INDEXED_VALUE_TYPE_INT,
	"QuadOrganization": enums.INDEXED_VALUE_TYPE_INT,
	"QuadKind":         enums.INDEXED_VALUE_TYPE_KEYWORD,
	"QuadSubject":      enums.INDEXED_VALUE_TYPE_KEYWORD,
}

// running is a service that was started, with what starts it again.
type running struct {
	child   devstack.Child
	process *devstack.Process
	address string // as clients need it: a URL, or host:port
	data    string // folder of the data
}

// prepare makes the description of a service on a port.
type prepare func(ctx context.Context, port int) (running, error)

// launch starts a service on a free port.
func launch(ctx context.Context, what prepare) (running, error) {
	var failures []error
	for range portTries {
		port, err := devstack.RandomPort()
		if err != nil {
			return running{}, err
		}
		r, err := what(ctx, port)
		if err != nil {
			return running{}, err
		}
		if r.process, err = devstack.Start(ctx, r.child, nil); err == nil {
			return r, nil
		}
		failures = append(failures, err)
		if ctx.Err() != nil || !strings.Contains(strings.ToLower(err.Error()), "address already in use") {
			break
		}
	}
	return running{}, errors.Join(failures...)
}

func postgresIn(dir string) prepare {
	return func(ctx context.Context, port int) (running, error) {
		p, err := devstack.NewPostgres(ctx, devstack.PostgresOptions{Dir: dir, Port: port, Throwaway: true})
		if err != nil {
			return running{}, err
		}
		// The cluster may be elsewhere when dir is closed to its user.
		if err := folders.add(filepath.Dir(p.Cluster)); err != nil {
			return running{}, err
		}
		return running{child: p.Child, address: p.URL("postgres"), data: filepath.Dir(p.Cluster)}, nil
	}
}

func redisIn(dir string, inMemory bool) prepare {
	return func(_ context.Context, port int) (running, error) {
		r, err := devstack.NewRedis(devstack.RedisOptions{Dir: dir, Port: port, Databases: redisDatabases, InMemory: inMemory})
		if err != nil {
			return running{}, err
		}
		return running{child: r.Child, address: r.URL(0), data: r.Data}, nil
	}
}

func temporalIn(dir string, inMemory bool) prepare {
	return func(_ context.Context, port int) (running, error) {
		t, err := devstack.NewTemporal(devstack.TemporalOptions{
			Dir: dir, Port: port, InMemory: inMemory, SearchAttributes: SearchAttributes,
			// A new namespace is usable when the server's parts have read it.
			Config: map[string]string{"system.namespaceCacheRefreshInterval": `"250ms"`},
		})
		if err != nil {
			return running{}, err
		}
		return running{child: t.Child, address: t.Address, data: dir}, nil
	}
}

// Stack is a set of shared services for several test processes.
type Stack struct {
	dir      string
	services []running
	env      []string
}

// StartStack starts the shared services that the environment does not name.
// Stop must be called, also after an error.
func StartStack(ctx context.Context, getenv func(string) string) (*Stack, error) {
	s := &Stack{}
	dir, err := newFolder()
	if err != nil {
		return s, err
	}
	s.dir = dir
	for _, service := range []struct {
		variable string
		prepare  prepare
	}{
		{DatabaseVariable, postgresIn(dir)},
		{RedisVariable, redisIn(dir, true)},
		{TemporalVariable, temporalIn(dir, true)},
		{MariaDBVariable, mariadbIn(dir, false)},
	} {
		if getenv(service.variable) != "" {
			continue
		}
		r, err := launch(ctx, service.prepare)
		if err != nil {
			return s, err
		}
		s.services = append(s.services, r)
		s.env = append(s.env, service.variable+"="+r.address)
	}
	return s, nil
}

// Env are the variables (NAME=value) that make test processes use the stack.
func (s *Stack) Env() []string { return s.env }

// Stop ends the services and removes their data.
func (s *Stack) Stop() error {
	var failures []error
	for _, service := range s.services {
		service.process.Kill() // their data is thrown away
	}
	if err := folders.finish(); err != nil {
		failures = append(failures, fmt.Errorf("stop the test services: %w", err))
	}
	return errors.Join(failures...)
}
