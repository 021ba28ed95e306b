package main

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatewatch/gatewatch/services/access"
	"github.com/gatewatch/gatewatch/services/alert"
	"github.com/gatewatch/gatewatch/services/enrich"
	"github.com/gatewatch/gatewatch/services/rules"
	"github.com/gatewatch/gatewatch/services/store"
	"github.com/gatewatch/gatewatch/services/vault"
)

// preflight joins all that would keep a server from starting and that only a look
// at the machine tells. It changes nothing.
func (s *settings) preflight() error {
	var errs []error
	found := func(key string, err error) {
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", key, err))
		}
	}
	found("data", writable(s.Data))
	if isDir(s.Data) {
		found("data", checkRestored(s.Data))
	}
	found("encryption", s.checkKeys())
	if s.Archive.Dir != "" {
		found("archive.dir", writable(s.Archive.Dir))
	}
	found("notify", alert.Check(s.Notify, os.Getenv(notifyEnv)))
	if s.TLS.Set() {
		_, err := access.ServerTLS(s.TLS, time.Now, slog.New(slog.DiscardHandler))
		errs = append(errs, err) // it names the key
	}
	errs = append(errs, enrich.Check(s.Enrich, filepath.Join(s.Data, geoFolder)), s.checkRules())
	return errors.Join(errs...)
}

// writable tells whether a folder can be written to, or be made.
func writable(dir string) error {
	path, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	for {
		info, err := os.Stat(path)
		up := filepath.Dir(path)
		switch {
		case errors.Is(err, fs.ErrNotExist) && up != path:
			path = up // it would be made there
			continue
		case err != nil:
			return err
		case !info.IsDir():
			return fmt.Errorf("%s is no folder", path)
		}
		if err := unix.Access(path, unix.W_OK|unix.X_OK); err != nil {
			return fmt.Errorf("%s cannot be written to: %w", path, err)
		}
		return nil
	}
}

// checkKeys tells whether the key ring opens, or could be made.
func (s *settings) checkKeys() error {
	_, err := os.Stat(filepath.Join(s.Data, ringFile))
	isNew := errors.Is(err, fs.ErrNotExist)
	ring, err := s.keyRing(false)
	switch {
	case isNew && s.Encryption.MasterKeyFile == "" && errors.Is(err, fs.ErrNotExist):
		return nil // a master key is made
	case err != nil || ring != nil:
		return err
	}
	return s.checkSealed()
}

// checkSealed tells, where there is no master key, whether a segment needs one.
func (s *settings) checkSealed() error {
	dir := filepath.Join(s.Data, storeDir)
	if !isDir(dir) {
		return nil
	}
	names, err := store.SegmentNames(dir)
	if err != nil {
		return err
	}
	for _, name := range names {
		f, err := os.Open(filepath.Join(dir, name))
		if err != nil {
			continue // the server starts without it
		}
		sealed, err := vault.Sealed(f)
		_ = f.Close() // only read
		if err == nil && sealed {
			return fmt.Errorf("%s is encrypted and %w", name, vault.ErrNoMaster)
		}
	}
	return nil
}

// checkRules tells whether the files and folders of rules can be read.
func (s *settings) checkRules() error {
	var errs []error
	for _, dir := range s.Rules.Dirs {
		if _, err := os.ReadDir(dir); err != nil {
			errs = append(errs, fmt.Errorf("rules.dirs: %w", err))
		}
	}
	for _, file := range s.Rules.Pipelines {
		if _, err := os.ReadFile(file); err != nil {
			errs = append(errs, fmt.Errorf("rules.pipelines: %w", err))
		}
	}
	if file := s.Rules.Overlay; file != "" {
		text, err := os.ReadFile(file)
		if err == nil {
			_, err = rules.ReadOverlay(file, text)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("rules.overlay: %w", err))
		}
	}
	return errors.Join(errs...)
}

// checkArchives makes the folder to which segments are archived and writes to it:
// that it cannot be used is to be seen at the start, not when segments are due.
func (s *settings) checkArchives() error {
	dir := s.Archive.Dir
	if dir == "" {
		return nil
	}
	err := os.MkdirAll(dir, 0o700)
	if err == nil {
		var probe *os.File
		if probe, err = os.CreateTemp(dir, ".probe-*"); err == nil {
			err = errors.Join(probe.Close(), os.Remove(probe.Name()))
		}
	}
	if err != nil {
		return fmt.Errorf("archive.dir: segments cannot be archived: %w", err)
	}
	return nil
}
