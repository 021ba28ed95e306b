package verdict

import "strings"

// vocab says what a word means to the languages that attacks are written in.
type vocab uint32

const (
	sqlVerb vocab = 1 << iota
	sqlClause
	sqlLogic
	sqlFunc
	sqlDelay
	sqlMeta
	shCommand
	shInterpreter
	htmlTag
	htmlActive // elements that run or load something
	jsSink
	jsObject
	phpCall
	javaName
	templateName
	sensitiveName
	httpName
	scannerName
	mailHeader
	noise // known, but of no language: kept apart from unknown words in sequences
)

// vocabulary maps lower-case words to what they mean.
var vocabulary = func() map[string]vocab {
	m := make(map[string]vocab, 1024)
	for v, words := range vocabularyWords {
		for _, w := range strings.Fields(words) {
			m[w] |= v
		}
	}
	return m
}()

var vocabularyWords = map[vocab]string{
	sqlVerb: `select insert update delete drop create alter truncate exec execute declare merge replace call shutdown grant
		revoke handler attach detach pragma copy begin explain analyse`,
	sqlClause: `from where union all distinct order group by having limit offset into outfile dumpfile values set table database
		schema join on as procedure except intersect case when then else end top with column cast using over fetch rows`,
	sqlLogic: `and or xor not like rlike regexp between in is null exists sounds div mod any ilike similar glob true false
		collate escape binary`,
	sqlFunc: `concat concat_ws group_concat char chr ascii ord hex unhex substring substr mid left right length len count
		extractvalue updatexml load_file xp_cmdshell xp_dirtree xp_regread sp_executesql openrowset convert cast
		ifnull isnull nullif coalesce iif elt make_set repeat floor rand round user database version current_user
		session_user system_user db_name schema_name json_keys json_extract gtid_subset exp row_count found_rows
		string_agg array_agg listagg xmltype regexp_substring regexp_replace to_char to_number utl_http utl_inaddr
		ctxsys drithsx ctxsys dbms_xmlgen dbms_utility quote_ident pg_read_file lo_import query_to_xml sqlite_version
		load_extension randomblob zeroblob printf hex md5 sha1 password compress aes_encrypt crypt_key bin conv
		polygon geometrycollection multipoint linestring name_const strcmp greatest least lpad rpad reverse lower upper`,
	sqlDelay: `sleep benchmark pg_sleep waitfor delay dbms_pipe receive_message dbms_lock generate_series randomblob
		sleep_for heavy_query`,
	sqlMeta: `information_schema sysobjects syscolumns sysusers pg_catalog pg_user pg_shadow pg_tables sqlite_master
		sqlite_schema all_tables all_users user_tables all_tab_columns dual table_name column_name table_schema
		schemata tables columns sysibm sysdummy1 msysobjects rdb domain domains mysql innodb_table_stats performance_schema
		current_setting datname usename master sys xtype tabschema`,
	shCommand: `cat ls id whoami uname pwd ps netstat ifconfig ipconfig ping nslookup dig host wget curl nc ncat netcat telnet
		ftp tftp scp ssh chmod chown rm cp mv mkdir touch echo printf head tail less more tac nl od xxd base64 rev sort
		find grep awk sed cut tr tee xargs env export set unset which whereis kill killall nohup crontab useradd passwd su
		sudo hostname dir type copy del net systeminfo tasklist reg certutil bitsadmin mshta rundll32 regsvr32 wmic schtasks
		sleep timeout getent traceroute arp route ip ss lsof mount df du free uptime last w who history apt yum busybox gcc
		socat mkfifo mknod dd openssl gzip tar unzip zip vi nano iptables systemctl service docker kubectl aws ifdown expr seq
		time strings file stat readlink lua tclsh expect watch strace gdb screen tmux telnetd xterm vim`,
	shInterpreter: `sh bash zsh ksh csh tcsh dash fish cmd powershell pwsh python python2 python3 perl ruby php node nodejs
		java comspec exe`,
	htmlTag: `a abbr address article aside b blockquote br button caption center cite code col colgroup dd del div dl dt em
		figcaption figure font footer h1 h2 h3 h4 h5 h6 header hr i img input ins label legend li main mark nav ol option p
		pre s section select small span strong style sub summary sup table tbody td textarea tfoot th thead tr tt u ul
		center big strike title head html body meta link marquee form fieldset picture source track wbr noscript`,
	htmlActive: `script iframe svg math object embed applet base frame frameset bgsound isindex layer video audio details
		template animate animatetransform set foreignobject image xss marquee portal listing xmp plaintext use dialog
		handler keygen param import xml canvas slot`,
	jsSink: `alert prompt confirm eval settimeout setinterval setimmediate execscript msgbox fromcharcode atob btoa unescape
		innerhtml outerhtml insertadjacenthtml document_write importscripts xmlhttprequest fetch postmessage
		child_process execsync spawnsync require constructor tostring throw expression valueof tagged
		decodeuricomponent decodeuri documentwrite writeln createelement appendchild sendbeacon`,
	jsObject: `document window location cookie localstorage sessionstorage navigator self top parent frames opener globalthis
		this function process mainmodule global prototype string reflect onerror onload onclick javascript vbscript jscript
		livescript srcdoc href src xmlns domain write open history referrer`,
	phpCall: `system passthru shell_exec popen proc_open pcntl_exec assert create_function call_user_func preg_replace phpinfo
		base64_decode file_get_contents file_put_contents fopen fwrite fputs readfile highlight_file show_source gzinflate
		str_rot13 gzuncompress eval exec include include_once require require_once _get _post _request _server _cookie
		_files _session _env globals array_map usort array_filter register_shutdown_function unserialize php_uname
		getenv putenv ini_set ini_get error_reporting set_time_limit move_uploaded_file chmod unlink scandir opendir glob
		getcwd var_dump print_r die phpversion posix_getpwuid get_current_user mb_ereg_replace extract parse_str dl mail
		symlink call_user_func_array array_walk ob_start curl_exec fsockopen auto_prepend_file allow_url_include
		suhosin disable_functions safe_mode cgi auto_append_file allow_url_fopen invokefunction think _memberaccess`,
	javaName: `runtime getruntime processbuilder java lang javax naming classloader class module getclass forname newinstance
		getmethod invoke getdeclaredmethod scriptenginemanager scriptengine getenginebyname bcel jndi ldap rmi ognl
		ognlcontext actioncontext servletactioncontext valuestack defaultmemberaccess memberaccess
		xwork2 opensymphony struts springframework springcontext commons collections functors invokertransformer
		chainedtransformer instantiatetransformer templatesimpl jdbcrowsetimpl autotype unmarshaller beanutils groovy
		freemarker execute objectconstructor accesscontrolcontext fileinputstream ioutils getinputstream processimpl
		classpathxmlapplicationcontext jdbc allowstaticmethodaccess unsafe stringbuilder inputstreamreader bufferedreader
		resources context pipeline first pattern suffix directory prefix filedateformat urlclassloader tomcat catalina`,
	templateName: `__class__ __mro__ __subclasses__ __globals__ __builtins__ __import__ __init__ __base__ __bases__
		__dict__ __getattribute__ __getitem__ __reduce__ __proto__ popen cycler joiner namespace lipsum config self request
		url_for get_flashed_messages attr _self env registerundefinedfiltercallback getfilter settings secret_key
		application mro subclasses builtins globals joiner undefined sandbox range filter map smarty twig jinja
		newinstance api freemarker utility velocity erubis irb kernel`,
	sensitiveName: `etc shadow passwd hosts boot win ini system32 windows proc environ cmdline htaccess htpasswd id_rsa
		authorized_keys bash_history web inf meta-inf wp-config configuration known_hosts sam syslog httpd nginx access_log
		error_log sudoers crontab resolv issue group my cnf winnt inetpub wwwroot php_errors svn git env ds_store
		docker-compose dockerenv fstab motd rpc version mysql credentials kube`,
	httpName: `http https ftp gopher dict file ldaps tftp sftp jar netdoc phar expect data php zip glob ogg localhost metadata
		oast burpcollaborator oastify interact dnslog ceye requestbin webhook internal latest instance-data compute
		location set-cookie content-type content-length x-forwarded-for host refresh access-control-allow-origin`,
	scannerName: `sqlmap nikto acunetix nessus netsparker wvs arachni w3af nuclei havij dirbuster gobuster wpscan masscan zgrab
		burp appscan webinspect openvas qualys jorgee zmeu morfeus fimap commix xsser skipfish whatweb hydra metis
		feroxbuster ffuf wfuzz dirb brutus joomscan`,
	mailHeader: `bcc cc to rcpt noop rset vrfy expn starttls subject mime-version content-transfer-encoding from quit helo ehlo`,
	noise: `the of a an for you your it that this not are was be have has can will we do if new get how what my me at which
		your any would should could http www com org net html htm php asp aspx jsp js css json xml png jpg gif svg id
		name user admin test page true false undefined nan`,
}
