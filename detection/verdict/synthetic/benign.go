package synthetic

import (
	"encoding/base64"
	"encoding/json"
	"strings"
)

// code are snippets as people post them in issues, forums and wikis.
var code = p(
	"SELECT ‹w›, ‹w› FROM ‹w› WHERE ‹w› = ‹n› ORDER BY ‹w› DESC LIMIT ‹d›;",
	"```sql\nSELECT u.id, u.name\nFROM users u\nJOIN ‹w› o ON o.user_id = u.id\nWHERE o.‹w› > ‹n›;\n```\nWhy is this slow?",
	"INSERT INTO ‹w› (‹w›, ‹w›) VALUES (‹n›, '‹w›') -- fails with a duplicate key, any ideas?",
	"for (let i = 0; i < ‹w›.length; i++) {\n  console.log(‹w›[i]);\n}",
	"function ‹w›(a, b) { return a > b ? a : b; }\ndocument.getElementById('‹w›').addEventListener('click', ‹w›);",
	"<div class=\"‹w›\">\n  <p>{{ ‹w›.name }}</p>\n  <a href=\"/‹w›/‹n›\">‹w›</a>\n</div>",
	"```html\n<script src=\"/js/‹w›.js\"></script>\n```\ndoes not load in our template",
	"import os\nimport sys\n\ndef ‹w›(path):\n    with open(path) as f:\n        return f.read()\n",
	"$ cd ~/‹w›\n$ git pull && npm install && npm run build\n> ‹w›@1.‹d›.0 build\nerror: module '‹w›' not found",
	"#!/bin/sh\nset -e\nfor f in *.txt; do\n  cat \"$f\" | grep ‹w› >> out.log\ndone\n",
	"<?php\n$‹w› = new ‹x›();\necho $‹w›->render('‹w›');\n",
	"func (s *Server) ‹x›(ctx context.Context) error {\n\tif s.‹w› == nil {\n\t\treturn fmt.Errorf(\"‹w›: %w\", err)\n\t}\n\treturn nil\n}",
	"java.lang.NullPointerException: Cannot invoke \"String.length()\" because \"<local1>\" is null\n\tat com.‹w›.‹x›.Main.run(Main.java:‹n›)\n\tat java.base/java.lang.Thread.run(Thread.java:833)",
	"Traceback (most recent call last):\n  File \"/usr/lib/python3/‹w›.py\", line ‹n›, in <module>\n    ‹w›(‹n›)\nValueError: invalid literal for int() with base 10: '‹w›'",
	"## Steps\n1. Open `config/‹w›.yml`\n2. Set `‹w›: ${‹w›}`\n3. Run `docker run -e ‹x›=1 ‹w›:latest`\n\n| a | b |\n|---|---|\n| ‹n› | ‹n› |",
	".‹w› { color: #fff; background: url('/img/‹w›.png') no-repeat; }\n@media (max-width: ‹n›px) { .‹w› { display: none; } }",
	"^[a-z0-9._%+-]+@[a-z0-9.-]+\\.[a-z]{2,}$",
	"{\"‹w›\": [‹n›, ‹n›], \"‹w›\": {\"‹w›\": null, \"‹w›\": true}}",
	"curl -X POST https://api.‹host›/v1/‹w› -H 'Content-Type: application/json' -d '{\"‹w›\": ‹n›}'\nreturns 500 since yesterday",
	"Dockerfile:\nFROM alpine:3\nRUN apk add --no-cache ‹w› && rm -rf /tmp/*\nCMD [\"/bin/‹w›\", \"--‹w›\"]\n",
	"=SUM(A1:A‹d›)+IF(B2>‹n›,\"‹w›\",\"‹w›\")",
	"{% for ‹w› in ‹w› %}<li>{{ ‹w›|escape }}</li>{% endfor %} renders nothing",
	"2024-01-‹d› 12:00:‹d› ERROR [‹w›] failed to open /var/log/‹w›.log: permission denied (uid=‹n›)",
	"if (a && b || c) { x = y; } // TODO: check `‹w›`; don't forget ‹name›'s fix",
	"<p>Dear ‹name›,</p><p>your <strong>‹w›</strong> is ready. <a href=\"https://‹host›/‹w›?id=‹n›\">Open</a></p><br/><img src=\"https://‹host›/‹w›.png\" alt=\"‹w›\" width=\"‹n›\">",
	"<h2>‹w›</h2><ul><li>‹sentence›</li><li>‹sentence›</li></ul><table border=\"0\"><tr><td>‹n›</td></tr></table>",
	"<!-- wp:paragraph --><p>‹sentence›</p><!-- /wp:paragraph --><!-- wp:code --><pre class=\"wp-block-code\"><code>ls -la | grep ‹w›</code></pre><!-- /wp:code -->",
	"<iframe width=\"560\" height=\"315\" src=\"https://www.youtube.com/embed/‹x›\" frameborder=\"0\" allowfullscreen></iframe>",
	"<style>.‹w›{margin:0 auto}</style><div style=\"color:red\" class=\"‹w› ‹w›\">‹sentence›</div>",
)

