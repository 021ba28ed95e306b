package main

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/services/audit"
	"github.com/gatewatch/gatewatch/services/store"
	"github.com/gatewatch/gatewatch/services/vault"
)

func newKeys() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "keys",
		Short: "List the data keys of encryption at rest, or wrap them with another master key",
		Example: `  gatewatch keys list
  gatewatch keys rewrap --new-master-key-file new.key`,
	}
	cmd.AddCommand(newKeysList(), newKeysRewrap())
	return cmd
}

// keyFolder is the data folder whose keys a command is about.
type keyFolder struct{ dataFolder }

func (k *keyFolder) open() (*vault.Ring, error) {
	s, err := k.load()
	if err != nil {
		return nil, err
	}
	ring, err := s.keyRing(false)
	if err == nil && ring == nil {
		return nil, usagef("%s has no master key: nothing in it was ever encrypted, or the key is kept elsewhere: see --config and %s", k.data, masterEnv)
	}
	return ring, err
}

func newKeysList() *cobra.Command {
	var k keyFolder
	var output string
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the data keys, without their secrets",
		Example: `  gatewatch keys list --data ./gatewatch-data`,
		Args:    noArgs,
	}
	k.bind(cmd)
	addOutput(cmd, &output)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		ring, err := k.open()
		if err != nil {
			return err
		}
		var rows [][]json.RawMessage
		for _, key := range ring.List() {
			var row []json.RawMessage
			for _, cell := range []string{key.ID.String(), key.Purpose, key.Created.Format(time.RFC3339)} {
				row = append(row, event.AppendQuoted(nil, cell))
			}
			rows = append(rows, row)
		}
		return writeRows(cmd.OutOrStdout(), output, []string{"id", "purpose", "created"}, rows)
	}
	return cmd
}

func newKeysRewrap() *cobra.Command {
	var k keyFolder
	var file string
	cmd := &cobra.Command{
		Use:   "rewrap --new-master-key-file FILE",
		Short: "Wrap the data keys with another master key",
		Long: `Wrap the data keys with another master key, such as after the old one was seen
by others. Nothing that they encrypt is written again. Stop the server before,
and give it the new key after: as the file encryption.master_key_file names, as
DATA/master.key, or in ` + masterEnv + `.`,
		Example: `  (umask 077; openssl rand -hex 32 >new.key)
  gatewatch keys rewrap --data ./gatewatch-data --new-master-key-file new.key
  mv new.key gatewatch-data/master.key`,
		Args: noArgs,
	}
	k.bind(cmd)
	cmd.Flags().StringVar(&file, "new-master-key-file", "", "file of the new master key")
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		if file == "" {
			return usagef("give --new-master-key-file")
		}
		master, err := vault.ReadMaster(file)
		if err != nil {
			return usageError{err}
		}
		if _, err := k.load(); err != nil {
			return err
		}
		lock, err := store.Lock(filepath.Join(k.data, storeDir))
		if err != nil {
			return err
		}
		defer lock.Close()
		ring, err := k.open()
		if err != nil {
			return err
		}
		if err := auditAct(cmd, k.data, audit.ActRewrap, "", map[string]string{"keys": strconv.Itoa(len(ring.List()))}); err != nil {
			return err
		}
		if err := ring.Rewrap(master); err != nil {
			return err
		}
		fmt.Fprintf(cmd.OutOrStdout(), "data keys wrapped with the new master key: %d\n", len(ring.List()))
		return nil
	}
	return cmd
}
