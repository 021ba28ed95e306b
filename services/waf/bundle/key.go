package bundle

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/gatewatch/gatewatch/services/durable"
)

// KeyFile is the file of the server's private key in its data folder.
const KeyFile = "bundle.key"

// OpenKey reads the private key of a data folder, or makes it. made tells which;
// a key that was made is durable. One that others can read is refused.
func OpenKey(dir string) (key ed25519.PrivateKey, made bool, err error) {
	path := filepath.Join(dir, KeyFile)
	info, err := os.Stat(path)
	if errors.Is(err, os.ErrNotExist) {
		_, key, err = ed25519.GenerateKey(rand.Reader)
		if err == nil {
			err = durable.WriteFile(path, []byte(base64.StdEncoding.EncodeToString(key.Seed())+"\n"), 0o600)
		}
		if err != nil {
			return nil, false, fmt.Errorf("make key of bundles: %w", err)
		}
		return key, true, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("read key of bundles: %w", err)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return nil, false, fmt.Errorf("read key of bundles: %s has mode %#o and can be read by others: run chmod 600 on it", path, mode)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, false, fmt.Errorf("read key of bundles: %w", err)
	}
	seed, err := base64.StdEncoding.DecodeString(strings.TrimSpace(string(text)))
	if err != nil || len(seed) != ed25519.SeedSize {
		return nil, false, fmt.Errorf("read key of bundles: %s is not a key", path)
	}
	return ed25519.NewKeyFromSeed(seed), false, nil
}
