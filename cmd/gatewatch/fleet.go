package main

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/gatewatch/gatewatch/detection"
	"github.com/gatewatch/gatewatch/services/queue"
	"github.com/gatewatch/gatewatch/services/waf"
	"github.com/gatewatch/gatewatch/services/waf/bundle"
	"github.com/gatewatch/gatewatch/services/waf/fleet"
)

// openFleet opens the server's side of rule-set bundles.
func (v *server) openFleet() (*fleet.Fleet, error) {
	key, made, err := bundle.OpenKey(v.settings.Data)
	if err != nil {
		return nil, err
	}
	if made {
		v.log.Info("key of rule-set bundles made", slog.String("file", bundle.KeyFile))
	}
	return fleet.Open(context.Background(), fleet.Options{
		State: v.state, Key: key, Audit: v.audit.Append, Compile: compileBundle, Record: v.recordOwn, Now: time.Now, Log: v.log,
	})
}

// compileBundle tries a bundle out on every site that it names, and on one that it
// does not.
func compileBundle(b *bundle.Bundle) error {
	names := map[string]bool{"": true}
	for _, s := range b.Sites {
		names[s.Name] = true
	}
	for _, x := range b.Exclusions {
		names[x.Site] = true
	}
	for name := range names {
		engine, err := waf.CompileBundle(waf.Settings{}, b, name, time.Now())
		if err == nil {
			err = engine.Close()
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// recordOwn puts an event of the server itself into the queue.
func (v *server) recordOwn(ctx context.Context, raw []byte) error {
	g := queue.Group{Source: detection.Source, Format: waf.Format, Records: []queue.Record{{Received: time.Now().UnixNano(), Raw: raw}}}
	return errors.Join(v.sink.Put(ctx, []queue.Group{g})...)
}
