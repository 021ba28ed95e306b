package waf

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/gatewatch/gatewatch/services/durable"
)

const (
	segmentSuffix = ".spool"
	epochName     = "epoch"
	cursorName    = "cursor"
	lockName      = "lock"
)

// recover locks the directory and finds out what is in it.
func (s *Spool) recover() error {
	dir := s.cfg.Dir
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	lock, err := os.OpenFile(filepath.Join(dir, lockName), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	s.lock = lock
	if err := lockFile(lock); err != nil {
		return errors.New("another process uses the directory")
	}
	if s.epoch, err = readEpoch(dir); err != nil {
		return err
	}
	if err := s.loadCursor(); err != nil {
		s.log.Warn("read spool cursor", slog.Any("error", err))
	}
	if err := s.loadSegments(); err != nil {
		return err
	}
	s.next = s.acked + 1
	for _, seg := range s.segments {
		s.next = max(s.next, seg.next)
		s.bytes += seg.size
	}
	s.durable = s.next - 1
	s.ages.acked(s.acked)
	s.mu.Lock()
	s.dropAcked()
	s.mu.Unlock()
	return nil
}

func (s *Spool) unlock() {
	if s.lock == nil {
		return
	}
	if err := s.lock.Close(); err != nil {
		s.log.Warn("unlock spool", slog.Any("error", err))
	}
	s.lock = nil
}

func readEpoch(dir string) (epoch [16]byte, err error) {
	b, err := os.ReadFile(filepath.Join(dir, epochName))
	if errors.Is(err, os.ErrNotExist) {
		return newEpoch(dir)
	}
	if err != nil {
		return epoch, err
	}
	raw, err := hex.DecodeString(strings.TrimSpace(string(b)))
	if err != nil || len(raw) != len(epoch) {
		return epoch, errors.New("read epoch: file is damaged; restore it, or remove it to have the records sent again under a new one")
	}
	return [16]byte(raw), nil
}

// newEpoch makes an epoch and saves it durably.
func newEpoch(dir string) (epoch [16]byte, err error) {
	rand.Read(epoch[:])
	return epoch, durable.WriteFile(filepath.Join(dir, epochName), []byte(hex.EncodeToString(epoch[:])+"\n"), 0o600)
}

// The cursor is "acked refused crc32c", in decimal and hex. It may be old: the
// server says what it holds when the stream begins.
func (s *Spool) saveCursor(acked, refused uint64) error {
	text := fmt.Sprintf("%d %d", acked, refused)
	line := fmt.Sprintf("%s %08x\n", text, crc32.Checksum([]byte(text), castagnoli))
	return durable.WriteFile(filepath.Join(s.cfg.Dir, cursorName), []byte(line), 0o600)
}

func (s *Spool) loadCursor() error {
	b, err := os.ReadFile(filepath.Join(s.cfg.Dir, cursorName))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	f := strings.Fields(string(b))
	if len(f) != 3 || fmt.Sprintf("%08x", crc32.Checksum([]byte(f[0]+" "+f[1]), castagnoli)) != f[2] {
		return errors.New("cursor is damaged")
	}
	acked, err := strconv.ParseUint(f[0], 10, 64)
	refused, err2 := strconv.ParseUint(f[1], 10, 64)
	if err := errors.Join(err, err2); err != nil {
		return err
	}
	s.acked, s.refused = acked, refused
	return nil
}

// loadSegments lists the segments and scans each for its extent. What a crash
// left half written at the end of one does not count.
func (s *Spool) loadSegments() error {
	entries, err := os.ReadDir(s.cfg.Dir)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		seg, ok := parseSegmentName(s.cfg.Dir, entry.Name())
		if !ok {
			continue
		}
		if err := s.scanSegment(seg); err != nil {
			return err
		}
		if seg.next == seg.first { // nothing whole in it
			if err := os.Remove(seg.path); err != nil {
				return err
			}
			continue
		}
		s.segments = append(s.segments, seg)
	}
	slices.SortFunc(s.segments, func(a, b *segment) int {
		if a.first < b.first {
			return -1
		}
		return 1
	})
	for _, seg := range s.segments {
		s.ages.wrote(seg.next-1, seg.written)
	}
	return nil
}

func parseSegmentName(dir, name string) (*segment, bool) {
	base, ok := strings.CutSuffix(name, segmentSuffix)
	if !ok || len(base) != 33 || base[16] != '-' {
		return nil, false
	}
	first, err := strconv.ParseUint(base[:16], 16, 64)
	m, err2 := hex.DecodeString(base[17:])
	if err != nil || err2 != nil || first == 0 {
		return nil, false
	}
	return &segment{path: filepath.Join(dir, name), marker: marker(m), first: first, next: first}, true
}

// scanSegment reads the headers of a segment and checks that its first sealed
// frame can be opened.
func (s *Spool) scanSegment(seg *segment) error {
	f, err := os.Open(seg.path)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	seg.size, seg.synced, seg.written = info.Size(), info.Size(), info.ModTime()
	tried := false
	for at := int64(0); ; {
		fr, head, off, ok := nextFrame(f, seg, at)
		if !ok {
			return nil
		}
		if fr.sealed && !tried {
			tried = true
			if _, err := readBody(f, fr, head, off, s.seal); errors.Is(err, errFrameKey) {
				return errors.New("records are sealed under another key; give the right key_file")
			}
		}
		seg.next = max(seg.next, fr.next())
		at = off + fr.size()
	}
}

// openKey reads the key that records are sealed under; nil without a file.
func openKey(file string) (cipher.AEAD, error) {
	if file == "" {
		return nil, nil
	}
	b, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read spool key: %w", err)
	}
	key := b
	if len(b) != 32 {
		text := string(bytes.TrimSpace(b))
		if key, err = hex.DecodeString(text); err != nil {
			key, err = base64.StdEncoding.DecodeString(text)
		}
		if err != nil || len(key) != 32 {
			return nil, fmt.Errorf("read spool key %s: want 32 bytes, raw, in hex or base64", filepath.Base(file))
		}
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("read spool key: %w", err)
	}
	return cipher.NewGCM(block)
}
