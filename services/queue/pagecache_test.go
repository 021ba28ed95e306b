package queue

import (
	"os"
	"path/filepath"
	"sync"
	"syscall"
)

// PageCache is a file system that keeps apart what is on its disk and what only
// the page cache shows. The log on it can be killed, its syncs can fail, and its
// power can be cut.
type PageCache struct {
	mu      sync.Mutex
	dead    bool                // the process was killed: no call does anything
	onSync  func()              // runs before the next sync, once
	failing bool                // the next sync fails, and what it was to write never gets to the disk
	dirty   map[string][]extent // by file, not yet synced
	lost    map[string][]extent // by file, shown as long as there is power
	unnamed map[string]bool     // created files whose names are not synced
}

// OpenCached opens the log in dir on a page cache, after a kill too.
func OpenCached(dir string, cfg Config, c *PageCache) (*Disk, error) {
	c.mu.Lock()
	c.dead = false
	if c.dirty == nil {
		c.dirty, c.lost, c.unnamed = map[string][]extent{}, map[string][]extent{}, map[string]bool{}
	}
	c.mu.Unlock()
	return open(cachedDir{directory(dir), c}, cfg, nil, nil)
}

// KillAtSync kills the process when it is about to sync a file.
func (c *PageCache) KillAtSync() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.onSync = c.Kill
}

// HoldSync holds the next sync of a file up. It closes entered when the sync has
// begun, which goes on once open is closed.
func (c *PageCache) HoldSync() (entered <-chan struct{}, open chan<- struct{}) {
	begun, proceed := make(chan struct{}), make(chan struct{})
	c.mu.Lock()
	defer c.mu.Unlock()
	c.onSync = func() { close(begun); <-proceed }
	return begun, proceed
}

// FailSync lets the next sync of a file fail.
func (c *PageCache) FailSync() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.failing = true
}

// Kill kills the process.
func (c *PageCache) Kill() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.dead = true
}

// Cut takes away what is not on the disk in dir. The process was killed before.
func (c *PageCache) Cut(dir string) error {
	for _, gone := range []map[string][]extent{c.dirty, c.lost} {
		for name, extents := range gone {
			f, err := os.OpenFile(filepath.Join(dir, name), os.O_WRONLY, 0)
			if err != nil {
				return err
			}
			for _, e := range extents {
				if _, err := f.WriteAt(make([]byte, e.length), e.off); err != nil {
					return err
				}
			}
			if err := f.Close(); err != nil {
				return err
			}
		}
	}
	for name := range c.unnamed {
		if err := os.Remove(filepath.Join(dir, name)); err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	return nil
}

// alive returns the error of a call of a process that was killed.
func (c *PageCache) alive() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dead {
		return syscall.EIO
	}
	return nil
}

type cachedDir struct {
	directory
	c *PageCache
}

func (d cachedDir) open(name string, flag int) (file, error) {
	if err := d.c.alive(); err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(string(d.directory), name)); os.IsNotExist(err) && flag&os.O_CREATE != 0 {
		d.c.mu.Lock()
		d.c.unnamed[name] = true
		d.c.mu.Unlock()
	}
	f, err := d.directory.open(name, flag)
	if err != nil {
		return nil, err
	}
	return cachedFile{f, name, d.c}, nil
}

func (d cachedDir) remove(name string) error {
	if err := d.c.alive(); err != nil {
		return err
	}
	d.c.mu.Lock()
	delete(d.c.dirty, name)
	delete(d.c.lost, name)
	d.c.mu.Unlock()
	return d.directory.remove(name)
}

func (d cachedDir) syncDir() error {
	if err := d.c.alive(); err != nil {
		return err
	}
	d.c.mu.Lock()
	defer d.c.mu.Unlock()
	clear(d.c.unnamed)
	return nil
}

type cachedFile struct {
	file
	name string
	c    *PageCache
}

func (f cachedFile) writev(bufs [][]byte, off int64) (int64, error) {
	if err := f.c.alive(); err != nil {
		return 0, err
	}
	n, err := f.file.writev(bufs, off)
	f.c.mu.Lock()
	defer f.c.mu.Unlock()
	f.c.dirty[f.name] = append(f.c.dirty[f.name], extent{off, n})
	return n, err
}

func (f cachedFile) sync() error {
	f.c.mu.Lock()
	before := f.c.onSync
	f.c.onSync = nil
	f.c.mu.Unlock()
	if before != nil {
		before()
	}
	f.c.mu.Lock()
	defer f.c.mu.Unlock()
	switch {
	case f.c.dead:
		return syscall.EIO
	case f.c.failing:
		f.c.failing = false
		f.c.lost[f.name] = append(f.c.lost[f.name], f.c.dirty[f.name]...)
		delete(f.c.dirty, f.name)
		return syscall.EIO
	}
	delete(f.c.dirty, f.name)
	return nil
}

func (f cachedFile) reserve(to int64) error {
	if err := f.c.alive(); err != nil {
		return err
	}
	return f.file.reserve(to)
}
