package models_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"quad/internal/store"
	"quad/internal/testenv"
	"quad/models"
)

func at(t *testing.T, text string) time.Time {
	t.Helper()
	moment, err := time.Parse(time.RFC3339Nano, text)
	require.NoError(t, err)
	return moment
}

// Calendar units in UTC, as the notes of the contract have them.
func TestCertificateExpiry(t *testing.T) {
	for _, c := range []struct {
		from     string
		duration int
		unit     models.ValidityUnit
		want     string
	}{
		{"2026-01-31T10:20:30.123456Z", 1, models.ValidityMonths, "2026-02-28T10:20:30.123456Z"},
		{"2028-01-31T10:20:30Z", 1, models.ValidityMonths, "2028-02-29T10:20:30Z"},
		{"2028-02-29T00:00:00Z", 1, models.ValidityYears, "2029-02-28T00:00:00Z"},
		{"2028-02-29T00:00:00Z", 4, models.ValidityYears, "2032-02-29T00:00:00Z"},
		{"2028-02-29T23:59:59.999999Z", 12, models.ValidityMonths, "2029-02-28T23:59:59.999999Z"},
		{"2026-12-31T00:00:00Z", 2, models.ValidityMonths, "2027-02-28T00:00:00Z"},
		{"2026-10-31T12:00:00Z", 1, models.ValidityMonths, "2026-11-30T12:00:00Z"},
		{"2026-12-15T12:00:00Z", 1, models.ValidityMonths, "2027-01-15T12:00:00Z"},
		{"2026-02-28T12:00:00Z", 1, models.ValidityMonths, "2026-03-28T12:00:00Z"},
		{"2028-02-28T12:00:00Z", 2, models.ValidityDays, "2028-03-01T12:00:00Z"},
		{"2026-01-01T00:30:00+02:00", 1, models.ValidityMonths, "2026-01-31T22:30:00Z"}, // the day is that of UTC
		{"2099-12-31T00:00:00Z", 1, models.ValidityYears, "2100-12-31T00:00:00Z"},
		{"2096-02-29T00:00:00Z", 4, models.ValidityYears, "2100-02-28T00:00:00Z"}, // no leap year
	} {
		got := models.CertificateExpiry(at(t, c.from), c.duration, c.unit)
		require.Equal(t, at(t, c.want).UTC(), got, "%s + %d %s", c.from, c.duration, c.unit)
	}
}

func TestCertificateWarning(t *testing.T) {
	from := at(t, "2026-01-01T00:00:00Z")
	for days, want := range map[int]string{
		1: "2026-01-01T12:00:00Z", 20: "2026-01-11T00:00:00Z", 60: "2026-01-31T00:00:00Z", 61: "2026-02-01T00:00:00Z", 365: "2026-12-02T00:00:00Z",
	} {
		require.Equal(t, at(t, want), models.CertificateWarning(from, from.AddDate(0, 0, days)), "%d days", days)
	}
}

func TestCertificateDates(t *testing.T) {
	never := models.Certificate{}
	expires, warns := never.Dates(at(t, "2026-01-01T00:00:00Z"))
	require.Nil(t, expires)
	require.Nil(t, warns)
	one, unit := 1, models.ValidityYears
	expires, warns = models.Certificate{ExpiresAfter: &one, ExpiresUnit: &unit}.Dates(at(t, "2026-01-01T00:00:00Z"))
	require.Equal(t, at(t, "2027-01-01T00:00:00Z"), *expires)
	require.Equal(t, at(t, "2026-12-02T00:00:00Z"), *warns)
}

// The table of the contract, whole: what is not in it is illegal.
func TestCertificateTransitions(t *testing.T) {
	legal := map[string]bool{}
	for from, to := range map[models.CertificateState][]models.CertificateState{
		"INIT":                        {"IN_PROGRESS", "CERTIFIED", "AWAITS_LEARNER_CONFIRMATION", "REVOKED"},
		"IN_PROGRESS":                 {"CERTIFIED", "AWAITS_LEARNER_CONFIRMATION", "REVOKED"},
		"AWAITS_LEARNER_CONFIRMATION": {"CERTIFIED", "REVOKED"},
		"CERTIFIED":                   {"ABOUT_TO_EXPIRE", "EXPIRED", "REVOKED"},
		"ABOUT_TO_EXPIRE":             {"EXPIRED", "CERTIFIED", "REVOKED"},
		"EXPIRED":                     {"CERTIFIED", "IN_PROGRESS", "REVOKED"},
		"REVOKED":                     {"INIT"},
	} {
		for _, next := range to {
			legal[fmt.Sprint(from, next)] = true
		}
	}
	db, err := store.Open(t.Context(), store.Options{URL: testenv.Database(t)})
	require.NoError(t, err)
	t.Cleanup(db.Close)
	ctx := store.AsSystem(t.Context())
	for _, from := range models.CertificateStates {
		for _, to := range models.CertificateStates {
			require.Equal(t, legal[fmt.Sprint(from, to)], from.CanBecome(to), "%s to %s", from, to)
			var sql bool
			require.NoError(t, db.Query(ctx, &sql, `SELECT certificate_can_become(@from, @to)`, store.Args{"from": from, "to": to}))
			require.Equal(t, from.CanBecome(to), sql, "%s to %s in SQL", from, to)
		}
		var begins, ends bool
		require.NoError(t, db.Query(ctx, &begins, `SELECT certificate_can_become(NULL, @to)`, store.Args{"to": from}))
		require.Equal(t, from == models.CertificateInit, begins, "begins as %s", from)
		require.NoError(t, db.Query(ctx, &ends, `SELECT certificate_can_become(@from, NULL)`, store.Args{"from": from}))
		require.Equal(t, from.CanVanish(), ends, "ends as %s", from)
		require.False(t, from.CanBecome(""))
	}
}

