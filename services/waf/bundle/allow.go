package bundle

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// words makes a set.
func words(list string) map[string]bool {
	set := map[string]bool{}
	for _, w := range strings.Fields(list) {
		set[w] = true
	}
	return set
}

// What may stand in a bundle. All else is refused.
var (
	setupVariables = words(`allowed_methods allowed_request_content_type allowed_request_content_type_charset
		allowed_http_versions restricted_extensions restricted_headers_basic restricted_headers_extended
		max_num_args arg_name_length arg_length total_arg_length max_file_size combined_file_sizes
		enforce_bodyproc_urlencoded crs_validate_utf8_encoding`)

	pathVariables = words(`REQUEST_FILENAME REQUEST_BASENAME REQUEST_URI REQUEST_URI_RAW`)

	ruleVariables = words(`ARGS ARGS_GET ARGS_POST ARGS_NAMES ARGS_GET_NAMES ARGS_POST_NAMES ARGS_COMBINED_SIZE
		FILES FILES_NAMES FILES_SIZES FILES_COMBINED_SIZE MULTIPART_FILENAME MULTIPART_NAME MULTIPART_PART_HEADERS
		QUERY_STRING REMOTE_ADDR REQUEST_BASENAME REQUEST_BODY REQUEST_BODY_LENGTH REQUEST_COOKIES
		REQUEST_COOKIES_NAMES REQUEST_FILENAME REQUEST_HEADERS REQUEST_HEADERS_NAMES REQUEST_LINE REQUEST_METHOD
		REQUEST_PROTOCOL REQUEST_URI REQUEST_URI_RAW SERVER_NAME XML
		MATCHED_VAR MATCHED_VAR_NAME MATCHED_VARS MATCHED_VARS_NAMES TX`)

	operators = words(`rx streq contains containsWord beginsWith endsWith within pm eq ge gt le lt ipMatch
		unconditionalMatch noMatch detectSQLi detectXSS validateUrlEncoding validateUtf8Encoding validateByteRange`)

	transformations = words(`none lowercase uppercase urlDecode urlDecodeUni htmlEntityDecode jsDecode cssDecode
		base64Decode base64DecodeExt hexDecode compressWhitespace removeWhitespace removeNulls replaceNulls
		replaceComments removeComments removeCommentsChar normalisePath normalizePath normalisePathWin
		normalizePathWin cmdLine escapeSeqDecode utf8toUnicode length trim trimLeft trimRight`)

	// plainActions have no value.
	plainActions = words(`pass block log nolog auditlog noauditlog capture multiMatch chain`)
	// textActions only describe a rule.
	textActions = words(`msg logdata tag ver rev severity maturity accuracy`)

	bodyProcessors = words(`JSON XML URLENCODED`)
)

// checkValue checks the value of a variable.
func checkValue(s string) error {
	if strings.ContainsAny(s, "'\"\\`,%") || strings.TrimSpace(s) != s {
		return errors.New("must have no quotes, commas, backslashes, percent signs or spaces around it")
	}
	return checkText(s, maxText, true)
}

// ruleIDs is a range of ids of rules, first <= last.
type ruleIDs struct{ first, last int }

// parseIDs reads an id or a range of ids that a bundle may exclude: rules of CRS
// that detect, and never those that initialise, evaluate or report.
func parseIDs(s string) (ruleIDs, error) {
	a, b, isRange := strings.Cut(s, "-")
	if !isRange {
		b = a
	}
	first, err1 := parseID(a)
	last, err2 := parseID(b)
	r := ruleIDs{first, last}
	if err1 != nil || err2 != nil || first > last {
		return r, fmt.Errorf("%.40q is not the id of a rule, nor a range", s)
	}
	if first < 910_000 || last > 979_999 {
		return r, fmt.Errorf("rules %s are not among those of CRS that detect (910000 to 979999)", s)
	}
	for _, family := range []int{949, 959} {
		if first <= family*1000+999 && last >= family*1000 {
			return r, fmt.Errorf("rules %s touch %d, without which nothing is blocked at all", s, family)
		}
	}
	return r, nil
}

func parseID(s string) (int, error) {
	if len(s) == 0 || len(s) > 7 || strings.Trim(s, "0123456789") != "" {
		return 0, errors.New("is not a number")
	}
	return strconv.Atoi(s)
}

func (r ruleIDs) String() string {
	if r.first == r.last {
		return strconv.Itoa(r.first)
	}
	return fmt.Sprintf("%d-%d", r.first, r.last)
}

var attackTag = regexp.MustCompile(`^(attack-[a-z0-9-]{1,40}|OWASP_CRS/[A-Z-]{1,40})$`)

