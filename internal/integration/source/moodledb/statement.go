package moodledb

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
)

// window is a statement that gives the highest key and the number of the next
// rows, at most so many, whose keys are above after and at most until. It looks
// at keys alone, and what is read then is a range: no server has to guess how
// far a limit reaches.
func (s *site) window(q query, after, until int64, rows int) string {
	limit := strconv.Itoa(rows)
	var parts []string
	for n, p := range q.parts {
		if p.missing {
			continue
		}
		parts = append(parts, fmt.Sprintf("SELECT * FROM (SELECT %s AS id FROM %s k WHERE %s ORDER BY k.id LIMIT %s) w%d",
			q.key(n), s.table(p.from), q.between(n, after, until), limit, n))
	}
	keys := parts[0]
	if len(parts) > 1 {
		keys = "SELECT id FROM (" + strings.Join(parts, " UNION ALL ") + ") w ORDER BY id LIMIT " + limit
	}
	return "SELECT MAX(id), COUNT(*) FROM (" + keys + ") w"
}

// rows is a statement that gives the rows of q whose keys are above after and
// at most until.
func (s *site) rows(q query, after, until int64) string {
	var parts []string
	for n, p := range q.parts {
		if p.missing {
			continue
		}
		var b strings.Builder
		fmt.Fprintf(&b, "SELECT %s AS id", q.key(n))
		for i, f := range p.fields {
			convert := s.engine.number
			if f.text {
				convert = s.engine.text
			}
			fmt.Fprintf(&b, ", %s AS c%d", convert(f.sql), i)
		}
		fmt.Fprintf(&b, " FROM {%s} k %s WHERE %s", p.from, p.joins, q.between(n, after, until))
		parts = append(parts, tableName.ReplaceAllStringFunc(b.String(), func(name string) string {
			return s.table(strings.Trim(name, "{}"))
		}))
	}
	return strings.Join(parts, " UNION ALL ")
}

var tableName = regexp.MustCompile(`\{[a-z_]+\}`)

// digest is a statement that sums up the same rows.
func (s *site) digest(q query, after, until int64) string {
	return "SELECT " + s.engine.sum(q.columns()) + " FROM (" + s.rows(q, after, until) + ") w"
}

// key is the expression of the keys of a part.
func (q query) key(n int) string {
	if len(q.parts) == 1 {
		return "k.id"
	}
	return fmt.Sprintf("k.id * %d + %d", len(q.parts), n)
}

// between bounds a part's own ids, so that its index is used.
func (q query) between(n int, after, until int64) string {
	// key > after means id > floor((after - n) / parts), and so on.
	count := int64(len(q.parts))
	return fmt.Sprintf("k.id > %d AND k.id <= %d", floor(after, int64(n), count), floor(until, int64(n), count))
}

// floor is the whole part of (key - n) / count, downwards.
func floor(key, n, count int64) int64 {
	if key < math.MinInt64+n {
		return math.MinInt64 / count
	}
	d := key - n
	q := d / count
	if d%count != 0 && d < 0 {
		q--
	}
	return q
}
