package rules

import (
	"slices"
	"strings"

	"github.com/gatewatch/gatewatch/detection/sigma"
)

// tactics are the ids of the tactics of MITRE ATT&CK for enterprises by the names
// that Sigma's tags give them. Version 19 parted Defense Evasion: Stealth has its
// id, Defense Impairment one of its own. Rules have the old name and the new ones.
var tactics = map[string]string{
	"reconnaissance":       "TA0043",
	"resource-development": "TA0042",
	"initial-access":       "TA0001",
	"execution":            "TA0002",
	"persistence":          "TA0003",
	"privilege-escalation": "TA0004",
	"stealth":              "TA0005",
	"defense-evasion":      "TA0005",
	"defense-impairment":   "TA0112",
	"credential-access":    "TA0006",
	"discovery":            "TA0007",
	"lateral-movement":     "TA0008",
	"collection":           "TA0009",
	"exfiltration":         "TA0010",
	"command-and-control":  "TA0011",
	"impact":               "TA0040",
}

// attack reads the tactics and techniques among the tags of a rule, each once.
func attack(tags []string) (tacticIDs, techniqueIDs []string) {
	for _, t := range tags {
		name, ok := strings.CutPrefix(strings.ToLower(t), "attack.")
		if !ok {
			continue
		}
		if id, ok := tactics[strings.ReplaceAll(name, "_", "-")]; ok {
			tacticIDs = appendNew(tacticIDs, id)
		} else if len(name) > 4 && name[0] == 't' && strings.Trim(name[1:], "0123456789.") == "" {
			techniqueIDs = appendNew(techniqueIDs, strings.ToUpper(name))
		}
	}
	return tacticIDs, techniqueIDs
}

func appendNew(list []string, s string) []string {
	if slices.Contains(list, s) {
		return list
	}
	return append(list, s)
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