// checkTag checks a tag whose rules are excluded as a whole. Only tags of kinds of
// attacks will do: the others are those of the rules that evaluate, too.
func checkTag(s string) error {
	if !attackTag.MatchString(s) {
		return fmt.Errorf("tag %.60q is not one of a kind of attack, such as attack-sqli or OWASP_CRS/ATTACK-SQLI", s)
	}
	return nil
}

// target is a variable of a rule, with the key that is meant of it.
type target struct {
	not, count bool
	name, key  string
}

var (
	keyName  = regexp.MustCompile("^[^\\s\"'`|,;\\\\/%][^\\s\"'`|,;\\\\%]{0,255}$")
	keyRegex = regexp.MustCompile("^/[^\\s\"'`|,;/%]{1,200}/$")
	txKey    = regexp.MustCompile(`^[0-9]$`)
)

// parseTarget reads such as ARGS:id, !ARGS:/^id/ or &REQUEST_HEADERS:Host.
func parseTarget(s string) (target, error) {
	var t target
	t.name, t.not = strings.CutPrefix(s, "!")
	if !t.not {
		t.name, t.count = strings.CutPrefix(t.name, "&")
	}
	name, key, has := strings.Cut(t.name, ":")
	t.name, t.key = strings.ToUpper(name), key
	switch {
	case !ruleVariables[t.name]:
		return t, fmt.Errorf("variable %.60q is not one of a request that a bundle may name", name)
	case t.name == "XML":
		if has && key != "/*" && key != "//@*" {
			return t, fmt.Errorf("XML:%.60q: only XML:/* and XML://@* may be used", key)
		}
	case t.name == "TX":
		if !txKey.MatchString(key) {
			return t, fmt.Errorf("TX:%.60q: only what a rule has captured (TX:0 to TX:9) may be read", key)
		}
	case has && !keyName.MatchString(key) && !keyRegex.MatchString(key):
		return t, fmt.Errorf("key %.60q has characters that are not taken, or is too long", key)
	}
	if len(key) > 1 && key[0] == '/' && t.name != "XML" {
		if _, err := regexp.Compile(key[1 : len(key)-1]); err != nil {
			return t, fmt.Errorf("key %.60q: %w", key, err)
		}
	}
	return t, nil
}

func (t target) String() string {
	s := t.name
	if t.key != "" {
		s += ":" + t.key
	}
	switch {
	case t.not:
		return "!" + s
	case t.count:
		return "&" + s
	}
	return s
}

// checkCtl checks what a rule changes for the rest of its request.
func checkCtl(value string) error {
	what, arg, _ := strings.Cut(value, "=")
	first, variable, scoped := strings.Cut(arg, ";")
	var err error
	switch what {
	case "ruleRemoveById":
		_, err = parseIDs(arg)
	case "ruleRemoveByTag":
		err = checkTag(arg)
	case "ruleRemoveTargetById", "ruleRemoveTargetByTag":
		var t target
		if !scoped {
			return fmt.Errorf("ctl:%s: has no target", what)
		}
		if t, err = parseTarget(variable); err != nil {
			break
		}
		switch {
		case t.not || t.count:
			err = errors.New("a target that is removed has no ! and no &")
		case what == "ruleRemoveTargetById":
			_, err = parseIDs(first)
		case first != "OWASP_CRS" || t.key == "": // of all rules no more than one argument
			err = checkTag(first)
		}
	case "requestBodyProcessor":
		if !bodyProcessors[arg] {
			err = fmt.Errorf("%.20q is not JSON, XML or URLENCODED", arg)
		}
	default:
		return fmt.Errorf("ctl:%.40q may not be used in a bundle", what)
	}
	if err != nil {
		return fmt.Errorf("ctl:%s: %w", what, err)
	}
	return nil
}

var (
	scoreVariable = regexp.MustCompile(`^(inbound_anomaly_score_pl[1-4]|(sql_injection|xss|rfi|lfi|rce|php_injection|http_violation|session_fixation)_score)$`)
	scorePoints   = regexp.MustCompile(`^\+([1-9]|%\{tx\.(critical|error|warning|notice)_anomaly_score\})$`)
)

// checkSetvar checks a variable that a rule sets: one of the set-up, or a score
// that grows.
func checkSetvar(value string) error {
	name, to, _ := strings.Cut(value, "=")
	name, ok := strings.CutPrefix(strings.ToLower(name), "tx.")
	switch {
	case ok && setupVariables[name]:
		if err := checkValue(to); err != nil {
			return fmt.Errorf("setvar:tx.%s: %w", name, err)
		}
		return nil
	case ok && scoreVariable.MatchString(name) && scorePoints.MatchString(to):
		return nil
	}
	return fmt.Errorf("setvar:%.60q is neither a set-up variable nor a score that grows", value)
}
