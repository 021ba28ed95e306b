package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/gatewatch/gatewatch/services/audit"
)

func newAudit() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Verify and read the log of what people and the server did",
		Example: `  gatewatch audit verify --data ./gatewatch-data
  gatewatch audit list --data ./gatewatch-data --act token.`,
	}
	cmd.AddCommand(newAuditVerify(), newAuditList(), newAuditShow())
	return cmd
}

// auditLog is the log of a data folder.
type auditLog struct {
	dataFolder
	key string
}

func (a *auditLog) flags(cmd *cobra.Command) {
	a.bind(cmd)
	cmd.Flags().StringVar(&a.key, "key", "", "file with the public key of the log, kept elsewhere (default: DIR/audit/key.pub)")
}

// read verifies the log and calls each with its leaves. What is not there is a
// mistake of the call.
func (a *auditLog) read(ctx context.Context, each func(int64, audit.Leaf) error) (audit.Checked, error) {
	if _, err := a.load(); err != nil {
		return audit.Checked{}, err
	}
	dir := filepath.Join(a.data, audit.Dir)
	if !isDir(dir) {
		return audit.Checked{}, usagef("--data: there is no audit log in %s", a.data)
	}
	if a.key != "" {
		if _, err := os.Stat(a.key); err != nil {
			return audit.Checked{}, usagef("--key: %w", err)
		}
	}
	marks, _, err := a.marks(ctx)
	if err != nil {
		return audit.Checked{}, err
	}
	return audit.Verify(dir, a.key, marks, each)
}

// broken returns where a log is broken, nil if the error says something else.
func broken(err error) *audit.Broken {
	var b *audit.Broken
	if errors.As(err, &b) {
		return b
	}
	return nil
}
