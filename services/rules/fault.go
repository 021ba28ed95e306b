package rules

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/gatewatch/gatewatch/detection/sigma"
)

// sourceError is what is wrong with the files of the rules, not with the machine.
type sourceError struct{ error }

func (e *sourceError) Unwrap() error { return e.error }

// Start puts the rules of now in use. Where their files cannot be used, those that
// were in use last stay or, at the first start, those of the pack come in use: a
// mistake in a file of rules must not keep records from being taken. [Keeper.InUse]
// and the log say so until the files are mended.
func (k *Keeper) Start(ctx context.Context) error {
	_, err := k.Refresh(ctx)
	var source *sourceError
	if !errors.As(err, &source) {
		return err
	}
	instead := "those used last"
	if _, lost := k.InUse(); lost != nil {
		instead = "those of the pack"
		if err := k.usePack(ctx); err != nil {
			return err
		}
	}
	k.Log.LogAttrs(ctx, slog.LevelError, "rules of now cannot be used, others are", slog.String("used", instead), slog.Any("error", err))
	return nil
}

// usePack puts the rules of the pack in use without anything else.
func (k *Keeper) usePack(ctx context.Context) error {
	b := new(bundle)
	if k.settings().Pack {
		if err := b.addFolder(k.Pack, packFolder); err != nil {
			return fmt.Errorf("read rules of the pack: %w", err)
		}
	}
	b.sort()
	s, err := b.compile()
	if err != nil {
		return err
	}
	return k.install(ctx, b, s)
}

// tell keeps what came of a look at the files, for people.
func (k *Keeper) tell(s *Set, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if err != nil {
		k.fault = newFault(err)
		k.metrics.reloadFailed()
		return
	}
	k.fault, k.unread = nil, nil
	if n := s.rejections.unreadable; n > 0 {
		k.unread = s.Rejected[len(s.Rejected)-n:]
	}
	k.metrics.reloaded(s, k.Now())
}

// newFault is an error with the place where it is, if it has one.
func newFault(err error) *sigma.Error {
	f := &sigma.Error{Reason: "the rules as they are now are not in use: " + err.Error()}
	var at *sigma.Error
	if errors.As(err, &at) {
		f.Path, f.Pos, f.Reason = at.Path, at.Pos, "the rules as they are now are not in use: "+at.Reason
	}
	return f
}