// values are what ordinary parameters hold.
var values = p(
	"‹w›", "‹w› ‹w›", "‹w›-‹w›", "‹n›", "‹id›", "‹id›", "‹w›.‹jpg|png|pdf|html|css|js›", "‹name›", "‹w›@‹host›", "‹name›, ‹w› ‹w› & ‹w›",
	"‹n›,‹n›,‹n›", "2024-‹d›-‹d›T10:‹d›:00.000Z", "+49 (‹n›) ‹n›-‹d›", "https://www.‹host›/‹w›/‹w›?‹w›=‹n›&‹w›=‹w›#‹w›", "/‹w›/‹w›/‹n›",
	"‹w› ‹asc|desc›", "-‹n›.‹n›", "true", "‹w›:‹w› OR ‹w›:‹w›", "\"‹w› ‹w›\" -‹w›", "‹w›|‹w›|‹w›", "‹w›[‹d›]", "(‹w›)", "‹w›;‹w›;q=0.‹d›", "%‹d›",
	"‹w› & ‹w›", "‹w›'s ‹w›", "rgba(‹d›,‹d›,‹d›,0.5)", "C++ or C#?", "1+1", "‹d›\" ‹w›", "50% off!", "#‹x›", "<‹w›>", "*‹w›*", "~‹w›", "‹w›=‹w›",
	"‹w› >= ‹d›", "‹w› (‹w›)", "$‹n›.00", "[\"‹w›\",\"‹w›\"]", "{\"‹w›\":‹n›,\"‹w›\":\"‹w›\"}", "‹w›~‹n›", "‹ip›", "v1.‹d›.‹d›-beta+‹x›",
	"‹w› and ‹w›", "‹w› or ‹w›", "not ‹w›", "select ‹w›", "‹w› union", "order by ‹w›", "drop ‹w›", "script", "‹w› -- ‹w›", "it's ‹w›", "‹w›.‹exe|dll|apk|zip|bak|sql|sh|py|php|jsp|iso|dmg|sys›", "com.‹w›.‹w›", "‹x›.exe", "‹w›.‹exe|dll|zip|js›", "‹W›;O=‹W›", "‹w›;‹w›", "‹w›,‹w›;‹n›", "[{‹n›:‹d›},{‹n›:‹d›}]", "‹w›/‹w›+‹w›", "{\"$‹w›_‹w›\":false}", "‹d›||‹n›|‹w›", "‹w›::‹w›", "‹w›%20‹w›", "ls", "id", "cat", "echo ‹w›",
)

