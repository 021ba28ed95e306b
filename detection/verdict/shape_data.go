package verdict

import "bytes"

// query looks for filters of LDAP, XPath and document databases.
func (f *finder) query() {
	if f.has("(") && f.has(")") && f.has("*&|=") {
		for _, s := range []string{"*)(", ")(|", ")(&", "(&(", "(|(", "*))%00", ")(!(", "=*)", "*)(uid", "*)(cn", "(objectclass"} {
			if f.contains(s) {
				f.found.add(ldapFilter)
			}
		}
	}
	if f.contains(":=") && f.contains(":2.5.13.") || f.contains(":1.2.840.113556.1.4.8") { // matching rules by their numbers
		f.found.add(ldapFilter)
	}
	if f.has("/[|") {
		for _, s := range []string{"/text()", "/node()", "//*", "count(/", "name(/", "string-length(", "substring(name", "doc(", "position()=", "last()", "]|//", "/child::", "parent::", "self::node", "/*[", "document("} {
			if f.contains(s) {
				f.found.add(xpathFilter)
			}
		}
	}
	if f.has("$") {
		for _, s := range []string{"$ne", "$gt", "$lt", "$where", "$regex", "$nin", "$in", "$exists", "$or", "$and", "$func", "$not", "$eq"} {
			if i := f.index(s); i >= 0 && (f.leaf.place == inName || i == 0 || bytes.IndexByte([]byte("{['\" ,"), f.s[i-1]) >= 0) {
				f.found.add(noSQLOperator)
			}
		}
	}
	if f.contains("this.") && f.contains("return") || f.contains("||'1'=='1") || f.contains("&& this.") || f.contains("db.get") || f.contains("new date") && f.contains("while") && len(f.s) < 256 {
		f.found.add(noSQLOperator)
	}
	if f.contains("__schema") || f.contains("introspectionquery") || f.contains("__type(") {
		f.found.add(graphIntrospection)
	}
}

// xml looks for what XML parsers resolve.
func (f *finder) xml() {
	if !f.has("<") {
		return
	}
	if f.contains("<!doctype") && !f.contains("<!doctype html") {
		f.found.add(xmlDoctype)
	}
	if i := f.index("<!entity"); i >= 0 {
		f.found.add(xmlEntity)
		if f.contains("system") || f.contains("public") {
			f.found.add(xmlExternal)
		}
		if bytes.IndexByte(f.s[i:min(len(f.s), i+16)], '%') >= 0 {
			f.found.add(xmlExternal)
		}
	} else if f.found[xmlDoctype] > 0 && (f.contains(" system ") || f.contains(" public ")) {
		f.found.add(xmlExternal)
	}
	if f.contains("xi:include") || f.contains("xinclude") || f.contains("<xsl:") || f.contains("xsl:value") {
		f.found.add(xmlInclude)
	}
	if f.contains("<!--#") {
		f.found.add(includeDirective)
	}
}

// lines looks for line breaks that begin a header of HTTP or mail.
func (f *finder) lines() {
	if !f.has("\r\n") || f.leaf.place == inBody || f.leaf.place == inFile {
		return
	}
	for i := 0; i+2 < len(f.t); i++ {
		if f.t[i].kind != kNewline && (f.t[i].kind != kControl || f.t[i].char != '\r') {
			continue
		}
		j := i + 1
		for n := 0; n < 3 && f.at(j).kind == kNewline; n++ {
			j++
		}
		if f.at(j).kind != kWord {
			continue
		}
		begin := int(f.at(j).start)
		colon := bytes.IndexByte(f.s[begin:min(len(f.s), begin+32)], ':')
		switch {
		case f.at(j).vocab&mailHeader != 0 && (colon > 0 && colon < 26 || f.at(j).isWord(f.s, "rcpt") || f.at(j).isWord(f.s, "quit")),
			f.mailCommand(j):
			f.found.add(lineMail)
		case f.follows(begin, "http/"), f.follows(begin, "set-cookie"), f.follows(begin, "location:"), f.follows(begin, "content-"), f.follows(begin, "x-"),
			f.follows(begin, "host:"):
			f.found.add(lineHeader)
			f.found.add(lineHeader)
		case colon > 2 && headerName(f.s[begin:begin+colon]):
			f.found.add(lineHeader)
		}
	}
}

