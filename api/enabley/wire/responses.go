package wire

import "time"

// Error is the body of every refusal.
type Error struct {
	Error            string `json:"error"`
	ErrorDescription string `json:"error_description"`
}

// Token is the answer of createToken.
type Token struct {
	AccessToken string `json:"access_token"`
	ExpiresIn   int64  `json:"expires_in"` // milliseconds
	TokenType   string `json:"token_type"`
}

// Acknowledgement is the answer of writes that have nothing else to say.
type Acknowledgement struct {
	Identifier string `json:"identifier"`
}

// Page is one page of a list.
type Page[T any] struct {
	CurrentPage   int     `json:"currentPage"`
	Items         []T     `json:"items"`
	PageSize      int     `json:"pageSize"`
	PaginationKey *string `json:"paginationKey"`
	TotalPages    int64   `json:"totalPages"`
}

// timestampFormat has three digits of milliseconds and a literal Z.
const timestampFormat = "2006-01-02T15:04:05.000Z"

// Timestamp prints a time as this API does: UTC, whole milliseconds.
func Timestamp(t time.Time) string { return t.UTC().Format(timestampFormat) }

// NullableTimestamp is Timestamp, or null for no time.
func NullableTimestamp(t *time.Time) *string {
	if t == nil {
		return nil
	}
	text := Timestamp(*t)
	return &text
}
