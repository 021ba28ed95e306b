package synthetic

import (
	"strings"

	"github.com/gatewatch/gatewatch/detection/verdict"
)

// asks begin a question or an instruction, ends end it.
var (
	asks = p(
		"My ‹w› is ‹slow|broken|empty|wrong›: ", "I use this ‹w›: ", "To see the ‹w› run: ", "How do I read ", "In the ‹w›'s ‹theme|template|page|header› I put ", "Please add ", "This worked before: ", "Why does ", "Try ", "For the ‹w› you need ", "We replaced it by ", "‹W›: ", "Try this (as root): ",
		"It says \"‹w› not found\" when I type ", "First ", "@‹x› ", "Hi all, ", "The ‹w› should look like this: ", "用这个：", "Bei mir geht ",
	)
	ends = p(
		"; is an index on ‹w› enough?", " before </body> and the ‹w› works again.", "; then restart the ‹w›.", " but the ‹w› is still ‹w›.", ", thanks!", " fails, any ideas?", " and wait.", "; then ‹w› the file.", ". What is wrong with it?", " -- it is in the manual.", " in the ‹w› tab.", " (see the ‹w›).", "", ".", " 请问怎么办？", " nicht, warum?",
	)
	// snippets are short enough to stand in a sentence.
	snippets = p(
		"SELECT ‹w›, ‹w› FROM ‹w› WHERE ‹w› ‹>|=|<|<=› ‹n› ORDER BY ‹w›", "select count(*) from ‹w› group by ‹w›", "SELECT * FROM ‹w› JOIN ‹w› ON ‹w›.id = ‹w›.id WHERE ‹w› IS NOT NULL", "UPDATE ‹w› SET ‹w› = ‹n› WHERE id = ‹d›", "INSERT INTO ‹w› (‹w›, ‹w›) VALUES (‹n›, '‹w›')", "DELETE FROM ‹w› WHERE ‹w› < now()", "DROP TABLE ‹w›", "ALTER TABLE ‹w› ADD ‹w› INT",
		"<script src=\"/‹w›/‹w›.js\"></script>", "<script async src=\"https://cdn.‹host›/‹w›.js\"></script>", "<link rel=\"stylesheet\" href=\"/‹w›.css\">", "<img src=\"/‹w›/‹w›.png\">", "<iframe src=\"https://‹host›/embed/‹n›\"></iframe>", "<div class=\"‹w›\">", "<a href=\"/‹w›\" onclick=\"‹w›('‹w›')\">", "<input type=\"text\" onchange=\"‹w›(this)\">", "<body onload=\"‹w›()\">", "<?php include '‹w›.php'; ?>", "{{ ‹w›.‹w› }}", "${‹w›.‹w›}", "{% if ‹w› %}",
		"cat /etc/‹w›/‹w›.conf \\| grep ‹w›_‹w›", "tail -f /var/log/‹w›/‹w›.log", "ls -l /etc/‹w›", "grep -r ‹w› /etc/‹w›; echo done", "sudo systemctl restart ‹w› && sudo tail -n ‹n› /var/log/syslog", "cat /proc/cpuinfo", "ps aux \\| grep ‹w›", "curl -I https://‹host›/‹w›", "wget https://‹host›/‹w›.tar.gz", "chmod 644 /var/www/‹w›", "find /usr -name '‹w›*'", "echo $‹W›", "ping ‹host›", "id -u ‹w›", "‹cmdline›",
		"document.getElementById('‹w›').value", "console.log(‹w›)", "alert('‹w›')", "window.location.href", "System.out.println(\"‹w›\")", "os.path.join('‹w›', '..')", "../‹w›/‹w›.h", "require('../‹w›')", "if (‹w› == 1 \\|\\| ‹w› > ‹d›)", "^\\d+(‹w›\\|‹w›)?$", "C:\\Windows\\‹w›.ini", "'‹w›' or \"‹w›\"",
	)
	// pieces are what editors of rich text send.
	pieces = p(
		"<h2>‹W› ‹w›</h2>", "<p style=\"color:#‹n›\">‹sentence›</p>", "<p>Our <a href=\"https://‹host›/‹w›/‹n›\" onclick=\"‹w›('‹w›')\">‹w› ‹w›</a> is here.</p>", "<iframe src=\"https://‹w›.‹host›/embed/‹n›\" width=\"560\" height=\"315\"></iframe>", "<iframe src=\"https://‹host›/‹w›\"></iframe>", "<table class=\"‹w›\" border=\"0\"><tr><td style=\"width:50%\">‹w›</td><td>‹n›</td></tr></table>", "<ul><li>‹w›</li><li><b>‹w›</b></li></ul>",
		"<img src=\"https://‹host›/‹w›.jpg\" alt=\"‹w›\" style=\"float:left\">", "<video controls src=\"/‹w›/‹w›.mp4\"></video>", "<blockquote>‹sentence›</blockquote>", "<p>&nbsp;</p>", "<script src=\"https://‹host›/widgets.js\" async></script>", "<button class=\"btn\" onclick=\"open‹W›(‹n›)\">‹w›</button>", "<span data-‹w›=\"{&quot;‹w›&quot;:‹n›}\">‹w›</span>", "<object data=\"/‹w›.pdf\" type=\"application/pdf\"></object>", "<style>.‹w› > li { margin: 0 }</style>", "<br />", "<!-- ‹w› -->", "<form action=\"/‹w›\"><input name=\"‹w›\" value=\"‹w›\"></form>", "<a name=\"‹w›\"></a><p>‹sentence›</p>", "<svg width=\"‹n›\"><circle r=\"‹d›\"/></svg>",
	)
)

// inline makes a question or an instruction with a piece of code in the line.
func (m maker) inline() string {
	text := m.fill(m.of(asks)) + m.fill(m.of(snippets)) + m.fill(m.of(ends))
	if m.chance(0.3) {
		text = m.sentence() + " " + text
	}
	if m.chance(0.2) {
		text += " " + m.sentence()
	}
	return text
}

// page makes what an editor of rich text sends.
func (m maker) page() string {
	var b strings.Builder
	for range m.between(2, 7) {
		b.WriteString(m.fill(m.of(pieces)))
		b.WriteString(m.pick("", "", "\n"))
	}
	return b.String()
}

// question sends such a text, or a page, to an application.
func (m maker) question() *verdict.Request {
	text := m.inline()
	if m.chance(0.35) {
		text = m.page()
	}
	fields := []field{{m.pick("topic", "title", "subject", "board", "id"), m.of(words)}, {m.pick("text", "message", "body", "comment", "content", "html", "description", "q"), text}}
	r := m.send(fields, m.form(asForm, asForm, asJSON, asMultipart, asQuery))
	r.Class = "question"
	return r
}
