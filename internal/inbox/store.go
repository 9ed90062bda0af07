package inbox

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Filter selects messages. The zero value selects all of them.
type Filter struct {
	// To is one whole recipient address, in any case.
	To string
	// Subject is a part of the decoded subject, in any case.
	Subject string
	// Query is a part of the subject, the sender or a recipient, in any case.
	Query string
	// After leaves only messages received later than it.
	After time.Time
	// Before leaves only messages older than the one with this id: the next
	// page of a list is what is before the last id of this page. 0 is no bound.
	Before uint64
	// Limit is the most that is returned; 0 is no limit.
	Limit int
}

// entry is what the process remembers of a message; the rest is on disk.
type entry struct {
	id         uint64
	at         time.Time
	from       string
	headerFrom string
	to         []string
	subject    string
	segment    *segment
	offset     int64 // of the source in the segment
	size       int64
}

func (e *entry) idString() string { return strconv.FormatUint(e.id, 10) }

// sender is the envelope sender, or the From header's address without one.
func (e *entry) sender() string {
	if e.from == "" {
		return e.headerFrom
	}
	return e.from
}

func (f Filter) matches(e *entry) bool {
	if f.Before != 0 && e.id >= f.Before {
		return false
	}
	if f.To != "" && !anyOf(e.to, func(to string) bool { return strings.EqualFold(to, f.To) }) {
		return false
	}
	if !f.After.IsZero() && !e.at.After(f.After) {
		return false
	}
	if f.Subject != "" && !containsFold(e.subject, f.Subject) {
		return false
	}
	return f.Query == "" || containsFold(e.subject, f.Query) || containsFold(e.sender(), f.Query) ||
		anyOf(e.to, func(to string) bool { return containsFold(to, f.Query) })
}

func anyOf(list []string, ok func(string) bool) bool {
	for _, s := range list {
		if ok(s) {
			return true
		}
	}
	return false
}

func containsFold(s, part string) bool {
	return strings.Contains(s, part) || strings.Contains(strings.ToLower(s), strings.ToLower(part))
}

type storeOptions struct {
	dir             string
	maxMessages     int
	maxMessageBytes int64
	maxBytes        int64
	// segmentBytes is the size at which a new segment begins; tests lower it.
	segmentBytes int64
}

// store is a queue of messages, oldest first, over a queue of segment files.
type store struct {
	opts storeOptions
	lock *os.File // keeps a second process out of the folder

	mu       sync.RWMutex
	entries  []*entry // the live ones are entries[head:]
	head     int
	segments []*segment
	bytes    int64 // of all segments
	nextID   uint64
	version  uint64        // grows with every change
	changed  chan struct{} // closed and replaced with every change
	closed   bool
}

