package verdict

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

var updateAnatomy = flag.Bool("update-anatomy", false, "write the golden files of the anatomy of requests")

// TestAnatomy takes the requests of testdata/anatomy apart: every archive holds
// a request (JSON) and what is found in its leaves.
func TestAnatomy(t *testing.T) {
	files, err := filepath.Glob("testdata/anatomy/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatal("no cases")
	}
	for _, name := range files {
		archive, err := txtar.ParseFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var r Request
		if err := ReadRequest(archive.Files[0].Data, &r); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got := dissected(&r)
		if *updateAnatomy {
			archive.Files = []txtar.File{archive.Files[0], {Name: "leaves", Data: []byte(got)}}
			if err := os.WriteFile(name, txtar.Format(archive), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if diff := cmp.Diff(string(archive.Files[1].Data), got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

// dissected lists the leaves of a request with their shapes.
func dissected(r *Request) string {
	var a anatomy
	var f finder
	f.site = []byte(r.Site)
	a.dissect(&Input{Request: r})
	var b strings.Builder
	for i := range a.leaves {
		l := &a.leaves[i]
		f.find(l, lex(nil, l.value))
		fmt.Fprintf(&b, "%s %q = %.80q\n", placeNames[l.place], l.name, l.value)
		for s, n := range f.found {
			if n > 0 {
				fmt.Fprintf(&b, "\t%s: %s ×%d\n", languageNames[shapeTable[s].language], shapeTable[s].words, n)
			}
		}
	}
	return b.String()
}

func TestEveryShapeIsFoundSomewhere(t *testing.T) {
	f := func(s shape, r *Request) {
		t.Helper()
		if look(t, r)[s] == 0 {
			t.Errorf("%s is not found in %s %s %q:\n%s", shapeTable[s].words, r.Method, r.URI, r.Body, dissected(r))
		}
	}
	query := func(s shape, value string) {
		t.Helper()
		f(s, &Request{Site: "shop.example", Method: "POST", URI: "/p", Headers: [][2]string{{"Content-Type", "application/json"}}, Body: []byte(`{"url":` + quoted(value) + `}`)})
	}
	query(sqlUnion, "1 UNION/**/ALL SELECT 1,2")
	query(sqlSelect, "(select password from users)")
	query(sqlTautology, "x' or 7=7")
	query(sqlBreakout, "x' and 1=1")
	query(sqlTail, "admin'-- -")
	query(sqlStacked, "1; drop table users")
	query(sqlDelayCall, "1 and sleep(5)")
	query(sqlMetadata, "from information_schema.tables")
	query(sqlCall, "concat(a,b)")
	query(sqlGlue, "a/**/b")
	query(sqlHexText, "0x61646d696e")
	query(sqlOrderBy, "1 order by 7")
	query(sqlSubquery, "(select 1)")
	query(sqlDense, "select all from where union")
	query(sqlOddQuotes, "o'clock x")
	query(sqlConcat, "'a'||'b'")
	query(mixedCase, "SeLeCt")
	query(shellChain, "x; cat /etc/motd")
	query(shellArgument, "cat /etc/motd")
	query(shellSubstitution, "$(whoami)")
	query(shellRedirect, "id 2>&1")
	query(shellSplit, "cat${IFS}x")
	query(shellWindows, "cmd.exe /c dir")
	query(shellOnly, "whoami")
	query(pathClimb, "../x")
	query(pathClimbFar, "../../../x")
	query(pathSecret, "/etc/passwd")
	query(pathWrapper, "php://input")
	query(pathNull, "a\x00.jpg")
	query(pathAbsolute, "/etc/motd")
	query(pathOdd, "..;/manager")
	query(markupActive, "<svg>")
	query(markupHandler, "<b onclick=x()>")
	query(markupURL, "javascript:x")
	query(markupBreakout, "\"><b>")
	query(markupPlain, "<b>x</b>")
	query(scriptSink, "alert(1)")
	query(scriptObject, "document.cookie")
	query(scriptObfuscated, "[][(![]+[])]")
	query(templateExpression, "{{name}}")
	query(templateObject, "{{config}}")
	query(templateMath, "${7*7}")
	query(templateJNDI, "${jndi:ldap://h/x}")
	query(templateTag, "{% if x %}")
	query(phpOpen, "<?php x")
	query(phpFunction, "system('x')")
	query(phpVariable, "$_GET[x]")
	query(ldapFilter, "*)(uid=*")
	query(xpathFilter, "count(/x)")
	query(xmlDoctype, "<!DOCTYPE a [")
	query(xmlEntity, "<!ENTITY a \"b\">")
	query(xmlExternal, "<!ENTITY a SYSTEM \"file:///x\">")
	query(xmlInclude, "<xi:include href=\"x\"/>")
	query(urlInternal, "http://169.254.169.254/x")
	query(urlScheme, "gopher://h/x")
	query(urlOdd, "//other.example/x")
	query(urlForeign, "https://other.test/x")
	query(urlCallback, "http://x.oastify.com/")
	query(lineHeader, "x\r\nSet-Cookie: a=b")
	query(lineMail, "x\nBcc: a@b.c")
	query(serialJava, "rO0ABXNyAA")
	query(serialPHP, "O:4:\"User\":0:{}")
	query(serialOther, "{\"@type\":\"x\"}")
	query(noSQLOperator, "{\"$ne\":1}")
	query(includeDirective, "<!--#exec cmd=\"x\"-->")
	query(graphIntrospection, "{__schema{types{name}}}")
	query(javaCall, "java.lang.Runtime.getRuntime()")
	query(prototypeName, "__proto__")
	query(scannerWord, "sqlmap/1.0 (x)")
	query(decodeLayers, "&lt;b&gt; \\u0041\\u0042")
	query(decodeOdd, "..\xc0\xaf..")
	query(encodedText, "c2VsZWN0ICogZnJvbSB1c2Vycw==")
	query(proseText, "This is a sentence that you can read in the morning.")
	query(codeText, "a\nb\nc\nd and so on, e")
	query(opaqueText, "a81bc81b-dead-4e5d-abff")
	query(longText, strings.Repeat("word ", 100))
	upload := &Request{Method: "POST", URI: "/u", Headers: [][2]string{{"Content-Type", "multipart/form-data; boundary=B"}}, Body: []byte("--B\r\nContent-Disposition: form-data; name=\"f\"; filename=\"a.php\"\r\n\r\n<?php x(); ?>\r\n--B--\r\n")}
	f(uploadName, upload)
	f(uploadCode, upload)
}

func quoted(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		switch c := s[i]; c {
		case '"', '\\':
			b.WriteByte('\\')
			b.WriteByte(c)
		case '\n':
			b.WriteString(`\n`)
		case '\r':
			b.WriteString(`\r`)
		case 0:
			b.WriteString(`\u0000`)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}
