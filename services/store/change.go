package store

import (
	"errors"
	"fmt"
)

// Change is one change of the set of segments that make up a store.
type Change struct {
	Named   []string  // files of the segments before the change
	Added   []Segment // that come
	Removed []string  // files of those that go
	Why     string    // flush, merge, retention, rewind or repair
}

// Segment is what is said of a segment that comes. Its file is durable.
type Segment struct {
	Name        string // of its file in the folder of the store
	Stream      string
	First, Next uint64 // queue range
	Rows, Bytes int64
	Mended      *Mended // the damaged segment whose place it takes, else nil
}

// names returns the files of segments.
func names(segments []*segmentFile) []string {
	all := make([]string, len(segments))
	for i, f := range segments {
		all[i] = segmentName(f.id)
	}
	return all
}

// SegmentNames returns the files of the segments that make up the store.
func (s *Columnar) SegmentNames() []string { return names(s.listed()) }

// SegmentNames returns the files of the segments that make up the store in a
// folder, which may be in use. Where its manifest is damaged it is all there are.
func SegmentNames(dir string) ([]string, error) {
	m, err := readManifest(dir)
	if errors.Is(err, errNoManifest) {
		return nil, nil
	}
	var all []string
	if errors.Is(err, errManifest) {
		ids, err := segmentIDs(dir)
		for _, id := range ids {
			all = append(all, segmentName(id))
		}
		return all, err
	}
	if err != nil {
		return nil, err
	}
	for _, e := range m.Segments {
		all = append(all, segmentName(e.ID))
	}
	return all, nil
}

// publish makes a manifest that changes the set of segments the one that counts,
// if the audit log takes the change. The caller holds manifests.
func (s *Columnar) publish(m *manifest, added, removed []*segmentFile, why string) error {
	done := func(bool) {}
	if s.cfg.Audit != nil && len(added)+len(removed) > 0 {
		c := Change{Named: names(s.listed()), Removed: names(removed), Why: why}
		for _, f := range added {
			c.Added = append(c.Added, Segment{
				Name: segmentName(f.id), Stream: f.info.Stream, First: f.info.First, Next: f.info.Next, Rows: f.info.Rows, Bytes: f.info.Bytes, Mended: f.mends,
			})
		}
		var err error
		if done, err = s.cfg.Audit(c); err != nil {
			return fmt.Errorf("audit change of segments: %w", err)
		}
	}
	err := m.write(s.dir, s.cfg.files)
	done(err == nil)
	return err
}
