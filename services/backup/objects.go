package backup

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gatewatch/gatewatch/services/durable"
)

// objects is the folder of contents. A content gets its name when it is whole
// and synced; the names are durable after sync.
type objects struct {
	dir  string
	link bool               // use hard links where the file system has them
	step func(string) error // called before each change; an error stops
}

func (o *objects) path(sum string) string { return filepath.Join(o.dir, sum) }

// has tells whether a content of that size is there.
func (o *objects) has(sum string, size int64) bool {
	st, err := os.Stat(o.path(sum))
	return err == nil && st.Mode().IsRegular() && st.Size() == size
}

// add copies the first size bytes of a file unless they are there. It returns
// their SHA-256 and how many bytes were copied.
func (o *objects) add(ctx context.Context, f *os.File, size int64, immutable bool) (sum string, copied int64, err error) {
	// A look costs less than a copy.
	if sum, err = hashOf(ctx, f, size); err != nil || o.has(sum, size) {
		return sum, 0, err
	}
	if immutable && o.link {
		if err := o.hardLink(f.Name(), sum); err == nil {
			return sum, 0, nil
		}
	}
	return o.copy(ctx, f, size)
}

func hashOf(ctx context.Context, f *os.File, size int64) (string, error) {
	h := sha256.New()
	n, err := io.Copy(h, reader(ctx, io.NewSectionReader(f, 0, size)))
	if err == nil && n < size {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return "", fmt.Errorf("read %s: %w", f.Name(), err)
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

func (o *objects) hardLink(from, sum string) error {
	if err := o.step("link " + sum); err != nil {
		return err
	}
	return os.Link(from, o.path(sum))
}

func (o *objects) copy(ctx context.Context, f *os.File, size int64) (sum string, copied int64, err error) {
	temp := filepath.Join(o.dir, "content"+durable.Unfinished)
	out, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return "", 0, fmt.Errorf("write backup: %w", err)
	}
	h := sha256.New()
	n, err := io.Copy(io.MultiWriter(out, h), reader(ctx, io.NewSectionReader(f, 0, size)))
	if err == nil && n < size {
		err = io.ErrUnexpectedEOF
	}
	if err == nil {
		err = out.Sync()
	}
	if err = errors.Join(err, out.Close()); err != nil {
		return "", 0, fmt.Errorf("copy %s: %w", f.Name(), errors.Join(err, os.Remove(temp)))
	}
	sum = hex.EncodeToString(h.Sum(nil))
	if err := o.step("name " + sum); err != nil {
		return "", 0, err
	}
	if err := os.Rename(temp, o.path(sum)); err != nil {
		return "", 0, fmt.Errorf("write backup: %w", err)
	}
	return sum, n, nil
}

// prune removes contents that no index names, and what a crash has left.
func (o *objects) prune(x *Index) error {
	named := map[string]bool{}
	for _, f := range x.Files {
		named[f.SHA256] = true
	}
	entries, err := os.ReadDir(o.dir)
	if err != nil {
		return fmt.Errorf("clean backup: %w", err)
	}
	for _, e := range entries {
		if named[e.Name()] {
			continue
		}
		if err := o.step("remove " + e.Name()); err != nil {
			return err
		}
		if err := os.Remove(o.path(e.Name())); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("clean backup: %w", err)
		}
	}
	return nil
}

// reader reads until the context ends.
func reader(ctx context.Context, r io.Reader) io.Reader { return ctxReader{ctx, r} }

type ctxReader struct {
	ctx context.Context
	r   io.Reader
}

func (c ctxReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}
