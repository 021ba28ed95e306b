package access

import (
	_ "embed"
	"errors"
	"strings"
	"unicode/utf8"
)

// Bounds of a password: characters at least, bytes at most. There is no rule on
// kinds of characters (NIST SP 800-63B, section 5.1.1.2).
const (
	minPassword = 12
	maxPassword = 1024
)

// Why a password cannot be taken, tested with errors.Is. All are ErrPassword.
var (
	ErrPassword       = errors.New("password cannot be taken")
	ErrPasswordShort  = passwordError("has fewer than 12 characters")
	ErrPasswordLong   = passwordError("has more than 1024 bytes")
	ErrPasswordText   = passwordError("has characters that cannot be typed")
	ErrPasswordCommon = passwordError("is one of those that are guessed first")
	ErrPasswordName   = passwordError("holds the name of the account")
)

type passwordError string

func (e passwordError) Error() string        { return "password " + string(e) }
func (e passwordError) Is(target error) bool { return target == ErrPassword }

//go:embed common_passwords.txt
var commonText string

// common are passwords that are guessed first, without what people add to them.
var common = func() map[string]bool {
	m := map[string]bool{}
	for word := range strings.FieldsSeq(commonText) {
		m[word] = true
	}
	return m
}()

// CheckPassword tells why an account may not have a password.
func CheckPassword(name, password string) error {
	switch {
	case len(password) > maxPassword:
		return ErrPasswordLong
	case !utf8.ValidString(password) || strings.ContainsFunc(password, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return ErrPasswordText
	case utf8.RuneCountInString(password) < minPassword:
		return ErrPasswordShort
	}
	plain := strings.ToLower(password)
	if len(name) >= 3 && strings.Contains(plain, strings.ToLower(name)) {
		return ErrPasswordName
	}
	if isCommon(plain) {
		return ErrPasswordCommon
	}
	return nil
}

// isCommon tells whether a password is a common one, one that is repeated, or one
// with digits and marks around it, such as Password2026!!.
func isCommon(plain string) bool {
	core := strings.Trim(plain, "0123456789!@#$%^&*()-_=+.,?~ ")
	if common[plain] || common[core] || len([]rune(core)) < 3 && !varied(plain) {
		return true
	}
	for size := 1; size <= len(plain)/2; size++ {
		part := plain[:size]
		if strings.HasPrefix(strings.Repeat(part, len(plain)/size+1), plain) && (size < 4 || common[part]) {
			return true
		}
	}
	return false
}

// varied tells whether a text has at least six different characters and is not
// one ascending or descending run.
func varied(s string) bool {
	seen, steps := map[rune]bool{}, map[rune]bool{}
	var last rune
	for i, r := range s {
		seen[r] = true
		if i > 0 {
			steps[r-last] = true
		}
		last = r
	}
	return len(seen) >= 6 && len(steps) > 3
}
