package audit

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/gatewatch/gatewatch/detection/event"
)

// Acts that a leaf can tell of.
const (
	ActBegin        = "audit.begin"       // the first leaf of a log
	ActLost         = "audit.lost"        // the state remembers another log, or a longer one
	ActStart        = "server.start"      // with the fingerprint of the configuration
	ActReload       = "server.reload"     // the configuration was read again
	ActRuleset      = "rules.change"      // detection uses other rules from here on
	ActEnrich       = "enrich.change"     // events are enriched with other data from here on
	ActToken        = "token.create"      //
	ActRevoke       = "token.revoke"      //
	ActSignIn       = "session.begin"     // an account, or a wall screen with a token
	ActSignInFailed = "session.failed"    // detail.more tells how many others there were since the last leaf
	ActSignOut      = "session.end"       //
	ActSessionEnd   = "session.revoke"    // by somebody else than the browser
	ActAccount      = "account.create"    //
	ActPassword     = "account.password"  // another one from here on
	ActLink         = "account.link"      // a link to choose a password is made
	ActRole         = "account.role"      //
	ActDisable      = "account.disable"   //
	ActEnable       = "account.enable"    //
	ActUnaccount    = "account.withdraw"  // the act of detail.act did not come about though there is a leaf of it
	ActAlert        = "alert.update"      //
	ActUnalert      = "alert.withdraw"    // an update was not made though there is a leaf of it
	ActLabel        = "label.add"         //
	ActUnlabel      = "label.undo"        //
	ActSample       = "label.sample"      // decisions were drawn to be labelled
	ActNoLabel      = "label.withdraw"    // one of the three did not come about though there may be a leaf of it
	ActBundle       = "bundle.create"     // a rule-set bundle is kept
	ActRollOut      = "bundle.rollout"    // nodes are to use other bundles from here on
	ActUnbundle     = "bundle.failed"     // what the leaf detail.leaf tells of did not come about
	ActPropose      = "proposal.create"   // kept requests are read for proposals
	ActApply        = "proposal.apply"    // a proposal is put into a bundle
	ActRetire       = "proposal.retire"   // nobody wants a proposal any more; it is taken out if it was in use
	ActTakeOut      = "proposal.rollback" // a proposal is taken out of its bundle
	ActExpire       = "proposal.expire"   // exclusions whose time is over are taken out
	ActUnpropose    = "proposal.failed"   // what the leaf detail.leaf tells of did not come about
	ActRequests     = "request.read"      // requests that were kept for replay are read
	ActSource       = "source.state"      //
	ActRewrap       = "keys.rewrap"       // the data keys were wrapped with another master key
	ActBackup       = "store.backup"      // a copy of the data folder was begun
	ActRestore      = "store.restore"     // the data folder was made from a backup
	ActCompact      = "store.compact"     // segments of a stopped server are merged
	ActArchive      = "archive.create"    // events are written to files
	ActUnarchive    = "archive.restore"   // events of an archive come back
	ActGeoIP        = "geoip.update"      // a country database is downloaded
	ActSeal         = "segment.seal"      // a segment becomes part of the store; detail.replaces names those whose place it takes
	ActDelete       = "segment.delete"    // segments go; detail.why says why
	ActWithdraw     = "segment.withdraw"  // the segment of the last seal never became part of the store: a crash came between
)

// Server is the actor of what nobody asked for.
const Server = "server"

// Leaf is one act.
type Leaf struct {
	Time   time.Time         `json:"time"`   // set by [Log.Append]
	Actor  string            `json:"actor"`  // who did it, such as administrator "ann", or [Server]
	Act    string            `json:"act"`    // one of the acts above
	Object string            `json:"object"` // what it was done to
	Detail map[string]string `json:"detail"` // what else is to be known
	Hash   string            `json:"hash"`   // SHA-256 of the object's content in hexadecimal, if it has one
}

// maxLeaf bounds a leaf in bytes. A bundle of the format could take twice as much.
const maxLeaf = 32 << 10

// ErrLeaf means that a leaf is too large, or not one.
var ErrLeaf = errors.New("not a leaf of the audit log")

// encode returns the canonical text of a leaf: JSON with its keys in order and
// no white space. The same leaf always has the same text.
func (l *Leaf) encode() ([]byte, error) {
	b := append([]byte(nil), `{"act":`...)
	b = event.AppendQuoted(b, l.Act)
	b = event.AppendQuoted(append(b, `,"actor":`...), l.Actor)
	b = append(b, `,"detail":{`...)
	for i, k := range slices.Sorted(maps.Keys(l.Detail)) {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(event.AppendQuoted(b, k), ':')
		b = event.AppendQuoted(b, l.Detail[k])
	}
	b = event.AppendQuoted(append(b, `},"hash":`...), l.Hash)
	b = event.AppendQuoted(append(b, `,"object":`...), l.Object)
	b = append(b, `,"time":"`...)
	b = l.Time.UTC().AppendFormat(b, time.RFC3339Nano)
	b = append(b, `"}`...)
	if len(b) > maxLeaf {
		return nil, fmt.Errorf("%w: it has %d bytes, more than %d", ErrLeaf, len(b), maxLeaf)
	}
	return b, nil
}

// parseLeaf reads what encode writes.
func parseLeaf(b []byte) (Leaf, error) {
	var l Leaf
	if len(b) > maxLeaf {
		return l, fmt.Errorf("%w: it has %d bytes, more than %d", ErrLeaf, len(b), maxLeaf)
	}
	if err := json.Unmarshal(b, &l); err != nil {
		return l, fmt.Errorf("%w: %w", ErrLeaf, err)
	}
	return l, nil
}
