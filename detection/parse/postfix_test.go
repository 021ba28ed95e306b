package parse

import "testing"

// postfixByClient are messages as Postfix writes them when the client chose part
// of them.
var postfixByClient = []string{
	"postfix/smtpd[1]: NOQUEUE: reject: RCPT from unknown[203.0.113.77]: 550 5.1.1 <%s@x>: Recipient address rejected; from=<a@b> to=<c@d> proto=ESMTP helo=<h>",
	"postfix/smtpd[1]: NOQUEUE: reject: RCPT from unknown[203.0.113.77]: 550 5.1.1 <c@d>: Recipient address rejected; from=<%s> to=<c@d> proto=ESMTP helo=<h>",
	"postfix/smtpd[1]: NOQUEUE: reject: RCPT from unknown[203.0.113.77]: 550 5.1.1 <c@d>: Recipient address rejected; from=<a@b> to=<c@d> proto=ESMTP helo=<%s>",
	"postfix/smtpd[1]: warning: unknown[203.0.113.77]: SASL LOGIN authentication failed: (reason unavailable), sasl_username=%s",
	"postfix/smtpd[1]: warning: non-SMTP command from unknown[203.0.113.77]: %s",
	"postfix/smtpd[1]: improper command pipelining after CONNECT from unknown[203.0.113.77]: %s",
	"postfix/smtpd[1]: warning: Illegal address syntax from unknown[203.0.113.77] in MAIL command: %s",
	"postfix/smtpd[1]: A1B2C3D4E5: client=unknown[203.0.113.77], sasl_method=PLAIN, sasl_username=%s",
	"postfix/cleanup[1]: A1B2C3D4E5: reject: header Subject: %s from unknown[203.0.113.77]; from=<a@b> to=<c@d> proto=ESMTP helo=<h>: 5.7.1 no",
	"postfix/cleanup[1]: A1B2C3D4E5: reject: header Subject: x from unknown[203.0.113.77]; from=<a@b> to=<c@d> proto=ESMTP helo=<%s>: 5.7.1 no",
	"postfix/cleanup[1]: A1B2C3D4E5: message-id=<%s>",
	"postfix/qmgr[1]: A1B2C3D4E5: from=<%s>, size=1, nrcpt=1 (queue active)",
	"postfix/smtp[1]: A1B2C3D4E5: to=<%s>, relay=none, delay=1, delays=0/0/1/0, dsn=4.4.1, status=deferred (x)",
	"postfix/smtp[1]: A1B2C3D4E5: to=<a@b>, relay=none, delay=1, delays=0/0/1/0, dsn=4.4.1, status=bounced (host said: %s)",
	"postfix/postscreen[1]: PREGREET 16 after 2.6 from [203.0.113.77]:41323: %s",
	"postfix/postscreen[1]: NON-SMTP COMMAND from [203.0.113.77]:41323 after CONNECT: %s",
	"postfix/postscreen[1]: NOQUEUE: reject: RCPT from [203.0.113.77]:41323: 550 5.7.1 Service unavailable; from=<%s>, to=<b@c>, proto=ESMTP, helo=<h>",
}

func FuzzPostfixText(f *testing.F) {
	for i := range postfixByClient {
		for _, text := range forgeries {
			f.Add(uint8(i), text)
		}
	}
	f.Fuzz(func(t *testing.T, i uint8, text string) {
		checkForged(t, "postfix", postfixByClient[int(i)%len(postfixByClient)], text)
	})
}