// twinCase is a row with what Go makes of it.
type twinCase struct {
	CertifiedAt time.Time               `json:"certified_at"`
	Duration    int                     `json:"duration"`
	Unit        models.ValidityUnit     `json:"unit"`
	State       models.CertificateState `json:"state"`
	Lasts       bool                    `json:"lasts"` // no expiration
	Now         time.Time               `json:"now"`
	Expiry      time.Time               `json:"expiry"`
	Warning     time.Time               `json:"warning"`
	StateAt     models.CertificateState `json:"state_at"`
}

// randomTwin prefers what breaks calendars: ends of months, leap days, the last
// microsecond of a day, and clocks that stand on a boundary.
func randomTwin(r *rand.Rand) twinCase {
	c := twinCase{State: models.CertificateStates[r.IntN(len(models.CertificateStates))], Lasts: r.IntN(10) == 0}
	year := 1990 + r.IntN(140)
	c.CertifiedAt = time.Date(year, time.Month(1+r.IntN(12)), 1+r.IntN(28), r.IntN(24), r.IntN(60), r.IntN(60), r.IntN(1_000_000)*1000, time.UTC)
	switch r.IntN(4) {
	case 0:
		c.CertifiedAt = time.Date(year, time.Month(1+r.IntN(12)), 1, 0, 0, 0, 0, time.UTC).Add(-time.Microsecond)
	case 1:
		c.CertifiedAt = time.Date(year-year%4, time.February, 28+r.IntN(2), r.IntN(24), r.IntN(60), 0, r.IntN(2)*999_999_000, time.UTC)
	}
	switch r.IntN(3) {
	case 0:
		c.Unit, c.Duration = models.ValidityDays, 1+r.IntN([]int{3, 70, 36_500}[r.IntN(3)])
	case 1:
		c.Unit, c.Duration = models.ValidityMonths, 1+r.IntN([]int{3, 40, 1_200}[r.IntN(3)])
	default:
		c.Unit, c.Duration = models.ValidityYears, 1+r.IntN([]int{3, 8, 100}[r.IntN(3)])
	}
	c.Expiry = models.CertificateExpiry(c.CertifiedAt, c.Duration, c.Unit)
	c.Warning = models.CertificateWarning(c.CertifiedAt, c.Expiry)
	around := time.Duration(r.IntN(3)-1) * time.Microsecond
	switch r.IntN(3) {
	case 0:
		c.Now = c.Warning.Add(around)
	case 1:
		c.Now = c.Expiry.Add(around)
	default:
		c.Now = c.CertifiedAt.Add(time.Duration(r.Int64N(int64(c.Expiry.Sub(c.CertifiedAt))))).Truncate(time.Microsecond)
	}
	row := models.UserCertificate{State: c.State}
	if !c.Lasts {
		row.ExpiresAt, row.WarnsAt = &c.Expiry, &c.Warning
	}
	c.StateAt = row.StateAt(c.Now)
	return c
}

// Go and SQL have the same calendar and the same machine.
func TestCertificateTwins(t *testing.T) {
	const cases = 20_000
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 7))
	all, changed := make([]twinCase, cases), 0
	for i := range all {
		all[i] = randomTwin(r)
		if all[i].StateAt != all[i].State {
			changed++
		}
		require.True(t, all[i].CertifiedAt.Before(all[i].Warning) && all[i].Warning.Before(all[i].Expiry), "seed %d: %+v", seed, all[i])
	}
	require.Greater(t, changed, cases/20, "hardly a case in which time changes something")
	encoded, err := json.Marshal(all)
	require.NoError(t, err)
	for _, zone := range []string{"UTC", "America/Sao_Paulo", "Pacific/Apia"} { // the session's zone must not matter
		db, err := store.Open(t.Context(), store.Options{URL: testenv.Database(t)})
		require.NoError(t, err)
		t.Cleanup(db.Close)
		var differing []string
		require.NoError(t, db.InTx(store.AsSystem(t.Context()), func(ctx context.Context) error {
			if _, err := db.Exec(ctx, `SELECT set_config('TimeZone', @zone, true)`, store.Args{"zone": zone}); err != nil {
				return err
			}
			return db.Query(ctx, &differing, `SELECT CAST(to_jsonb(c) AS text) FROM (SELECT c.*,
					certificate_expiry(certified_at, duration, unit) AS sql_expiry, certificate_warning(certified_at, expiry) AS sql_warning,
					certificate_state(state, CASE WHEN NOT lasts THEN warning END, CASE WHEN NOT lasts THEN expiry END, now) AS sql_state
				FROM jsonb_to_recordset(CAST(@cases AS jsonb)) AS c (certified_at timestamptz, duration integer, unit text, state text, lasts boolean,
					now timestamptz, expiry timestamptz, warning timestamptz, state_at text)) c
				WHERE (sql_expiry, sql_warning, sql_state) IS DISTINCT FROM (expiry, warning, state_at) LIMIT 3`, store.Args{"cases": string(encoded)})
		}))
		require.Empty(t, differing, "seed %d, zone %s", seed, zone)
	}
}
