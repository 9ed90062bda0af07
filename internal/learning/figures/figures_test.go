package figures_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/hubtest"
	"quad/internal/learning/figures"
	"quad/internal/store"
)

// seed is a new one in each run, or that of QUAD_SEED.
func seed(t *testing.T) uint64 {
	t.Helper()
	n, err := strconv.ParseUint(os.Getenv("QUAD_SEED"), 10, 64)
	if err != nil {
		n = rand.Uint64()
	}
	t.Logf("QUAD_SEED=%d", n)
	return n
}

// TestFiguresAgainstEveryRow compares all figures of every kind of scope with
// what looking at each row gives, in two accounts of one database.
func TestFiguresAgainstEveryRow(t *testing.T) {
	r := rand.New(rand.NewPCG(seed(t), 1))
	w := hubtest.New(t, hubtest.Options{Clock: func() time.Time { return now }})
	other, home := w.NewAccount("other.test")
	accounts := map[int64]*data{w.Account.ID: generate(r, 1_000_000, w.Organization.ID), other.ID: generate(r, 2_000_000, home.ID)}
	for account, d := range accounts {
		d.insert(t, w.DB, account, account+10)
	}
	for account, d := range accounts {
		ctx := store.WithAccount(t.Context(), account)
		scopes := []figures.Scope{{All: true}, {}, {Organizations: d.tenants}, {Organizations: d.tenants[1:4]}, {Organizations: []int64{d.tenants[0], d.tenants[0], d.tenants[3]}}}
		for _, tenant := range d.tenants {
			scopes = append(scopes, figures.Scope{Organizations: []int64{tenant}})
		}
		for _, scope := range scopes {
			n := naive{data: d, scope: scope}
			t.Run(fmt.Sprint(account, scope), func(t *testing.T) { n.compare(t, ctx, w.Figures) })
		}
		for range 6 {
			from, to := moment(r), moment(r)
			n := naive{data: d, scope: pick(r, scopes...), period: figures.Period{From: maybe(r, 70, from), To: maybe(r, 70, to)}}
			t.Run(fmt.Sprint(account, n.scope, from, to), func(t *testing.T) { n.comparePeriod(t, ctx, w.Figures) })
		}
	}
}

func (n naive) compare(t *testing.T, ctx context.Context, s *figures.Service) {
	t.Helper()
	n.comparePeriod(t, ctx, s)
	for _, months := range []int{1, 6, 13, 60} {
		trends, err := s.Trends(ctx, n.scope, months)
		require.NoError(t, err)
		require.Equal(t, n.trends(months), trends)
	}
}

func (n naive) comparePeriod(t *testing.T, ctx context.Context, s *figures.Service) {
	t.Helper()
	training, err := s.Training(ctx, n.scope, n.period)
	require.NoError(t, err)
	require.Equal(t, n.training(), training)
	program, err := s.Program(ctx, n.scope, n.period)
	require.NoError(t, err)
	require.Equal(t, n.program(), program)
	courses, err := s.Courses(ctx, n.scope, n.period)
	require.NoError(t, err)
	require.Equal(t, n.coursesByName(), none(courses))
	summary, err := s.Summary(ctx, n.scope, n.period)
	require.NoError(t, err)
	require.Equal(t, n.summary(), summary)
	grades, err := s.Grades(ctx, n.scope, n.period)
	require.NoError(t, err)
	require.Equal(t, n.grades(), grades)
	quizzes, err := s.Quizzes(ctx, n.scope, n.period)
	require.NoError(t, err)
	require.Equal(t, n.quizzesByName(), none(quizzes))
	assignments, err := s.Assignments(ctx, n.scope, n.period)
	require.NoError(t, err)
	require.Equal(t, n.assignmentsByName(), none(assignments))
}

// none is nil for an empty list.
func none[T any](list []T) []T {
	if len(list) == 0 {
		return nil
	}
	return list
}
