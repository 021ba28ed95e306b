package queue

import (
	"fmt"
	"time"
)

// Config bounds what a [Disk] keeps and takes. The zero value is the default.
type Config struct {
	// SegmentBytes is the size at which a new file is begun; default 64 MiB,
	// and never more than an eighth of MaxBytes.
	SegmentBytes int64
	// MaxAppendBytes is the largest encoded size of one Append; default and
	// upper bound 64 MiB.
	MaxAppendBytes int64
	// MaxBytes is the size of the whole log at which Append returns ErrFull
	// unless consumed segments can be cut; default half of the disk.
	MaxBytes int64
	// MinFreeBytes is the free space below which Append returns ErrFull;
	// default 5 % of the disk but at most 2 GiB.
	MinFreeBytes int64
	// RetainBytes is how much consumed log is kept for replay while there is
	// room; default 2 GiB, negative keeps none.
	RetainBytes int64 `help:"size of stored records that are kept for replay while there is room; 2GiB if 0, negative keeps none"`
	// RetainAge is how long consumed log is kept for replay; default 7 days,
	// negative keeps none.
	RetainAge time.Duration `help:"time for which stored records are kept for replay; 7 days if 0, negative keeps none"`
	// TailBytes is the memory for the newest records, so that readers at the
	// end read no files; default 32 MiB, negative keeps none.
	TailBytes int64
	// Consumers are the names whose commits hold the log back. A name that has
	// not committed yet holds all of it. Default: everyone who ever committed.
	Consumers []string `yaml:"-"`
	// Floor is the lowest offset for the next record: one past all that others
	// remember of this log, so that a log that was removed never gives out an
	// offset twice. Default: what the log's own files say.
	Floor Offset `yaml:"-"`
}

const (
	maxAppendBytes = 64 << 20
	minSegment     = 64 << 10
)

// withDefaults fills in zero fields for a disk of that many bytes.
func (c Config) withDefaults(disk int64) Config {
	if c.MaxAppendBytes == 0 {
		c.MaxAppendBytes = maxAppendBytes
	}
	if c.MaxBytes == 0 {
		c.MaxBytes = disk / 2
	}
	if c.SegmentBytes == 0 {
		c.SegmentBytes = 64 << 20
	}
	c.SegmentBytes = max(min(c.SegmentBytes, c.MaxBytes/8), minSegment)
	if c.MinFreeBytes == 0 {
		c.MinFreeBytes = min(disk/20, 2<<30)
	}
	if c.RetainBytes == 0 {
		c.RetainBytes = 2 << 30
	}
	if c.RetainAge == 0 {
		c.RetainAge = 7 * 24 * time.Hour
	}
	if c.TailBytes == 0 {
		c.TailBytes = 32 << 20
	}
	return c
}

// validate names the key that is out of range.
func (c Config) validate() error {
	if c.MaxAppendBytes < 0 || c.MaxAppendBytes > maxAppendBytes {
		return fmt.Errorf("check max_append_bytes: %d is not between 1 and %d", c.MaxAppendBytes, maxAppendBytes)
	}
	for _, f := range []struct {
		key   string
		value int64
	}{
		{"segment_bytes", c.SegmentBytes},
		{"max_bytes", c.MaxBytes},
		{"min_free_bytes", c.MinFreeBytes},
	} {
		if f.value < 0 {
			return fmt.Errorf("check %s: %d is negative", f.key, f.value)
		}
	}
	return nil
}
