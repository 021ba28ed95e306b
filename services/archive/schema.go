package archive

import (
	"github.com/parquet-go/parquet-go"

	"github.com/gatewatch/gatewatch/detection/event"
)

// SchemaVersion is the version of the columns. It changes when a column is
// renamed, removed or gets another type; a reader of any version ignores columns
// that it does not know.
const SchemaVersion = 1

// columnKind is what values a column holds.
type columnKind uint8

const (
	columnText columnKind = iota // UTF-8
	columnIP                     // text of an address
	columnInt
	columnFloat
	columnBool
	columnTime  // microseconds since 1970 in UTC
	columnBytes // any bytes
	columnNanos // 0 to 999, nanoseconds beyond the microseconds of another column
)

// column is one column of an archive. All are optional.
type column struct {
	name string
	key  event.Key // zero where the column is not a field
	kind columnKind
	list bool
	dict bool // few different values are expected
}

// Columns that are not fields.
const (
	nanosColumn         = "gatewatch.timestamp_nanos"
	ingestedNanosColumn = "gatewatch.ingested_nanos"
	originalBytesColumn = "gatewatch.original_bytes" // event.original where it is not UTF-8
	streamColumn        = "gatewatch.stream"
	fieldsColumn        = "gatewatch.fields" // all other fields, as a flat JSON object
	kindsColumn         = "gatewatch.kinds"  // what JSON cannot tell of them, see rest.go
)

// fields are the fields that have a column of their own.
var fields = []event.Key{
	event.Timestamp, event.EventID, event.EventDataset, event.EventIngested, event.GatewatchSource, event.EventOriginal,
	event.Message, event.Tags,
	event.EventKind, event.EventCategory, event.EventType, event.EventAction, event.EventOutcome, event.EventSeverity,
	event.EventModule, event.EventProvider, event.EventCode, event.EventReason, event.EventDuration,
	event.EventCreated, event.EventStart, event.EventEnd, event.ErrorMessage, event.ErrorCode,
	event.SourceIP, event.SourcePort, event.SourceAddress, event.SourceDomain, event.SourceBytes, event.SourceUserName,
	event.SourceCountry, event.SourceCity, event.SourceASN, event.SourceASOrg,
	event.ClientIP, event.ClientPort, event.DestinationIP, event.DestinationPort, event.DestinationAddr,
	event.DestinationName, event.DestinationBytes, event.ServerIP, event.ServerPort,
	event.NetworkProtocol, event.NetworkTransport, event.NetworkForwarded,
	event.HTTPRequestMethod, event.HTTPRequestBytes, event.HTTPRequestBodyBytes, event.HTTPRequestReferrer, event.HTTPRequestID,
	event.HTTPResponseStatusCode, event.HTTPResponseBytes, event.HTTPResponseBodyBytes, event.HTTPResponseMimeType,
	event.HTTPVersion, event.HTTPForwardedFor,
	event.URLDomain, event.URLPath, event.URLQuery, event.URLOriginal, event.URLFull, event.URLScheme, event.URLPort,
	event.URLPathDecoded, event.URLQueryDecoded, event.UserAgentOriginal, event.UserAgentName,
	event.UserID, event.UserName, event.UserEmail, event.UserDomain, event.SessionID, event.TraceID, event.SpanID,
	event.HostName, event.HostIP, event.ServiceName, event.ServiceType, event.ProcessName, event.ProcessPID,
	event.EmailFrom, event.EmailTo, event.EmailSender, event.EmailSubject, event.EmailMessageID, event.EmailLocalID,
	event.TLSVersion, event.TLSCipher, event.LogLevel, event.LogFilePath, event.LogLogger, event.LogSourceAddress,
	event.SyslogFacilityName, event.SyslogSeverityName, event.SyslogAppName,
	event.RuleID, event.RuleName, event.RuleRuleset, event.RuleCategory,
	event.ObserverType, event.ObserverName, event.ObserverVersion, event.RelatedIP, event.RelatedUser, event.RelatedHosts,
	event.WAFSite, event.WAFNode, event.WAFMode, event.WAFDecision, event.WAFAction, event.WAFAnomalyScore, event.WAFThreshold,
	event.WAFParanoiaLevel, event.WAFRuleset, event.WAFPolicyOnly, event.WAFSampleProb, event.WAFReason,
	event.WAFMatchRuleID, event.WAFMatchVariable, event.WAFMatchValue, event.WAFMatchMessage, event.WAFMatchSeverity,
	event.VerdictPAttack, event.VerdictPFalse, event.VerdictPMissed, event.VerdictKind, event.VerdictModel,
	event.VerdictRevision, event.VerdictEventID, event.VerdictEvidence,
	event.FindingEventIDs, event.FindingCount, event.FindingGroup,
}

