package models

import (
	"database/sql/driver"
	"fmt"
	"strconv"
	"strings"
)

// Money is an amount in ten-thousandths of the currency that an account keeps
// its books in: what a numeric(18,4) column holds, without rounding anywhere.
type Money int64

// moneyDecimals is how many decimal places an amount has.
const moneyDecimals = 4

// MoneyUnit is one of the currency.
const MoneyUnit Money = 10_000

// MaxMoney is the largest amount.
const MaxMoney = 99_999_999_999_999 * MoneyUnit

// ErrMoney is the refusal of what is no amount, has more than four decimal
// places or is beyond MaxMoney either way.
var ErrMoney = Refuse(KindInvalid, "money", "it must be a number with at most 4 decimal places, at most 99999999999999")

// ParseMoney reads a decimal number as JSON writes it, exponents included.
// Zeros that say nothing do not count as decimal places. Errors: ErrMoney.
func ParseMoney(text string) (Money, error) {
	number, exponent, scientific := strings.Cut(strings.ToLower(text), "e")
	number, negative := strings.CutPrefix(number, "-")
	whole, fraction, pointed := strings.Cut(number, ".")
	digits := whole + fraction
	if whole == "" || pointed && fraction == "" || strings.Trim(digits, "0123456789") != "" {
		return 0, ErrMoney
	}
	shift := 0
	if scientific {
		var ok bool
		if shift, ok = parseExponent(exponent); !ok {
			return 0, ErrMoney
		}
	}
	if digits = strings.TrimLeft(digits, "0"); digits == "" {
		return 0, nil
	}
	significant := strings.TrimRight(digits, "0")
	// The number is significant × 10^power of the smallest amount.
	power := len(digits) - len(significant) - len(fraction) + shift + moneyDecimals
	if power < 0 || len(significant)+power > len(strconv.FormatInt(int64(MaxMoney), 10)) {
		return 0, ErrMoney
	}
	n, err := strconv.ParseInt(significant+strings.Repeat("0", power), 10, 64)
	if err != nil || Money(n) > MaxMoney {
		return 0, ErrMoney
	}
	if negative {
		n = -n
	}
	return Money(n), nil
}

// parseExponent reads the exponent of a number. One so large that no amount has
// it is cut, to be out of range without running over.
func parseExponent(text string) (int, bool) {
	const most = 1 << 30
	digits := text
	if strings.HasPrefix(text, "+") || strings.HasPrefix(text, "-") {
		digits = text[1:]
	}
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return 0, false
	}
	n, _ := strconv.Atoi(text) // out of range is the nearest number in range
	return max(-most, min(n, most)), true
}

// String writes the amount without zeros that say nothing: "12.5", "-0.0001".
func (m Money) String() string {
	sign, n := "", uint64(m) //nolint:gosec // an amount has far fewer bits, and the negative ones are turned around
	if m < 0 {
		sign, n = "-", -n
	}
	unit := uint64(MoneyUnit)
	text := sign + strconv.FormatUint(n/unit, 10)
	if rest := n % unit; rest > 0 {
		text += "." + strings.TrimRight(fmt.Sprintf("%0*d", moneyDecimals, rest), "0")
	}
	return text
}

// MarshalJSON writes the amount as a number.
func (m Money) MarshalJSON() ([]byte, error) { return []byte(m.String()), nil }

// Value implements driver.Valuer.
func (m Money) Value() (driver.Value, error) { return m.String(), nil }

// Scan implements sql.Scanner. Nothing is zero.
func (m *Money) Scan(src any) (err error) {
	switch v := src.(type) {
	case nil:
		*m = 0
	case string:
		*m, err = ParseMoney(v)
	case []byte:
		*m, err = ParseMoney(string(v))
	case int64:
		*m, err = ParseMoney(strconv.FormatInt(v, 10))
	default:
		err = fmt.Errorf("models: an amount of money cannot be read from %T", src)
	}
	return err
}
