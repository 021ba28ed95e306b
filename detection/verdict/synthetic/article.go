package synthetic

import (
	"html"
	"strings"

	"github.com/gatewatch/gatewatch/detection/verdict"
)

// technical are sentences as documentation, tickets and release notes hold them.
var technical = p(
	"The ‹w› package provides a ‹w› for ‹w› and ‹w›, see [‹w›](https://‹host›/‹w›/‹w›.html) for details.",
	"By default, `‹w›` is set to `‹true|false|null|0|\"\"|nil›`; use `--‹w›=‹w›` to change it.",
	"Run `‹cmdline›` and check that the output holds \"‹w›: ok\".",
	"If `‹x›.‹w›` is not set, the value of the environment variable `$‹W›_‹W›` is used (default: `/‹var/lib|usr/local|etc|home/user›/‹w›`).",
	"See the README in the [parent directory](../README.md), the [guide](../../docs/‹w›.md#‹w›) and RFC ‹n›.",
	"This fixes #‹n›: a nil pointer dereference in `‹x›()` when the ‹w› was empty (reported by @‹x›).",
	"A `‹x›` is safe for concurrent use; `Close()` must be called exactly once.",
	"Breaking: removed `‹x›()`, `‹x›()` and `‹x›()`; please migrate to `‹x›.‹x›(…)`.",
	"Note that `SELECT ‹w› FROM ‹w›` takes a lock on the table, so don't run it in a loop.",
	"Escape the characters `<`, `>`, `&`, `'` and `\"` before you write them into an attribute.",
	"It's possible to use `{{ .‹x› }}` or `${‹w›}` in the ‹w›, but not both.",
	"The request `GET /‹w›/‹n›?‹w›=‹w›&limit=‹d›` returns ‹200|404|500|301› with the header `Content-Type: application/json`.",
	"Permission denied when opening /var/log/‹w›/‹w›.log; chmod 644 didn't help.",
	"We expect that x >= ‹d› && y != ‹d›, or else the ‹w› is `undefined`.",
	"Version 1.‹d›.‹d› (2024-0‹1|2|3|4›-1‹1|2|3›): added ‹w›, deprecated ‹w›.",
	"Copyright (c) 20‹10|17|22› ‹name›. Licensed under the Apache License, Version 2.0 (the \"License\");",
	"Some people prefer ‹w›; others, like me, would rather drop the ‹w› and insert a ‹w› -- what do you think?",
	"Set the password with `export ‹W›_PASSWORD='‹x›'` and never commit it.",
	"For Windows use C:\\‹w›\\‹w›.exe or %APPDATA%\\‹w› instead of ~/.‹w›/config.",
	"I get `‹x›Exception: ‹w› at ‹w›.‹x›(‹x›.java:‹n›)` after the update, any ideas?",
	"@‹x› wrote: > why not use a union of both? Because `union` can't be null.",
	"You can (1) select a ‹w›, (2) join the ‹w› where needed, and (3) order by ‹w›.",
	"Ping ‹ip› worked, curl http://localhost:‹n›/ did not; netstat -an shows the port as LISTEN.",
	"To escape `;` in a cron job, write `\\;` or put the command into a script: /usr/local/bin/‹w›.sh.",
	"Der ‹w› wird mit `‹w›` geladen; für weitere Informationen siehe https://‹host›/‹w›.",
	"Les données sont enregistrées dans « ‹w› » ; l'option `‹w›` n'est plus nécessaire.",
	"如果‹w›为空，则返回‹w›；请参考文档 https://‹host›/‹w› 。",
	"‹W› は ‹w› を使用します。`‹w›` を設定してください。",
)

// cmdlines are commands that documentation tells people to run.
var cmdlines = []string{
	"go test ./...", "npm run build", "make install", "docker compose up -d", "kubectl get pods -n default", "git clone https://github.com/acme/app.git",
	"sudo apt-get install -y build-essential", "cat config.yml | grep port", "pip install -r requirements.txt", "ls -la /etc/nginx", "curl -fsSL https://get.example.com | sh",
	"ps aux | grep java", "systemctl restart nginx", "tar xzf app.tar.gz && cd app", "python3 -m venv .venv", "echo $PATH", "find . -name '*.log' -delete", "ssh user@host",
	"mysql -u root -p < dump.sql", "psql -c 'select 1'", "chmod +x run.sh; ./run.sh", "id -u", "uname -a", "wget https://example.com/file.tgz", "node -e 'console.log(1)'",
}

