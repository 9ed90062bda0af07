package testenv

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/workflowservice/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/protobuf/types/known/durationpb"

	"quad/internal/devstack"
)

// retention is the shortest that every Temporal server accepts.
const retention = 24 * time.Hour

// sharedTemporal is the address of the server that all tests share.
var sharedTemporal = sync.OnceValues(func() (string, error) {
	return shared(TemporalVariable, func(dir string) prepare { return temporalIn(dir, true) })
})

// Temporal returns the address of a Temporal server and a namespace of the
// test's own, which is ready for workflows with the hub's search attributes.
func Temporal(t testing.TB) (address, namespace string) {
	t.Helper()
	address = mustGet(t, sharedTemporal)
	namespace = newNamespace(t, address)
	if os.Getenv(TemporalVariable) != "" {
		// The server polls for every namespace. Our own server ends with this
		// process; one that serves many packages should not collect them.
		t.Cleanup(func() {
			ctx, cancel := setup()
			defer cancel()
			if err := deleteNamespace(ctx, address, namespace); err != nil {
				t.Logf("testenv: delete a Temporal namespace: %v", err)
			}
		})
	}
	return address, namespace
}

// newNamespace makes a namespace on the server at address for the test.
func newNamespace(t testing.TB, address string) string {
	t.Helper()
	ctx, cancel := setup()
	defer cancel()
	namespace := "test-" + unique()
	if err := makeNamespace(ctx, address, namespace); err != nil {
		t.Fatalf("testenv: make a Temporal namespace: %v", err)
	}
	return namespace
}

func makeNamespace(ctx context.Context, address, namespace string) (err error) {
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	service := workflowservice.NewWorkflowServiceClient(conn)
	_, err = service.RegisterNamespace(ctx, &workflowservice.RegisterNamespaceRequest{
		Namespace:                        namespace,
		Description:                      "one test",
		WorkflowExecutionRetentionPeriod: durationpb.New(retention),
	})
	if err != nil {
		return fmt.Errorf("register: %w", err)
	}
	// The frontend, the history and the visibility store each learn of a new
	// namespace in their own time. One query with the attributes passes through
	// all of them.
	return until(ctx, func() error {
		if err := devstack.RegisterSearchAttributes(ctx, address, namespace, SearchAttributes); err != nil {
			return err
		}
		_, err := service.CountWorkflowExecutions(ctx, &workflowservice.CountWorkflowExecutionsRequest{
			Namespace: namespace,
			Query:     "QuadAccount = 0 AND QuadOrganization = 0 AND QuadKind = '' AND QuadSubject = ''",
		})
		return err
	})
}

func deleteNamespace(ctx context.Context, address, namespace string) (err error) {
	conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer func() { err = errors.Join(err, conn.Close()) }()
	_, err = operatorservice.NewOperatorServiceClient(conn).DeleteNamespace(ctx, &operatorservice.DeleteNamespaceRequest{Namespace: namespace})
	return err
}

// until repeats try until it succeeds or ctx ends.
func until(ctx context.Context, try func() error) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := try()
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		}
	}
}
