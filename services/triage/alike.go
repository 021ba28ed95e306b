package triage

import "encoding/json"

// maxAlike bounds the text of a key, in bytes.
const maxAlike = 8192

// text is a key as one text, "" if it is too long for one.
func (k *GroupKey) text() string {
	b, err := json.Marshal([]string{k.Site, k.Path, k.Rule, k.Variable, string(k.Kind), decisionOf(k.Blocked)})
	if err != nil || len(b) > maxAlike {
		return ""
	}
	return string(b)
}

func decisionOf(blocked bool) string {
	if blocked {
		return "block"
	}
	return "allow"
}
