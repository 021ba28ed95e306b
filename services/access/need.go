package access

// needs names who has a right, for the message to one who has not.
func (r right) needs() string {
	switch {
	case r.viewer && r.kiosk:
		return "a session or a token of any role"
	case r.viewer && r.input:
		return "any token"
	case r.viewer:
		return "a token of the role viewer, analyst, examiner or administrator"
	case r.analyst:
		return "a token of the role analyst, examiner or administrator"
	case r.examiner:
		return "a token of the role examiner or administrator"
	case r.input:
		return "a token of a source or node, or of the role administrator"
	case r.administrator:
		return "a token of the role administrator"
	}
	return "nobody's token"
}
