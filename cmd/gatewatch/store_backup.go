package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatewatch/gatewatch/services/audit"
	"github.com/gatewatch/gatewatch/services/backup"
)

func newStoreBackup() *cobra.Command {
	var f storeFlags
	var target string
	var o backup.Options
	cmd := &cobra.Command{
		Use:   "backup --to FOLDER [--data DIR]",
		Short: "Copy a data folder while its server runs",
		Long: `Makes the folder a backup of all that a server keeps: segments, the records of
the queue that are not in segments yet, state, audit log, archives, rules, tokens, the
folders enrich and geoip. The server may run. The backup is consistent: it has
every record that was acknowledged before it began.

Folders that are linked from the data folder are copied; links below them, and an
archive.dir that lies elsewhere, are not.

Run again on the same folder it copies only what has changed; one that is
interrupted or killed leaves the backup before it as it was, and goes on the next
time. Every content has its SHA-256 as name, and is checked by restore.

The master key of encryption, master.key, is left out unless --with-master-key is
given: keep a copy of it elsewhere, for without it nothing that is encrypted can be
opened. The rest of a backup is what the data folder holds, tokens such as
admin.token too: guard it alike.

Exit code 1 if a file needs a data key that is not in keys.json: the backup has it,
and nobody can open it.`,
		Example: `  gatewatch store backup --data /var/lib/gatewatch --to /mnt/backup/gatewatch
  gatewatch store backup --to /snapshots/gatewatch --link`,
		Args: noArgs,
	}
	f.dataFolder.bind(cmd)
	cmd.Flags().StringVar(&target, "to", "", "folder of the backup, made if need be")
	cmd.Flags().BoolVar(&o.Link, "link", false, "hard links instead of copies of what never changes, on the same file system: no second copy if the disk fails")
	cmd.Flags().BoolVar(&o.Master, "with-master-key", false, "copy master.key too: who has the backup can read all that is encrypted")
	f.bindOutput(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if target == "" {
			return usagef("--to: name the folder of the backup")
		}
		if _, err := f.load(); err != nil {
			return err
		}
		if !isDir(f.folder()) {
			return usagef("--data: %s is no data folder of a server: it has no folder store", f.data)
		}
		return runStoreBackup(cmd, &f, target, o)
	}
	return cmd
}

func runStoreBackup(cmd *cobra.Command, f *storeFlags, target string, o backup.Options) error {
	table, err := f.asTable(cmd.OutOrStdout())
	if err != nil {
		return err
	}
	if err := auditAct(cmd, f.data, audit.ActBackup, target, nil); err != nil {
		return err
	}
	clear := func() {}
	o.Version = version
	o.Progress = func(file string, copied int64) { clear = progressBar(cmd, size(copied)+" copied, "+file) }
	c, err := backup.Create(cmd.Context(), f.data, target, o)
	clear()
	if err != nil {
		return err
	}
	if err := printBackup(cmd, table, c.Index, c.Copied, "copied"); err != nil {
		return err
	}
	return warnOfBackup(cmd, &c)
}

// warnOfBackup says on standard error what a backup does not have.
func warnOfBackup(cmd *cobra.Command, c *backup.Created) error {
	warn := func(format string, args ...any) {
		fmt.Fprintln(cmd.ErrOrStderr(), printable(fmt.Sprintf("gatewatch: "+format, args...)))
	}
	for _, name := range c.LeftOut {
		warn("%s is not in the backup: it is neither a file nor a folder", name)
	}
	if c.MasterLeftOut {
		warn("%s is not in the backup: keep a copy of it elsewhere, without it nothing that is encrypted can be opened (--with-master-key copies it)", masterFile)
	}
	for _, text := range c.Unopened {
		warn("cannot be opened: %s", text)
	}
	if len(c.Unopened) > 0 {
		return errFindings
	}
	return nil
}

// printBackup says what a backup holds, and how much of it was moved.
func printBackup(cmd *cobra.Command, table bool, x *backup.Index, moved int64, how string) error {
	if !table {
		return printJSON(cmd.OutOrStdout(), map[string]any{
			"created": x.Created.Format(time.RFC3339Nano), "version": x.Version, "applied": x.Applied,
			"files": len(x.Files), "bytes": x.Bytes(), how + "_bytes": moved,
		})
	}
	_, err := fmt.Fprintf(cmd.OutOrStdout(), "%s of %s, as of %s: %s %s\n", count(len(x.Files), "file"), size(x.Bytes()),
		x.Created.Format(time.RFC3339), size(moved), how)
	return err
}
