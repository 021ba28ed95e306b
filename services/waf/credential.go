package waf

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Names under which secrets are sent, in lower case without punctuation.
var (
	// credentialTexts stand anywhere in a name.
	credentialTexts = []string{
		"passw", "passphrase", "passcode", "pwd", "secret", "token", "authorization", "credential", "sessionid", "sessid",
		"cookie", "signature", "assertion", "saml", "csrf", "xsrf", "privatekey", "apikey", "accesskey", "authkey",
		"subscriptionkey", "functionskey", "masterkey", "encryptionkey", "sharedkey", "accountkey", "codeverifier",
		"verificationcode", "verifycode", "securitycode", "authcode", "accesscode", "onetimecode", "smscode", "resetcode",
		"pincode", "otpcode", "authorizationcode", "cardnumber", "cardnum", "cardno", "creditcard", "ccnum", "cvv", "cvc",
		"senha", "kennwort", "contrasena", "contraseña", "motdepasse", "wachtwoord", "lozenord", "lösenord", "salasana", "haslo", "hasło",
		"пароль", "密码", "密碼", "口令", "パスワード", "비밀번호",
	}
	// credentialWords are parts of a name.
	credentialWords = map[string]bool{
		"pass": true, "pw": true, "otp": true, "totp": true, "jwt": true, "psw": true, "mima": true, "ccno": true,
	}
	// credentialNames are a whole name or the last part of one.
	credentialNames = map[string]bool{
		"sid": true, "auth": true, "pin": true, "session": true, "card": true, "pan": true, "sig": true, "ssn": true, "bearer": true,
	}
	// passWords begin or end with pass and mean something else.
	passWords = []string{
		"passeng", "passag", "passiv", "passion", "passport", "passing", "passed", "passthr", "passes",
		"compass", "bypass", "surpass", "trespass", "overpass", "underpass",
	}
)

// maxName is how much of the end of a name is looked at, in bytes.
const maxName = 512

// isCredential tells whether a name is one under which secrets are sent. Case
// and punctuation do not count; punctuation and capitals divide it into parts.
func isCredential(name string) bool {
	if name == "" {
		return false
	}
	name = name[max(0, len(name)-maxName):]
	var buf [96]byte
	plain, from := buf[:0], 0
	found, lower := false, false
	var last string
	part := func() {
		if from < len(plain) {
			last = string(plain[from:])
			found = found || isCredentialWord(last)
			from = len(plain)
		}
	}
	for _, r := range name {
		switch {
		case r < utf8.RuneSelf && !isNameLetter(byte(r)), r >= utf8.RuneSelf && !unicode.IsLetter(r):
			part()
			lower = false
			continue
		case unicode.IsUpper(r) && lower:
			part()
		}
		lower = !unicode.IsUpper(r)
		plain = utf8.AppendRune(plain, unicode.ToLower(r))
	}
	part()
	text := string(plain)
	if found || text == "code" || credentialNames[text] || credentialNames[last] || isCredentialWord(text) {
		return true
	}
	for _, t := range credentialTexts {
		if strings.Contains(text, t) {
			return true
		}
	}
	return false
}

func isNameLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' || isDigit(c) }

// isCredentialWord tells it of a part of a name.
func isCredentialWord(word string) bool {
	if credentialWords[word] {
		return true
	}
	if !strings.HasPrefix(word, "pass") && !strings.HasSuffix(strings.TrimRight(word, "0123456789"), "pass") {
		return credentialWords[strings.TrimRight(word, "0123456789")]
	}
	for _, other := range passWords {
		if strings.Contains(word, other) {
			return false
		}
	}
	return true
}
