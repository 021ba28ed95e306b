package synthetic

import (
	"encoding/base64"
	"net/url"
	"strings"

	"github.com/gatewatch/gatewatch/detection/verdict"
)

// beacons are queries that pages send to count visits and show advertisements.
var beacons = p(
	"page=‹d›&sort=‹name|date|price|id|title|user›", "sort=‹w›&order=‹asc|desc›&limit=‹d›", "action=‹list|select|insert|update|delete|search|exec›&id=‹n›", "view=‹table|list|grid›&type=‹select|text|table|script›", "user=‹w›&role=‹admin|user|guest›", "field=‹id|name|select|password|email|from|where›&op=‹like|in|and|or|eq›", "‹w›=‹w›&‹w›=‹w›", "cmd=‹id|list|status|ls|cat|echo›&‹w›=‹n›", "lang=‹en|php|sql|java|sh›&theme=‹w›", "q=‹w›",
	"v=1&t=pageview&dl=‹link›&dr=‹link›&dt=‹title›&ul=zh-cn&sr=1920x1080&cid=‹n›.‹n›&tid=UA-‹n›-‹d›&z=‹n›", "url=‹link›&ref=‹link›&title=‹title›&ts=‹n›&r=0.‹n›‹n›", "redirect_uri=‹link›&client_id=‹id›&response_type=code&scope=openid+profile&state=‹id›&nonce=‹id›",
	"q=‹typed›&cp=‹d›&client=‹w›&hl=zh-CN&gs_rn=64&cvid=‹id›", "qry=‹typed›&mkt=zh-cn&cp=‹d›&msbqf=false&cvid=‹id›", "wd=‹title›&bs=‹typed›&pwd=‹typed›&json=1&sid=‹n›_‹n›_‹n›&_=‹n›", "data=‹json›&callback=jQuery‹n›_‹n›&_=‹n›", "DATA=‹json›&TYPE=Event.‹x›&IG=‹id›",
	"service=‹link›&locale=en", "next=‹path›&csrf=‹id›", "src=‹link›&w=‹n›&h=‹n›&q=75", "url=‹link›", "url=‹path›", "to=‹link›&from=‹w›", "return_to=‹path›", "target=‹link›&utm_source=‹w›&utm_medium=‹w›", "u=‹link›&t=‹title›", "filter=‹w› eq '‹w›' and ‹w› gt ‹n›&$top=‹d›&$orderby=‹w› desc", "fields=id,name,‹w›(‹w›,‹w›{url})&access_token=‹id›",
	"combo=‹w›/‹w›/1.‹d›/‹w›.js,‹w›/‹w›.css", "x=‹n›&y=-‹n›.‹n›&m=‹d›||‹d›|‹w›", "k=‹id›==&s=‹id›%3D", "p=%7B%22‹w›%22%3A%22‹w›%22%7D&v=‹d›.‹d›", "arn=arn:aws:‹w›:us-east-1:‹n›:‹w›/‹w›&code=‹id›", "sort[]=‹w›&filter[‹w›][]=‹w›&page[size]=‹d›", "email=‹w›+‹w›%40‹host›&lang=en", "ids[]=‹n›&ids[]=‹n›", "range=bytes=0-‹n›&sig=‹id›%2F‹id›%2B", "date>=‹n›&date<‹n›",
)

// typed are beginnings of what people type into a search box.
var typed = p(
	"‹w›", "fei'sh", "zai'xian", "wo'men", "‹w› 是什么", "‹w› union select 怎么用", "what is ‹w›?", "passwd ‹w›", "how to alert(\"‹w›\") in js", "select * from ‹w› 语法", "‹w› site:‹host›", "\"‹w› ‹w›\"", "‹w›+‹w›", "c++ ‹w› << ‹w›", "ls -la ‹w›", "<‹w›> tag", "‹w› vs ‹w›", "it's ‹w›", "xi'an ‹w›",
	"sql注入 ‹w›", "error: cannot find '‹w›'", "python os.system ‹w›", "ssh-keygen ‹w›", "nginx location ~ \\.php$", "or 1=1 是什么意思", "1' ‹w›", "‹w› (‹n›)", "/etc/hosts ‹w›", "‹w›.exe 下载", "C:\\‹w›", "cat ‹w›", "什么是xss", "curl -X POST", "group by ‹w› having", "‹w›'", "‹name›", "‹d›/‹d›", "‹w›;‹w›", "=‹w›(A1)",
)

