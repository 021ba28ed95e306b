package audit

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// Sealer writes the leaves about the segments of one store. Its methods may be
// called concurrently.
type Sealer struct {
	log   *Log
	store string // folder

	mu      sync.Mutex
	adopted int    // segments that a new log took over
	settled bool   // the log and the store agree
	pending string // id of the change of the last leaves, if it was not made
}

// NewSealer makes the sealer of the store in a folder.
func NewSealer(log *Log, store string) *Sealer { return &Sealer{log: log, store: store} }

// maxNames bounds how many names a leaf holds.
const maxNames = 500

// Segment is what a seal says of a segment besides its hash.
type Segment struct {
	Name        string // of its file in the store
	Stream      string
	First, Next uint64 // queue range
	Rows        int64
	Mended      *Mended // the damaged segment whose place it takes, else nil
}

// Mended says of a damaged segment what was done about it.
type Mended struct {
	Made, Lost int64  // events that were made again, and that were not
	Found      string // SHA-256 of the damaged file in hexadecimal, "" if it could not be read
}

// Settle makes the log agree with the segments that a store is made of when it is
// opened. A new log takes over what is there; of the last change in an older one
// it says whether a crash kept it from being made.
func (s *Sealer) Settle(ctx context.Context, named []string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.settle(ctx, named)
}

// Adopted is how many segments the log took over because it knew of none: it is
// younger than the store.
func (s *Sealer) Adopted() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.adopted
}

func (s *Sealer) settle(ctx context.Context, named []string) error {
	if s.settled {
		return nil
	}
	last, err := s.lastChange()
	if err != nil {
		return err
	}
	switch {
	case last == nil:
		for _, name := range named {
			if err := s.seal(ctx, Segment{Name: name}, whyAdopted+":"+name, nil, whyAdopted); err != nil {
				return err
			}
			s.adopted++
		}
	case !last.made(named):
		s.pending = last.id
		if err := s.withdraw(ctx, "crash"); err != nil {
			return err
		}
	}
	s.settled = true
	return nil
}

// lastChange returns what the last leaves about segments say, nil if there are
// none. Of its maps only the keys are set.
func (s *Sealer) lastChange() (c *change, err error) {
	err = s.log.Recent(func(l Leaf) bool {
		id := l.Detail[DetailChange]
		switch {
		case l.Act == ActWithdraw && c == nil:
			c = &change{}
			return false
		case l.Act != ActSeal && l.Act != ActDelete:
			return true
		case c == nil:
			c = &change{id: id, deleted: map[string]seal{}}
		case c.id != id:
			return false
		}
		if l.Act == ActSeal {
			c.sealed = append(c.sealed, l.Object)
			return true
		}
		for name := range strings.FieldsSeq(l.Object) {
			c.deleted[name] = seal{}
		}
		return true
	})
	return c, err
}

// made tells whether a change was made to the store that has these segments: it
// is made as a whole or not at all.
func (c *change) made(named []string) bool {
	if len(c.sealed) > 0 {
		return slices.Contains(named, c.sealed[0])
	}
	return !slices.ContainsFunc(named, func(name string) bool {
		_, ok := c.deleted[name]
		return ok
	})
}

// Change writes the leaves of a change of the segments, before it is made: a seal
// for each segment that comes, and the deletion of those that go unless the first
// seal names them. named are the segments before it, why is a word. done is to be
// called with whether the change was made.
func (s *Sealer) Change(ctx context.Context, named []string, added []Segment, removed []string, why string) (done func(made bool), err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.settle(ctx, named); err != nil {
		return nil, err
	}
	if err := s.withdraw(ctx, "failure"); err != nil {
		return nil, err
	}
	if err := s.write(ctx, added, removed, why); err != nil {
		return nil, errors.Join(err, s.withdraw(ctx, "failure"))
	}
	return s.done, nil
}

func (s *Sealer) write(ctx context.Context, added []Segment, removed []string, why string) error {
	var replaced []string
	if len(added) > 0 && len(removed) <= maxNames {
		replaced, removed = removed, nil
	}
	id := why + ":"
	if len(added) > 0 {
		id += added[0].Name
	} else {
		id += removed[0]
	}
	for i, x := range added {
		if i > 0 {
			replaced = nil
		}
		if err := s.seal(ctx, x, id, replaced, why); err != nil {
			return err
		}
		s.pending = id
	}
	for part := range slices.Chunk(removed, maxNames) {
		l := Leaf{
			Actor: Server, Act: ActDelete, Object: strings.Join(part, " "),
			Detail: map[string]string{DetailChange: id, DetailWhy: why},
		}
		if _, err := s.log.Append(ctx, l); err != nil {
			return err
		}
		s.pending = id
	}
	return nil
}

// done is told whether the change of the last leaves was made.
func (s *Sealer) done(made bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if made {
		s.pending = ""
	}
}

// withdraw says that the change of the last leaves was not made.
func (s *Sealer) withdraw(ctx context.Context, why string) error {
	if s.pending == "" {
		return nil
	}
	l := Leaf{Actor: Server, Act: ActWithdraw, Object: s.pending, Detail: map[string]string{DetailWhy: why}}
	if _, err := s.log.Append(ctx, l); err != nil {
		return err
	}
	s.pending = ""
	return nil
}

func (s *Sealer) seal(ctx context.Context, x Segment, change string, replaces []string, why string) error {
	sum, err := hashFile(filepath.Join(s.store, filepath.FromSlash(x.Name)))
	if err != nil {
		return fmt.Errorf("seal segment: %w", err)
	}
	detail := map[string]string{DetailChange: change, DetailWhy: why}
	if x.Next > 0 {
		detail["stream"] = x.Stream
		detail["first"], detail["next"] = strconv.FormatUint(x.First, 10), strconv.FormatUint(x.Next, 10)
		detail["rows"] = strconv.FormatInt(x.Rows, 10)
	}
	if m := x.Mended; m != nil {
		detail[DetailMade], detail[DetailLost] = strconv.FormatInt(m.Made, 10), strconv.FormatInt(m.Lost, 10)
		detail[DetailFound] = m.Found
	}
	if len(replaces) > 0 {
		detail[DetailReplaces] = strings.Join(replaces, " ")
	}
	_, err = s.log.Append(ctx, Leaf{Actor: Server, Act: ActSeal, Object: x.Name, Detail: detail, Hash: sum})
	return err
}