// listings are pieces of programs in many languages.
var listings = p(
	"func ‹x›(w http.ResponseWriter, r *http.Request) {\n\tid := r.URL.Query().Get(\"‹w›\")\n\tif id == \"\" {\n\t\thttp.Error(w, \"no ‹w›\", http.StatusBadRequest)\n\t\treturn\n\t}\n\tfmt.Fprintf(w, \"%s\\n\", id)\n}",
	"db, err := sql.Open(\"‹mysql|postgres›\", \"user:password@tcp(db:3306)/‹w›\")\nif err != nil {\n\tlog.Fatalf(\"connect: %v\", err)\n}\nrows, err := db.Query(\"SELECT ‹w›, ‹w› FROM ‹w› WHERE id = ?\", ‹n›)",
	"type ‹x› struct {\n\t‹x› string `json:\"‹w›,omitempty\"`\n\t‹x› int    `json:\"‹w›\"`\n}",
	"// Input: {\"‹w›\": \"‹w›\"}\n// Result after unmarshal:\n// {\n//   \"‹w›\": \"‹w›\",\n//   \"‹w›\": [\"‹w›\"]\n// }",
	"import React from 'react';\nexport default function ‹x›({ ‹w› }) {\n  return <div className=\"‹w›\" onClick={() => ‹w›(‹w›)}>{‹w›}</div>;\n}",
	"const ‹x› = require('‹w›');\napp.get('/‹w›/:id', async (req, res) => {\n  const ‹w› = await ‹x›.find({ id: req.params.id });\n  res.json(‹w› || {});\n});",
	"$(document).ready(function() {\n  $('#‹w›').on('click', function(e) { e.preventDefault(); alert('‹w›'); });\n});",
	"<script type=\"text/javascript\">\n  window.dataLayer = window.dataLayer || [];\n  function gtag(){dataLayer.push(arguments);}\n  gtag('config', '‹x›');\n</script>",
	"class ‹x›(models.Model):\n    ‹w› = models.CharField(max_length=‹n›, null=True)\n\n    def __str__(self):\n        return self.‹w›",
	"import subprocess\nout = subprocess.run(['ls', '-l', path], capture_output=True)\nprint(out.stdout.decode())",
	"try {\n    Class.forName(\"com.‹w›.‹x›\");\n    Runtime rt = Runtime.getRuntime();\n} catch (ClassNotFoundException e) {\n    e.printStackTrace();\n}",
	"public static void main(String[] args) throws Exception {\n    System.out.println(\"‹w›: \" + args[0]);\n    ProcessBuilder pb = new ProcessBuilder(\"‹w›\", \"-v\");\n}",
	"CREATE TABLE IF NOT EXISTS ‹w› (\n  id BIGINT PRIMARY KEY AUTO_INCREMENT,\n  ‹w› VARCHAR(255) NOT NULL DEFAULT '',\n  created_at TIMESTAMP\n);\nINSERT INTO ‹w› VALUES (1, '‹w›', now());",
	"WITH t AS (SELECT ‹w›, count(*) AS n FROM ‹w› GROUP BY 1)\nSELECT * FROM t WHERE n > ‹d› UNION ALL SELECT '‹w›', 0;",
	"UPDATE ‹w› SET ‹w› = '‹w›' WHERE id IN (SELECT id FROM ‹w› WHERE ‹w› IS NULL);",
	"#include <stdio.h>\nint main(int argc, char **argv) {\n  for (int i = 0; i < argc; i++) printf(\"%s\\n\", argv[i]);\n  return 0;\n}",
	"#!/usr/bin/env bash\nset -euo pipefail\nfor f in /var/log/*.log; do\n  gzip -9 \"$f\" || echo \"failed: $f\" >&2\ndone\nrm -rf \"${TMP:-/tmp}/‹w›\"",
	"- name: ‹w›\n  run: |\n    go build ./... && go vet ./...\n  env:\n    TOKEN: ${{ secrets.‹W›_TOKEN }}\n    OS: ${{ matrix.os }}",
	"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ‹w›\ndata:\n  ‹w›.conf: |\n    listen ‹n›;\n    root /var/www/‹w›;",
	"location ~ \\.php$ {\n  fastcgi_pass unix:/var/run/php/php8.2-fpm.sock;\n  include fastcgi_params;\n  deny all;\n}",
	"<?php\nif (isset($_POST['‹w›'])) {\n    $‹w› = htmlspecialchars($_POST['‹w›']);\n    echo \"<p>$‹w›</p>\";\n}\n?>",
	"<form action=\"/‹w›\" method=\"post\">\n  <input type=\"text\" name=\"‹w›\" value=\"\" onchange=\"‹w›(this.value)\">\n  <button type=\"submit\">‹W›</button>\n</form>",
	"<iframe src=\"https://www.youtube.com/embed/‹x›\" allowfullscreen></iframe>\n<img src=\"/img/‹w›.png\" alt=\"‹w›\" onerror=\"this.style.display='none'\">",
	"{% extends \"base.html\" %}\n{% block content %}\n  {{ ‹w›.title|safe }}\n  {% if user.is_authenticated %}<a href=\"{% url 'logout' %}\">out</a>{% endif %}\n{% endblock %}",
	"name           old time/op  new time/op  delta\n‹x›/‹w›-8    ‹n›ns ± 2%   ‹n›ns ± 1%  -12.3%  (p=0.000 n=10+10)",
	"panic: runtime error: index out of range [‹d›] with length ‹d›\n\ngoroutine 1 [running]:\nmain.‹x›(0xc000012345, 0x‹d›)\n\t/home/user/go/src/‹w›/main.go:‹n› +0x1b",
	"127.0.0.1 - - [10/Oct/2023:13:55:36 +0000] \"GET /‹w›?id=‹n› HTTP/1.1\" 200 ‹n› \"-\" \"Mozilla/5.0\"",
	"Array.from(document.querySelectorAll('a')).forEach(a => console.log(a.href, window.location.pathname));",
	"let ‹w› = s.replace(/[^a-z0-9]+/gi, '-').replace(/^-|-$/g, '').toLowerCase();",
	"@media print { .‹w› > li::before { content: \"\\2014\"; } }\n.‹w›:hover { background: url(data:image/png;base64,iVBORw0KGgo=); }",
	"query ‹x›($id: ID!) {\n  ‹w›(id: $id) { id ‹w› { edges { node { ‹w› } } } }\n}",
	"<dependency>\n  <groupId>org.‹w›</groupId>\n  <artifactId>‹w›-core</artifactId>\n  <version>${‹w›.version}</version>\n</dependency>",
	"<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><link rel=\"stylesheet\" href=\"/‹w›.css\"></head>\n<body><!-- ‹w› --></body>\n</html>",
	"$ErrorActionPreference = 'Stop'\nGet-ChildItem -Path C:\\‹w› -Recurse | Where-Object { $_.Length -gt 1MB } | Select-Object Name",
	"try:\n    os.makedirs('/tmp/‹w›', exist_ok=True)\nexcept OSError as e:\n    print(f\"{e}\")\n    sys.exit(1)",
	"Subject: ‹w› and ‹w›\nFrom: ‹w›@‹host›\nTo: ‹w›@‹host›\n\nHi ‹name›,\nsee attached.\n",
)

