package models_test

import (
	"encoding/json"
	"fmt"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"quad/models"
)

func TestMoneyIsExact(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"0": "0", "-0": "0", "0.0": "0", "0e99999999999999999999": "0", "0E-5": "0", "0.1": "0.1", "0.3": "0.3", "50000": "50000", "1.50": "1.5",
		"12.3400": "12.34", "-0.0001": "-0.0001", "1e3": "1000", "1.5E+2": "150", "15e-1": "1.5", "10000e-8": "0.0001", "0.00010": "0.0001",
		"0.00000000001e10": "0.1", "99999999999999": "99999999999999", "99999999999998.9999": "99999999999998.9999",
		"-99999999999999": "-99999999999999", "9.9999999999999e13": "99999999999999",
		"1" + strings.Repeat("0", 5_000) + "e-5000": "1", "0." + strings.Repeat("0", 5_000) + "1e5001": "1",
	} {
		m, err := models.ParseMoney(text)
		require.NoError(t, err, text)
		require.Equal(t, want, m.String(), text)
	}
	for _, text := range []string{
		"", "-", ".", ".5", "5.", "+1", "1.2.3", "0x10", "1_000", "NaN", "Inf", "1e", "1e+", "1e1.5", "e5", " 1", "1 ", "--1", "1e--1", "１",
		"0.00001", "1.23456", "1e-5", "1e-99999999999999999999", "99999999999999.0001", "99999999999999.9999", "100000000000000", "1e14", "1e400",
		"1e99999999999999999999", "-100000000000000", "9223372036854775807", "1" + strings.Repeat("0", 5_000),
	} {
		_, err := models.ParseMoney(text)
		require.ErrorIs(t, err, models.ErrMoney, "%.40s", text)
	}
}

// TestMoneyAgreesWithRationals compares with arithmetic that knows no limits.
func TestMoneyAgreesWithRationals(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(1, 2))
	limit, unit := new(big.Rat).SetInt64(99_999_999_999_999), new(big.Rat).SetInt64(int64(models.MoneyUnit))
	taken := 0
	for range 20_000 {
		text := fmt.Sprintf("%d.%0*d", rnd.Int64N(1<<rnd.IntN(50)), 1+rnd.IntN(6), rnd.IntN(10))
		if rnd.IntN(2) == 0 {
			text += fmt.Sprintf("e%d", rnd.IntN(24)-12)
		}
		if rnd.IntN(3) == 0 {
			text = "-" + text
		}
		exact, ok := new(big.Rat).SetString(text)
		require.True(t, ok, text)
		parts := new(big.Rat).Mul(exact, unit)
		fits := parts.IsInt() && new(big.Rat).Abs(exact).Cmp(limit) <= 0
		m, err := models.ParseMoney(text)
		require.Equal(t, fits, err == nil, text)
		if !fits {
			continue
		}
		taken++
		require.Equal(t, parts.Num().Int64(), int64(m), text)
		again, err := models.ParseMoney(m.String())
		require.NoError(t, err)
		require.Equal(t, m, again, "what is written is read as the same")
	}
	require.Greater(t, taken, 5_000)
}

func TestMoneyInJSONAndRows(t *testing.T) {
	t.Parallel()
	out, err := json.Marshal(map[string]any{"a": models.Money(1_000), "b": models.Money(0), "c": -5 * models.MoneyUnit})
	require.NoError(t, err)
	require.JSONEq(t, `{"a": 0.1, "b": 0, "c": -5}`, string(out))
	require.Contains(t, string(out), `"a":0.1,`)

	var m models.Money
	for _, c := range []struct {
		src  any
		want models.Money
	}{{"12.3400", 123_400}, {[]byte("0.0001"), 1}, {int64(7), 70_000}, {nil, 0}} {
		require.NoError(t, m.Scan(c.src))
		require.Equal(t, c.want, m)
		value, err := m.Value()
		require.NoError(t, err)
		require.Equal(t, m.String(), value)
	}
	require.Error(t, m.Scan(1.5), "a float is not exact")
	require.ErrorIs(t, m.Scan("nonsense"), models.ErrMoney)
}
