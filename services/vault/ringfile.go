package vault

import (
	"bytes"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/gatewatch/gatewatch/services/durable"
)

const (
	ringMagic   = "gatewatch key ring 1 "
	ringVersion = 1
	copySuffix  = ".copy" // without its keys all that they encrypt is lost
	maxKeys     = 1 << 14
	maxRing     = 8 << 20 // bytes of the file
)

// ringFile is what the file holds behind its first line.
type ringFile struct {
	Version    int     `json:"version"`
	Generation uint64  `json:"generation"` // grows with each change
	Keys       []entry `json:"keys"`
}

// readRing reads one of the two files. It returns ErrDamaged unless every byte
// is the one that was written, and ErrMaster if another master key wrote it.
func readRing(path string, master Master) (ringFile, error) {
	b, err := readBounded(path)
	if err != nil {
		return ringFile{}, fmt.Errorf("read key ring: %w", err)
	}
	f, err := decodeRing(b, master)
	if err != nil {
		return ringFile{}, fmt.Errorf("read key ring %s: %w", path, err)
	}
	return f, nil
}

func readBounded(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	b, err := io.ReadAll(io.LimitReader(file, maxRing+1))
	if err == nil && len(b) > maxRing {
		err = errors.New("it is too large")
	}
	return b, err
}

// ringBody returns what follows the first line, which is not damaged, and the
// HMAC of that line.
func ringBody(b []byte) (body, mac []byte, err error) {
	line, body, _ := bytes.Cut(b, []byte("\n"))
	sums, ok := bytes.CutPrefix(line, []byte(ringMagic))
	sum := sha256.Sum256(body)
	digest, mac, _ := bytes.Cut(sums, []byte(" "))
	if !ok || string(digest) != hex.EncodeToString(sum[:]) {
		return nil, nil, ErrDamaged
	}
	return body, mac, nil
}

func decodeRing(b []byte, master Master) (ringFile, error) {
	body, mac, err := ringBody(b)
	if err != nil {
		return ringFile{}, err
	}
	want, err := master.sign(body)
	if err != nil {
		return ringFile{}, err
	}
	if given, err := hex.DecodeString(string(mac)); err != nil || len(given) != len(want) {
		return ringFile{}, ErrDamaged
	} else if !hmac.Equal(given, want) {
		return ringFile{}, ErrMaster
	}
	return parseRing(body)
}

func parseRing(body []byte) (f ringFile, err error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&f); err != nil {
		return ringFile{}, err
	}
	if f.Version != ringVersion || len(f.Keys) > maxKeys {
		return ringFile{}, fmt.Errorf("version %d with %d keys is not known", f.Version, len(f.Keys))
	}
	for i := range f.Keys {
		if f.Keys[i].ID, err = ParseID(f.Keys[i].Name); err != nil {
			return ringFile{}, err
		}
	}
	return f, nil
}

// writeRing makes the file durable, then its copy.
func writeRing(path string, f ringFile, master Master) error {
	body, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return fmt.Errorf("encode key ring: %w", err)
	}
	body = append(body, '\n')
	mac, err := master.sign(body)
	if err != nil {
		return err
	}
	b := fmt.Appendf(nil, "%s%x %x\n%s", ringMagic, sha256.Sum256(body), mac, body)
	for _, path := range []string{path, path + copySuffix} {
		if err := durable.WriteFile(path, b, 0o600); err != nil {
			return fmt.Errorf("write key ring: %w", err)
		}
	}
	return nil
}

// sign returns the HMAC of the content of a ring.
func (m Master) sign(body []byte) ([]byte, error) {
	key, err := hkdf.Key(sha256.New, m.key[:], nil, "gatewatch key ring", keySize)
	if err != nil {
		return nil, fmt.Errorf("derive key: %w", err)
	}
	h := hmac.New(sha256.New, key)
	h.Write(body)
	return h.Sum(nil), nil
}

// lockRing keeps other processes from changing the ring until the file is closed.
func lockRing(path string) (io.Closer, error) {
	f, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock key ring: %w", err)
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		f.Close()
		return nil, fmt.Errorf("lock key ring: %w", err)
	}
	return f, nil
}
