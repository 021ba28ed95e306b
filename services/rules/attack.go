package rules

import (
	"strings"

	"github.com/gatewatch/gatewatch/detection/sigma"
)

// tactics are the ids of the tactics of MITRE ATT&CK by the names that Sigma's
// tags give them.
var tactics = map[string]string{
	"reconnaissance":       "TA0043",
	"resource-development": "TA0042",
	"initial-access":       "TA0001",
	"execution":            "TA0002",
	"persistence":          "TA0003",
	"privilege-escalation": "TA0004",
	"defense-evasion":      "TA0005",
	"credential-access":    "TA0006",
	"discovery":            "TA0007",
	"lateral-movement":     "TA0008",
	"collection":           "TA0009",
	"exfiltration":         "TA0010",
	"command-and-control":  "TA0011",
	"impact":               "TA0040",
}

// attack reads the tactics and techniques among the tags of a rule.
func attack(tags []string) (tacticIDs, techniqueIDs []string) {
	for _, t := range tags {
		name, ok := strings.CutPrefix(strings.ToLower(t), "attack.")
		if !ok {
			continue
		}
		if id, ok := tactics[strings.ReplaceAll(name, "_", "-")]; ok {
			tacticIDs = append(tacticIDs, id)
		} else if len(name) > 4 && name[0] == 't' && strings.Trim(name[1:], "0123456789.") == "" {
			techniqueIDs = append(techniqueIDs, strings.ToUpper(name))
		}
	}
	return tacticIDs, techniqueIDs
}

// severity is the event.severity of a level.
func severity(l sigma.Level) int {
	switch l {
	case sigma.LevelInformational:
		return 10
	case sigma.LevelLow:
		return 30
	case sigma.LevelHigh:
		return 70
	case sigma.LevelCritical:
		return 90
	}
	return 50 // medium, and what gives none
}
