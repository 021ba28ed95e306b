package detection

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"

	"github.com/gatewatch/gatewatch/detection/event"
)

// Dataset is the event.dataset of findings.
const Dataset = "gatewatch.finding"

// Source is the source of events that Gatewatch makes itself.
const Source = "gatewatch"

// maxEventIDs bounds how many events a finding names.
const maxEventIDs = 100

// Rule is what is said of a rule in each of its findings.
type Rule struct {
	ID          string
	Version     string // changes when the rule does
	Name        string // for people
	Description string
	Author      string
	License     string
	Reference   string
	Ruleset     string   // the collection it came with
	Severity    int      // 0 to 100
	Tactics     []string // ids of MITRE ATT&CK, such as TA0001
	Techniques  []string // ids of MITRE ATT&CK, such as T1190
	Tags        []string
}

// Finding says that a rule matched.
type Finding struct {
	Rule   *Rule
	Event  *event.Event // the one that completed it
	Group  []Member     // what the events of a correlation have in common
	Events []string     // ids of the events besides Event, the oldest first
	Count  int64        // how many events there were, besides those named; 0 if not counted
	Start  int64        // of the first and the last event of a correlation,
	End    int64        // Unix nanoseconds; 0 if there is only Event
}

// Member is one field that the events of a group share.
type Member struct{ Field, Value string }

// ID names the finding. It is the same in each replay: a hash of the rule, its
// version, the event that completed it, and the group.
func (f *Finding) ID() string {
	h := sha256.New()
	write(h, f.Rule.ID)
	write(h, f.Rule.Version)
	write(h, f.Event.Source)
	write(h, f.Event.ID)
	for _, m := range f.Group {
		write(h, m.Field)
		write(h, m.Value)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// write hashes a string with its length, so that no two lists of strings look
// the same.
func write(h hash.Hash, s string) {
	var n [8]byte
	binary.LittleEndian.PutUint64(n[:], uint64(len(s)))
	h.Write(n[:])
	h.Write([]byte(s))
}

// entities are the fields that a finding takes over from its event: who did
// what to whom, and where.
var entities = [...]event.Key{
	event.SourceIP, event.ClientIP, event.DestinationIP, event.UserName, event.SourceUserName, event.SessionID, event.TraceID,
	event.HostName, event.ServiceName, event.URLDomain, event.URLPath, event.HTTPRequestID, event.HTTPRequestMethod, event.HTTPResponseStatusCode,
	event.EmailFrom, event.EmailTo, event.EmailMessageID, event.UserAgentOriginal, event.ObserverName, event.WAFSite, event.WAFNode,
	event.EventAction, event.EventOutcome,
}

// Write makes an event of the finding, which is reset first and shares memory
// with f.Event.
func (f *Finding) Write(e *event.Event) {
	e.Reset()
	e.ID, e.Source, e.Dataset = f.ID(), Source, Dataset
	e.Time, e.Received = f.Event.Time, f.Event.Received
	e.AddText(event.EventKind, "alert")
	e.AddText(event.Message, f.Rule.Name)
	e.AddInt(event.EventSeverity, int64(f.Rule.Severity))
	f.Rule.write(e)
	for _, id := range f.eventIDs() {
		e.AddText(event.FindingEventIDs, id)
	}
	if f.Count > 0 {
		e.AddInt(event.FindingCount, f.Count)
	}
	if f.Start != 0 {
		e.Add(event.EventStart, event.Time(f.Start))
		e.Add(event.EventEnd, event.Time(f.End))
	}
	for _, m := range f.Group {
		e.AddText(event.FindingGroup, m.Field+"="+m.Value)
	}
	e.AddText(event.FindingDataset, f.Event.Dataset)
	e.AddText(event.FindingSource, f.Event.Source)
	for _, k := range entities {
		for v := range f.Event.Values(k) {
			e.Add(k, v)
		}
	}
}

// eventIDs are the newest of the events, the completing one last.
func (f *Finding) eventIDs() []string {
	ids := f.Events
	if len(ids) >= maxEventIDs {
		ids = ids[len(ids)-maxEventIDs+1:]
	}
	return append(ids[:len(ids):len(ids)], f.Event.ID)
}

func (r *Rule) write(e *event.Event) {
	e.AddText(event.RuleID, r.ID)
	e.AddText(event.RuleVersion, r.Version)
	e.AddText(event.RuleName, r.Name)
	e.AddText(event.RuleDescription, r.Description)
	e.AddText(event.RuleAuthor, r.Author)
	e.AddText(event.RuleLicense, r.License)
	e.AddText(event.RuleReference, r.Reference)
	e.AddText(event.RuleRuleset, r.Ruleset)
	for _, id := range r.Tactics {
		e.AddText(event.ThreatTactic, id)
	}
	for _, id := range r.Techniques {
		e.AddText(event.ThreatTechnique, id)
	}
	for _, t := range r.Tags {
		e.AddText(event.Tags, t)
	}
}
