package parse

import (
	"strconv"
	"strings"

	"github.com/gatewatch/gatewatch/detection/event"
)

func init() {
	register(Format{
		Name:    "exchange.httpproxy",
		Summary: "Microsoft Exchange HttpProxy log (OWA, ECP, EWS, ActiveSync, MAPI …), CSV under its #Fields line",
		Parse:   parseHTTPProxy,
		Header:  isExchangeHeader,
	})
}

// httpProxyColumns are those of Exchange 2016 and 2019, in their order.
const httpProxyColumns = "DateTime,RequestId,MajorVersion,MinorVersion,BuildVersion,RevisionVersion,ClientRequestId," +
	"Protocol,UrlHost,UrlStem,ProtocolAction,AuthenticationType,IsAuthenticated,AuthenticatedUser,Organization," +
	"AnchorMailbox,UserAgent,ClientIpAddress,ServerHostName,HttpStatus,BackEndStatus,ErrorCode,Method,ProxyAction," +
	"TargetServer,TargetServerVersion,RoutingType,RoutingHint,BackEndCookie,ServerLocatorHost,ServerLocatorLatency," +
	"RequestBytes,ResponseBytes,TargetOutstandingRequests,AuthModulePerfContext,HttpPipelineLatency," +
	"CalculateTargetBackEndLatency,GlsLatencyBreakup,TotalGlsLatency,AccountForestLatencyBreakup," +
	"TotalAccountForestLatency,ResourceForestLatencyBreakup,TotalResourceForestLatency,ADLatency," +
	"SharedCacheLatencyBreakup,TotalSharedCacheLatency,ActivityContextLifeTime,ModuleToHandlerSwitchingLatency," +
	"ClientReqStreamLatency,BackendReqInitLatency,BackendReqStreamLatency,BackendProcessingLatency," +
	"BackendRespInitLatency,BackendRespStreamLatency,ClientRespStreamLatency,KerberosAuthHeaderLatency," +
	"HandlerCompletionLatency,RequestHandlerLatency,HandlerToModuleSwitchingLatency,ProxyTime,CoreLatency," +
	"RoutingLatency,HttpProxyOverhead,TotalRequestTime,RouteRefresherLatency,UrlQuery,BackEndGenericInfo,GenericInfo," +
	"GenericErrors,EdgeTraceId,DatabaseGuid,UserADObjectGuid,PartitionEndpointLookupLatency,RoutingStatus"

var httpProxyLog = exchangeLog{
	columns: httpProxyColumns,
	known: exchangeColumns(
		exchangeColumn{name: "DateTime", read: (*exchangeLine).readTime},
		exchangeColumn{name: "RequestId", read: func(l *exchangeLine, v string) { l.request.requestID = v }},
		exchangeColumn{name: "UrlHost", read: func(l *exchangeLine, v string) { l.request.vhost = v }},
		exchangeColumn{name: "UrlStem", read: func(l *exchangeLine, v string) { l.request.target = v }},
		exchangeColumn{name: "UrlQuery", read: func(l *exchangeLine, v string) { l.query = v }},
		exchangeColumn{name: "Method", read: func(l *exchangeLine, v string) { l.request.method = v }},
		exchangeColumn{name: "UserAgent", read: func(l *exchangeLine, v string) { l.request.agent = v }},
		exchangeColumn{name: "ClientIpAddress", read: func(l *exchangeLine, v string) { l.request.remote = v }},
		exchangeColumn{name: "HttpStatus", read: func(l *exchangeLine, v string) { l.request.status = v }},
		exchangeColumn{name: "RequestBytes", read: func(l *exchangeLine, v string) { l.request.length = v }},
		exchangeColumn{name: "ResponseBytes", read: func(l *exchangeLine, v string) { l.request.sent = v }},
		exchangeColumn{name: "AuthenticatedUser", read: (*exchangeLine).readUser},
		exchangeColumn{name: "ServerHostName", read: func(l *exchangeLine, v string) { l.e.AddText(event.HostName, v) }},
		exchangeColumn{name: "TargetServer", read: func(l *exchangeLine, v string) { l.e.AddText(event.DestinationName, v) }},
		exchangeColumn{name: "ErrorCode", key: event.ErrorCode},
		exchangeColumn{name: "TotalRequestTime", read: (*exchangeLine).readDuration},
		exchangeColumn{name: "BackEndStatus", key: event.Intern("exchange.backend_status"), number: true},
		exchangeColumn{name: "IsAuthenticated", read: (*exchangeLine).readAuthenticated},
		exchangeColumn{name: "UserADObjectGuid", key: event.UserID},
	),
}

// parseHTTPProxy reads one record.
func parseHTTPProxy(raw []byte, c *Context, e *event.Event) error {
	l := exchangeLine{e: e, c: c}
	err := httpProxyLog.read(raw, &l)
	if err != nil && e.Time == 0 {
		addMissing(e, event.Message, event.View(raw))
		if l.request.remote == "" && l.request.method == "" {
			return err
		}
	}
	if l.query != "" {
		path, query := l.request.target, strings.TrimPrefix(l.query, "?")
		l.request.target = e.Build(func(dst []byte) []byte {
			return append(append(append(dst, path...), '?'), query...)
		})
	}
	l.request.addTo(c, e)
	return err
}

// readUser reads "DOMAIN\user", "user@domain" or a name.
func (l *exchangeLine) readUser(v string) {
	l.request.user = v
	if domain, name, ok := strings.Cut(v, `\`); ok {
		l.e.AddText(event.UserDomain, domain)
		l.request.user = name
	} else if strings.IndexByte(v, '@') > 0 {
		l.e.AddText(event.UserEmail, v)
	}
}

var exchangeAuthenticated = event.Intern("exchange.is_authenticated")

func (l *exchangeLine) readAuthenticated(v string) {
	if yes := strings.EqualFold(v, "true"); yes || strings.EqualFold(v, "false") {
		l.e.Add(exchangeAuthenticated, event.Bool(yes))
		return
	}
	l.e.AddText(exchangeAuthenticated, v)
}

// readDuration reads milliseconds.
func (l *exchangeLine) readDuration(v string) {
	if ms, err := strconv.ParseInt(v, 10, 64); err == nil && ms >= 0 && ms < 1e12 {
		l.e.AddInt(event.EventDuration, ms*1e6)
	}
}
