package devstack

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/operatorservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

// temporalService is the name of the frontend in gRPC's health protocol.
const temporalService = "temporal.api.workflowservice.v1.WorkflowService"

// TemporalOptions say where and how a private Temporal server runs.
type TemporalOptions struct {
	// Dir is the data folder that all children share.
	Dir string
	// Port is the loopback port of the frontend (gRPC).
	Port int
	// UIPort is the loopback port of the web UI; 0 means no UI.
	UIPort int
	// InMemory keeps nothing on disk.
	InMemory bool
	// Namespace is made when it is missing; "default" when empty.
	Namespace string
	// SearchAttributes are registered in the namespace, type by name.
	SearchAttributes map[string]enums.IndexedValueType
	// Config are values of the server's dynamic configuration, in JSON by name.
	Config map[string]string
}

// Temporal is a private Temporal server, ready to be started.
type Temporal struct {
	// Child runs the server.
	Child Child
	// Address is host:port of the frontend.
	Address string
	// UI is the URL of the web UI, empty without one.
	UI string
}

// NewTemporal prepares a private Temporal development server with its data in
// one SQLite file. The error wraps ErrMissing when it is not installed.
func NewTemporal(options TemporalOptions) (*Temporal, error) {
	program, err := TemporalServer()
	if err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(options.Dir)
	if err != nil {
		return nil, fmt.Errorf("data folder: %w", err)
	}
	t := &Temporal{Address: Address(options.Port)}
	args := []string{
		"server", "start-dev", "--ip", Loopback, "--port", strconv.Itoa(options.Port), "--log-level", "error",
		// A profile of the person who starts us must not lead it elsewhere.
		"--disable-config-file", "--disable-config-env",
	}
	if options.UIPort == 0 {
		args = append(args, "--headless")
	} else {
		args = append(args, "--ui-port", strconv.Itoa(options.UIPort))
		t.UI = "http://" + Address(options.UIPort)
	}
	if !options.InMemory {
		folder := filepath.Join(dir, "temporal")
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return nil, fmt.Errorf("make Temporal's folder: %w", err)
		}
		// WAL with its default of one sync per checkpoint keeps the file whole
		// when the server is killed.
		args = append(args, "--db-filename", filepath.Join(folder, "temporal.db"),
			"--sqlite-pragma", "journal_mode=WAL", "--sqlite-pragma", "synchronous=NORMAL")
	}
	namespace := options.Namespace
	if namespace == "" {
		namespace = "default" // the server makes this one by itself
	} else {
		args = append(args, "--namespace", namespace)
	}
	for _, name := range slices.Sorted(maps.Keys(options.Config)) {
		args = append(args, "--dynamic-config-value", name+"="+options.Config[name])
	}
	t.Child = Child{
		Name: "temporal",
		Path: program,
		Args: args,
		Dir:  dir,
		Ready: func(ctx context.Context) error {
			if err := TemporalHealthy(ctx, t.Address); err != nil {
				return err
			}
			return RegisterSearchAttributes(ctx, t.Address, namespace, options.SearchAttributes)
		},
		StopTimeout: 15 * time.Second,
		Quiet:       true, // it reports its own shutdown as errors
	}
	return t, nil
}

// TemporalHealthy asks the frontend at address whether it serves.
func TemporalHealthy(ctx context.Context, address string) error {
	return withTemporal(address, func(conn *grpc.ClientConn) error {
		answer, err := grpc_health_v1.NewHealthClient(conn).Check(ctx, &grpc_health_v1.HealthCheckRequest{Service: temporalService})
		if err != nil {
			return fmt.Errorf("health of Temporal: %w", err)
		}
		if answer.Status != grpc_health_v1.HealthCheckResponse_SERVING {
			return fmt.Errorf("health of Temporal: %s", answer.Status)
		}
		return nil
	})
}

// RegisterSearchAttributes adds to a namespace of the server at address those
// of the attributes that it lacks. Safe to be called by many at once.
func RegisterSearchAttributes(ctx context.Context, address, namespace string, attributes map[string]enums.IndexedValueType) error {
	if len(attributes) == 0 {
		return nil
	}
	return withTemporal(address, func(conn *grpc.ClientConn) error {
		operator := operatorservice.NewOperatorServiceClient(conn)
		have, err := operator.ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: namespace})
		if err != nil {
			return fmt.Errorf("search attributes of %s: %w", namespace, err)
		}
		lacking := maps.Clone(attributes)
		maps.DeleteFunc(lacking, func(name string, _ enums.IndexedValueType) bool {
			_, ok := have.CustomAttributes[name]
			return ok
		})
		if len(lacking) == 0 {
			return nil
		}
		_, err = operator.AddSearchAttributes(ctx, &operatorservice.AddSearchAttributesRequest{Namespace: namespace, SearchAttributes: lacking})
		if err != nil && status.Code(err) != codes.AlreadyExists {
			return fmt.Errorf("register search attributes in %s: %w", namespace, err)
		}
		return nil
	})
}

func withTemporal(address string, do func(*grpc.ClientConn) error) (err error) {
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return fmt.Errorf("connect to Temporal: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	return do(conn)
}
