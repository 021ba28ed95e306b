package store

import (
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Config bounds what a [Columnar] keeps, takes and uses. The zero value is the
// default.
type Config struct {
	FlushRows    int           // rows in memory at which a segment is written; default 65,536
	FlushAge     time.Duration // age of the oldest row in memory at which a segment is written; default 30 s
	SegmentBytes int64         // size up to which small segments are merged; default 256 MiB
	CacheBytes   int64         // memory for decoded columns; default 48 MiB
	RetainAge    time.Duration // time since it was written after which a segment is deleted; default 90 days, negative keeps all
	MaxBytes     int64         // size of all segments above which the oldest are deleted; default half of the disk
	MinFreeBytes int64         // free disk space below which Write returns ErrFull; default 3 % of the disk but at most 1 GiB
	QueryTime    time.Duration // time after which a query gives a partial answer; default 60 s
	QueryBytes   int64         // memory that one query may take; default 64 MiB

	Log     *slog.Logger          // default: none
	Metrics prometheus.Registerer // default: none
	Now     func() time.Time      // clock of retention and flushing; default time.Now

	space func(dir string) (diskSpace, error) // looks at the disk; tests have others
}

// withDefaults fills in zero fields for a disk of that many bytes.
func (c Config) withDefaults(disk int64) Config {
	set(&c.FlushRows, 1<<16)
	set(&c.FlushAge, 30*time.Second)
	set(&c.SegmentBytes, 256<<20)
	set(&c.CacheBytes, 48<<20)
	set(&c.RetainAge, 90*24*time.Hour)
	set(&c.MaxBytes, disk/2)
	set(&c.MinFreeBytes, min(disk/100*3, 1<<30))
	set(&c.QueryTime, time.Minute)
	set(&c.QueryBytes, 64<<20)
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.space == nil {
		c.space = spaceOf
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

func set[T comparable](v *T, def T) {
	var zero T
	if *v == zero {
		*v = def
	}
}

// validate names the key that is out of range.
func (c Config) validate() error {
	for _, f := range []struct {
		key   string
		value int64
	}{
		{"flush_rows", int64(c.FlushRows)},
		{"flush_age", int64(c.FlushAge)},
		{"segment_bytes", c.SegmentBytes},
		{"cache_bytes", c.CacheBytes},
		{"max_bytes", c.MaxBytes},
		{"min_free_bytes", c.MinFreeBytes},
		{"query_time", int64(c.QueryTime)},
		{"query_bytes", c.QueryBytes},
	} {
		if f.value < 0 {
			return fmt.Errorf("check %s: %d is negative", f.key, f.value)
		}
	}
	return nil
}
