package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatewatch/gatewatch/services/backup"
)

func newStoreBackup() *cobra.Command {
	var f storeFlags
	var target string
	var link bool
	cmd := &cobra.Command{
		Use:   "backup --to FOLDER [--data DIR]",
		Short: "Copy a data folder while its server runs",
		Long: `Makes the folder a backup of all that a server keeps: segments, the records of
the queue that are not in segments yet, state, audit log, rules and tokens. The
server may run. The backup is consistent: it has every record that was acknowledged
before it began.

Run again on the same folder it copies only what has changed; one that is
interrupted or killed leaves the backup before it as it was, and goes on the next
time. Every content has its SHA-256 as name, and is checked by restore.

A backup holds what the data folder holds: tokens, and the master key of encryption
unless that is kept elsewhere. Guard it alike.`,
		Example: `  gatewatch store backup --data /var/lib/gatewatch --to /mnt/backup/gatewatch
  gatewatch store backup --to /snapshots/gatewatch --link`,
		Args: noArgs,
	}
	cmd.Flags().StringVar(&f.data, "data", "./gatewatch-data", "data folder of the server")
	cmd.Flags().StringVar(&target, "to", "", "folder of the backup, made if need be")
	cmd.Flags().BoolVar(&link, "link", false, "hard links instead of copies of segments on the same file system: no second copy if the disk fails")
	f.bindOutput(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if target == "" {
			return usagef("--to: name the folder of the backup")
		}
		if !isDir(f.folder()) {
			return usagef("--data: %s is no data folder of a server: it has no folder store", f.data)
		}
		return runStoreBackup(cmd, &f, target, link)
	}
	return cmd
}

func runStoreBackup(cmd *cobra.Command, f *storeFlags, target string, link bool) error {
	table, err := f.asTable(cmd.OutOrStdout())
	if err != nil {
		return err
	}
	clear := func() {}
	c, err := backup.Create(cmd.Context(), f.data, target, backup.Options{
		Version: version, Link: link,
		Progress: func(file string, copied int64) { clear = progressBar(cmd, size(copied)+" copied, "+file) },
	})
	clear()
	if err != nil {
		return err
	}
	return printBackup(cmd, table, c.Index, c.Copied, "copied")
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
