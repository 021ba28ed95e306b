package verdict

import "bytes"

// templateMarks open an expression of a template or expression language.
var templateMarks = []struct{ open, end string }{
	{"{{", "}}"}, {"${", "}"}, {"#{", "}"}, {"<%", "%>"}, {"{%", "%}"}, {"*{", "}"}, {"%{", "}"}, {"@{", "}"}, {"~{", "}"}, {"[[", "]]"}, {"$(", ")"}, {"{php}", "{/php}"}, {"#set(", ")"}, {"<#", ">"},
}

// template looks for expressions of template and expression languages.
func (f *finder) template() {
	if f.has("{<[#$") {
		for _, m := range templateMarks {
			at := 0
			for n := 0; n < 4; n++ {
				i := bytes.Index(f.s[at:], []byte(m.open))
				if i < 0 {
					break
				}
				begin := at + i + len(m.open)
				end := bytes.Index(f.s[begin:], []byte(m.end))
				if end < 0 {
					end = min(len(f.s)-begin, 200)
				}
				f.expression(m.open, f.s[begin:begin+end])
				at = begin
			}
		}
	}
	java := 0
	for i := range f.t {
		t := &f.t[i]
		if t.vocab&javaName != 0 && (f.at(i+1).is('.') || f.at(i-1).is('.') || f.at(i-1).is('#') || f.at(i+1).is('(')) {
			java++
		}
	}
	if java >= 2 {
		f.found.add(javaCall)
	}
	if java >= 3 {
		f.found.add(javaCall)
	}
	if f.contains("@java.") || f.contains("#_memberaccess") || f.contains("#context") || f.contains("t(java") || f.contains("java.lang.") {
		f.found.add(javaCall)
	}
}

// expression judges what stands between the marks.
func (f *finder) expression(open string, s []byte) {
	if len(s) == 0 || len(s) > 4096 {
		return
	}
	if open == "{%" || open == "<%" || open == "<#" {
		f.found.add(templateTag)
	} else if open != "[[" && open != "$(" {
		f.found.add(templateExpression)
	}
	if constantMath(s) {
		f.found.add(templateMath)
	}
	lower := bytes.ToLower(s)
	for _, name := range []string{"jndi:", "lower:", "upper:", "env:", "sys:", "::-"} {
		if bytes.Contains(lower, []byte(name)) && open == "${" {
			f.found.add(templateJNDI)
		}
	}
	for _, name := range []string{
		"__", "config", "self", "request", "runtime", "getclass", "constructor", "class.", "java.", "system(", "exec", "popen",
		"import", "include", "file(", "env", "'.class", "subclasses", "_self", "attr(", "|filter", "|map", "process", "eval", "dump(",
		"open(", "readline", "#context", "#_member", "freemarker", "settings", "url_for", "lipsum", "cycler", "namespace", "|join",
	} {
		if bytes.Contains(lower, []byte(name)) {
			f.found.add(templateObject)
		}
	}
}

// constantMath tells whether an expression computes with constants: 7*7, '7'*7.
func constantMath(s []byte) bool {
	s = bytes.Trim(s, " =\t'\"()-")
	if len(s) < 3 || len(s) > 40 {
		return false
	}
	operator, digits := 0, 0
	for _, c := range s {
		switch {
		case c >= '0' && c <= '9':
			digits++
		case bytes.IndexByte([]byte("*+-/"), c) >= 0:
			operator++
		case c != ' ' && c != '\'' && c != '"' && c != '(' && c != ')':
			return false
		}
	}
	return operator > 0 && digits >= 2
}

// php looks for PHP code.
func (f *finder) php() {
	if f.contains("<?php") || f.contains("<?=") || f.contains("<? ") || f.contains("<?\n") {
		f.found.add(phpOpen)
	}
	for i := range f.t {
		t := &f.t[i]
		if t.vocab&phpCall == 0 {
			continue
		}
		next := f.at(i + 1)
		switch {
		case f.at(i-1).is('$') && (next.is('[') || next.is('{')):
			f.found.add(phpVariable)
		case next.is('(') && t.end-t.start > 2:
			f.found.add(phpFunction)
		}
	}
	if f.contains("allow_url_include") || f.contains("auto_prepend_file") || f.contains("invokefunction") || f.contains("call_user_func") {
		f.found.add(phpFunction)
	}
}
