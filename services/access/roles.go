package access

// Role is a set of rights of a person or program.
type Role string

// The roles, each with all rights of the one before.
const (
	Viewer        Role = "viewer"        // reads
	Analyst       Role = "analyst"       // reads and judges
	Examiner      Role = "examiner"      // reads what clients sent, too: requests that nodes keep for replay
	Administrator Role = "administrator" // everything
)

func (r Role) valid() bool {
	return r == Viewer || r == Analyst || r == Examiner || r == Administrator
}

// right says who may make a call.
type right struct {
	public bool // everyone, unasked
	input  bool // senders of records: sources, nodes and certificates; anyone where inputs are open
	local  bool // everyone on this machine
	kiosk  bool // wall screens
	viewer, analyst, examiner,
	administrator bool
}

var (
	everyone       = right{public: true}
	screens        = right{kiosk: true, viewer: true, analyst: true, examiner: true, administrator: true}
	senders        = right{input: true, administrator: true}
	readers        = right{viewer: true, analyst: true, examiner: true, administrator: true}
	readersOrLocal = right{local: true, viewer: true, analyst: true, examiner: true, administrator: true}
	analysts       = right{analyst: true, examiner: true, administrator: true}
	examiners      = right{examiner: true, administrator: true}
	administrators = right{administrator: true}
)