// mailCommand tells whether a line is a command of IMAP: a tag and a verb in
// capitals.
func (f *finder) mailCommand(j int) bool {
	tag, verb := f.at(j), f.at(j+1)
	if tag.end-tag.start > 6 || verb.kind != kWord || !verb.spaced {
		return false
	}
	switch string(f.s[verb.start:verb.end]) {
	case "CAPABILITY", "FETCH", "LOGOUT", "LOGIN", "NOOP", "SELECT", "EXAMINE", "STORE", "SEARCH", "LIST", "EXPUNGE":
		return true
	}
	return false
}

// headerName tells whether a text looks like the name of a header: words joined
// by hyphens.
func headerName(s []byte) bool {
	hyphens := 0
	for _, c := range s {
		if c == '-' {
			hyphens++
		} else if byteClass[c]&classAlpha == 0 {
			return false
		}
	}
	return hyphens > 0
}

// serial looks for serialised objects.
func (f *finder) serial() {
	if f.contains("ro0ab") || bytes.Contains(f.s, []byte("\xac\xed\x00\x05")) || f.contains("aced0005") || f.contains("h4siaaaaaaa") {
		f.found.add(serialJava)
	}
	for i := 0; i+4 < len(f.s) && i < 4096 && f.has("{"); i++ {
		if (f.s[i] == 'O' || f.s[i] == 'C' || f.s[i] == 'a') && f.s[i+1] == ':' && byteClass[f.s[i+2]]&classDigit != 0 && (i == 0 || byteClass[f.s[i-1]]&classWord == 0) {
			j := i + 2
			for j < len(f.s) && byteClass[f.s[j]]&classDigit != 0 {
				j++
			}
			if j+1 < len(f.s) && f.s[j] == ':' && (f.s[j+1] == '"' || f.s[j+1] == '{') {
				f.found.add(serialPHP)
				break
			}
		}
	}
	for _, s := range []string{"aaeaaad/////", "!!javax", "!!python", "!ruby/object", "cos\nsystem", "cposix\n", "gaswv", "_$$nd_func$$_", "objectdataprovider", "typeconfuse", "com.sun.rowset", "java.util.", "!!com.sun", "windowsidentity", "sun.rowset"} {
		if f.contains(s) {
			f.found.add(serialOther)
		}
	}
	for _, s := range []string{"@type", "$type"} {
		if i := f.index(s); i >= 0 && (i+len(s) == len(f.s) || byteClass[f.s[i+len(s)]]&classWord == 0) {
			f.found.add(serialOther)
		}
	}
}

// programs are ends of file names that servers run.
var programs = []string{
	".php", ".phtml", ".phar", ".php3", ".php5", ".php7", ".jsp", ".jspx", ".asp", ".aspx", ".ashx", ".asmx", ".cer", ".asa", ".cgi",
	".shtml", ".htaccess", ".war", ".exe", ".sh", ".pl", ".py", ".inc", ".hta", ".svg", ".jspf", ".cfm", ".user.ini", ".bat", ".ps1",
}

// upload looks for programs among uploaded files.
func (f *finder) upload() {
	switch f.leaf.place {
	case inFilename:
		for _, p := range programs {
			if i := f.index(p); i >= 0 && (i+len(p) == len(f.s) || byteClass[f.s[i+len(p)]]&classWord == 0) {
				f.found.add(uploadName)
			}
		}
	case inFile:
		if f.found[phpOpen] > 0 || f.contains("<%@") || f.contains("<%") && f.contains("%>") || f.contains("runat=\"server\"") || f.contains("#!/") || f.contains("<script") || f.contains("<jsp:") {
			f.found.add(uploadCode)
		}
	}
	for i := range f.t {
		if f.t[i].vocab&scannerName != 0 {
			f.found.add(scannerWord)
		}
	}
}
