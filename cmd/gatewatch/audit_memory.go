package main

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatewatch/gatewatch/services/audit"
	"github.com/gatewatch/gatewatch/services/state"
)

// rememberEach is how often the state learns where the audit log stands.
const rememberEach = time.Minute

// recallAudit compares the audit log with where the state knows it to have stood.
// A log that was removed, or replaced by an older one, is an error that is logged
// and a leaf of the log that is there; the server starts all the same.
func (v *server) recallAudit(ctx context.Context) error {
	if n := v.sealer.Adopted(); n > 0 {
		v.log.Error("audit log is younger than the store", "segments_adopted", n)
	}
	marks, err := v.state.AuditMarks(ctx)
	if err != nil {
		return err
	}
	for _, m := range marks {
		if !m.Lost.IsZero() {
			continue
		}
		why, err := v.audit.Lost(auditMark(m))
		if err != nil {
			return err
		}
		if why == "" {
			continue
		}
		v.log.Error("audit log is not the one of before", "reason", why)
		leaf := audit.Leaf{Actor: audit.Server, Act: audit.ActLost, Object: m.Origin, Detail: map[string]string{
			"leaves": strconv.FormatInt(m.Size, 10), "root": m.Root, audit.DetailWhy: why,
		}}
		if _, err := v.audit.Append(ctx, leaf); err != nil {
			return err
		}
		if err := v.state.LoseAuditMark(ctx, m.Origin); err != nil {
			return err
		}
	}
	v.recalled = true
	return v.rememberAudit(ctx)
}

// leaveAudit remembers the log at the end, unless it could not be recalled: the
// marks that are there then tell more.
func (v *server) leaveAudit(ctx context.Context) error {
	if !v.recalled {
		return nil
	}
	return v.rememberAudit(ctx)
}

// rememberAudit keeps in the state where the audit log stands.
func (v *server) rememberAudit(ctx context.Context) error {
	m, err := v.audit.Mark()
	if err != nil {
		return err
	}
	return v.state.PutAuditMark(ctx, state.AuditMark{Origin: m.Origin, Size: m.Size, Root: m.Root})
}

// keepRemembering does so until ctx ends.
func (v *server) keepRemembering(ctx context.Context) {
	tick := time.NewTicker(rememberEach)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			if err := v.rememberAudit(ctx); err != nil && ctx.Err() == nil {
				v.log.Error("the state does not know where the audit log stands", "error", err)
			}
		}
	}
}

func auditMark(m state.AuditMark) audit.Mark {
	return audit.Mark{Origin: m.Origin, Size: m.Size, Root: m.Root}
}

// marks returns where the state of the data folder knows the log to have stood,
// and what it knows of logs that are gone, in words.
func (a *auditLog) marks(ctx context.Context) (live []audit.Mark, gone []string, err error) {
	all, err := state.ReadAuditMarks(ctx, a.data)
	for _, m := range all {
		if m.Lost.IsZero() {
			live = append(live, auditMark(m))
			continue
		}
		gone = append(gone, fmt.Sprintf("the state remembers another log, or another history of this one: %s had %d leaves, and was not there any more on %s",
			m.Origin, m.Size, m.Lost.Format(time.RFC3339)))
	}
	return live, gone, err
}

// auditAct writes a leaf for what a command is about to do with a data folder. If
// it cannot be written the act must not be done.
func auditAct(cmd *cobra.Command, data, act, object string, detail map[string]string) (err error) {
	v := newServer(settings{Data: data}, slog.New(slog.NewTextHandler(cmd.ErrOrStderr(), &slog.HandlerOptions{Level: slog.LevelError})), func() {})
	if err := v.openAudit(); err != nil {
		return err
	}
	defer func() {
		if closeErr := v.audit.Close(); err == nil {
			err = closeErr
		}
	}()
	_, err = v.audit.Append(cmd.Context(), audit.Leaf{Actor: localUser(), Act: act, Object: object, Detail: detail})
	return err
}