// rights is the table of all calls: gRPC methods by their full name (a REST
// route has the right of its method), HTTP paths that have none by verb and
// path. What is not in it is denied.
var rights = map[string]right{
	"/gatewatch.v1.SearchService/Search":     readers,
	"/gatewatch.v1.SearchService/Aggregate":  readers,
	"/gatewatch.v1.SearchService/Tail":       readers,
	"/gatewatch.v1.SearchService/Export":     readers,
	"/gatewatch.v1.SearchService/Explain":    readers,
	"/gatewatch.v1.SearchService/ListFields": readers,

	"/gatewatch.v1.ReportService/GetChart":        readers,
	"/gatewatch.v1.ReportService/CreateWAFReport": readers,

	"/gatewatch.v1.RuleService/ListRules":   readers,
	"/gatewatch.v1.RuleService/GetRule":     readers,
	"/gatewatch.v1.RuleService/ExplainRule": readers,
	"/gatewatch.v1.RuleService/TestRule":    readers,
	"/gatewatch.v1.RuleService/ListGroups":  readers,

	"/gatewatch.v1.ConsoleService/GetPreferences":    readers,
	"/gatewatch.v1.ConsoleService/SavePreferences":   readers, // their own
	"/gatewatch.v1.ConsoleService/ListSavedSearches": readers,
	"/gatewatch.v1.ConsoleService/SaveSearch":        readers,
	"/gatewatch.v1.ConsoleService/DeleteSavedSearch": readers, // another one's: administrators

	"/gatewatch.v1.AlertService/ListAlerts":       readers,
	"/gatewatch.v1.AlertService/GetAlert":         readers,
	"/gatewatch.v1.AlertService/UpdateAlert":      analysts,
	"/gatewatch.v1.AlertService/GetNotifications": readers,
	"/gatewatch.v1.AlertService/TestNotification": administrators,

	"/gatewatch.v1.DecisionService/ListDecisions":      readers,
	"/gatewatch.v1.DecisionService/GetDecision":        readers,
	"/gatewatch.v1.DecisionService/ListDecisionGroups": readers,
	"/gatewatch.v1.DecisionService/EstimateRates":      readers,
	"/gatewatch.v1.DecisionService/LabelDecision":      analysts,
	"/gatewatch.v1.DecisionService/UndoLabel":          analysts,
	"/gatewatch.v1.DecisionService/LabelDecisionGroup": analysts,
	"/gatewatch.v1.DecisionService/UndoLabelAct":       analysts,
	"/gatewatch.v1.DecisionService/SampleDecisions":    analysts,

	"/gatewatch.v1.RequestService/ListRequests": examiners,
	"/gatewatch.v1.RequestService/GetRequest":   examiners,

	"/gatewatch.v1.BundleService/ListBundles":    readers,
	"/gatewatch.v1.BundleService/GetBundle":      readers,
	"/gatewatch.v1.BundleService/GetRollout":     readers,
	"/gatewatch.v1.BundleService/CreateBundle":   administrators,
	"/gatewatch.v1.BundleService/RollOutBundle":  administrators,
	"/gatewatch.v1.BundleService/RollBackBundle": administrators,

	"/gatewatch.v1.SessionService/GetSession":   screens,
	"/gatewatch.v1.SessionService/ListSessions": readers,
	"/gatewatch.v1.SessionService/EndSession":   readers, // another one's: administrators

	"/gatewatch.v1.ScreenService/GetScreen":   screens,
	"/gatewatch.v1.ScreenService/WatchScreen": screens,

	"/gatewatch.v1.AccountService/ListAccounts":  administrators,
	"/gatewatch.v1.AccountService/CreateAccount": administrators,
	"/gatewatch.v1.AccountService/UpdateAccount": administrators,
	"/gatewatch.v1.AccountService/CreateLink":    administrators,

	"/gatewatch.v1.ProposalService/ListProposals":    readers,
	"/gatewatch.v1.ProposalService/GetProposal":      readers,
	"/gatewatch.v1.ProposalService/GetProposalJob":   readers,
	"/gatewatch.v1.ProposalService/ProposeChanges":   examiners,
	"/gatewatch.v1.ProposalService/ApplyProposal":    administrators,
	"/gatewatch.v1.ProposalService/RetireProposal":   administrators,
	"/gatewatch.v1.ProposalService/RollBackProposal": administrators,

	"/gatewatch.v1.TuningService/StartWhatIf": analysts,
	"/gatewatch.v1.TuningService/GetWhatIf":   readers,
	"/gatewatch.v1.TuningService/StopWhatIf":  analysts,
	"/gatewatch.v1.TuningService/Replay":      examiners,

	"/gatewatch.v1.AdminService/CreateToken": administrators,
	"/gatewatch.v1.AdminService/ListTokens":  administrators,
	"/gatewatch.v1.AdminService/RevokeToken": administrators,
	"/gatewatch.v1.AdminService/ListSources": readers,
	"/gatewatch.v1.AdminService/ListNodes":   readers,

	"/gatewatch.v1.IngestService/Ingest":      senders,
	"/gatewatch.v1.IngestService/GetPosition": senders,
	"/gatewatch.v1.NodeService/Stream":        senders,

	"/opentelemetry.proto.collector.logs.v1.LogsService/Export": senders,

	// Probes have no token and learn nothing but ready or not.
	"/grpc.health.v1.Health/Check": everyone,
	"/grpc.health.v1.Health/List":  everyone,
	"/grpc.health.v1.Health/Watch": everyone,
	"GET /healthz":                 everyone,
	"GET /readyz":                  everyone,

	"/grpc.reflection.v1.ServerReflection/ServerReflectionInfo":      readers,
	"/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": readers,

	"GET /api/openapi.json": everyone, // the same for all installations

	// Pages look for a session themselves: who has none is sent to sign in, and
	// these are what it takes to do so.
	"GET /":                everyone,
	"GET /assets/":         everyone,
	"GET /signin":          everyone,
	"POST /signin":         everyone,
	"POST /signout":        everyone,
	"GET /setup/{secret}":  everyone,
	"POST /setup/{secret}": everyone,
	"GET /account":         everyone,
	"POST /account":        everyone,
	"GET /appearance":      everyone,
	"GET /screen/{name}":   everyone,
	"GET /screen/map.json": everyone,

	"GET /metrics": readersOrLocal, // holds names of sources
}

// Public tells whether everyone may make a call, unasked.
func Public(method string) bool { return rights[method].public }

// allows tells whether the right is given to an identity.
func (r right) allows(id Identity) bool {
	switch id.Kind {
	case KindSource, KindNode, KindCertificate:
		return r.public || r.input
	case KindKiosk:
		return r.public || r.kiosk
	case KindRole, KindUser:
		switch id.Role {
		case Viewer:
			return r.public || r.viewer
		case Analyst:
			return r.public || r.analyst
		case Examiner:
			return r.public || r.examiner
		case Administrator:
			return r.public || r.administrator
		}
	}
	return r.public
}
