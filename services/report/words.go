package report

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/gatewatch/gatewatch/dashboards"
)

// text is what a report says, in a language. %[n]s are replaced.
type text struct{ en, zh string }

// speaker says things in one language.
type speaker struct {
	language dashboards.Language
	zone     *time.Location
}

// say returns the words of a key of the dictionary, with what is to stand in them.
func (s speaker) say(key string, parts ...string) (string, error) {
	t, ok := words[key]
	if !ok {
		return "", fmt.Errorf("no words for %q", key)
	}
	said := t.en
	if s.language == dashboards.Chinese {
		said = t.zh
	}
	if len(parts) == 0 {
		return said, nil
	}
	args := make([]any, len(parts))
	for i, p := range parts {
		args[i] = p
	}
	return fmt.Sprintf(said, args...), nil
}

// must is say for keys that are constants of this package.
func (s speaker) must(key string, parts ...string) string {
	said, err := s.say(key, parts...)
	if err != nil {
		panic("report: " + err.Error())
	}
	return said
}

// known is say where the key is made of a value that somebody else may extend: without
// words it is the value.
func (s speaker) known(kind, value string) string {
	if said, err := s.say(kind + "." + value); err == nil {
		return said
	}
	return dashboards.Visible(value)
}

// count writes a number with its thousands apart, as both languages do.
func (s speaker) count(n int64) string {
	digits := strconv.FormatInt(n, 10)
	sign := ""
	if n < 0 {
		sign, digits = "−", digits[1:]
	}
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return sign + digits
}

// percent writes a share.
func (s speaker) percent(share float64) string { return number(share, digits(share)) + " %" }

// number writes a share in percent without its sign.
func number(share float64, digits int) string { return strconv.FormatFloat(100*share, 'f', digits, 64) }

// digits is how many digits behind the point a share has: more where it is small.
func digits(share float64) int {
	if share < 0.1 {
		return 2
	}
	return 1
}

// between writes an interval of shares.
func (s speaker) between(low, high float64) string {
	return number(low, digits(low)) + " – " + number(high, digits(low)) + " %"
}

// moment writes a time in the zone of the report; none is a dash.
func (s speaker) moment(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return t.In(s.zone).Format("2006-01-02 15:04")
}

// zoneName names the zone by its distance from UTC at a time.
func (s speaker) zoneName(t time.Time) string {
	_, offset := t.In(s.zone).Zone()
	if offset == 0 {
		return "UTC"
	}
	return "UTC" + t.In(s.zone).Format("-07:00")
}

// class names what a rule of the Core Rule Set looks for, "" for rules of others.
func (s speaker) class(rule string) string {
	if len(rule) != 6 {
		return ""
	}
	said, err := s.say("class." + rule[:3])
	if err != nil || strings.Trim(rule, "0123456789") != "" {
		return ""
	}
	return said
}
