package triage

import "encoding/json"

// maxAlike bounds the text of a key, in bytes.
const maxAlike = 8192

// text is a key as one text, "" if it is too long for one.
func (k *GroupKey) text() string { return k.textOf(nil) }

// alike names the decisions of a group that labels of x speak of: those of nodes, or
// those of the same log. What one log tells moves no decision of others.
func (k *GroupKey) alike(x *Decision) string {
	if x.ByLog {
		return k.textOf([]string{"log", x.Source})
	}
	return k.text()
}

func (k *GroupKey) textOf(origin []string) string {
	all := []string{k.Site, k.Path, k.Rule, k.Variable, string(k.Kind), decisionOf(k.Blocked)}
	b, err := json.Marshal(append(all, origin...))
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
