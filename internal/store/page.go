package store

import (
	"strings"
	"unicode/utf8"

	"gorm.io/gorm"
)

// MaxPage is the longest page of a list, and the one that a limit out of range
// stands for.
const MaxPage = 100

// PageSize gives the size of a page for a limit that a client sent.
func PageSize(limit int) int {
	if limit < 1 || limit > MaxPage {
		return MaxPage
	}
	return limit
}

// Page reads one page of a list that goes by a unique key: q has the order and
// the place to go on from. next is the key of the page's last row if there are
// more behind it, else 0.
func Page[T any](q *gorm.DB, limit int, key func(T) int64) (page []T, next int64, err error) {
	limit = PageSize(limit)
	if err := q.Limit(limit + 1).Find(&page).Error; err != nil {
		return nil, 0, Err(err)
	}
	page, next = Cut(page, limit, key)
	return page, next, nil
}

// Cut makes a page of rows of which one more than limit was read.
func Cut[T any](rows []T, limit int, key func(T) int64) (page []T, next int64) {
	if len(rows) <= limit {
		return rows, 0
	}
	return rows[:limit], key(rows[limit-1])
}

var likeEscapes = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

// EscapeLike makes a text stand for itself in a pattern of LIKE.
func EscapeLike(text string) string { return likeEscapes.Replace(text) }

// Storable tells whether a text can be in the database at all: PostgreSQL takes
// neither a NUL nor what is no UTF-8.
func Storable(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsRune(text, 0)
}