// block makes one piece of a document in markdown.
func (m maker) block() string {
	sentence := func() string { return m.fill(m.of(technical)) }
	switch m.IntN(12) {
	case 0, 1:
		return strings.Repeat("#", m.between(1, 4)) + " " + m.fill(m.of(headings))
	case 2, 3, 4:
		return sentence() + " " + sentence()
	case 5:
		return m.sentence() + " " + sentence()
	case 6:
		var b strings.Builder
		mark := m.pick("* ", "- ", "1. ", "  - ")
		for range m.between(2, 6) {
			b.WriteString(mark + m.pick("["+m.of(words)+"]("+m.of(words)+"_"+m.of(words)+".md)", sentence(), "`"+m.of(words)+"`: "+m.of(words)) + "\n")
		}
		return b.String()
	case 7, 8, 9:
		return "```" + m.pick("", "go", "sql", "sh", "js", "yaml", "php", "html") + "\n" + m.fill(m.of(listings)) + "\n```"
	case 10:
		return m.fill(m.of(listings))
	}
	return m.fill(m.of(furniture))
}

var headings = p("‹W› ‹w›", "‹w›", "How to ‹w› the ‹w›?", "`‹x›`", "v1.‹d›.0", "‹W› API (‹d›)", "Who's using ‹w›?", "‹w›    {#‹w›}", "\"‹w›\" & \"‹w›\"")

