package inbox

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

const (
	segmentSuffix = ".mails"
	recordMagic   = 0x51_4d_41_31 // "QMA1"
	// recordHeaderBytes: magic, length of the head, checksum of the head,
	// length of the source.
	recordHeaderBytes = 4 + 4 + 4 + 8
	maxHeadBytes      = 4 << 20
)

// recordHead is the part of a record that the index is rebuilt from.
type recordHead struct {
	ID         uint64    `json:"id"`
	At         time.Time `json:"at"`
	From       string    `json:"from"`
	HeaderFrom string    `json:"headerFrom,omitempty"`
	To         []string  `json:"to"`
	Subject    string    `json:"subject"`
}

// segment is an append-only file of records. Callers serialise append against
// everything else, and close and remove against read.
type segment struct {
	file    *os.File
	path    string // "" for an anonymous file
	firstID uint64
	size    int64
}

// createSegment makes an empty segment in dir, or an anonymous one (which
// vanishes with the process, however it ends) if dir is empty. An existing file
// of that name can only be an empty one and is reused.
func createSegment(dir string, firstID uint64) (*segment, error) {
	if dir == "" {
		f, err := os.CreateTemp("", "inbox-*"+segmentSuffix)
		if err != nil {
			return nil, err
		}
		if err := os.Remove(f.Name()); err != nil {
			return nil, errors.Join(err, f.Close())
		}
		return &segment{file: f, firstID: firstID}, nil
	}
	path := filepath.Join(dir, fmt.Sprintf("%020d%s", firstID, segmentSuffix))
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	return &segment{file: f, path: path, firstID: firstID}, nil
}

// loadSegment opens a segment of an earlier run and reads its heads. A record
// that was only half written when that run ended, and what follows it, is cut off.
func loadSegment(path string, maxMessageBytes int64) (*segment, []*entry, error) {
	firstID, err := strconv.ParseUint(strings.TrimSuffix(filepath.Base(path), segmentSuffix), 10, 64)
	if err != nil {
		return nil, nil, fmt.Errorf("file name: %w", err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, nil, errors.Join(err, f.Close())
	}
	s := &segment{file: f, path: path, firstID: firstID}
	var entries []*entry
	for {
		e, next, ok := s.readHead(s.size, info.Size())
		if !ok {
			break
		}
		if e.size <= maxMessageBytes {
			entries = append(entries, e)
		}
		s.size = next
	}
	if s.size < info.Size() {
		if err := f.Truncate(s.size); err != nil {
			return nil, nil, errors.Join(err, f.Close())
		}
	}
	return s, entries, nil
}

// readHead reads the record at offset; false when there is no whole one.
func (s *segment) readHead(offset, fileSize int64) (e *entry, next int64, ok bool) {
	var header [recordHeaderBytes]byte
	if _, err := s.file.ReadAt(header[:], offset); err != nil {
		return nil, 0, false
	}
	headSize := int64(binary.BigEndian.Uint32(header[4:]))
	size := int64(binary.BigEndian.Uint64(header[12:]) & (1<<62 - 1))
	start := offset + recordHeaderBytes
	if binary.BigEndian.Uint32(header[:]) != recordMagic || headSize > maxHeadBytes ||
		size > fileSize || start+headSize+size > fileSize {
		return nil, 0, false
	}
	head := make([]byte, headSize)
	if _, err := s.file.ReadAt(head, start); err != nil || crc32.ChecksumIEEE(head) != binary.BigEndian.Uint32(header[8:]) {
		return nil, 0, false
	}
	var h recordHead
	if err := json.Unmarshal(head, &h); err != nil {
		return nil, 0, false
	}
	return &entry{
		id: h.ID, at: h.At, from: h.From, headerFrom: h.HeaderFrom, to: h.To, subject: h.Subject,
		segment: s, offset: start + headSize, size: size,
	}, start + headSize + size, true
}

// append writes a record and completes e with its place. It returns the bytes
// written. After a failure the segment is as before: the next record overwrites
// what was written.
func (s *segment) append(e *entry, raw []byte) (int64, error) {
	head, err := json.Marshal(recordHead{ID: e.id, At: e.at, From: e.from, HeaderFrom: e.headerFrom, To: e.to, Subject: e.subject})
	if err != nil {
		return 0, err
	}
	if len(head) > maxHeadBytes {
		return 0, fmt.Errorf("head of %d bytes", len(head))
	}
	record := make([]byte, recordHeaderBytes, recordHeaderBytes+len(head)+len(raw))
	binary.BigEndian.PutUint32(record[0:], recordMagic)
	binary.BigEndian.PutUint32(record[4:], uint32(len(head)))
	binary.BigEndian.PutUint32(record[8:], crc32.ChecksumIEEE(head))
	binary.BigEndian.PutUint64(record[12:], uint64(len(raw)))
	record = append(append(record, head...), raw...)
	if _, err := s.file.WriteAt(record, s.size); err != nil {
		return 0, err
	}
	e.offset, e.size = s.size+recordHeaderBytes+int64(len(head)), int64(len(raw))
	s.size += int64(len(record))
	return int64(len(record)), nil
}

func (s *segment) read(offset, size int64) ([]byte, error) {
	raw := make([]byte, size)
	if _, err := s.file.ReadAt(raw, offset); err != nil {
		return nil, err
	}
	return raw, nil
}

func (s *segment) close() error { return s.file.Close() }

// remove closes and deletes the segment. Failures leave a file behind that the
// next start reads again, which does no harm.
func (s *segment) remove() {
	_ = s.file.Close()
	if s.path != "" {
		if err := os.Remove(s.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return
		}
	}
}
