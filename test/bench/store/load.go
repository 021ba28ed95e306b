package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"
)

// loadOne loads generated events into one server. They go there as they are
// made, for there may be more of them than the disk holds as lines; as the same
// seed gives the same events, the other server can be loaded later.
func (o options) loadOne() error {
	t, err := o.loaded()
	if errors.Is(err, fs.ErrNotExist) {
		t, err = &truth{To: time.Now().UTC().Truncate(24 * time.Hour)}, nil
	}
	if err != nil {
		return err
	}
	c, folder, err := o.side(o.load, t)
	if err != nil {
		return err
	}
	var made *truth
	in, err := takeFrom(c, folder, func() (n int, err error) {
		n, made, err = o.stream(t.To, c.insert)
		return n, err
	})
	if err != nil {
		return err
	}
	in.print(c.name(), o.load)
	b, err := json.Marshal(made)
	if err != nil {
		return err
	}
	if err := os.WriteFile(o.truthFile(), b, 0o600); err != nil {
		return err
	}
	return merge(c, folder, made.Events)
}

// askLoaded asks both servers about what loadOne loaded into them.
func (o options) askLoaded() error {
	t, err := o.loaded()
	if err != nil {
		return fmt.Errorf("read what was loaded: %w", err)
	}
	peer, peerFolder := o.victoriaLogs()
	ours, folder, err := o.side("ours", t)
	if err != nil {
		return err
	}
	return o.clock().compareQueries(os.Stdout, [2]contender{peer, ours}, [2]string{peerFolder, folder}, questions(t), o.runs, o.cold)
}

// side returns one of the servers by its name on the command line.
func (o options) side(name string, t *truth) (contender, string, error) {
	switch name {
	case "peer":
		c, folder := o.victoriaLogs()
		return c, folder, nil
	case "ours":
		kind, _, _ := strings.Cut(o.inputs, ",")
		c, folder := o.gatewatch(kind, t)
		return c, folder, nil
	}
	return nil, "", fmt.Errorf("-load %s: neither peer nor ours", name)
}

// stream sends generated events up to a time, and returns how many there were
// and what they hold.
// Several requests may be under way at once.
func (o options) stream(to time.Time, send func(lines []byte) error) (int, *truth, error) {
	in, out := io.Pipe()
	var made *truth
	generated := make(chan error, 1)
	go func() {
		var err error
		made, err = generate(out, o.events, to, o.seed, o.prose)
		generated <- errors.Join(err, out.CloseWithError(err))
	}()
	sending, ctx := errgroup.WithContext(context.Background())
	sending.SetLimit(o.senders)
	n, err := cut(in, o.batch, -1, func(lines []byte) error {
		batch := bytes.Clone(lines)
		sending.Go(func() error { return send(batch) })
		return ctx.Err()
	})
	err = errors.Join(sending.Wait(), err)
	return n, made, errors.Join(err, in.CloseWithError(err), <-generated)
}

func (o options) truthFile() string {
	return filepath.Join(o.work, "loaded-"+o.kind()+".truth")
}

// loaded reads what the loaded events hold, from which their last time is known too.
func (o options) loaded() (*truth, error) {
	b, err := os.ReadFile(o.truthFile())
	if err != nil {
		return nil, err
	}
	t := &truth{}
	return t, json.Unmarshal(b, t)
}
