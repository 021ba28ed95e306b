package alert

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"
)

// Header fields of the Standard Webhooks specification, "Webhook Headers".
const (
	headerID        = "Webhook-Id"
	headerTimestamp = "Webhook-Timestamp"
	headerSignature = "Webhook-Signature"
)

// Secret signs messages. It prints as nothing.
type Secret struct{ key []byte }

// String hides the secret.
func (Secret) String() string { return "[secret]" }

// GoString hides the secret.
func (Secret) GoString() string { return "[secret]" }

const (
	secretPrefix = "whsec_"
	minSecret    = 24 // bytes, as the specification has it
	maxSecret    = 64
	maxSecrets   = 2
	maxFile      = 1 << 10
)

// ErrSignature means that a message is not from who has the secret, or is old.
var ErrSignature = errors.New("message has no valid signature")

// ParseSecrets reads one secret or two, separated by white space. Each signs every
// message, so that a receiver may know either.
func ParseSecrets(text string) ([]Secret, error) {
	var all []Secret
	for field := range strings.FieldsSeq(text) {
		b, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(field, secretPrefix))
		if err != nil || len(b) < minSecret || len(b) > maxSecret { // the text is secret
			return nil, fmt.Errorf("want %s and %d to %d bytes in base64", secretPrefix, minSecret, maxSecret)
		}
		all = append(all, Secret{b})
	}
	if len(all) == 0 || len(all) > maxSecrets {
		return nil, fmt.Errorf("want one secret, or two while they are rotated, have %d", len(all))
	}
	return all, nil
}

// readSecrets reads a file that only its owner may read.
func readSecrets(path string) ([]Secret, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 {
		return nil, fmt.Errorf("%s: mode %04o lets others read it: want 0600 or 0400", path, mode)
	}
	b, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil {
		return nil, err
	}
	all, err := ParseSecrets(string(b))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return all, nil
}

// signature is that of "Signature scheme" of the specification, version 1.
func (s Secret) signature(id, timestamp string, body []byte) []byte {
	h := hmac.New(sha256.New, s.key)
	h.Write([]byte(id + "." + timestamp + "."))
	h.Write(body)
	return h.Sum(nil)
}

// sign adds the header fields of a message that is sent now.
func sign(h http.Header, secrets []Secret, id string, now time.Time, body []byte) {
	at := strconv.FormatInt(now.Unix(), 10)
	var all []string
	for _, s := range secrets {
		all = append(all, "v1,"+base64.StdEncoding.EncodeToString(s.signature(id, at, body)))
	}
	h.Set(headerID, id)
	h.Set(headerTimestamp, at)
	h.Set(headerSignature, strings.Join(all, " "))
}

// tolerance is how far the clocks of sender and receiver may be apart.
const tolerance = 5 * time.Minute

// Verify checks a message as its receiver does: one of the signatures is by one of
// the secrets, and it was sent within five minutes of now. Messages of one
// Webhook-Id are the same and count once.
func Verify(secrets []Secret, h http.Header, body []byte, now time.Time) error {
	id, at := h.Get(headerID), h.Get(headerTimestamp)
	seconds, err := strconv.ParseInt(at, 10, 64)
	if err != nil || id == "" {
		return fmt.Errorf("%w: it has no %s or no %s", ErrSignature, headerID, headerTimestamp)
	}
	if d := now.Sub(time.Unix(seconds, 0)); d > tolerance || d < -tolerance {
		return fmt.Errorf("%w: it is of another time", ErrSignature)
	}
	for field := range strings.FieldsSeq(h.Get(headerSignature)) {
		version, text, _ := strings.Cut(field, ",")
		got, err := base64.StdEncoding.DecodeString(text)
		if version != "v1" || err != nil {
			continue
		}
		for _, s := range secrets {
			if hmac.Equal(got, s.signature(id, at, body)) {
				return nil
			}
		}
	}
	return ErrSignature
}