func (m maker) beacon() *verdict.Request {
	value := func(name string) string {
		switch name {
		case "link":
			link := m.fill(m.of(links))
			if m.chance(0.4) {
				link = "https://" + m.of(words) + "." + m.of(words) + m.pick(".com", ".cn", ".net", ".co.uk") + m.path() + "?" + m.of(words) + "=" + url.QueryEscape(m.fill(m.of(values)))
			}
			return link
		case "path":
			return m.path() + m.pick("", "?tab="+m.of(words), "#"+m.of(words))
		case "title":
			return m.fill(m.of(values)) + m.pick(" - ", " | ", "_") + m.of(words)
		case "typed":
			return m.fill(m.of(typed))
		}
		return m.fill(m.of(applications))
	}
	pattern := m.of(beacons)
	for _, name := range []string{"link", "path", "title", "typed", "json"} {
		for strings.Contains(pattern, "\x01"+name+"\x02") {
			pattern = strings.Replace(pattern, "\x01"+name+"\x02", url.QueryEscape(value(name)), 1)
		}
	}
	r := m.request(m.path() + "?" + strings.ReplaceAll(m.fill(pattern), " ", "+"))
	r.Class = "beacon"
	return r
}

// telemetry makes a body that a page or program sends about itself.
func (m maker) telemetry() *verdict.Request {
	events := func() string {
		var b strings.Builder
		b.WriteString(`[{"T":"CI.` + m.letters(6) + `","FID":"CI","Name":"v2.8.3","P":{"C":` + m.number(20) + `,"N":` + m.number(9) + `,"S":"C BD BF T MT","M":"V L M MT E N C K","K":"`)
		for range m.between(3, 20) {
			b.WriteString(m.number(9) + m.letters(2) + " " + m.letters(1) + m.number(99) + " ")
		}
		b.WriteString(`","D":"0 ` + m.number(9) + `,` + m.letters(2) + `~` + m.number(99) + `|` + m.letters(3) + `;"}}]`)
		return b.String()
	}
	var r *verdict.Request
	switch m.IntN(7) {
	case 0:
		r = m.raw("text/xml", "<ClientInstRequest><Events><E><T>Event.ClientInst</T><IG>"+m.id()+"</IG><TS>"+m.number(1<<30)+"</TS><D><![CDATA["+events()+"]]></D></E></Events><STS>"+m.number(1<<30)+"</STS></ClientInstRequest>", "telemetry")
	case 1: // lengths, tags and texts, as protocol buffers have them
		host := m.of(words) + "." + m.of(words) + ".com"
		target := "https://" + host + m.path() + "?" + m.of(words) + "=" + url.QueryEscape(m.fill(m.of(typed)))
		r = m.raw("application/x-protobuf", "\n\x10\n\x0e"+host+"\x10\x14\x10\x17\x18\x04\"#\n!"+target+"(\x05(\x04:\x05en-USJ\x04\b\x06", "telemetry")
	case 2:
		r = m.raw("text/plain", events(), "telemetry")
	case 3:
		var b strings.Builder
		for range m.between(20, 300) {
			b.WriteByte(byte(m.IntN(256)))
		}
		r = m.raw(m.pick("application/octet-stream", "application/x-protobuf", "text/plain"), m.pick("", "H4sIA")+base64.StdEncoding.EncodeToString([]byte(b.String())), "telemetry")
	case 4:
		r = m.send([]field{{m.pick("items", "data", "batch", "p"), `[["` + m.of(words) + `",` + m.number(1<<30) + `,"` + m.of(words) + `"]]`}}, m.form(asForm, asMultipart))
	case 5:
		r = m.raw("application/json", `{"Seq":`+m.number(20)+`,"Evts":[{"Kind":`+m.number(60)+`,"Args":[`+m.number(9)+`,"https://`+m.of(words)+`.com/`+m.of(words)+`?a=`+m.id()+`","<div class=\"`+m.of(words)+`\" style=\"width: `+m.number(99)+`px\">",null],"When":`+m.number(9999)+`}]}`, "telemetry")
	default:
		r = m.raw("application/json", m.fill(m.of(applications)), "telemetry")
	}
	r.Class = "telemetry"
	return r
}

// secret makes a password as people and programs choose them.
func (m maker) secret() string {
	const marks = `!@#$%^&*()_+-=[]{};:'"\|,.<>/?~` + "`"
	var b strings.Builder
	for range m.between(2, 5) {
		b.WriteString(m.pick(m.of(words), m.letters(3), strings.ToUpper(m.letters(2)), m.number(1000)))
		if m.chance(0.6) {
			for range m.between(1, 3) {
				b.WriteByte(marks[m.IntN(len(marks))])
			}
		}
	}
	if m.chance(0.1) {
		b.WriteString(m.pick("<script>", "<b>", "<"+m.of(words)+">", "';--", "../", "${"+m.letters(3)+"}", "{{x}}"))
	}
	return b.String()
}

func (m maker) login() *verdict.Request {
	name := m.pick("password", "pwd", "pass", "passwd", "log_pass", "user[password]", "new_password", "_pass")
	secret := m.secret()
	fields := []field{{m.pick("user", "username", "log", "email", "login"), m.of(words) + m.pick("", "@"+m.of(words)+".com")}, {name, secret}}
	if m.chance(0.3) {
		fields = append(fields, field{name + "_confirm", secret})
	}
	r := m.send(append(fields, field{m.pick("redirect_to", "next", "return"), "https://" + m.of(words) + ".example/" + m.of(words)}), m.form(asForm, asForm, asJSON))
	r.Class = "login"
	return r
}
