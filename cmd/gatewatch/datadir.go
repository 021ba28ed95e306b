package main

import (
	"os"

	"github.com/spf13/cobra"
)

// addTarget adds the flags that name a server, and the one that names a data
// folder to use instead.
func addTarget(cmd *cobra.Command, r *remote, dir *string, usage string) {
	addRemote(cmd, r)
	cmd.Flags().StringVar(dir, "data", "", usage)
	cmd.PreRunE = func(*cobra.Command, []string) error {
		if *dir != "" && r.server != "" {
			return usagef("give --server or --data, not both")
		}
		return nil
	}
}

// addConfig adds the flag that names the configuration of the server whose data
// folder is used.
func addConfig(cmd *cobra.Command, file *string) {
	cmd.Flags().StringVar(file, "config", "", "configuration file of the server, for --data: it says how records are read")
}

// loadSettings loads the configuration of the server of a data folder.
func loadSettings(file, data string) (settings, error) {
	return (&settingsFlags{file: file, set: map[string]string{"data": data}}).load()
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
