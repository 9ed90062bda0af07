// Package csvfile reads CSV files of any size in bounded memory: UTF-8 with or
// without byte order mark, comma or semicolon, any line end, quoted cells with
// line breaks in them. One bad row costs no other.
package csvfile

import (
	"bytes"
	"errors"
	"io"
)

// MaxRecord is the largest record that is read, in bytes. A longer one is
// stepped over without being kept and gets a verdict of its own.
const MaxRecord = 64 << 10

// Fault says what keeps a record from being read.
type Fault uint8

// The faults.
const (
	NoFault   Fault = iota
	Malformed       // quotes that do not pair
	TooLong         // more than MaxRecord bytes
)

// Record is one row of a CSV file as bytes. Raw is valid until the next record
// is read and is nil for a record that was too long.
type Record struct {
	Raw      []byte
	From, To int64 // position in the file; To is behind the line end
	Fault    Fault
}

// Scanner finds the records of a CSV file in bounded memory. It knows quotes
// (a quoted cell may hold delimiters and line breaks) and nothing about cells.
//
// A mistake in the quotes never costs more than its own line: when a quoted
// cell is not closed properly, the record is its first line, marked Malformed,
// and the next record starts on the next line. That stays linear whatever the
// file holds: a line that leaves an open quote open has its quotes in pairs,
// such a line cannot open one itself, and so it is looked at twice at most.
type Scanner struct {
	r     io.Reader
	delim byte
	buf   []byte
	start int   // of the unread part of buf
	end   int   // of the filled part of buf
	base  int64 // position of buf[0] in the file
	err   error // of the last read, io.EOF at the end
	fed   int   // bytes looked at for quotes, for the proof that they are few
}

// NewScanner reads records from r, whose first byte is at offset in the file.
func NewScanner(r io.Reader, delim byte, offset int64) *Scanner {
	return &Scanner{r: r, delim: delim, base: offset, buf: make([]byte, 2*MaxRecord)}
}

// Position is where the next record starts in the file.
func (s *Scanner) Position() int64 { return s.base + int64(s.start) }

// Next gives the next record, blank lines included, or io.EOF after the last.
func (s *Scanner) Next() (Record, error) {
	size, rawLen, f := s.measure()
	if size == 0 {
		if s.err != nil && !errors.Is(s.err, io.EOF) {
			return Record{}, s.err
		}
		return Record{}, io.EOF
	}
	if f == TooLong {
		return s.skipLine()
	}
	at := s.start
	s.start += size
	return Record{Raw: s.buf[at : at+rawLen], From: s.base + int64(at), To: s.base + int64(at+size), Fault: f}, nil
}

// Line gives the next line whatever its quotes are. One that is longer
// than MaxRecord ends there.
func (s *Scanner) Line() ([]byte, error) {
	n, ok := s.line(0)
	if !ok && s.failed() {
		return nil, s.err
	}
	if n == 0 {
		return nil, io.EOF
	}
	n = min(n, MaxRecord)
	raw := s.buf[s.start : s.start+s.trim(n)]
	s.start += n
	return raw, nil
}

// measure tells how long the next record is, with and without its line end.
func (s *Scanner) measure() (size, rawLen int, f Fault) {
	line, ok := s.line(0)
	if !ok {
		if line > MaxRecord {
			return line, 0, TooLong
		}
		if s.failed() {
			return 0, 0, NoFault
		}
	}
	first := line
	state := quotes{delim: s.delim}
	for at := 0; ; {
		state.feed(s.buf[s.start+at : s.start+line])
		s.fed += line - at
		if state.bad {
			return first, s.trim(first), Malformed
		}
		if !state.open {
			return line, s.trim(line), NoFault
		}
		// The cell goes on in the next line, unless there is none.
		at = line
		more, ok := s.line(line)
		if !ok && s.failed() {
			return 0, 0, NoFault
		}
		if more > MaxRecord || more == line {
			return first, s.trim(first), Malformed
		}
		line = more
	}
}

// line is the length of the buffered text from the start of the record to the
// end of the line that begins skip bytes behind it, reading on as needed. It is
// not ok when the line has no end: at the end of the file, after a failed read,
// or because the record is too long.
func (s *Scanner) line(skip int) (length int, ok bool) {
	for seen := skip; ; {
		if i := bytes.IndexByte(s.buf[s.start+seen:s.end], '\n'); i >= 0 {
			n := seen + i + 1
			return n, n <= MaxRecord
		}
		seen = s.end - s.start
		if seen > MaxRecord || !s.fill() {
			return s.end - s.start, false
		}
	}
}

