package main

import (
	"encoding/json"
	"fmt"
	"io"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/gatewatch/gatewatch/services/store"
)

func newStore() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "store",
		Short: "Look into the store of a data folder, verify, compact, back up, restore and archive it",
		Example: `  gatewatch store info
  gatewatch store verify
  gatewatch store backup --to /mnt/backup/gatewatch`,
	}
	cmd.AddCommand(newStoreInfo(), newStoreVerify(), newStoreCompact(), newStoreBackup(), newStoreRestore(), newStoreArchive())
	return cmd
}

// storeFlags name a data folder and how to print.
type storeFlags struct {
	dataFolder
	output string
}

func (f *storeFlags) bind(cmd *cobra.Command) {
	f.dataFolder.bind(cmd)
	f.bindOutput(cmd)
}

func (f *storeFlags) bindOutput(cmd *cobra.Command) {
	cmd.Flags().StringVarP(&f.output, "output", "o", "", "table or json (default: table on a terminal, else json)")
}

// settings loads the configuration and opens the keys.
func (f *storeFlags) settings() (settings, error) {
	s, err := f.load()
	if err != nil {
		return s, err
	}
	if !isDir(f.folder()) {
		return s, usagef("--data: %s is no data folder of a server: it has no folder store", f.data)
	}
	return s, s.openKeys()
}

func (f *storeFlags) folder() string { return filepath.Join(f.data, "store") }

// open opens the store for reading, beside the server if it runs.
func (f *storeFlags) open() (*store.Columnar, error) {
	s, err := f.settings()
	if err != nil {
		return nil, err
	}
	return store.OpenReadOnly(f.folder(), s.Store)
}

// asTable resolves the flag: tables on a terminal, JSON otherwise.
func (f *storeFlags) asTable(w io.Writer) (bool, error) {
	switch f.output {
	case outTable:
		return true, nil
	case outJSON:
		return false, nil
	case "":
		return isTerminal(w), nil
	}
	return false, usagef("unknown output %q; known are table and json", f.output)
}

func printJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// progressBar shows on a terminal how far a long piece of work is.
func progressBar(cmd *cobra.Command, text string) (clear func()) {
	if isTerminal(cmd.ErrOrStderr()) {
		fmt.Fprintf(cmd.ErrOrStderr(), "\r\x1b[K%s", printable(text))
	}
	return func() {
		if isTerminal(cmd.ErrOrStderr()) {
			fmt.Fprint(cmd.ErrOrStderr(), "\r\x1b[K")
		}
	}
}

// size writes a number of bytes for people.
func size(n int64) string {
	const units = "KMGTPE"
	if n < 1024 {
		return fmt.Sprintf("%d B", n)
	}
	f, i := float64(n)/1024, 0
	for f >= 1024 && i < len(units)-1 {
		f /= 1024
		i++
	}
	return fmt.Sprintf("%.1f %ciB", f, units[i])
}
