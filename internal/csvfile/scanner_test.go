package csvfile

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

type scanned struct {
	cells []string
	fault Fault
}

// scanAll reads all records that are not blank.
func scanAll(t testing.TB, r io.Reader, delim byte) []scanned {
	t.Helper()
	s := NewScanner(r, delim, 0)
	var out []scanned
	for at := int64(0); ; {
		rec, err := s.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		require.NoError(t, err)
		require.Equal(t, at, rec.From, "records follow each other without a gap")
		require.Greater(t, rec.To, rec.From)
		at = rec.To
		if rec.Fault == NoFault && Blank(rec.Raw, delim) {
			continue
		}
		one := scanned{fault: rec.Fault}
		if rec.Fault == NoFault {
			for _, c := range Cells(nil, rec.Raw, delim) {
				one.cells = append(one.cells, string(c))
			}
		}
		out = append(out, one)
	}
}

func TestScannerRecords(t *testing.T) {
	row := func(c ...string) scanned { return scanned{cells: c} }
	bad := scanned{fault: Malformed}
	for name, tc := range map[string]struct {
		in   string
		want []scanned
	}{
		"plain":                      {"a,b\nc,d\n", []scanned{row("a", "b"), row("c", "d")}},
		"no last line break":         {"a,b\nc,d", []scanned{row("a", "b"), row("c", "d")}},
		"crlf":                       {"a,b\r\n\"c\",\"d\"\r\n", []scanned{row("a", "b"), row("c", "d")}},
		"cr at the very end":         {"a,\"b\"\r", []scanned{row("a", "b")}},
		"quoted delimiter":           {"\"a,b\",c\n", []scanned{row("a,b", "c")}},
		"quoted line breaks":         {"\"a\r\nb\",\"c\nd\"\ne,f\n", []scanned{row("a\r\nb", "c\nd"), row("e", "f")}},
		"doubled quotes":             {"\"a\"\"b\",\"\"\"\"\n", []scanned{row(`a"b`, `"`)}},
		"empty cells":                {",\"\",x,\n", []scanned{row("", "", "x", "")}},
		"quote inside a plain cell":  {"a\"b\",c\n", []scanned{row(`a"b"`, "c")}},
		"blank rows":                 {"\n , \n\r\n\"\",\"\"\na,b\n\n", []scanned{row("a", "b")}},
		"quote never closed":         {"\"a,b\nc,d\ne,f\n", []scanned{bad, row("c", "d"), row("e", "f")}},
		"text behind a closed quote": {"\"a\"x,b\nc,d\n", []scanned{bad, row("c", "d")}},
		// The quote meets one in a later row: only its own line is lost.
		"unclosed meets a quoted cell": {"\"a,b\nc,d\ne,\"f,g\"\n", []scanned{bad, row("c", "d"), row("e", "f,g")}},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, tc.want, scanAll(t, strings.NewReader(tc.in), ','))
			require.Equal(t, tc.want, scanAll(t, iotest.OneByteReader(strings.NewReader(tc.in)), ','), "however the bytes come")
		})
	}
}

// A record of any length is stepped over in the memory of the buffer, and the
// rows around it are not touched.
func TestScannerLongRecords(t *testing.T) {
	long := strings.Repeat("x", 10<<20)
	for name, tc := range map[string]struct {
		in   string
		want []Fault
	}{
		"long line":                   {"a,b\n" + long + "\nc,d\n", []Fault{NoFault, TooLong, NoFault}},
		"long last line":              {"a,b\n" + long, []Fault{NoFault, TooLong}},
		"long quoted cell":            {"a,b\n\"" + long + "\"\nc,d\n", []Fault{NoFault, TooLong, NoFault}},
		"just not too long":           {strings.Repeat("x", MaxRecord-1) + "\nc,d\n", []Fault{NoFault, NoFault}},
		"just too long":               {strings.Repeat("x", MaxRecord) + "\nc,d\n", []Fault{TooLong, NoFault}},
		"quote open for many lines":   {"\"a\n" + strings.Repeat("b,c\n", 20000), append([]Fault{Malformed}, make([]Fault, 20000)...)},
		"quoted cell of many lines":   {"\"a\n" + strings.Repeat("b\n", MaxRecord) + "\",z\nc,d\n", nil},
		"no line break, quotes, long": {strings.Repeat("\"a\",", 1<<20), []Fault{TooLong}},
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.GC()
			runtime.ReadMemStats(&before)
			s := NewScanner(strings.NewReader(tc.in), ',', 0)
			var faults []Fault
			rows := 0
			for {
				rec, err := s.Next()
				if errors.Is(err, io.EOF) {
					break
				}
				require.NoError(t, err)
				if rows++; tc.want != nil {
					faults = append(faults, rec.Fault)
				}
			}
			runtime.ReadMemStats(&after)
			if tc.want != nil {
				require.Equal(t, tc.want, faults)
			}
			require.Greater(t, rows, 0)
			require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20), "bytes allocated")
		})
	}
}

