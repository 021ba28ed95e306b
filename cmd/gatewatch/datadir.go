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

// dataFolder names the data folder of a server that a command works on without
// it: --data, else what the configuration says, else the default.
type dataFolder struct{ data, config string }

func (d *dataFolder) bind(cmd *cobra.Command) {
	cmd.Flags().StringVar(&d.data, "data", "", "data folder of the server (default: that of the configuration, else "+defaultSettings().Data+")")
	cmd.Flags().StringVar(&d.config, "config", "", "configuration file of the server (YAML)")
}

// load loads the configuration and sets data to the folder in effect.
func (d *dataFolder) load() (settings, error) {
	s, err := loadSettings(d.config, d.data)
	if err == nil {
		d.data = s.Data
	}
	return s, err
}

// loadSettings loads the configuration of the server of a data folder; without
// one, of that which the file or the environment names.
func loadSettings(file, data string) (settings, error) {
	f := settingsFlags{file: file, set: map[string]string{}}
	if data != "" {
		f.set["data"] = data
	}
	return f.load()
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
