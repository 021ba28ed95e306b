package pipeline

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/gatewatch/gatewatch/services/durable"
)

// seedFile holds the seed of the memory of verdicts, 8 bytes, in the folder of the
// state of the detectors.
const seedFile = "verdicts.seed"

// seedIn returns the seed of a folder, and makes it once: nobody else knows it, and
// a replay from there judges the same. Without a folder nothing outlives the
// process, and the seed is 0. Where the file can be neither read nor written the
// seed is of this process alone, and is returned with the error.
func seedIn(dir string) (uint64, error) {
	if dir == "" {
		return 0, nil
	}
	path := filepath.Join(dir, seedFile)
	b, err := os.ReadFile(path)
	if err == nil && len(b) == 8 && binary.LittleEndian.Uint64(b) != 0 {
		return binary.LittleEndian.Uint64(b), nil
	}
	seed := max(1, rand.Uint64())
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return seed, fmt.Errorf("read seed of verdicts: %w", err)
	}
	if err = os.MkdirAll(dir, 0o700); err == nil {
		err = durable.WriteFile(path, binary.LittleEndian.AppendUint64(nil, seed), 0o600)
	}
	if err != nil {
		return seed, fmt.Errorf("save seed of verdicts: %w", err)
	}
	return seed, nil
}
