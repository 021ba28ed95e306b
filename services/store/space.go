package store

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// diskSpace is what the disk of the store has.
type diskSpace struct {
	free, total int64
	at          time.Time
}

// spaceAge is how long a look at the disk is good for.
const spaceAge = 200 * time.Millisecond

func spaceOf(dir string) (diskSpace, error) {
	var st syscall.Statfs_t
	if err := syscall.Statfs(dir, &st); err != nil {
		return diskSpace{}, fmt.Errorf("look at disk: %w", err)
	}
	unit := int64(st.Bsize) //nolint:unconvert // types differ between systems
	return diskSpace{free: int64(st.Bavail) * unit, total: int64(st.Blocks) * unit}, nil
}

// checkSpace returns ErrFull where the disk has less free space than the store
// leaves alone. The caller holds writing.
func (s *Columnar) checkSpace() error {
	if now := time.Now(); now.Sub(s.space.at) >= spaceAge {
		sp, err := s.cfg.space(s.dir)
		if err != nil {
			return err
		}
		sp.at = now
		s.space = sp
	}
	if s.space.free < s.cfg.MinFreeBytes {
		s.metrics.refused.Inc()
		return fmt.Errorf("write batch: %w: %d bytes are free, %d are kept free", ErrFull, s.space.free, s.cfg.MinFreeBytes)
	}
	return nil
}

// lockDir takes the lock of a directory, which ends with the process.
func lockDir(dir string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock store: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		return nil, fmt.Errorf("lock store: %s is in use by another process: %w", dir, err)
	}
	return f, nil
}
