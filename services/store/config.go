package store

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gatewatch/gatewatch/services/vault"
)

// Config bounds what a [Columnar] keeps, takes and uses. The zero value is the
// default.
type Config struct {
	FlushRows     int            `help:"rows in memory at which a segment is written"`
	FlushBytes    int64          `help:"bytes in memory of all streams at which segments are written; at twice as many writing waits"`
	FlushAge      time.Duration  `help:"age of the oldest row in memory at which a segment is written"`
	SegmentBytes  int64          `help:"size up to which small segments are merged"`
	CacheBytes    int64          `help:"memory for decoded columns, and as much again for descriptions of blocks"`
	RetainAge     time.Duration  `help:"time since it was written after which a segment is deleted; negative keeps all"`
	MaxBytes      int64          `help:"size of all segments above which the oldest of the largest stream are deleted; half of the disk if 0"`
	LowFreeBytes  int64          `help:"free disk space below which the server warns; 10 % of the disk but at most 4GiB if 0"`
	DeleteWhenLow bool           `help:"delete the oldest segments of the largest stream while the disk has less than low_free_bytes"`
	MinFreeBytes  int64          `help:"free disk space below which events are refused; 3 % of the disk but at most 1GiB if 0"`
	Streams       []StreamConfig `help:"events that are kept apart, with a retention of their own: [{name: N, filter: QUERY, max_age: D, max_bytes: B}]"`
	ScrubEvery    time.Duration  `help:"how often every segment is read through for damage, at 8 MiB a second; negative never does"`
	QueryTime     time.Duration  `help:"time after which a query gives a partial answer"`
	QueryBytes    int64          `help:"memory that one query may take"`
	QueriesBytes  int64          `help:"memory that all large queries at once may take; one more is refused"`

	Keys    *vault.Ring `yaml:"-"` // decrypt segments; nil if there are none
	Encrypt bool        `yaml:"-"` // new segments, with a key of Keys

	Log     *slog.Logger          // default: none
	Metrics prometheus.Registerer // default: none
	Now     func() time.Time      // clock of retention and flushing; default time.Now
	// Audit is told of each change of the segments before it is made, and its error
	// keeps it from that; done is called with whether it was made. One change comes
	// at a time. Default: none.
	Audit func(Change) (done func(made bool), err error)
	// Archive is given each segment before retention deletes it; its error keeps the
	// segment. It may be called again for a segment after a crash. Default: none.
	Archive func(ctx context.Context, r Retired) error

	// Replays tells whether the queue holds all records of the offsets first <= o <
	// next. It is asked where a damaged manifest leaves it open whether a flush was
	// whole. Default: it does not.
	Replays func(first, next uint64) bool `yaml:"-"`

	space      func(dir string) (diskSpace, error) // looks at the disk; tests have others
	files      files
	unattended bool // nothing is merged, archived or deleted but by a call: for tests, which count segments
	absent     bool // a file that is not there is a damaged one, also if the store is read only
}

// WithDefaults fills in zero fields of the configuration file but MaxBytes,
// LowFreeBytes and MinFreeBytes, whose default depends on the disk.
func (c Config) WithDefaults() Config {
	set(&c.FlushRows, 1<<16)
	set(&c.FlushBytes, 64<<20)
	set(&c.FlushAge, 30*time.Second)
	set(&c.SegmentBytes, 256<<20)
	set(&c.CacheBytes, 48<<20)
	set(&c.RetainAge, 90*24*time.Hour)
	set(&c.ScrubEvery, 7*24*time.Hour)
	set(&c.QueryTime, time.Minute)
	set(&c.QueryBytes, 64<<20)
	set(&c.QueriesBytes, max(128<<20, c.QueryBytes))
	return c
}

// on fills in all zero fields for a disk of that many bytes.
func (c Config) on(disk int64) Config {
	c = c.WithDefaults()
	set(&c.MaxBytes, disk/2)
	set(&c.MinFreeBytes, min(disk/100*3, 1<<30))
	set(&c.LowFreeBytes, max(c.MinFreeBytes, min(disk/10, 4<<30)))
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.files == nil {
		c.files = osFiles{}
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

// Validate names the key that is out of range.
func (c Config) Validate() error {
	for _, f := range []struct {
		key   string
		value int64
	}{
		{"flush_rows", int64(c.FlushRows)},
		{"flush_bytes", c.FlushBytes},
		{"flush_age", int64(c.FlushAge)},
		{"segment_bytes", c.SegmentBytes},
		{"cache_bytes", c.CacheBytes},
		{"max_bytes", c.MaxBytes},
		{"low_free_bytes", c.LowFreeBytes},
		{"min_free_bytes", c.MinFreeBytes},
		{"query_time", int64(c.QueryTime)},
		{"query_bytes", c.QueryBytes},
		{"queries_bytes", c.QueriesBytes},
	} {
		if f.value < 0 {
			return fmt.Errorf("check %s: %d is negative", f.key, f.value)
		}
	}
	if c.LowFreeBytes > 0 && c.LowFreeBytes < c.MinFreeBytes {
		return fmt.Errorf("check low_free_bytes: %d is below min_free_bytes, %d", c.LowFreeBytes, c.MinFreeBytes)
	}
	_, err := newRouter(c.Streams)
	return err
}
