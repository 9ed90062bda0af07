package csvfile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// UTF8BOM is the byte order mark that some programs put before UTF-8 text.
var UTF8BOM = []byte("\xEF\xBB\xBF")

var utf16BOM = [][]byte{{0xFE, 0xFF}, {0xFF, 0xFE}}

// What is wrong with a file whose header cannot be read.
var (
	ErrEmpty   = errors.New("csvfile: the file is empty")
	ErrUTF16   = errors.New("csvfile: the file is UTF-16")
	ErrNotText = errors.New("csvfile: the file is not UTF-8 text")
	ErrHeader  = errors.New("csvfile: the header does not name the columns")
)

// Header is the first line of a file that is not blank.
type Header struct {
	Line      string // as it stands in the file, without a byte order mark
	Delimiter byte
	BOM       bool
}

// ReadHeader reads the header with a scanner that stands at the start of a file,
// and has the scanner go on with its delimiter. find is given the cells as a
// comma parts them and as a semicolon does, and tells whether they are the
// columns. Errors: ErrEmpty, ErrUTF16, ErrNotText, ErrHeader, those of reading.
func ReadHeader(scan *Scanner, find func(header [][]byte) bool) (Header, error) {
	var h Header
	for first := true; ; first = false {
		line, err := scan.Line()
		if errors.Is(err, io.EOF) {
			return h, ErrEmpty
		}
		if err != nil {
			return h, fmt.Errorf("csvfile: read: %w", err)
		}
		if first {
			for _, mark := range utf16BOM {
				if bytes.HasPrefix(line, mark) {
					return h, ErrUTF16
				}
			}
			line, h.BOM = bytes.CutPrefix(line, UTF8BOM)
		}
		switch {
		case !Text(line):
			return h, ErrNotText
		case Blank(line, ',') || Blank(line, ';'):
			continue
		}
		for _, h.Delimiter = range []byte{',', ';'} {
			q := quotes{delim: h.Delimiter}
			if q.feed(line); q.bad || q.open {
				continue
			}
			if find(Cells(nil, line, h.Delimiter)) {
				h.Line, scan.delim = strings.Clone(string(line)), h.Delimiter
				return h, nil
			}
		}
		return h, ErrHeader
	}
}

// Text tells whether bytes are text that the hub can keep: UTF-8 without NUL,
// which PostgreSQL refuses.
func Text(b []byte) bool { return utf8.Valid(b) && bytes.IndexByte(b, 0) < 0 }
