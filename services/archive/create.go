package archive

import (
	"bufio"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/durable"
	"github.com/gatewatch/gatewatch/services/vault"
)

// Options say what an archive is called and how it is made.
type Options struct {
	Name     string    // letters, digits and ._+-
	Stream   string    // that its events are of
	From, To time.Time // range that was asked for; zero where there was none
	Now      time.Time
	Segment  *Segment // that the events are of; read once all events are yielded

	Encrypt bool        // encrypt the files
	Keys    *vault.Ring // with a key of this ring

	groupRows int64 // of a row group; default groupRows
}

const (
	fileRows    = 1 << 20 // of one file
	fileBytes   = 512 << 20
	lockName    = ".lock"
	unfinished  = ".new" // ends the name of a folder that is being written
	writeBuffer = 1 << 20

	keyPurpose = "archive"
)

// Create makes an archive of the events that each yields, and reads it back
// before it gets its name. It is durable on return; on an error, also after a
// crash, there is none. ErrExists means that there is one of that name already,
// ErrNoEvents that there was nothing to archive.
func Create(ctx context.Context, dir string, o Options, each func(yield func(*event.Event) error) error) (*Manifest, error) {
	m, err := create(ctx, dir, o, each)
	if err != nil {
		return nil, fmt.Errorf("create archive %s: %w", o.Name, err)
	}
	return m, nil
}

func create(ctx context.Context, dir string, o Options, each func(yield func(*event.Event) error) error) (*Manifest, error) {
	if !archiveName.MatchString(o.Name) {
		return nil, errors.New("want a name of letters, digits and ._+-")
	}
	lock, err := lockFolder(dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = lock.Close() }() // gives up the lock
	final := filepath.Join(dir, o.Name)
	if _, err := os.Lstat(final); err == nil {
		return nil, ErrExists
	}
	temp := filepath.Join(dir, "."+o.Name+unfinished)
	if err := os.Mkdir(temp, 0o700); err != nil {
		return nil, err
	}
	m, err := fillFolder(ctx, temp, o, each)
	if err == nil {
		err = os.Rename(temp, final)
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(temp))
	}
	m.dir = final
	return m, durable.SyncDir(dir)
}

// lockFolder makes an archive folder, lets nobody else write to it, and removes
// what a crash has left there.
func lockFolder(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	f, err := os.OpenFile(filepath.Join(dir, lockName), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("another process writes to %s", dir), f.Close())
	}
	left, err := filepath.Glob(filepath.Join(dir, ".*"+unfinished))
	for _, l := range left {
		err = errors.Join(err, os.RemoveAll(l))
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// fillFolder writes files and manifest, and reads the files back.
func fillFolder(ctx context.Context, temp string, o Options, each func(yield func(*event.Event) error) error) (*Manifest, error) {
	c := &creation{dir: temp, options: o}
	if o.Encrypt {
		if o.Keys == nil {
			return nil, errors.New("encrypt: there is no master key")
		}
		var err error
		if c.key, err = o.Keys.Current(keyPurpose, o.Now, vault.KeyAge); err != nil {
			return nil, err
		}
	}
	c.manifest = Manifest{Format: manifestFormat, Name: o.Name, Schema: SchemaVersion, Created: o.Now.UTC(), Stream: o.Stream, dir: temp}
	c.manifest.From, c.manifest.To = rfc3339(o.From), rfc3339(o.To)
	err := each(func(e *event.Event) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return c.add(e)
	})
	if err = errors.Join(err, c.endFile(err == nil)); err != nil {
		return nil, err
	}
	if c.manifest.Rows == 0 {
		return nil, ErrNoEvents
	}
	c.manifest.Segment = o.Segment
	c.manifest.setTimes()
	for i := range c.manifest.Files {
		f := &c.manifest.Files[i]
		total, err := c.manifest.verifyFile(ctx, f, o.Keys)
		if err == nil && total != c.sums[i] {
			err = errors.New("its events are not those that were written")
		}
		if err != nil {
			return nil, fmt.Errorf("read back %s: %w", f.Name, err)
		}
	}
	return &c.manifest, c.manifest.write(temp)
}