// fill reads more into the buffer. It tells whether anything came.
func (s *Scanner) fill() bool {
	if s.err != nil {
		return false
	}
	if s.start > 0 && len(s.buf)-s.end < MaxRecord {
		copy(s.buf, s.buf[s.start:s.end])
		s.base += int64(s.start)
		s.end -= s.start
		s.start = 0
	}
	for range 100 { // io.Reader may give nothing without an error, but not for ever
		n, err := s.r.Read(s.buf[s.end:])
		s.end += n
		s.err = err
		if n > 0 {
			return true
		}
		if err != nil {
			return false
		}
	}
	s.err = io.ErrNoProgress
	return false
}

// failed tells whether reading ended otherwise than with the end of the file.
func (s *Scanner) failed() bool { return s.err != nil && !errors.Is(s.err, io.EOF) }

// skipLine steps over a line that is too long, holding none of it.
func (s *Scanner) skipLine() (Record, error) {
	rec := Record{From: s.base + int64(s.start), Fault: TooLong}
	for {
		if i := bytes.IndexByte(s.buf[s.start:s.end], '\n'); i >= 0 {
			s.start += i + 1
			break
		}
		s.base += int64(s.end)
		s.start, s.end = 0, 0
		if !s.fill() {
			break
		}
	}
	if s.failed() {
		return Record{}, s.err
	}
	rec.To = s.base + int64(s.start)
	return rec, nil
}

// trim takes the line end off the first n bytes of the record.
func (s *Scanner) trim(n int) int {
	raw := s.buf[s.start : s.start+n]
	raw = bytes.TrimSuffix(raw, []byte{'\n'})
	return len(bytes.TrimSuffix(raw, []byte{'\r'}))
}

// quotes follows the quotes of a record through its bytes. A quote opens a
// quoted cell only as the cell's first character; elsewhere in an unquoted cell
// it is a character like others. Inside, two quotes stand for one, and after
// the closing quote only a delimiter or the line end may follow.
type quotes struct {
	delim byte
	open  bool // inside a quoted cell
	inner bool // inside an unquoted cell: a quote opens nothing
	bad   bool
}

// feed takes whole lines: text that ends with a line break, or with the file.
func (q *quotes) feed(line []byte) {
	if !q.open && bytes.IndexByte(line, '"') < 0 {
		q.inner = false
		return
	}
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case q.open && c == '"':
			switch rest := line[i+1:]; {
			case len(rest) > 0 && rest[0] == '"':
				i++
			case len(rest) == 0, rest[0] == q.delim, rest[0] == '\n', string(rest) == "\r\n", string(rest) == "\r":
				q.open, q.inner = false, true
			default:
				q.bad = true
				return
			}
		case q.open:
		case c == q.delim:
			q.inner = false
		case c == '"' && !q.inner:
			q.open = true
		default:
			q.inner = true
		}
	}
	if !q.open {
		q.inner = false
	}
}

// Cells splits a record without fault into its cells, appended to dst. Quotes
// are taken off; the cells share raw's memory where they can.
func Cells(dst [][]byte, raw []byte, delim byte) [][]byte {
	for {
		if len(raw) == 0 || raw[0] != '"' {
			i := bytes.IndexByte(raw, delim)
			if i < 0 {
				return append(dst, raw)
			}
			dst, raw = append(dst, raw[:i]), raw[i+1:]
			continue
		}
		cell, rest := quotedCell(raw[1:])
		dst = append(dst, cell)
		if len(rest) == 0 {
			return dst
		}
		raw = rest[1:] // the delimiter
	}
}

// quotedCell reads up to the closing quote.
func quotedCell(raw []byte) (cell, rest []byte) {
	i := bytes.IndexByte(raw, '"')
	if i < 0 {
		return raw, nil
	}
	if i+1 >= len(raw) || raw[i+1] != '"' {
		return raw[:i], raw[i+1:]
	}
	cell = make([]byte, 0, len(raw))
	for {
		cell = append(cell, raw[:i]...)
		raw = raw[i+1:]
		if len(raw) == 0 || raw[0] != '"' {
			return cell, raw
		}
		cell, raw = append(cell, '"'), raw[1:]
		if i = bytes.IndexByte(raw, '"'); i < 0 {
			return append(cell, raw...), nil
		}
	}
}

// Blank tells whether a record's cells hold nothing.
func Blank(raw []byte, delim byte) bool {
	for _, c := range raw {
		switch c {
		case delim, '"', ' ', '\t', '\r':
		default:
			return false
		}
	}
	return true
}
