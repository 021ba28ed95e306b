package archive

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/parquet-go/parquet-go"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/vault"
)

// parquetFile is an open file of an archive.
type parquetFile struct {
	file *os.File
	*parquet.File
}

// openFile opens a file of an archive, which may be encrypted with a key of a
// ring.
func (m *Manifest) openFile(f *File, keys *vault.Ring) (p *parquetFile, err error) {
	file, err := os.Open(filepath.Join(m.dir, f.Name))
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, file.Close())
		}
	}()
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() != f.Bytes {
		return nil, fmt.Errorf("%w: the file has %d bytes, want %d", ErrDamaged, info.Size(), f.Bytes)
	}
	var in io.ReaderAt = file
	size := info.Size()
	if f.Key != "" {
		if keys == nil {
			return nil, fmt.Errorf("it is encrypted, and %w", vault.ErrNoMaster)
		}
		sealed, err := vault.NewReader(file, size, keys)
		if err != nil {
			return nil, err
		}
		in, size = sealed, sealed.Size()
	}
	opened, err := openParquet(in, size)
	if err != nil {
		return nil, err
	}
	if n := len(opened.RowGroups()); n != len(f.Groups) || opened.NumRows() != f.Rows {
		return nil, fmt.Errorf("%w: %d rows in %d groups, want %d in %d", ErrDamaged, opened.NumRows(), n, f.Rows, len(f.Groups))
	}
	return &parquetFile{file, opened}, nil
}

func openParquet(in io.ReaderAt, size int64) (f *parquet.File, err error) {
	defer catch(&err)
	f, err = parquet.OpenFile(in, size, parquet.SkipBloomFilters(true), parquet.SkipPageIndex(true))
	if err != nil {
		err = fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return f, err
}

func (p *parquetFile) close() { _ = p.file.Close() } // only read

// each calls f with the events of a row group, of which it fills the fields that
// are asked for, all if keys is nil. An event is valid during the call.
func (p *parquetFile) each(group int, keys []event.Key, f func(e *event.Event) error) error {
	r, err := openGroup(p.File, group, keys)
	if err != nil {
		return err
	}
	defer r.close()
	var e event.Event
	for {
		switch err := r.next(&e); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		if err := f(&e); err != nil {
			return err
		}
	}
}

// Verify reads all files of an archive and compares them with the manifest: each
// byte, and that each event can be read. It returns an error for each file that
// is not as it was.
func (m *Manifest) Verify(ctx context.Context, keys *vault.Ring) []error {
	var all []error
	for i := range m.Files {
		if _, err := m.verifyFile(ctx, &m.Files[i], keys); err != nil {
			all = append(all, fmt.Errorf("verify %s: %w", filepath.Join(m.Name, m.Files[i].Name), err))
		}
		if ctx.Err() != nil {
			return all
		}
	}
	return all
}

// verifyFile checks a file and returns the checksum of its events.
func (m *Manifest) verifyFile(ctx context.Context, f *File, keys *vault.Ring) (uint64, error) {
	if err := m.verifyHash(f); err != nil {
		return 0, err
	}
	p, err := m.openFile(f, keys)
	if err != nil {
		return 0, err
	}
	defer p.close()
	var s sum
	for i, g := range f.Groups {
		n := int64(0)
		err := p.each(i, nil, func(e *event.Event) error {
			if e.Time < g.First || e.Time > g.Last {
				return fmt.Errorf("%w: an event of another time than the manifest says", ErrDamaged)
			}
			n++
			s.add(e)
			return ctx.Err()
		})
		if err == nil && n != g.Rows {
			err = fmt.Errorf("%w: %d rows, want %d", ErrDamaged, n, g.Rows)
		}
		if err != nil {
			return 0, fmt.Errorf("group %d: %w", i, err)
		}
	}
	return s.total, nil
}

func (m *Manifest) verifyHash(f *File) error {
	file, err := os.Open(filepath.Join(m.dir, f.Name))
	if err != nil {
		return err
	}
	defer func() { _ = file.Close() }() // only read
	h := sha256.New()
	if _, err := io.Copy(h, file); err != nil {
		return err
	}
	if hex.EncodeToString(h.Sum(nil)) != f.SHA256 {
		return fmt.Errorf("%w: its SHA-256 is another one", ErrDamaged)
	}
	return nil
}