func openStore(opts storeOptions) (*store, error) {
	if opts.segmentBytes == 0 {
		opts.segmentBytes = min(32<<20, max(opts.maxBytes/8, 1))
	}
	s := &store{opts: opts, nextID: 1, changed: make(chan struct{})}
	if opts.dir == "" {
		return s, nil
	}
	if err := os.MkdirAll(opts.dir, 0o700); err != nil {
		return nil, err
	}
	if err := s.lockDir(); err != nil {
		return nil, err
	}
	if err := s.recover(); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

func (s *store) lockDir() error {
	f, err := os.OpenFile(filepath.Join(s.opts.dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return errors.Join(fmt.Errorf("%s is in use by another inbox: %w", s.opts.dir, err), f.Close())
	}
	s.lock = f
	return nil
}

// recover reads the index of an earlier run.
func (s *store) recover() error {
	names, err := filepath.Glob(filepath.Join(s.opts.dir, "*"+segmentSuffix))
	if err != nil {
		return err
	}
	sort.Strings(names) // The names begin with the first id, zero-padded.
	for _, name := range names {
		seg, entries, err := loadSegment(name, s.opts.maxMessageBytes)
		if err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
		s.segments = append(s.segments, seg)
		s.bytes += seg.size
		s.nextID = max(s.nextID, seg.firstID)
		for _, e := range entries {
			s.entries = append(s.entries, e)
			s.nextID = max(s.nextID, e.id+1)
		}
	}
	s.trim()
	return nil
}

// add stores a message as the newest one and drops the oldest beyond the bounds.
func (s *store) add(from string, to []string, raw []byte, at time.Time) error {
	subject, headerFrom := parseHead(raw) // outside the lock
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return net.ErrClosed
	}
	seg, err := s.writable()
	if err != nil {
		return err
	}
	e := &entry{id: s.nextID, at: at, from: from, headerFrom: headerFrom, to: to, subject: subject, segment: seg}
	n, err := seg.append(e, raw)
	if err != nil {
		return fmt.Errorf("append to the segment: %w", err)
	}
	s.bytes += n
	s.nextID++
	s.entries = append(s.entries, e)
	s.trim()
	s.notify()
	return nil
}

// writable returns the segment that takes the next message.
func (s *store) writable() (*segment, error) {
	if n := len(s.segments); n > 0 && s.segments[n-1].size < s.opts.segmentBytes {
		return s.segments[n-1], nil
	}
	seg, err := createSegment(s.opts.dir, s.nextID)
	if err != nil {
		return nil, fmt.Errorf("create a segment: %w", err)
	}
	s.segments = append(s.segments, seg)
	return seg, nil
}

// trim drops the oldest messages beyond the bounds, and the segments left
// without any. Files shrink by whole segments only.
func (s *store) trim() {
	for len(s.entries)-s.head > s.opts.maxMessages {
		s.dropOldest()
	}
	for s.bytes > s.opts.maxBytes && len(s.segments) > 1 {
		for oldest := s.segments[0]; s.head < len(s.entries) && s.entries[s.head].segment == oldest; {
			s.dropOldest()
		}
		s.dropEmptySegments()
	}
	s.dropEmptySegments()
	// Give the memory of dropped entries back once they are the larger part.
	if s.head > 1024 && s.head > len(s.entries)/2 {
		s.entries = append([]*entry(nil), s.entries[s.head:]...)
		s.head = 0
	}
}

func (s *store) dropOldest() {
	s.entries[s.head] = nil
	s.head++
}

func (s *store) dropEmptySegments() {
	for len(s.segments) > 1 {
		if s.head < len(s.entries) && s.entries[s.head].segment == s.segments[0] {
			return
		}
		s.bytes -= s.segments[0].size
		s.segments[0].remove()
		s.segments = s.segments[1:]
	}
}

// find returns the newest matching entries up to the limit, how many match in
// all, and the version of the store that this is true for.
func (s *store) find(f Filter) (list []*entry, total int, version uint64) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	for i := len(s.entries) - 1; i >= s.head; i-- {
		if !f.matches(s.entries[i]) {
			continue
		}
		total++
		if f.Limit <= 0 || len(list) < f.Limit {
			list = append(list, s.entries[i])
		}
	}
	return list, total, s.version
}

func (s *store) count(f Filter) int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	n := 0
	for _, e := range s.entries[s.head:] {
		if f.matches(e) {
			n++
		}
	}
	return n
}

// get returns the entry with the id, or nil.
func (s *store) get(id uint64) *entry {
	s.mu.RLock()
	defer s.mu.RUnlock()
	live := s.entries[s.head:]
	i := sort.Search(len(live), func(i int) bool { return live[i].id >= id })
	if i == len(live) || live[i].id != id {
		return nil
	}
	return live[i]
}

// raw reads a message's source. It fails when the message was dropped meanwhile.
func (s *store) raw(e *entry) ([]byte, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return e.segment.read(e.offset, e.size)
}

func (s *store) len() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.entries) - s.head
}

// clear drops everything. Ids go on where they were, also after a restart:
// the new, empty segment carries the next id in its name.
func (s *store) clear() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return net.ErrClosed
	}
	fresh, err := createSegment(s.opts.dir, s.nextID)
	if err != nil {
		return fmt.Errorf("create a segment: %w", err)
	}
	for _, seg := range s.segments {
		if seg.path != "" && seg.path == fresh.path {
			_ = seg.close() // An empty segment, just made anew.
			continue
		}
		seg.remove()
	}
	s.segments, s.bytes = []*segment{fresh}, 0
	s.entries, s.head = nil, 0
	s.notify()
	return nil
}

func (s *store) notify() {
	s.version++
	close(s.changed)
	s.changed = make(chan struct{})
}

// watch returns a channel that is closed with the next change.
func (s *store) watch() <-chan struct{} {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.changed
}

func (s *store) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	var err error
	for _, seg := range s.segments {
		err = errors.Join(err, seg.close())
	}
	if s.lock != nil {
		err = errors.Join(err, s.lock.Close())
	}
	return err
}
