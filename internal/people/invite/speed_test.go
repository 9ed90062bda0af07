package invite

import (
	"context"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// BenchmarkImport compares an import, mails off, with a raw COPY of the same
// rows into the same tables.
//
//	go test ./internal/people/invite -run '^$' -bench Import -benchtime 100000x
func BenchmarkImport(b *testing.B) {
	cfg := testConfig()
	cfg.Mails = false
	e := newEnv(b, cfg)
	f := e.submit("bench.csv", listOf(b.N))
	in := e.input(f)
	checked := time.Now()
	_, err := e.svc.Check(e.worker(), in, func(int64) {})
	require.NoError(b, err)
	b.ReportMetric(float64(b.N)/time.Since(checked).Seconds(), "checked/s")
	b.ResetTimer()
	_, err = e.svc.ImportPages(e.worker(), in, never, func(Imported) {})
	require.NoError(b, err)
	imported := b.Elapsed()
	b.StopTimer()
	written := time.Now()
	_, err = e.svc.WriteResult(e.worker(), in, "", func(int64) {})
	require.NoError(b, err)
	b.ReportMetric(float64(b.N)/time.Since(written).Seconds(), "written/s")

	conn, err := pgx.Connect(b.Context(), e.url)
	require.NoError(b, err)
	defer conn.Close(context.WithoutCancel(b.Context())) //nolint:errcheck // nothing depends on it
	dump := func(query string) (rows [][]any) {
		r, err := conn.Query(b.Context(), query)
		require.NoError(b, err)
		defer r.Close()
		for r.Next() {
			v, err := r.Values()
			require.NoError(b, err)
			rows = append(rows, v)
		}
		require.NoError(b, r.Err())
		return rows
	}
	invites := dump("SELECT account_id, organization_id, file_id, email, name, role_ids, expires_at FROM invites ORDER BY id")
	verdicts := dump("SELECT file_id, row_no, account_id, verdict, invite_id, user_id, attempt FROM invite_rows ORDER BY row_no")
	require.Len(b, verdicts, b.N)
	_, err = conn.Exec(b.Context(), "TRUNCATE invites, invite_rows")
	require.NoError(b, err)
	started := time.Now()
	_, err = conn.CopyFrom(b.Context(), pgx.Identifier{"invites"}, []string{"account_id", "organization_id", "file_id", "email", "name", "role_ids", "expires_at"}, pgx.CopyFromRows(invites))
	require.NoError(b, err)
	_, err = conn.CopyFrom(b.Context(), pgx.Identifier{"invite_rows"}, []string{"file_id", "row_no", "account_id", "verdict", "invite_id", "user_id", "attempt"}, pgx.CopyFromRows(verdicts))
	require.NoError(b, err)
	raw := time.Since(started)
	b.ReportMetric(float64(b.N)/imported.Seconds(), "rows/s")
	b.ReportMetric(float64(b.N)/raw.Seconds(), "copied/s")
	b.ReportMetric(raw.Seconds()/imported.Seconds(), "ratio")
}
