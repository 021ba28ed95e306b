package bundle

import (
	"crypto/ed25519"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
)

// Stage says what a node does with the candidate of an offer.
type Stage string

// The stages of a candidate.
const (
	StageShadow Stage = "shadow" // judges a sample beside the rules in use, and only reports
	StageCanary Stage = "canary" // judges the requests of a share of the clients
	StageAll    Stage = "all"    // is the stable one: there is no candidate
)

// Offer is the word of a server about which bundles one node is to use. A serial
// is never used for two; a higher one takes the place of a lower one.
type Offer struct {
	Node      string `json:"node"`
	Serial    uint64 `json:"serial"`
	Stable    string `json:"stable"`    // name of the bundle for all requests, "" for the node's own rules
	Candidate string `json:"candidate"` // name of the one that is tried out, "" for none
	Stage     Stage  `json:"stage"`     // of the candidate, "" without one
	Share     int    `json:"share"`     // percent of the clients, for StageCanary
	Signature []byte `json:"signature"`
}

// Errors of an offer, tested with errors.Is.
var (
	ErrSignature = errors.New("offer is not signed by a trusted key")
	ErrOffer     = errors.New("offer is not valid")
)

// Check says whether an offer makes sense.
func (o *Offer) Check() error {
	sum := func(s string) bool { return s == "" || IsSum(s) }
	switch {
	case o.Serial == 0 || o.Node == "" || strings.ContainsAny(o.Node, "\r\n"):
		return fmt.Errorf("%w: it has no serial or no node", ErrOffer)
	case !sum(o.Stable) || !sum(o.Candidate):
		return fmt.Errorf("%w: the name of a bundle is not a SHA-256", ErrOffer)
	case o.Candidate == "" && (o.Stage != "" || o.Share != 0):
		return fmt.Errorf("%w: it has a stage and no candidate", ErrOffer)
	case o.Candidate == "":
	case o.Stage == StageCanary && o.Share >= 1 && o.Share <= 99:
	case o.Stage == StageShadow && o.Share == 0:
	default:
		return fmt.Errorf("%w: stage %.20q with a share of %d %% is neither shadow nor canary with 1 to 99 %%", ErrOffer, o.Stage, o.Share)
	}
	return nil
}

// text is what is signed. It names the bundles by their content.
func (o *Offer) text() []byte {
	return fmt.Appendf(nil, "gatewatch bundle offer v1\n%s\n%d\n%s\n%s\n%s\n%d\n", o.Node, o.Serial, o.Stable, o.Candidate, o.Stage, o.Share)
}

// Sign signs an offer (Ed25519, RFC 8032).
func (o *Offer) Sign(key ed25519.PrivateKey) { o.Signature = ed25519.Sign(key, o.text()) }

// Verify checks an offer and that one of the keys has signed it.
func (o *Offer) Verify(trusted []ed25519.PublicKey) error {
	if err := o.Check(); err != nil {
		return err
	}
	if len(o.Signature) == ed25519.SignatureSize {
		for _, key := range trusted {
			if ed25519.Verify(key, o.text(), o.Signature) {
				return nil
			}
		}
	}
	return ErrSignature
}

const publicPrefix = "ed25519:"

// FormatPublic writes a public key as trusted_keys of a node takes it.
func FormatPublic(key ed25519.PublicKey) string {
	return publicPrefix + base64.StdEncoding.EncodeToString(key)
}

// ParsePublic reads what FormatPublic writes.
func ParsePublic(s string) (ed25519.PublicKey, error) {
	text, ok := strings.CutPrefix(s, publicPrefix)
	b, err := base64.StdEncoding.Strict().DecodeString(text)
	if !ok || err != nil || len(b) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("%.80q is not a public key such as %s and 44 characters of base64", s, publicPrefix)
	}
	return b, nil
}
