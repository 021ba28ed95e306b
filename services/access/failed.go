package access

import (
	"net"
	"strconv"
	"sync"
	"time"
)

// Failed attempts get so many leaves of the audit log in an hour; those beyond are
// counted, and the next leaf tells how many there were.
const (
	failedLeaves = 60
	failedWindow = time.Hour
)

// failedActs bounds the leaves of failed attempts.
type failedActs struct {
	now func() time.Time

	mu     sync.Mutex
	begun  time.Time
	leaves int
	untold uint64
}

// more counts an attempt that gets no leaf.
func (f *failedActs) more() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.untold++
}

// take returns whether an attempt gets a leaf, and how many before it got none.
func (f *failedActs) take() (untold uint64, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if now := f.now(); now.Sub(f.begun) >= failedWindow || now.Before(f.begun) {
		f.begun, f.leaves = now, 0
	}
	if f.leaves == failedLeaves {
		f.untold++
		return 0, false
	}
	f.leaves++
	untold, f.untold = f.untold, 0
	return untold, true
}

// signInFailed writes the leaf of a failed attempt. What was typed as the name of
// no account is not kept: it may be a password.
func (a *Accounts) signInFailed(account string, peer net.Addr) error {
	a.log.Warn("sign-in at the console failed", "peer", peerText(peer), "account", account)
	untold, ok := a.failed.take()
	if !ok {
		return nil
	}
	detail := map[string]string{"peer": PeerAddr(peer).String()}
	if untold > 0 {
		detail["more"] = strconv.FormatUint(untold, 10)
	}
	return a.tell(AccountAct{Act: "sign-in.failed", Account: account, By: "anonymous", Detail: detail})
}