// furniture stands around the text of documents.
var furniture = p(
	"[![Build](https://github.com/‹w›/‹w›/actions/workflows/ci.yml/badge.svg)](https://github.com/‹w›/‹w›/actions?query=branch%3Amain)",
	"| ‹w› | ‹w› |\n|-----|:---:|\n| `‹w›` | ‹n› |\n| \"‹w›\" | <br> |",
	"---\ntitle: ‹W› ‹w›\ndescription: \"How to ‹w› and ‹w›\"\nkeywords: \"‹w›, ‹w›, API\"\n---", "> ‹w› ‹w›, ‹w›!", "* * *", "<details><summary>‹w›</summary>‹w›</details>", "<!-- ‹w› -->", "<a name=\"‹w›\"></a>", "![‹w›](./img/‹w›.svg)",
	"============", "[‹w›]: https://‹host›/‹w›?tab=‹w›#‹w›", "1 + 1 = 2; a*b != b*a", "<br/><br/>--<br/>‹name›, ‹w› ‹w›",
)

// article makes a text as people write it in wikis, issues, forums and editors.
func (m maker) article() string {
	n := m.between(1, 4)
	if m.chance(0.3) {
		n = m.between(4, 14)
	}
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteString("\n\n")
		}
		b.WriteString(m.block())
	}
	text := b.String()
	if m.chance(0.25) {
		text = rich(text)
	}
	return text
}

// rich turns paragraphs into what editors of rich text send.
func rich(text string) string {
	var b strings.Builder
	for paragraph := range strings.SplitSeq(text, "\n\n") {
		switch {
		case strings.HasPrefix(paragraph, "```"):
			b.WriteString("<pre><code>" + html.EscapeString(strings.Trim(paragraph, "`")) + "</code></pre>")
		case strings.HasPrefix(paragraph, "#"):
			b.WriteString("<h2>" + html.EscapeString(strings.Trim(paragraph, "# ")) + "</h2>")
		default:
			b.WriteString("<p>" + html.EscapeString(paragraph) + "</p>")
		}
	}
	return b.String()
}

// posting sends an article to an application.
func (m maker) posting() *verdict.Request {
	text := m.article()
	title, _, _ := strings.Cut(text, "\n")
	var r *verdict.Request
	switch m.IntN(6) {
	case 0:
		r = m.send([]field{{"topic", m.number(9000)}, {"subject", title}, {"message", text}, {"token", m.id()}}, asForm)
	case 1:
		r = m.send([]field{{"title", title}, {"body", text}, {"labels", m.of(words)}}, asJSON)
	case 2:
		r = m.raw("application/json", `{"operationName":"Save","query":"mutation Save($i: Input!) { save(input: $i) { id } }","variables":{"i":{"slug":`+quoteJSON(m.of(words))+`,"content":`+quoteJSON(text)+`}}}`, "article")
	case 3:
		r = m.send([]field{{"comment", text}, {"author", m.of(people)}, {"email", m.of(words) + "@" + m.of(words) + ".com"}, {"url", ""}, {"submit", "Post Comment"}}, m.form(asForm, asMultipart))
	case 4:
		line := m.fill(m.of(listings))
		if m.chance(0.5) {
			line = m.fill(m.of(technical))
		}
		r = m.send([]field{{m.pick("q", "query", "search", "s", "keyword"), strings.Join(strings.Fields(line), " ")}}, asQuery)
	default:
		r = m.send([]field{{m.of(words), m.of(words)}, {m.pick("content", "wpTextbox1", "text", "description", "markdown", "post[raw]", "data"), text}}, m.form(asForm, asJSON, asMultipart))
	}
	r.Class = "article"
	return r
}

func (m maker) form(of ...form) form { return of[m.IntN(len(of))] }