func rfc3339(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

func (m *Manifest) setTimes() {
	first, last := int64(math.MaxInt64), int64(math.MinInt64)
	for _, f := range m.Files {
		for _, g := range f.Groups {
			first, last = min(first, g.First), max(last, g.Last)
		}
	}
	m.First, m.Last = time.Unix(0, first).UTC(), time.Unix(0, last).UTC()
}

// creation is an archive while it is written.
type creation struct {
	dir      string
	options  Options
	key      *vault.Key // nil if files are not encrypted
	manifest Manifest
	sums     []uint64 // of the files
	file     *openFile
}

// openFile is the file that is written.
type openFile struct {
	name   string
	file   *os.File
	hash   *hashWriter
	sealed *vault.Writer // nil if it is not encrypted
	buffer *bufio.Writer
	writer *fileWriter
	rows   int64
}

// hashWriter counts and hashes what passes.
type hashWriter struct {
	w io.Writer
	n int64
	h interface {
		io.Writer
		Sum(b []byte) []byte
	}
}

func (w *hashWriter) Write(p []byte) (int, error) {
	n, err := w.w.Write(p)
	w.n += int64(n)
	_, _ = w.h.Write(p[:n]) // a hash never fails
	return n, err
}

func (c *creation) add(e *event.Event) error {
	if c.file == nil {
		if err := c.begin(); err != nil {
			return err
		}
	}
	if err := c.file.writer.add(e); err != nil {
		return err
	}
	if c.file.rows++; c.file.rows == fileRows || c.file.hash.n > fileBytes {
		return c.endFile(true)
	}
	return nil
}

func (c *creation) begin() error {
	f := &openFile{name: fmt.Sprintf("part-%05d.parquet", len(c.manifest.Files)+1)}
	var err error
	if f.file, err = os.OpenFile(filepath.Join(c.dir, f.name), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600); err != nil {
		return err
	}
	c.file = f
	f.hash = &hashWriter{w: f.file, h: sha256.New()}
	var out io.Writer = f.hash
	if c.key != nil {
		if f.sealed, err = vault.NewWriter(f.hash, c.key); err != nil {
			return err
		}
		out = f.sealed
	}
	f.buffer = bufio.NewWriterSize(out, writeBuffer)
	f.writer = newFileWriter(f.buffer, c.options.Stream, cmp.Or(c.options.groupRows, groupRows))
	return nil
}

// endFile ends the file that is written, if there is one: durably if whole.
func (c *creation) endFile(whole bool) error {
	f := c.file
	if f == nil {
		return nil
	}
	c.file = nil
	if !whole {
		return f.file.Close()
	}
	err := f.writer.close()
	if err == nil {
		err = f.buffer.Flush()
	}
	if err == nil && f.sealed != nil {
		err = f.sealed.Close()
	}
	if err == nil {
		err = f.file.Sync()
	}
	if err = errors.Join(err, f.file.Close()); err != nil {
		return fmt.Errorf("write %s: %w", f.name, err)
	}
	entry := File{Name: f.name, Rows: f.rows, Bytes: f.hash.n, SHA256: hex.EncodeToString(f.hash.h.Sum(nil)), Groups: f.writer.groups}
	if c.key != nil {
		entry.Key = c.key.ID.String()
	}
	c.manifest.Files = append(c.manifest.Files, entry)
	c.manifest.Rows += f.rows
	c.manifest.Bytes += f.hash.n
	c.sums = append(c.sums, f.writer.sum.total)
	return nil
}

// NameOf makes the name of an archive of a stream and a range of time.
func NameOf(stream string, from, to time.Time) string {
	part := func(t time.Time, none string) string {
		if t.IsZero() {
			return none
		}
		return strings.NewReplacer(":", "", "-", "").Replace(t.UTC().Format("2006-01-02T15:04:05.999999999Z"))
	}
	return stream + "_" + part(from, "begin") + "_" + part(to, "now")
}
