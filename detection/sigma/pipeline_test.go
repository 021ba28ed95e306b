package sigma

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// pipeline parses the steps of a pipeline.
func pipeline(t *testing.T, text string) *Pipeline {
	t.Helper()
	p, err := ParsePipeline("p.yml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// rule parses a rule with a detection and a condition.
func parsedRule(t *testing.T, detection string) *Rule {
	t.Helper()
	f := Parse("r.yml", []byte("title: r\nid: one\ntags: [attack.t1, x.y]\nlevel: high\nstatus: test\ndate: 2026-01-02\nauthor: me\nscore: 7\nfields: [a, z]\nlogsource: {category: webserver, product: nginx}\ndetection: "+detection))
	if f.Documents[0].Err != nil {
		t.Fatal(f.Documents[0].Err)
	}
	return f.Documents[0].Rule
}

// shown writes a rule's detections and conditions for comparison.
func shown(r *Rule) string {
	var b strings.Builder
	var node func(n *Node)
	node = func(n *Node) {
		if n.Op != OpItem {
			b.WriteString(map[Op]string{OpAnd: "and(", OpOr: "or("}[n.Op])
			for i, c := range n.Nodes {
				if i > 0 {
					b.WriteString(" ")
				}
				node(c)
			}
			b.WriteString(")")
			return
		}
		b.WriteString(n.Item.Field)
		for _, m := range n.Item.Modifiers {
			b.WriteString("|" + m.String())
		}
		b.WriteString("=")
		for i, v := range n.Item.Values {
			if i > 0 {
				b.WriteString(",")
			}
			b.WriteString(map[ValueKind]string{ValueNumber: "#", ValueBool: "!", ValueNull: "null"}[v.Kind] + v.Text)
		}
	}
	for _, d := range r.Detections {
		b.WriteString(d.Name + ": ")
		node(d.Node)
		b.WriteString("; ")
	}
	for _, c := range r.Conditions {
		b.WriteString(exprText(c.Expr))
	}
	return b.String()
}

func exprText(x *Expr) string {
	var args []string
	for _, a := range x.Args {
		args = append(args, exprText(a))
	}
	switch x.Op {
	case ExprAnd:
		return "(" + strings.Join(args, " and ") + ")"
	case ExprOr:
		return "(" + strings.Join(args, " or ") + ")"
	case ExprNot:
		return "not " + args[0]
	case ExprOf:
		return fmt.Sprint(x.Count, " of ", x.Name)
	}
	return x.Name
}

func TestPipelineSteps(t *testing.T) {
	f := func(steps, detection, want string) {
		t.Helper()
		r := parsedRule(t, "{"+detection+"}")
		before := shown(r)
		rules, _, errs := pipeline(t, "vars: {v: [x, y*], n: 5}\ntransformations:\n- "+steps).Apply([]*Rule{r}, nil)
		got := ""
		if len(errs) > 0 {
			got = errs[0].Error()
		} else {
			got = shown(rules[0])
			if _, rejected := Compile(rules, Options{}); len(rejected) > 0 && !strings.Contains(got, "|expand") {
				t.Errorf("%s: %v", steps, rejected[0])
			}
		}
		if got != want {
			t.Errorf("%s on %s\n got %s\nwant %s", steps, detection, got, want)
		}
		if shown(r) != before {
			t.Error("the rule given was changed")
		}
	}
	one := "s: {a: x}, condition: s"
	f("{type: field_name_mapping, mapping: {a: b}}", one, "s: b=x; s")
	f("{type: field_name_mapping, mapping: {a: [b, c]}}", "s: {a|contains: x, d: 1}, condition: s", "s: and(or(b|contains=x c|contains=x) d=#1); s")
	f("{type: field_name_mapping, mapping: {a: b, b: c}}", "s: {a: x, b: y}, condition: s", "s: and(b=x c=y); s")
	f("{type: field_name_mapping, mapping: {null: b}}", "s: [x, y], condition: s", "s: b|contains=x,y; s")
	f("{type: field_name_mapping, mapping: {a: [b, c]}}", "s: {d|fieldref: a}, condition: s", "s: d|fieldref=b,c; s")
	f("{type: field_name_prefix_mapping, mapping: {win.: w., x: y}}", "s: {win.a: x, b: y}, condition: s", "s: and(w.a=x b=y); s")
	f("{type: field_name_prefix, prefix: p.}", "s: {a: x}, k: [w], condition: s and k", "s: p.a=x; k: =w; (s and k)")
	f("{type: field_name_suffix, suffix: .s, field_name_conditions: [{type: include_fields, fields: [a]}]}", "s: {a: x, b: y}, condition: s", "s: and(a.s=x b=y); s")
	f("{type: field_name_suffix, suffix: .s, field_name_conditions: [{type: exclude_fields, mode: re, fields: ['a.*']}]}", "s: {ab: x, ba: y}, condition: s", "s: and(ab=x ba.s=y); s")

	drop := "{type: drop_detection_item, field_name_conditions: [{type: include_fields, fields: [a]}]}"
	f(drop, "s: {a: x, b: y}, condition: s", "s: b=y; s")
	f(drop, "s: {a: x}, t: {b: y}, condition: t and not s or all of s*", "t: b=y; ((t))")
	f(drop, "s: [{a: x}, {b: y}], condition: s", "s: b=y; s")
	f(drop, one, "r.yml:11:35: pipeline: nothing is left of the condition")
	f("{type: add_condition, conditions: {e: 1, 'f|contains': '$product'}, template: true}", one, "s: a=x; _cond_1: and(e=#1 f|contains=nginx); (_cond_1 and s)")
	f("{type: add_condition, conditions: {e: 1}, name: k, negated: true}", "s: {a: x}, condition: [s, not s]", "s: a=x; k: e=#1; (not k and s)(not k and not s)")

	f("{type: value_placeholders}", "s: {'a|expand': ['%v%-%v%', q]}, condition: s", "s: a=x-x,x-y*,y*-x,y*-y*,q; s")
	f("{type: value_placeholders, include: [n]}", "s: {'a|contains|expand': ['%v%%n%', '%n%']}, condition: s", "s: a|contains|expand=%v%5,5; s")
	f("{type: value_placeholders}", "s: {'a|expand': '%none%'}, condition: s", "r.yml:11:29: pipeline: placeholder %none% has no values in vars")
	f("{type: wildcard_placeholders, exclude: [n]}", "s: {'a|expand': '1%v%2'}, t: {'b|re|expand': '^%v%$'}, condition: s and t", "s: a=1*2; t: b|re=^.*$; (s and t)")

	f(`{type: replace_string, regex: '^(.)b', replacement: 'x\1'}`, "s: {a: [abc, 'ab*'], n: 1}, condition: s", "s: and(a=xac,xa* n=1); s")
	f(`{type: replace_string, regex: '\*', replacement: '+'}`, `s: {'a|contains': 'b\*c'}, condition: s`, `s: a=+b\\+c+; s`)
	f(`{type: replace_string, regex: 'c', replacement: '*', skip_special: true}`, "s: {'a|startswith': 'bcd'}, condition: s", `s: a=b\*d*; s`)
	f(`{type: replace_string, regex: 'c', replacement: '*', skip_special: true, interpret_special: true}`, "s: {'a|startswith': 'bcd'}, condition: s", "s: a=b*d*; s")
	f(`{type: replace_string, regex: x, replacement: y}`, "s: {'a|windash': ' -x'}, condition: s", "s: a|windash= -x; s")
	f(`{type: replace_string, regex: '(?P<w>\d+)', replacement: '<\g<w>>$'}`, "s: {a: 12}, condition: s", "s: a=<12>$; s")
	f("{type: map_string, mapping: {x: [y, z], '*q*': w}}", "s: {a: [x, k], 'b|contains': q}, condition: s", "s: and(a=y,z,k b=w); s")
	f("{type: case, method: upper}", "s: {'a|cased|contains': 'äb'}, condition: s", "s: a|cased=*ÄB*; s")
	f("{type: case, method: snake_case}", "s: {a: FooBar}, condition: s", "s: a=foo_bar; s")
	f("{type: set_value, value: 3}", "s: {'a|re': [x, y]}, condition: s", "s: a=#3; s")
	f("{type: set_value, value: 3, force_type: str}", one, "s: a=3; s")
	f("{type: convert_type, target_type: num}", "s: {a: '5'}, condition: s", "s: a=#5; s")
	f("{type: convert_type, target_type: num}", one, `r.yml:11:17: pipeline: "x" is no number`)
	f("{type: convert_type, target_type: str}", "s: {a: [5, null]}, condition: s", "s: a=5,null; s")
	f("{type: regex, method: plain}", "s: {a: ['b.*', 5]}, condition: s", `s: or(a|re|s=\Ab\..*\z a=#5); s`)
	f("{type: regex}", "s: {'a|contains': [b, c], 'd|all': [e*, 'null']}, condition: s", `s: and(a|re|s=\A.*[bB].*\z,\A.*[cC].*\z d|re|s|all=\A[eE].*\z,\A[nN][uU][lL][lL]\z); s`)
	f("{type: regex, method: ignore_case_flag}", "s: ['x?'], condition: s", `s: |re|s|i=x.; s`)
	f("{type: hashes_fields, valid_hash_algos: [MD5, SHA1], field_prefix: File}", "s: {Hashes|contains: ['MD5=aa', 'SHA1=bb', 'IMPHASH=cc']}, condition: s", "s: or(FileMD5=aa FileSHA1=bb); s")
	f("{type: extract_fields, regex: '(?P<k>\\w+):(?P<v>\\d+)', field_prefix: r}", "s: {a: ['D:07', 'E:8', zz]}, condition: s", "s: or(and(r.k=D r.v=07) and(r.k=E r.v=#8)); s")
	f("{type: rule_failure, message: no way}", one, "r.yml:1:1: pipeline: no way")
	f("{type: detection_item_failure, message: no way, detection_item_conditions: [{type: is_null, cond: any}]}", "s: {b: x, a: null}, condition: s", "r.yml:11:23: pipeline: no way")
	f("{type: strict_field_mapping_failure}", one, "r.yml:1:1: pipeline: fields are not mapped: a")
	f("{type: field_name_mapping, mapping: {a: b}}\n- {type: strict_field_mapping_failure}", one, "s: b=x; s")
	f("{type: nest, items: [{type: field_name_mapping, mapping: {a: b}}, {type: value_placeholders}]}", "s: {'a|expand': '%n%'}, condition: s", "s: b=5; s")
}

func TestPipelineRuleChanges(t *testing.T) {
	p := pipeline(t, `
transformations:
- {type: field_name_mapping, mapping: {a: [b, c]}}
- {type: add_field, field: new}
- {type: remove_field, field: [z]}
- {type: change_logsource, category: x, service: y}
- {type: set_custom_attribute, attribute: index, value: main}
`)
	rules, _, errs := p.Apply([]*Rule{parsedRule(t, "{s: {a: x}, condition: s}")}, nil)
	if len(errs) > 0 {
		t.Fatal(errs[0])
	}
	r := rules[0]
	if diff := cmp.Diff([]string{"b", "c", "new"}, r.Fields); diff != "" {
		t.Error(diff)
	}
	if r.Logsource != (Logsource{Category: "x", Service: "y"}) || r.CustomField("index").Value != "main" {
		t.Errorf("%+v, %+v", r.Logsource, r.Custom)
	}
}

// TestPipelineConditions lets a step rename a to b and says for which rules or
// items it does.
func TestPipelineConditions(t *testing.T) {
	f := func(conditions string, want bool) {
		t.Helper()
		p := pipeline(t, "transformations:\n- {type: set_state, key: k, val: 5}\n- {id: first, type: field_name_mapping, mapping: {m: n}}\n- type: field_name_mapping\n  mapping: {a: b}\n  "+
			strings.ReplaceAll(strings.TrimSpace(conditions), "\n", "\n  "))
		rules, _, errs := p.Apply([]*Rule{parsedRule(t, `{s: {a: [x, 'y*', null], m: 5}, condition: s}`)}, nil)
		if len(errs) > 0 {
			t.Fatal(errs[0])
		}
		if got := strings.Contains(shown(rules[0]), "b="); got != want {
			t.Errorf("%s: %v", conditions, got)
		}
	}
	rule := func(c string, want bool) {
		t.Helper()
		f("rule_conditions: ["+c+"]", want)
		f("rule_conditions: ["+c+"]\nrule_cond_not: true", !want)
	}
	rule("{type: logsource, category: webserver}", true)
	rule("{type: logsource, category: webserver, product: apache}", false)
	rule("{type: contains_field, field: a}", true)
	rule("{type: contains_field, field: m}", false) // renamed by then
	rule("{type: contains_detection_item, field: a, value: 'y*'}", true)
	rule("{type: contains_detection_item, field: n, value: '5'}", false)
	rule("{type: contains_detection_item, field: n, value: 5}", true)
	rule("{type: processing_item_applied, processing_item_id: first}", true)
	rule("{type: processing_item_applied, processing_item_id: other}", false)
	rule("{type: processing_state, key: k, val: 4, op: gt}", true)
	rule("{type: processing_state, key: k, val: '5'}", false)
	rule("{type: is_sigma_rule}", true)
	rule("{type: is_sigma_correlation_rule}", false)
	rule("{type: tag, tag: x.y}", true)
	rule("{type: tag, tag: x.z}", false)
	rule("{type: rule_attribute, attribute: level, value: medium, op: gt}", true)
	rule("{type: rule_attribute, attribute: status, value: stable, op: gte}", false)
	rule("{type: rule_attribute, attribute: date, value: 2026-01-01, op: gte}", true)
	rule("{type: rule_attribute, attribute: author, value: me}", true)
	rule("{type: rule_attribute, attribute: tags, value: x.y, op: in}", true)
	rule("{type: rule_attribute, attribute: score, value: 10, op: lt}", true)
	rule("{type: rule_attribute, attribute: license, value: x, op: ne}", false)
	rule("{type: is_sigma_rule}, {type: tag, tag: x.z}", false)
	f("rule_conditions: [{type: is_sigma_rule}, {type: tag, tag: x.z}]\nrule_cond_op: or", true)
	f("rule_conditions: {p: {type: is_sigma_rule}, q: {type: tag, tag: x.z}}\nrule_cond_expr: p and not q", true)

	item := func(c string, want bool) {
		t.Helper()
		f("detection_item_conditions: ["+c+"]", want)
	}
	item("{type: match_string, cond: any, pattern: x}", true)
	item("{type: match_string, cond: all, pattern: x}", false)
	item("{type: match_string, cond: any, pattern: '\\*'}", false) // from the beginning on
	item("{type: match_string, cond: all, pattern: zz, negate: true}", true)
	item("{type: match_value, cond: any, value: x}", true)
	item("{type: match_value, cond: any, value: X}", false)
	item("{type: contains_wildcard, cond: any}", true)
	item("{type: contains_wildcard, cond: all}", false)
	item("{type: is_null, cond: any}", true)
	item("{type: processing_item_applied, processing_item_id: first}", false)
	item("{type: processing_state, key: k, val: 5}", true)
	f("field_name_conditions: [{type: include_fields, fields: [m]}]", false)
	f("field_name_conditions: [{type: processing_item_applied, processing_item_id: first}]\nfield_name_cond_not: true", true)
	f("field_name_conditions: {p: {type: include_fields, fields: [a]}, q: {type: processing_state, key: k, val: 6}}\nfield_name_cond_expr: p and not q", true)
}

func TestPipelineCorrelation(t *testing.T) {
	var s Set
	s.Add(Parse("c.yml", []byte(base("a")+base("b")+correlation("X", "type: value_count\nrules: [a, b]\ngroup-by: [ip, host]\ntimespan: 1m\ncondition: {field: v, gte: 2}\naliases: {ip: {a: src, b: dst}}"))))
	mapping := "type: field_name_mapping, mapping: {ip: no, src: source.ip, dst: destination.ip, host: [h1, h2], v: value}"
	for conditions, want := range map[string]bool{"{type: logsource, category: test}": true, "{type: logsource, category: other}": false, "{type: is_sigma_rule}": false} {
		_, list, errs := pipeline(t, "transformations: [{"+mapping+", rule_conditions: ["+conditions+"]}]").Apply(s.Rules, s.Correlations)
		if len(errs) > 0 {
			t.Fatal(errs[0])
		}
		got := fmt.Sprint(list[0].GroupBy, list[0].Field, list[0].Aliases[0].Fields)
		expected := "[ip host] [v] [{a src} {b dst}]"
		if want {
			expected = "[ip h1 h2] [value] [{a source.ip} {b destination.ip}]"
		}
		if got != expected {
			t.Errorf("%s: %s", conditions, got)
		}
	}
	_, list, errs := pipeline(t, "transformations: [{type: field_name_mapping, mapping: {v: [x, y]}}]").Apply(s.Rules, s.Correlations)
	if len(list) > 0 || len(errs) != 1 || !strings.Contains(errs[0].Error(), `field "v" of the condition is mapped to several`) {
		t.Error(errs)
	}
}

func TestParsePipelineErrors(t *testing.T) {
	f := func(text, want string) {
		t.Helper()
		_, err := ParsePipeline("p.yml", []byte(text))
		if err == nil || err.Error() != want {
			t.Errorf("%s\n got %v\nwant %s", text, err, want)
		}
	}
	f("", "p.yml:0:0: read yaml: EOF")
	f("a: [", "p.yml:1:1: read yaml: did not find expected node content")
	f("nam: x", `p.yml:1:1: unknown member "nam" of a pipeline`)
	f("priority: high", `p.yml:1:11: priority must be an integer, not "high"`)
	f("vars: {a: []}", `p.yml:1:8: var "a" has no values`)
	f("transformations: [{type: x}]", `p.yml:1:26: unknown transformation "x"`)
	f("transformations: [{type: file_placeholders}]", `p.yml:1:26: transformation "file_placeholders" cannot be honoured: pipelines read no other files; put the values into vars`)
	f("transformations:\n- type: case\n  methd: upper", `p.yml:3:3: unknown member "methd" of transformation case`)
	f("transformations: [{type: case, method: up}]", `p.yml:1:40: method must be one of lower, upper, snake_case, not "up"`)
	f("transformations: [{mapping: {a: b}}]", `p.yml:1:19: type is missing`)
	f("transformations: [{type: field_name_mapping, mapping: {a: []}}]", `p.yml:1:56: "a" is mapped to nothing`)
	f(`transformations: [{type: replace_string, regex: '(?=x)', replacement: y}]`, "p.yml:1:49: regexp: invalid or unsupported Perl syntax: `(?=`")
	f(`transformations: [{type: replace_string, regex: x, replacement: '\1'}]`, "p.yml:1:65: replacement names group 1, which the expression does not have")
	f("transformations: [{type: case, rule_conditions: [{type: x}]}]", `p.yml:1:57: unknown rule condition "x"`)
	f("transformations: [{type: case, rule_conditions: [{type: tag, tag: x.y, tg: z}]}]", `p.yml:1:72: unknown member "tg" of condition tag`)
	f("transformations: [{type: case, rule_cond_op: xor}]", `p.yml:1:46: rule_cond_op must be one of and, or, not "xor"`)
	f("transformations: [{type: case, rule_conditions: {a: {type: is_sigma_rule}}, rule_cond_expr: b}]", `p.yml:1:93: condition "b" is not defined`)
	f("transformations: [{type: case, rule_conditions: {a: {type: is_sigma_rule}, b: {type: is_sigma_rule}}, rule_cond_expr: b}]", `p.yml:1:49: condition "a" is not used in rule_cond_expr`)
}

func TestPipelineWarnings(t *testing.T) {
	p := pipeline(t, "name: n\nfinalizers: [{type: concat}]\npostprocessing: [{type: embed}]\nallowed_backends: [splunk]")
	if len(p.Warnings) != 3 || p.Warnings[0].Error() != "p.yml:2:1: finalizers change query texts, of which there are none here" {
		t.Error(p.Warnings)
	}
}

func TestJoinPipelines(t *testing.T) {
	step := func(prio int, path, prefix string) *Pipeline {
		p, err := ParsePipeline(path, fmt.Appendf(nil, "priority: %d\nvars: {v: %s}\ntransformations: [{type: field_name_prefix, prefix: %s}]", prio, prefix, prefix))
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	p := JoinPipelines(step(20, "a", "z."), step(10, "c", "y."), step(10, "b", "x."))
	rules, _, _ := p.Apply([]*Rule{parsedRule(t, "{s: {a: x}, condition: s}")}, nil)
	if got := shown(rules[0]); got != "s: z.y.x.a=x; s" || !slices.Equal(p.vars["v"], []string{"z."}) {
		t.Error(got, p.vars)
	}
}

// TestShippedPipelines runs rules with the names of Sigma's taxonomies over events
// as our parsers make them.
func TestShippedPipelines(t *testing.T) {
	var list []*Pipeline
	for _, name := range ShippedPipelines() {
		text, _ := ShippedPipeline(name)
		p, err := ParsePipeline(name+".yml", text)
		if err != nil {
			t.Fatal(err)
		}
		if p.Name != name || len(p.Warnings) > 0 {
			t.Errorf("%s: %s, %v", name, p.Name, p.Warnings)
		}
		list = append(list, p)
	}
	all := JoinPipelines(list...)
	f := func(logsource, selection, fields string, want bool) {
		t.Helper()
		r := Parse("r.yml", []byte("title: r\nlogsource: "+logsource+"\ndetection: {s: "+selection+", condition: s}")).Documents[0].Rule
		rules, _, errs := all.Apply([]*Rule{r}, nil)
		if len(errs) > 0 {
			t.Fatal(errs[0])
		}
		if matches(t, rules[0], fields) != want {
			t.Errorf("%s %s on %s: not %v", logsource, selection, fields, want)
		}
	}
	web := "{category: webserver}"
	f(web, "{cs-uri-query|contains: '/etc/passwd'}", "url.query=f=/etc/passwd url.original=/?f=/etc/passwd", true)
	f(web, "{cs-uri-query|contains: '/etc/passwd'}", "url.original=/?f=%2Fetc%2Fpasswd url.query_decoded=f=/etc/passwd", true)
	f(web, "{cs-uri-query|contains: '/cgi-bin/x?'}", "url.original=/cgi-bin/x?y url.query=y", true)
	f(web, "{cs-uri-stem|endswith: /x, cs-method: GET, sc-status: 404}", "url.path=/a/x http.request.method=GET http.response.status_code=404", true)
	f(web, "{cs-method: POST}", "http.request.method=GET", false)
	f(web, "{cs-user-agent|startswith: sqlmap, cs-referer: null}", "user_agent.original=sqlmap/1", true)
	f(web, "{cs-version: HTTP/1.0}", "http.version=1.0", true)
	f("{category: proxy}", "{c-uri|contains: evil, c-useragent: x, cs-host: h}", "url.full=http://evil/ user_agent.original=x url.domain=h", true)
	f("{service: nginx}", "{c-ip: 192.0.2.1}", "client.ip=192.0.2.1", true)
	f("{product: nginx, service: nginx}", "{remote_addr: 192.0.2.1}", "source.ip=192.0.2.1", true)
	f("{product: modsecurity}", "{id: '942100', msg|contains: sql}", "waf.match.rule_id=942100 waf.match.message=sqli", true)
	f("{product: linux, service: sshd}", "{user: root, src_ip: 192.0.2.1}", "user.name=root source.ip=192.0.2.1", true)
	f("{product: windows}", "{c-ip: 192.0.2.1}", "source.ip=192.0.2.1", false)
}

// TestShippedPipelinesCorrelate wants one name for each field of a correlation.
func TestShippedPipelinesCorrelate(t *testing.T) {
	var list []*Pipeline
	for _, name := range ShippedPipelines() {
		text, _ := ShippedPipeline(name)
		p, err := ParsePipeline(name+".yml", text)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
	many := map[string][]string{} // logsource: fields that a rule may find under several names
	for _, p := range list {
		for name, logsource := range map[string]string{"webserver": "{category: webserver}", "proxy": "{category: proxy}", "modsecurity": "{product: modsecurity}"} {
			if p.Name != name {
				continue
			}
			for _, step := range strings.SplitAfter(string(shippedText(p.Name)), "\n") {
				if key, value, ok := strings.Cut(strings.TrimSpace(step), ": ["); ok && strings.Contains(value, ".") && !strings.HasPrefix(key, "- ") {
					many[logsource] = append(many[logsource], key)
				}
			}
		}
	}
	if len(many) != 3 {
		t.Fatal(many)
	}
	for logsource, fields := range many {
		for _, field := range fields {
			var s Set
			s.Add(Parse("c.yml", []byte("title: a\nname: a\nlogsource: "+logsource+"\ndetection: {s: {a: b}, condition: s}\n---\n"+
				correlation("X", "type: value_count\nrules: [a]\ngroup-by: [g, "+field+"]\ntimespan: 1m\ncondition: {field: "+field+", gte: 2}"))))
			_, got, errs := JoinPipelines(list...).Apply(s.Rules, s.Correlations)
			if len(errs) > 0 {
				t.Errorf("%s %s: %v", logsource, field, errs[0])
			} else if len(got[0].GroupBy) != 2 || got[0].Field[0] == field {
				t.Errorf("%s %s: by %v of %v", logsource, field, got[0].GroupBy, got[0].Field)
			}
		}
	}
}

func shippedText(name string) []byte {
	text, _ := ShippedPipeline(name)
	return text
}

func FuzzParsePipeline(f *testing.F) {
	for _, name := range ShippedPipelines() {
		text, _ := ShippedPipeline(name)
		f.Add(text)
	}
	for name := range transformations {
		f.Add([]byte("vars: {v: [x, y]}\ntransformations:\n- type: " + name + "\n  mapping: {a: [b, c], null: d}\n  regex: '(?P<k>x)'\n  replacement: '\\1'\n  value: 1\n  conditions: {e: 1}\n  message: m\n  prefix: p\n  suffix: s\n  field: f\n  fields: [f]\n  valid_hash_algos: [MD5]\n  key: k\n  val: 1\n  target_type: str\n  attribute: a\n  category: c\n  items: []\n"))
	}
	f.Add([]byte("transformations:\n- type: case\n  rule_conditions: {p: {type: tag, tag: a.b}, q: {type: rule_attribute, attribute: level, value: low, op: gt}}\n  rule_cond_expr: p or not q\n  detection_item_conditions: [{type: match_string, cond: any, pattern: x}]\n  field_name_conditions: [{type: include_fields, fields: [a], mode: re}]\n"))
	var s Set
	s.Add(Parse("r.yml", []byte(base("a")+base("b")+correlation("X", "type: temporal\nrules: [a, b]\ngroup-by: [user]\ntimespan: 1m\naliases: {user: {a: x, b: y}}")+
		"title: r\nlogsource: {category: webserver}\nfields: [a]\ndetection:\n  s: {a|contains|all: ['x*', 'y\\*'], b|re: z, c: [1, null, true, x], 'd|expand': '%v%%w%', e|fieldref: a, f|windash: ' -x', Hashes: 'MD5=aa'}\n  k: [p, q]\n  l: [{a: 1}, {b: 2}]\n  condition: [1 of s* and not k, all of them]\n")))
	if len(s.Errors) > 0 {
		f.Fatal(s.Errors[0])
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := ParsePipeline("p.yml", text)
		if err != nil {
			if err.Reason == "" {
				t.Error("error without a reason")
			}
			return
		}
		rules, correlations, _ := p.Apply(s.Rules, s.Correlations)
		engine, _ := Compile(rules, Options{})
		Link(engine.Rules(), correlations)
		engine.NewMatcher().Match(nil, fieldsOf("a=x b=z user=u"))
	})
}

// TestPipelineGrowth lets steps double what they find.
func TestPipelineGrowth(t *testing.T) {
	f := func(step, detection string) {
		t.Helper()
		p := pipeline(t, "vars: {v: ["+strings.Repeat("'%v%%v%',", 200)+"x]}\ntransformations:"+strings.Repeat("\n- "+step, 200))
		_, _, errs := p.Apply([]*Rule{parsedRule(t, detection)}, nil)
		if len(errs) != 1 || !strings.Contains(errs[0].Error(), "becomes too large") && !strings.Contains(errs[0].Error(), "value grows") {
			t.Errorf("%s: %v", step, errs)
		}
	}
	f("{type: field_name_mapping, mapping: {a: [a, a]}}", "{s: {a: x}, condition: s}")
	f("{type: field_name_mapping, mapping: {z: [z, z]}}", "{s: {a: x}, condition: s}")
	f("{type: map_string, mapping: {x: [x, x]}}", "{s: {a: x}, condition: s}")
	f("{type: replace_string, regex: x, replacement: xx}", "{s: {a: x}, condition: s}")
	f("{type: value_placeholders}", "{s: {'a|expand': '%v%%v%%v%'}, condition: s}")
}
