package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/gatewatch/gatewatch/services/vault"
)

const (
	masterFile = "master.key" // in the data folder
	ringFile   = "keys.json"
	masterEnv  = envPrefix + "MASTER_KEY"
)

// encryptionSettings says whether what rests on disk is encrypted. What was
// encrypted is read as long as the master key is there, whatever they say.
type encryptionSettings struct {
	Enabled       bool   `help:"encrypt the queue, segments and archives on disk; what is there already stays as it is, and all else (state.db with alerts and labels, the audit log) is never encrypted: an encrypted disk is for that"`
	MasterKeyFile string `yaml:"master_key_file" help:"file of the master key: 32 bytes as 64 hexadecimal digits or in base64, mode 0600; default: master.key in the data folder, made if need be; GATEWATCH_MASTER_KEY wins"`
}

// openKeys gives the queue and the store the key ring of the data folder. With
// no master key in sight there is none.
func (s *settings) openKeys() error {
	keys, err := s.keyRing(s.Encryption.Enabled)
	if err != nil {
		return fmt.Errorf("open keys of %s: %w", s.Data, err)
	}
	s.Queue.Keys, s.Queue.Encrypt = keys, s.Encryption.Enabled
	s.Store.Keys, s.Store.Encrypt = keys, s.Encryption.Enabled
	return nil
}

// keyRing opens the key ring of the data folder, or returns nil if there is no
// master key. It makes a master key in the data folder if it may.
func (s *settings) keyRing(create bool) (*vault.Ring, error) {
	master, err := s.master(create)
	if errors.Is(err, errNoMaster) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return vault.Open(filepath.Join(s.Data, ringFile), master)
}

var errNoMaster = errors.New("there is no master key")

func (s *settings) master(create bool) (vault.Master, error) {
	if text := os.Getenv(masterEnv); text != "" {
		m, err := vault.ParseMaster(text)
		if err != nil {
			return m, fmt.Errorf("read %s: %w", masterEnv, err)
		}
		return m, nil
	}
	path := s.Encryption.MasterKeyFile
	if path != "" {
		return vault.ReadMaster(path)
	}
	path = filepath.Join(s.Data, masterFile)
	if _, err := os.Stat(filepath.Join(s.Data, ringFile)); err == nil {
		create = false // a new key would not open the ring
	}
	if create {
		return vault.EnsureMaster(path)
	}
	m, err := vault.ReadMaster(path)
	if errors.Is(err, fs.ErrNotExist) && !s.Encryption.Enabled {
		return m, errNoMaster
	}
	return m, err
}