// applications are JSON documents as programs send them.
var applications = p(
	`{"events":[{"type":"‹w›","ts":‹n›,"props":{"url":"https://‹host›/‹w›?a=1&b=‹w›","title":"‹w› | ‹w›","id":"‹id›"}}],"sdk":{"name":"‹w›.js","version":"1.‹d›.‹d›"}}`,
	`{"operationName":"Get‹x›","variables":{"id":"‹id›","first":‹d›},"query":"query Get‹x›($id: ID!, $first: Int) { node(id: $id) { ... on ‹x› { id name items(first: $first) { edges { node { id } } } } } }"}`,
	`{"jsonrpc":"2.0","id":‹n›,"method":"‹w›.‹w›","params":["‹id›",{"‹w›":"‹w›"}]}`,
	`{"size":‹d›,"query":{"bool":{"must":[{"match":{"‹w›":"‹w›"}},{"range":{"@timestamp":{"gte":"now-1h","lt":"now"}}}]}},"sort":[{"_doc":"asc"}]}`,
	`{"filter":{"‹w›":{"op":">=","value":‹n›}},"sort":"-‹w›","fields":["‹w›","‹w›.‹w›"],"page":‹d›}`,
	`{"message":"TypeError: Cannot read properties of undefined (reading '‹w›')","stack":"at ‹x› (https://‹host›/static/‹w›.‹x›.js:1:‹n›)\n at ‹x› (<anonymous>)","level":"error"}`,
	`{"blocks":[{"type":"paragraph","data":{"text":"‹w› <b>‹w›</b> &amp; <i>‹w›</i>"}},{"type":"code","data":{"code":"if (a < b) { return ‹w›; }"}}]}`,
	`{"user":{"name":"‹name›","email":"‹w›@‹host›"},"password":"‹x›'‹n›\"$&;","remember":true}`,
	`{"dashboard":{"panels":[{"targets":[{"expr":"sum(rate(‹w›_total{job=\"‹w›\"}[5m])) by (instance)"}]}]}}`,
	`{"template":"Hello {{‹w›.name}}, your order {{order_id}} is ready","locale":"en-US"}`,
	`{"sql":"select ‹w›, count(*) from ‹w› group by ‹w›","format":"json","database":"‹w›"}`,
	`{"cron":"*/‹d› * * * *","command":"‹w›-sync","enabled":true}`,
)

// document is a benign XML body.
var documents = p(
	`<?xml version="1.0" encoding="UTF-8"?><soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body><Get‹x›><id>‹n›</id><name>‹w› &amp; ‹w›</name></Get‹x›></soap:Body></soap:Envelope>`,
	`<?xml version="1.0"?><methodCall><methodName>‹w›.‹w›</methodName><params><param><value><string>‹w›</string></value></param></params></methodCall>`,
	`<D:propfind xmlns:D="DAV:"><D:prop><D:displayname/><D:getetag/></D:prop></D:propfind>`,
	`<feed xmlns="http://www.w3.org/2005/Atom"><title>‹w›</title><entry><id>urn:‹id›</id><content type="html">&lt;p&gt;‹w›&lt;/p&gt;</content></entry></feed>`,
	`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ‹n› ‹n›"><path d="M‹d› ‹d› L‹n› ‹n›"/></svg>`,
	`<!DOCTYPE html><html><head><title>‹w›</title></head><body><p>‹w›</p></body></html>`,
)

// benignValue makes a value for a parameter, most of them short and dull.
func (m maker) benignValue() string {
	switch n := m.IntN(20); {
	case n < 12:
		return m.fill(m.of(values))
	case n < 15:
		return m.sentence()
	case n < 18:
		return m.fill(m.of(code))
	case n < 19:
		return base64.StdEncoding.EncodeToString([]byte(m.sentence()))
	}
	return m.fill(m.of(applications))
}

// benignText is what a person or program sends in the main field of a form.
func (m maker) benignText() string {
	switch m.IntN(5) {
	case 0:
		return m.sentence()
	case 1:
		return m.fill(m.of(code))
	case 2:
		return m.sentence() + "\n\n" + m.fill(m.of(code)) + "\n\n" + m.sentence()
	case 3:
		return strings.Repeat(m.sentence()+"\n", m.between(1, 6))
	}
	return m.fill(m.of(values))
}

// quoteJSON writes a text as a JSON string.
func quoteJSON(s string) string {
	b, _ := json.Marshal(s) // a string can always be written
	return string(b)
}