// lists are fields that are lists in archives though events may hold a single
// value: how a WAF names the rules of one request.
var lists = map[event.Key]bool{event.RuleID: true}

// plain are fields nearly every value of which is another one.
var plain = map[event.Key]bool{
	event.EventID: true, event.EventOriginal: true, event.Message: true, event.TraceID: true, event.SpanID: true,
	event.SessionID: true, event.HTTPRequestID: true, event.EmailMessageID: true, event.EmailLocalID: true,
	event.VerdictEventID: true, event.FindingEventIDs: true,
}

// columns are all columns in the order of their names, which is that of the
// leaves of the schema; columnOf finds that of a field by [event.Key.ID].
var (
	schema   = parquet.NewSchema("event", makeSchema())
	columns  = makeColumns()
	columnOf = indexColumns()
)

func makeColumn(k event.Key) column {
	c := column{name: k.String(), key: k, list: k.IsList() || lists[k], dict: !plain[k]}
	switch k.Type() {
	case event.TypeLong:
		c.kind = columnInt
	case event.TypeFloat:
		c.kind = columnFloat
	case event.TypeBool:
		c.kind = columnBool
	case event.TypeDate:
		c.kind = columnTime
	case event.TypeIP:
		c.kind = columnIP
	}
	return c
}

func allColumns() map[string]column {
	all := map[string]column{
		nanosColumn:         {name: nanosColumn, kind: columnNanos},
		ingestedNanosColumn: {name: ingestedNanosColumn, kind: columnNanos},
		originalBytesColumn: {name: originalBytesColumn, kind: columnBytes},
		streamColumn:        {name: streamColumn, kind: columnText, dict: true},
		fieldsColumn:        {name: fieldsColumn, kind: columnText},
		kindsColumn:         {name: kindsColumn, kind: columnText, list: true, dict: true},
	}
	for _, k := range fields {
		all[k.String()] = makeColumn(k)
	}
	return all
}

func makeSchema() parquet.Group {
	g := parquet.Group{}
	for name, c := range allColumns() {
		g[name] = c.node()
	}
	return g
}

// node is the column in the schema.
func (c *column) node() parquet.Node {
	var n parquet.Node
	switch c.kind {
	case columnText, columnIP:
		n = parquet.String()
	case columnInt:
		n = parquet.Leaf(parquet.Int64Type)
	case columnFloat:
		n = parquet.Leaf(parquet.DoubleType)
	case columnBool:
		n = parquet.Leaf(parquet.BooleanType)
	case columnTime:
		n = parquet.Encoded(parquet.Timestamp(parquet.Microsecond), &parquet.DeltaBinaryPacked)
	case columnBytes:
		n = parquet.Leaf(parquet.ByteArrayType)
	case columnNanos:
		n = parquet.Encoded(parquet.Leaf(parquet.Int32Type), &parquet.RLEDictionary)
	}
	if c.dict && (c.kind == columnText || c.kind == columnIP || c.kind == columnInt) {
		n = parquet.Encoded(n, &parquet.RLEDictionary)
	}
	n = parquet.Compressed(n, &parquet.Zstd)
	if c.list {
		n = parquet.List(n)
	}
	return parquet.Optional(n)
}

// makeColumns orders the columns as the schema does.
func makeColumns() []column {
	all := allColumns()
	ordered := make([]column, 0, len(all))
	for _, path := range schema.Columns() {
		ordered = append(ordered, all[path[0]])
	}
	return ordered
}

func indexColumns() []int {
	var index []int
	for i, c := range columns {
		if c.key == (event.Key{}) {
			continue
		}
		for len(index) <= c.key.ID() {
			index = append(index, -1)
		}
		index[c.key.ID()] = i
	}
	return index
}

// fieldColumn returns the number of the column of a field, -1 if it has none.
func fieldColumn(k event.Key) int {
	if id := k.ID(); id >= 0 && id < len(columnOf) {
		return columnOf[id]
	}
	return -1
}

// namedColumn returns the number of a column.
func namedColumn(name string) int {
	for i := range columns {
		if columns[i].name == name {
			return i
		}
	}
	panic("archive: no column " + name)
}
