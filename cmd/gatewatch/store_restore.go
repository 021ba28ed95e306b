package main

import (
	"fmt"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatewatch/gatewatch/services/audit"
	"github.com/gatewatch/gatewatch/services/backup"
)

func newStoreRestore() *cobra.Command {
	var f storeFlags
	var from string
	cmd := &cobra.Command{
		Use:   "restore --from FOLDER [--data DIR]",
		Short: "Make a data folder from a backup",
		Long: `Makes a data folder from what gatewatch store backup wrote, and checks every hash
meanwhile. Which folder that is says --data, else the configuration, as for backup; it
must be empty or missing. If anything is wrong with the
backup nothing is restored; after a kill, run it again: until then no server starts
there.

Records that the server acknowledged after the backup began may be missing; senders
that keep them send them again.

If the backup is encrypted and was made without --with-master-key, put the master
key back as master.key, or name it as before (GATEWATCH_MASTER_KEY,
encryption.master_key_file), before a server starts.`,
		Example: `  gatewatch store restore --from /mnt/backup/gatewatch --data /var/lib/gatewatch`,
		Args:    noArgs,
	}
	f.dataFolder.bind(cmd)
	cmd.Flags().StringVar(&from, "from", "", "folder of the backup")
	f.bindOutput(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if from == "" {
			return usagef("--from: name the folder of the backup")
		}
		if _, err := f.load(); err != nil {
			return err
		}
		return runStoreRestore(cmd, &f, from)
	}
	return cmd
}

func runStoreRestore(cmd *cobra.Command, f *storeFlags, from string) error {
	table, err := f.asTable(cmd.OutOrStdout())
	if err != nil {
		return err
	}
	clear := func() {}
	x, err := backup.Restore(cmd.Context(), from, f.data, func(copied int64) { clear = progressBar(cmd, size(copied)+" restored") })
	clear()
	if err != nil {
		return err
	}
	if err := auditAct(cmd, f.data, audit.ActRestore, from, map[string]string{"created": x.Created.Format(time.RFC3339Nano)}); err != nil {
		return err
	}
	if x.MasterNeeded() {
		fmt.Fprintln(cmd.ErrOrStderr(), printable(fmt.Sprintf("gatewatch: %s is encrypted, and its master key is not in the backup: put the one that wraps its %s into %s (mode 0600), or give it by %s or encryption.master_key_file",
			f.data, ringFile, filepath.Join(f.data, masterFile), masterEnv)))
	}
	return printBackup(cmd, table, x, x.Bytes(), "restored")
}

// checkRestored refuses a data folder that is not restored to the end.
func checkRestored(dir string) error { return backup.Check(dir) }
