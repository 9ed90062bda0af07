package devstack

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
)

const (
	// maxLine bounds what is kept of an unfinished line.
	maxLine = 64 << 10
	// tailLines is how many last lines an error shows.
	tailLines = 20
)

// Logs merges the output of several children into one stream, line by line,
// each line with the name of its child in front.
type Logs struct {
	mu    sync.Mutex
	out   io.Writer
	color bool
	width int
	next  int
}

// NewLogs writes to out; with color each name gets a colour of its own.
func NewLogs(out io.Writer, color bool) *Logs {
	return &Logs{out: out, color: color, width: len("postgres")}
}

// IsTerminal tells whether f is a terminal that shows colours: a character
// device, TERM not "dumb" and NO_COLOR not set.
func IsTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// colors are the foreground colours in order of use: no red, it reads as an
// error, and no black or white, a terminal's background.
var colors = []int{36, 33, 35, 32, 34, 96, 93, 95, 92, 94}

// Writer returns a writer for the child called name. Every Write must consist
// of whole lines.
func (l *Logs) Writer(name string) io.Writer {
	l.mu.Lock()
	defer l.mu.Unlock()
	w := &prefixed{logs: l, name: name, color: colors[l.next%len(colors)]}
	l.next++
	l.width = max(l.width, len(name))
	return w
}

// Print writes text as it is, never into the middle of a line.
func (l *Logs) Print(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, _ = io.WriteString(l.out, text) // to whom could it be told?
}

type prefixed struct {
	logs  *Logs
	name  string
	color int
}

func (w *prefixed) Write(b []byte) (int, error) {
	w.logs.mu.Lock()
	defer w.logs.mu.Unlock()
	prefix := fmt.Sprintf("%-*s | ", w.logs.width, w.name)
	if w.logs.color {
		prefix = fmt.Sprintf("\x1b[%dm%s\x1b[0m", w.color, prefix)
	}
	var lines bytes.Buffer
	for line := range bytes.Lines(b) {
		lines.WriteString(prefix)
		lines.Write(line)
	}
	if _, err := w.logs.out.Write(lines.Bytes()); err != nil {
		return 0, err
	}
	return len(b), nil
}

// output cuts what a child writes into lines, passes them on and keeps the
// last ones. A reader that fails never blocks or ends the child.
type output struct {
	mu      sync.Mutex
	out     io.Writer
	partial []byte
	last    []string
	muted   bool
}

func newOutput(out io.Writer) *output { return &output{out: out} }

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.partial = append(o.partial, b...)
	if end := bytes.LastIndexByte(o.partial, '\n'); end >= 0 {
		o.pass(o.partial[:end+1])
		o.partial = append(o.partial[:0], o.partial[end+1:]...)
	}
	if len(o.partial) > maxLine {
		o.pass(append(o.partial, '\n'))
		o.partial = o.partial[:0]
	}
	return len(b), nil
}

func (o *output) pass(lines []byte) {
	for line := range bytes.Lines(lines) {
		o.last = append(o.last, string(line))
	}
	if over := len(o.last) - tailLines; over > 0 {
		o.last = append(o.last[:0], o.last[over:]...)
	}
	if o.out != nil && !o.muted {
		_, _ = o.out.Write(lines)
	}
}

// mute says whether lines are kept to ourselves from now on.
func (o *output) mute(on bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.muted = on
}

func (o *output) close() {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.partial) > 0 {
		o.pass(append(o.partial, '\n'))
		o.partial = nil
	}
}

// tail is the last lines as the end of an error message.
func (o *output) tail() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.last) == 0 {
		return ""
	}
	return "; its last output:\n  " + strings.TrimRight(strings.Join(o.last, "  "), "\n")
}
