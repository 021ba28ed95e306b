package queue

import (
	"fmt"
	"time"

	"github.com/gatewatch/gatewatch/services/vault"
)

// Config bounds what a [Disk] keeps and takes. The zero value is the default.
type Config struct {
	// SegmentBytes is never more than an eighth of MaxBytes.
	SegmentBytes   int64         `help:"size at which a new file of the queue is begun"`
	MaxAppendBytes int64         `help:"largest size of records that are stored at once, 64MiB at most"`
	MaxBytes       int64         `help:"size of the whole queue at which records are refused, unless stored ones can be cut; half of the disk if 0"`
	MinFreeBytes   int64         `help:"free disk space below which records are refused; 5 % of the disk but at most 2GiB if 0"`
	RetainBytes    int64         `help:"size of stored records that are kept for replay while there is room; negative keeps none"`
	RetainAge      time.Duration `help:"time for which stored records are kept for replay; negative keeps none"`
	TailBytes      int64         `help:"memory for the newest records, so that readers at the end read no files; negative keeps none"`
	// Consumers are the names whose commits hold the log back. A name that has
	// not committed yet holds all of it. Default: everyone who ever committed.
	Consumers []string `yaml:"-"`
	// Keys encrypt what is appended, if Encrypt is set, and decrypt what was.
	Keys    *vault.Ring `yaml:"-"`
	Encrypt bool        `yaml:"-"`
	// Floor is the lowest offset for the next record: one past all that others
	// remember of this log, so that a log that was removed never gives out an
	// offset twice. Default: what the log's own files say.
	Floor Offset `yaml:"-"`
}

const (
	maxAppendBytes = 64 << 20
	minSegment     = 64 << 10
)

// WithDefaults fills in zero fields but MaxBytes and MinFreeBytes, whose default
// depends on the disk.
func (c Config) WithDefaults() Config {
	for _, f := range []struct {
		field *int64
		value int64
	}{
		{&c.MaxAppendBytes, maxAppendBytes},
		{&c.SegmentBytes, 64 << 20},
		{&c.RetainBytes, 2 << 30},
		{&c.TailBytes, 16 << 20},
	} {
		if *f.field == 0 {
			*f.field = f.value
		}
	}
	if c.RetainAge == 0 {
		c.RetainAge = 7 * 24 * time.Hour
	}
	return c
}

// on fills in all zero fields for a disk of that many bytes.
func (c Config) on(disk int64) Config {
	c = c.WithDefaults()
	if c.MaxBytes == 0 {
		c.MaxBytes = disk / 2
	}
	if c.MinFreeBytes == 0 {
		c.MinFreeBytes = min(disk/20, 2<<30)
	}
	c.SegmentBytes = max(min(c.SegmentBytes, c.MaxBytes/8), minSegment)
	return c
}

// Validate names the key that is out of range.
func (c Config) Validate() error {
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