// Lines made to be looked at again and again must not take more than linear
// time: ten times the input, not a hundred times the work.
func TestScannerStaysLinear(t *testing.T) {
	for _, line := range []string{"a\"b,\"c\n", "\"\n", "\"x\n", "\"\"\"\n", "\"\"\",\n", "x,\"\n\"\"\n", "\"a\"\"\n"} {
		counting := &countingReader{r: strings.NewReader(strings.Repeat(line, 200_000))}
		s := NewScanner(counting, ',', 0)
		looked := 0
		for {
			rec, err := s.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err)
			looked += int(rec.To - rec.From)
		}
		require.Equal(t, counting.n, looked)
		require.LessOrEqual(t, s.fed, 4*counting.n, "bytes looked at for quotes in %q", line)
	}
}

type countingReader struct {
	r io.Reader
	n int
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	c.n += n
	return n, err
}

// A failing source is an error, never a short file.
func TestScannerReadError(t *testing.T) {
	broken := errors.New("broken")
	for _, in := range []string{"", "a,b\n", "a,b\nc,\"d", "a,b\n" + strings.Repeat("x", 2*MaxRecord)} {
		s := NewScanner(io.MultiReader(strings.NewReader(in), iotest.ErrReader(broken)), ',', 0)
		var err error
		for err == nil {
			_, err = s.Next()
		}
		require.ErrorIs(t, err, broken, "after %.10q", in)
	}
}

// FuzzScanner: nothing makes the scanner fail, lose or invent a byte, or hold
// more than a record; and whatever encoding/csv writes is read back.
func FuzzScanner(f *testing.F) {
	for _, seed := range []string{
		"name,email,roles\nA,a@b.c,\"x,y\"\n", "\xEF\xBB\xBFname;email\n", "\"a\nb\",c\r\n", "\"", "\"\"", "a\"b,\"c\n", "\xff\xfe\x00a", "\r\r\n\n", ";;\n\"\"\"",
	} {
		f.Add([]byte(seed), byte(','))
		f.Add([]byte(seed), byte(';'))
	}
	f.Fuzz(func(t *testing.T, in []byte, d byte) {
		delim := byte(',')
		if d%2 == 1 {
			delim = ';'
		}
		s := NewScanner(bytes.NewReader(in), delim, 0)
		at := int64(0)
		for {
			rec, err := s.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err)
			require.Equal(t, at, rec.From)
			require.Greater(t, rec.To, rec.From)
			at = rec.To
			if rec.Fault == NoFault {
				require.Equal(t, in[rec.From:rec.From+int64(len(rec.Raw))], rec.Raw)
				require.Contains(t, []string{"", "\n", "\r\n", "\r"}, string(in[rec.From+int64(len(rec.Raw)):rec.To]))
				require.NotEmpty(t, Cells(nil, rec.Raw, delim))
			}
		}
		require.Equal(t, int64(len(in)), at)

		row := strings.Split(strings.ToValidUTF8(string(in), ""), "|")
		var b bytes.Buffer
		w := csv.NewWriter(&b)
		w.Comma = rune(delim)
		require.NoError(t, w.WriteAll([][]string{row, row}))
		if b.Len() > MaxRecord || Blank(b.Bytes(), '\n') {
			return
		}
		reference := csv.NewReader(bytes.NewReader(b.Bytes()))
		reference.Comma, reference.FieldsPerRecord = rune(delim), -1
		want, err := reference.ReadAll()
		require.NoError(t, err)
		got := scanAll(t, bytes.NewReader(b.Bytes()), delim)
		var rows [][]string
		for _, one := range got {
			require.Equal(t, NoFault, one.fault)
			for i := range one.cells { // encoding/csv reads a quoted CRLF as LF
				one.cells[i] = strings.ReplaceAll(one.cells[i], "\r\n", "\n")
			}
			rows = append(rows, one.cells)
		}
		var kept [][]string
		for _, r := range want {
			if strings.Trim(strings.Join(r, ""), " \t\r\""+string(delim)) != "" {
				kept = append(kept, r)
			}
		}
		if strings.ContainsAny(string(in), "\n\r") && len(rows) != len(kept) {
			return // a cell of line breaks only is blank to encoding/csv's rows and not to ours
		}
		require.Equal(t, kept, rows)
	})
}
