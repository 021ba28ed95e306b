package verdict

// Input is what is known about one decision of a WAF. The memory it points to
// is only read, and not kept.
type Input struct {
	// Request is the request as the client sent it. Of an event from a log it
	// holds what the log tells (method, URI, some headers), and Partial is set.
	Request *Request
	Partial bool // the body and most headers are not known

	Block   bool  // what the rules ask for
	Score   int   // inbound anomaly score
	Rules   []int // ids of the rules that added to the score or denied
	Matches []Match

	// History is what is usual for the site, nil if nothing is known.
	History *Profile

	// Circumstances are what is known besides the request, nil if nothing is.
	Circumstances *Circumstances
}

// Match is one value that a rule matched.
type Match struct {
	Rule     int    `json:"r"`
	Variable string `json:"v"` // such as ARGS:name
	Value    string `json:"t,omitempty"`
}
