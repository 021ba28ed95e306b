package kept

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/services/vault"
)

// ErrUnreadable is of a copy that cannot be opened: it is damaged, or not a copy.
// [vault.ErrUnknownKey] is of one whose key is gone, as it is when its time is over.
var ErrUnreadable = errors.New("copy of a request cannot be read")

var unzip = sync.OnceValues(func() (*zstd.Decoder, error) {
	return zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(maxRequest))
})

// Parse reads a record that [Sealer.Seal] made into its event, as it is stored.
func Parse(raw []byte, e *event.Event) error {
	received := e.Received
	if err := e.UnmarshalJSON(raw); err != nil {
		return fmt.Errorf("read sealed copy: %w", err)
	}
	e.ID, e.Source, e.Received, e.Dataset, e.Raw = "", "", received, Format, nil
	return nil
}

// Describe returns what the event of a copy says without its key: all of it but
// the request, of which there are the id and the site. It shares no memory with the
// event.
func Describe(e *event.Event) Copy {
	text := func(k event.Key) string { return strings.Clone(e.Get(k).Text()) }
	c := Copy{
		ID: text(event.HTTPRequestID), Source: strings.Clone(e.Source), Node: text(event.WAFNode), Time: time.Unix(0, e.Time).UTC(),
		Block: e.Get(event.WAFDecision).Text() == decisionBlock, Score: int(e.Get(event.WAFAnomalyScore).Int()),
		PolicyOnly: e.Get(event.WAFPolicyOnly).Bool(), Ruleset: text(event.WAFRuleset),
		Why: text(Why), Probability: e.Get(event.WAFSampleProb).Float(), Faithful: e.Get(Faithful).Bool(),
		BodyBytes: e.Get(event.HTTPRequestBodyBytes).Int(),
		Model:     text(event.VerdictModel), Kind: verdict.Kind(text(event.VerdictKind)), PAttack: e.Get(event.VerdictPAttack).Float(),
	}
	for v := range e.Values(event.RuleID) {
		if id, err := strconv.Atoi(v.Text()); err == nil {
			c.Rules = append(c.Rules, id)
		}
	}
	c.Request.ID, c.Request.Site = c.ID, text(event.WAFSite)
	return c
}

// Open returns the copy of an event, which shares no memory with it. The error is
// ErrUnreadable, or tells of the keys.
func Open(ring *vault.Ring, e *event.Event) (Copy, error) {
	c := Describe(e)
	if ring == nil {
		return c, vault.ErrNoMaster
	}
	sealed, err := base64.StdEncoding.DecodeString(e.Get(Sealed).Text())
	if err != nil || e.Has(event.ErrorMessage) {
		return c, ErrUnreadable
	}
	packed, err := ring.Unseal(nil, sealed, label(c.Node, c.ID))
	switch {
	case errors.Is(err, vault.ErrDamaged):
		return c, fmt.Errorf("%w: %w", ErrUnreadable, err)
	case err != nil:
		return c, err
	}
	z, err := unzip()
	if err != nil {
		return c, fmt.Errorf("make decoder: %w", err)
	}
	line, err := z.DecodeAll(packed, nil)
	if err != nil {
		return c, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	site := c.Request.Site
	if err := verdict.ReadRequest(line, &c.Request); err != nil {
		return c, fmt.Errorf("%w: %w", ErrUnreadable, err)
	}
	c.Request.ID, c.Request.Site = c.ID, site
	return c, nil
}
