package event

// The fields that Gatewatch itself reads or writes: ECS 9 names, and our own
// under waf, verdict, finding and gatewatch. Any other name is as welcome in an
// event; these have a type, and a key that costs nothing to look up.
var (
	Timestamp = knownMember("@timestamp", TypeDate)
	Message   = known("message", TypeText)
	Tags      = knownList("tags", TypeKeyword)

	EventID       = knownMember("event.id", TypeKeyword)
	EventKind     = known("event.kind", TypeKeyword)
	EventCategory = knownList("event.category", TypeKeyword)
	EventType     = knownList("event.type", TypeKeyword)
	EventAction   = known("event.action", TypeKeyword)
	EventOutcome  = known("event.outcome", TypeKeyword)
	EventSeverity = known("event.severity", TypeLong)
	EventDataset  = knownMember("event.dataset", TypeKeyword)
	EventModule   = known("event.module", TypeKeyword)
	EventProvider = known("event.provider", TypeKeyword)
	EventIngested = knownMember("event.ingested", TypeDate)
	EventCreated  = known("event.created", TypeDate)
	EventStart    = known("event.start", TypeDate)
	EventEnd      = known("event.end", TypeDate)
	EventOriginal = knownMember("event.original", TypeText)
	EventDuration = known("event.duration", TypeLong) // nanoseconds
	EventCode     = known("event.code", TypeKeyword)
	EventReason   = known("event.reason", TypeText)
	EventSequence = known("event.sequence", TypeLong)
	ErrorMessage  = known("error.message", TypeText)
	ErrorCode     = known("error.code", TypeKeyword)
	ErrorType     = known("error.type", TypeKeyword)

	SourceIP         = known("source.ip", TypeIP)
	SourcePort       = known("source.port", TypeLong)
	SourceAddress    = known("source.address", TypeKeyword)
	SourceDomain     = known("source.domain", TypeKeyword)
	SourceBytes      = known("source.bytes", TypeLong)
	SourceCountry    = known("source.geo.country_iso_code", TypeKeyword)
	SourceCity       = known("source.geo.city_name", TypeKeyword)
	SourceASN        = known("source.as.number", TypeLong)
	SourceASOrg      = known("source.as.organization.name", TypeKeyword)
	SourceUserName   = known("source.user.name", TypeKeyword)
	SourceNATIP      = known("source.nat.ip", TypeIP)
	ClientIP         = known("client.ip", TypeIP)
	ClientAddress    = known("client.address", TypeKeyword)
	ClientPort       = known("client.port", TypeLong)
	ClientDomain     = known("client.domain", TypeKeyword)
	DestinationIP    = known("destination.ip", TypeIP)
	DestinationPort  = known("destination.port", TypeLong)
	DestinationAddr  = known("destination.address", TypeKeyword)
	DestinationName  = known("destination.domain", TypeKeyword)
	DestinationBytes = known("destination.bytes", TypeLong)
	ServerIP         = known("server.ip", TypeIP)
	ServerAddress    = known("server.address", TypeKeyword)
	ServerPort       = known("server.port", TypeLong)
	ServerDomain     = known("server.domain", TypeKeyword)

	NetworkProtocol  = known("network.protocol", TypeKeyword)
	NetworkTransport = known("network.transport", TypeKeyword)
	NetworkType      = known("network.type", TypeKeyword)
	NetworkBytes     = known("network.bytes", TypeLong)
	NetworkForwarded = known("network.forwarded_ip", TypeIP)

	HTTPRequestMethod      = known("http.request.method", TypeKeyword)
	HTTPRequestBytes       = known("http.request.bytes", TypeLong)
	HTTPRequestBodyBytes   = known("http.request.body.bytes", TypeLong)
	HTTPRequestBody        = known("http.request.body.content", TypeText)
	HTTPRequestReferrer    = known("http.request.referrer", TypeKeyword)
	HTTPRequestID          = known("http.request.id", TypeKeyword)
	HTTPRequestMimeType    = known("http.request.mime_type", TypeKeyword)
	HTTPResponseStatusCode = known("http.response.status_code", TypeLong)
	HTTPResponseBytes      = known("http.response.bytes", TypeLong)
	HTTPResponseBodyBytes  = known("http.response.body.bytes", TypeLong)
	HTTPResponseMimeType   = known("http.response.mime_type", TypeKeyword)
	HTTPVersion            = known("http.version", TypeKeyword)

	URLDomain         = known("url.domain", TypeKeyword)
	URLPath           = known("url.path", TypeKeyword)
	URLQuery          = known("url.query", TypeKeyword)
	URLOriginal       = known("url.original", TypeKeyword)
	URLFull           = known("url.full", TypeKeyword)
	URLScheme         = known("url.scheme", TypeKeyword)
	URLPort           = known("url.port", TypeLong)
	URLExtension      = known("url.extension", TypeKeyword)
	URLFragment       = known("url.fragment", TypeKeyword)
	URLUsername       = known("url.username", TypeKeyword)
	URLPathDecoded    = known("url.path_decoded", TypeKeyword)  // percent-decoded once
	URLQueryDecoded   = known("url.query_decoded", TypeKeyword) // percent-decoded once
	UserAgentOriginal = known("user_agent.original", TypeKeyword)
	UserAgentName     = known("user_agent.name", TypeKeyword)

	UserID        = known("user.id", TypeKeyword)
	UserName      = known("user.name", TypeKeyword)
	UserEmail     = known("user.email", TypeKeyword)
	UserDomain    = known("user.domain", TypeKeyword)
	SessionID     = known("session.id", TypeKeyword)
	TraceID       = known("trace.id", TypeKeyword)
	SpanID        = known("span.id", TypeKeyword)
	TransactionID = known("transaction.id", TypeKeyword)

	HostName        = known("host.name", TypeKeyword)
	HostIP          = knownList("host.ip", TypeIP)
	ServiceName     = known("service.name", TypeKeyword)
	ServiceType     = known("service.type", TypeKeyword)
	ProcessName     = known("process.name", TypeKeyword)
	ProcessPID      = known("process.pid", TypeLong)
	ProcessThreadID = known("process.thread.id", TypeLong)
	ProcessTitle    = known("process.title", TypeKeyword)

	EmailFrom           = knownList("email.from.address", TypeKeyword)
	EmailTo             = knownList("email.to.address", TypeKeyword)
	EmailSender         = known("email.sender.address", TypeKeyword)
	EmailSubject        = known("email.subject", TypeKeyword)
	EmailMessageID      = known("email.message_id", TypeKeyword)
	EmailLocalID        = known("email.local_id", TypeKeyword)
	EmailDirection      = known("email.direction", TypeKeyword)
	EmailXMailer        = known("email.x_mailer", TypeKeyword)
	TLSVersion          = known("tls.version", TypeKeyword)
	TLSCipher           = known("tls.cipher", TypeKeyword)
	TLSVersionProtocol  = known("tls.version_protocol", TypeKeyword)
	TLSClientServerName = known("tls.client.server_name", TypeKeyword)

	LogLevel            = known("log.level", TypeKeyword)
	LogFilePath         = known("log.file.path", TypeKeyword)
	LogLogger           = known("log.logger", TypeKeyword)
	LogSourceAddress    = known("log.source.address", TypeKeyword)
	SyslogPriority      = known("log.syslog.priority", TypeLong)
	SyslogFacilityCode  = known("log.syslog.facility.code", TypeLong)
	SyslogFacilityName  = known("log.syslog.facility.name", TypeKeyword)
	SyslogSeverityCode  = known("log.syslog.severity.code", TypeLong)
	SyslogSeverityName  = known("log.syslog.severity.name", TypeKeyword)
	SyslogAppName       = known("log.syslog.appname", TypeKeyword)
	SyslogHostname      = known("log.syslog.hostname", TypeKeyword)
	SyslogMsgID         = known("log.syslog.msgid", TypeKeyword)
	SyslogProcID        = known("log.syslog.procid", TypeKeyword)
	SyslogVersion       = known("log.syslog.version", TypeKeyword)
	RuleID              = known("rule.id", TypeKeyword)
	RuleName            = known("rule.name", TypeKeyword)
	RuleRuleset         = known("rule.ruleset", TypeKeyword)
	RuleCategory        = known("rule.category", TypeKeyword)
	RuleVersion         = known("rule.version", TypeKeyword)
	RuleDescription     = known("rule.description", TypeText)
	RuleAuthor          = known("rule.author", TypeKeyword)
	RuleLicense         = known("rule.license", TypeKeyword)
	RuleReference       = known("rule.reference", TypeKeyword)
	ThreatTactic        = knownList("threat.tactic.id", TypeKeyword)
	ThreatTechnique     = knownList("threat.technique.id", TypeKeyword)
	ObserverType        = known("observer.type", TypeKeyword)
	ObserverName        = known("observer.name", TypeKeyword)
	ObserverHostname    = known("observer.hostname", TypeKeyword)
	ObserverProduct     = known("observer.product", TypeKeyword)
	ObserverVendor      = known("observer.vendor", TypeKeyword)
	ObserverVersion     = known("observer.version", TypeKeyword)
	RelatedIP           = knownList("related.ip", TypeIP)
	RelatedUser         = knownList("related.user", TypeKeyword)
	RelatedHosts        = knownList("related.hosts", TypeKeyword)
	WAFSite             = known("waf.site", TypeKeyword)
	WAFNode             = known("waf.node", TypeKeyword)
	WAFMode             = known("waf.mode", TypeKeyword)
	WAFDecision         = known("waf.decision", TypeKeyword)
	WAFAction           = known("waf.action", TypeKeyword)
	WAFAnomalyScore     = known("waf.anomaly_score", TypeLong)
	WAFOutboundScore    = known("waf.outbound_anomaly_score", TypeLong)
	WAFThreshold        = known("waf.threshold", TypeLong)
	WAFParanoiaLevel    = known("waf.paranoia_level", TypeLong)
	WAFRuleset          = known("waf.ruleset", TypeKeyword)
	WAFPolicyOnly       = known("waf.policy_only", TypeBool)
	WAFSampleProb       = known("waf.sample_probability", TypeFloat)
	WAFReason           = known("waf.reason", TypeKeyword)
	WAFEvaluation       = known("waf.evaluation_duration", TypeLong) // nanoseconds
	WAFUpstream         = known("waf.upstream_duration", TypeLong)   // nanoseconds
	WAFMatchRuleID      = knownList("waf.match.rule_id", TypeKeyword)
	WAFMatchVariable    = knownList("waf.match.variable", TypeKeyword)
	WAFMatchValue       = knownList("waf.match.value", TypeKeyword)
	WAFMatchMessage     = knownList("waf.match.message", TypeKeyword)
	WAFMatchSeverity    = knownList("waf.match.severity", TypeKeyword)
	VerdictPAttack      = known("verdict.p_attack", TypeFloat)
	VerdictPFalse       = known("verdict.p_false_positive", TypeFloat)
	VerdictPMissed      = known("verdict.p_missed", TypeFloat)
	VerdictKind         = known("verdict.kind", TypeKeyword)
	VerdictModel        = known("verdict.model", TypeKeyword)
	VerdictRevision     = known("verdict.revision", TypeLong)
	VerdictEventID      = known("verdict.event_id", TypeKeyword)
	VerdictEvidence     = knownList("verdict.evidence", TypeKeyword)
	FindingEventIDs     = knownList("finding.event_ids", TypeKeyword)
	FindingCount        = known("finding.count", TypeLong)                      // events of the group, where they were counted
	FindingGroup        = knownList("finding.group", TypeKeyword)               // field=value that the events share
	FindingDataset      = known("finding.dataset", TypeKeyword)                 // of the event that completed it
	FindingSource       = known("finding.source", TypeKeyword)                  // of the event that completed it
	GatewatchSource     = knownMember("gatewatch.source", TypeKeyword)          // enrolled node, token or input name
	GatewatchStream     = known("gatewatch.stream", TypeKeyword)                // stream of the store; not part of the event
	GatewatchHeader     = known("gatewatch.header", TypeKeyword)                // header line that the record was read with
	GatewatchWAF        = known("gatewatch.waf", TypeKeyword)                   // by whose word it is what a WAF did: WAFByNode or WAFByLog
	GatewatchOriginal64 = knownMember("gatewatch.original_base64", TypeKeyword) // event.original where it is not UTF-8
	GatewatchFlattened  = knownList("gatewatch.flattened", TypeText)            // name=value of fields over the cap

	HTTPForwardedFor     = known("http.request.headers.x_forwarded_for", TypeKeyword) // as received: claims, not facts
	NginxRequest         = known("nginx.request", TypeKeyword)                        // request line that is none
	NginxConnection      = known("nginx.connection", TypeLong)                        // number of the connection
	NginxUpstreamName    = known("nginx.upstream.name", TypeKeyword)
	NginxUpstreamAddress = knownList("nginx.upstream.address", TypeKeyword)
	NginxUpstreamStatus  = knownList("nginx.upstream.status_code", TypeLong)
	NginxUpstreamTime    = knownList("nginx.upstream.response_time", TypeFloat) // seconds
	NginxUpstreamConnect = knownList("nginx.upstream.connect_time", TypeFloat)  // seconds
	NginxUpstreamHeader  = knownList("nginx.upstream.header_time", TypeFloat)   // seconds
	NginxUpstreamLength  = knownList("nginx.upstream.response_length", TypeLong)
	NginxUpstreamCache   = known("nginx.upstream.cache_status", TypeKeyword)
	NginxExtra           = knownList("nginx.extra", TypeKeyword) // what a line holds beyond what is understood
	NginxLimitZone       = known("nginx.limit.zone", TypeKeyword)
	FilePath             = known("file.path", TypeKeyword)
)

// Values of [GatewatchWAF]. An event without it is not by a WAF, whatever it says.
const (
	WAFByNode = "node" // by the stream of a node, whose name is known
	WAFByLog  = "log"  // by a log of a WAF, under the name of the log's source
)
