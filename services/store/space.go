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
	lacks := s.space.free < s.cfg.MinFreeBytes
	s.lacks.Store(lacks)
	if lacks {
		s.free.Store(s.space.free)
		s.metrics.refused.Inc()
		return fmt.Errorf("write batch: %w: %d bytes of the disk are free, store.min_free_bytes is %d", ErrFull, s.space.free, s.cfg.MinFreeBytes)
	}
	return nil
}

// Level says how much room the disk has for events.
type Level int32

// Levels, by the free space of the disk.
const (
	Roomy Level = iota
	Low         // below Config.LowFreeBytes
	Full        // below Config.MinFreeBytes: events are refused
)

// String returns the name of a level, as the log has it.
func (l Level) String() string { return [...]string{"roomy", "low", "full"}[l] }

// Room says what the disk had when it was last looked at, a few seconds ago at
// most, and what all segments may take.
type Room struct {
	Level    Level
	Free     int64 // bytes
	Used     int64 // bytes of all segments
	LowFree  int64 // see Config.LowFreeBytes
	MinFree  int64 // see Config.MinFreeBytes
	MaxBytes int64 // see Config.MaxBytes
	Deletes  bool  // see Config.DeleteWhenLow
}

// Room returns the room on the disk.
func (s *Columnar) Room() Room {
	_, used, _ := s.totals()
	return Room{
		Level: Level(s.level.Load()), Free: s.free.Load(), Used: used, LowFree: s.cfg.LowFreeBytes,
		MinFree: s.cfg.MinFreeBytes, MaxBytes: s.cfg.MaxBytes, Deletes: s.cfg.DeleteWhenLow,
	}
}

// behind says of a store that has refused events, and not taken any since, that
// there are newer ones.
func (s *Columnar) behind() []string {
	if s.lock == nil || !s.lacks.Load() {
		return nil
	}
	return []string{fmt.Sprintf("newer events wait in the queue until there is room: %d bytes of the disk are free, store.min_free_bytes is %d",
		s.free.Load(), s.cfg.MinFreeBytes)}
}

// lookAtRoom finds the level and logs when it changes.
func (s *Columnar) lookAtRoom() {
	sp, err := s.cfg.space(s.dir)
	if err != nil {
		s.cfg.Log.Error("look at disk", "dir", s.dir, "err", err)
		return
	}
	level := Roomy
	switch {
	case sp.free < s.cfg.MinFreeBytes:
		level = Full
	case sp.free < s.cfg.LowFreeBytes:
		level = Low
	}
	s.free.Store(sp.free)
	before := Level(s.level.Swap(int32(level)))
	if level == before {
		return
	}
	log := s.cfg.Log.Warn
	if level == Roomy {
		log = s.cfg.Log.Info
	}
	log("free space of the disk changed its level", "level", level.String(), "before", before.String(), "free_bytes", sp.free,
		"low_free_bytes", s.cfg.LowFreeBytes, "min_free_bytes", s.cfg.MinFreeBytes, "delete_when_low", s.cfg.DeleteWhenLow)
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
