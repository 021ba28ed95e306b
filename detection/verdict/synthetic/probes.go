package synthetic

import "github.com/gatewatch/gatewatch/detection/verdict"

// probes are what scanners put behind or in place of a value to see how an
// application answers.
var probes = p(
	"'", "\"", "''", "\\", "')", "\")", "';", "'\"", "'\"><‹x›", "\"><‹x›>", "‹x›'\"<‹x›", "‹x›'/\"<‹x›", "}}‹x›'/\"<‹x›", "%>‹x›'/\"<‹x›", "‹x›%}‹x›'/\"<‹x›", "]]>><", "‹x›]]>><", "‹x›<a>‹x›", "<‹x›>", "\"'><‹x› ‹x›=‹d›>", "`'\"(", "'\"\\(", "{{‹x›'", "${‹x›'", "<%‹x›'", "[[‹x›'",
	"‹x›\r\n‹x›: ‹x›", "%00‹x›", "\x00", "|echo ‹x›", "&echo ‹x› ‹x›&", ";echo ‹x›;", "\necho ‹x›\n", "`echo ‹x›`", "$(echo ‹x›)", "|| echo ‹x›", "‹n›*‹n›", "= ‹n›*‹n›", "(‹n›+‹n›)", "'+‹n›-‹n›", "'||'", "'+'", "' '", "\"+\"", "' and '‹d›'='‹d›", "' and '‹d›'='", "/‹n›-‹n›", "-‹d›'", "‹d›/0", "../‹x›", "./‹x›", "..%2f‹x›",
	"<!--‹x›", "--><‹x›", "</‹x›><‹x›>", "'-alert-'", "javascript:‹x›", "data:,‹x›", "\\\\‹x›.‹evil›\\‹x›", "http://‹x›.‹evil›/?‹x›", "//‹x›.‹evil›", "‹x›@‹x›.‹evil›", "(select ‹d›)", "sleep(‹d›)", "x'='x", "*)(‹x›=*", "!(()&&!|*|*|", "^(#$!@#$)(()))******", "';print(‹n›)//", "\"+print(‹n›)+\"", "@‹x›", "#{‹x›", "%{‹x›", "A' ORDER BY ‹d›--", "&lt;‹x›&gt;'",
)

// probe makes a request of a scanner: ordinary fields, one of which is touched.
func (m maker) probe() *verdict.Request {
	fields := m.company(m.between(1, 6))
	at := m.IntN(len(fields))
	mark := m.fill(m.of(probes))
	switch m.IntN(6) {
	case 0:
		fields = append(fields, field{m.number(9) + mark, m.number(9)})
	case 1:
		fields[at].value = mark
	default:
		fields[at].value = m.fill(m.of(probed)) + mark
	}
	r := m.send(fields, m.form(asQuery, asForm, asForm, asJSON))
	r.Class = "probe"
	return r
}

// probed are values that scanners find in a request and keep the beginning of.
var probed = p("‹w›", "‹n›", "‹w›@‹host›", "‹x›", "‹W›", "20‹d›-0‹d›-1‹d›", "‹id›", "")
