package demo

import (
	"bytes"
	"encoding/csv"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// answer is the result file of a hub that works: the rows with their verdicts.
func answer(t *testing.T, l list, change func(table [][]string)) []byte {
	t.Helper()
	table := [][]string{{"name", "email", "roles", "statusOrUserId"}}
	for i, r := range l.rows {
		status := r.status
		if status == "" {
			status = strconv.Itoa(4000 + i)
		}
		table = append(table, []string{r.cells[0], r.email, "", status})
	}
	change(table)
	var b bytes.Buffer
	w := csv.NewWriter(&b)
	require.NoError(t, w.WriteAll(table))
	return b.Bytes()
}

func TestListHasWhatItPromises(t *testing.T) {
	l := newList("abc", "nora-abc@newcomer.test")
	require.Len(t, l.rows, listRows)
	require.Len(t, l.invitees, invitedRows)
	require.Equal(t, map[string]int64{
		"invited": int64(invitedRows), "updated": 1, "unchanged": 1,
		"invalid_name": 10, "invalid_email": 5, "invalid_name_email": 5, "unknown_role": 5, "forbidden_role": 5, "invalid_all": 5,
		"invalid_roles": 5, "duplicate": 10, "other_organization": 5, "row_too_long": 5,
	}, l.counters())

	content, err := l.csv()
	require.NoError(t, err)
	reader := csv.NewReader(bytes.NewReader(content))
	reader.FieldsPerRecord = -1
	table, err := reader.ReadAll()
	require.NoError(t, err)
	require.Len(t, table, listRows+1)

	// No address stands twice but those of the duplicates, which follow theirs.
	seen := map[string]bool{}
	for i, r := range l.rows {
		require.Equal(t, r.cells, table[i+1])
		email := strings.ToLower(r.cells[1])
		require.Equal(t, r.verdict == "duplicate", seen[email], "row %d, %s", i+1, r.verdict)
		seen[email] = true
	}
}

func TestCheckFindsEveryDifference(t *testing.T) {
	l := newList("abc", "nora-abc@newcomer.test")
	require.NoError(t, l.check(answer(t, l, func([][]string) {})))

	const good, bad = 1, specialStep // rows of the table
	for name, c := range map[string]struct {
		change func(table [][]string)
		says   string
	}{
		"an invited row without an id": {func(table [][]string) { table[good][3] = "Success" }, `1 rows are not as expected; the first one: row 1 (invited) says "Success", not an id of its own`},
		"the same id twice":            {func(table [][]string) { table[good+1][3] = table[good][3] }, "row 2 (invited)"},
		"a bad row that was invited":   {func(table [][]string) { table[bad][3] = "17" }, `row 16 (invalid_name) says "17", not name is invalid.`},
		"another order":                {func(table [][]string) { table[good], table[good+1] = table[good+1], table[good] }, "2 rows are not as expected"},
		"another header":               {func(table [][]string) { table[0][3] = "verdict" }, "the header of the result is"},
	} {
		require.ErrorContains(t, l.check(answer(t, l, c.change)), c.says, name)
	}
	short := answer(t, l, func([][]string) {})
	short = short[:bytes.LastIndexByte(short[:len(short)-1], '\n')+1]
	require.ErrorContains(t, l.check(short), "the result has 999 rows below its header, not 1000")
	require.ErrorContains(t, l.check([]byte("\"")), "no CSV")
}

func TestIsID(t *testing.T) {
	for s, want := range map[string]bool{"1": true, "42": true, "": false, "0": false, "007": false, "-1": false, "1a": false, "Success": false} {
		require.Equal(t, want, isID(s), s)
	}
}
