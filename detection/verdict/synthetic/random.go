package synthetic

import (
	"math/rand/v2"
	"strconv"
	"strings"
)

// maker makes pieces of text at random.
type maker struct{ *rand.Rand }

// pick returns one of the given texts.
func (m maker) pick(of ...string) string { return of[m.IntN(len(of))] }

// of returns one of a list.
func (m maker) of(list []string) string { return list[m.IntN(len(list))] }

// chance is true in p of all calls.
func (m maker) chance(p float64) bool { return m.Float64() < p }

// number returns the digits of a number below limit.
func (m maker) number(limit int) string { return strconv.Itoa(m.IntN(limit)) }

// between returns a number from low to high.
func (m maker) between(low, high int) int { return low + m.IntN(high-low+1) }

const alphabet = "abcdefghijklmnopqrstuvwxyz"

// letters returns n random letters.
func (m maker) letters(n int) string {
	var b strings.Builder
	for range n {
		b.WriteByte(alphabet[m.IntN(26)])
	}
	return b.String()
}

// id returns a random identifier of the kinds that applications use.
func (m maker) id() string {
	const hex = "0123456789abcdef"
	const all = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	draw := func(from string, n int) string {
		var b strings.Builder
		for range n {
			b.WriteByte(from[m.IntN(len(from))])
		}
		return b.String()
	}
	switch m.IntN(5) {
	case 0:
		return draw(hex, 32)
	case 1:
		return draw(hex, 8) + "-" + draw(hex, 4) + "-4" + draw(hex, 3) + "-a" + draw(hex, 3) + "-" + draw(hex, 12)
	case 2:
		return draw(all, m.between(12, 60))
	case 3:
		return m.number(1 << 30)
	}
	return m.letters(m.between(3, 9)) + "_" + m.number(10000)
}

// fill replaces each slot of a pattern, innermost first: a name by a text of that
// kind, choices by one of them. A pipe that is no choice is a 3 until the end.
func (m maker) fill(pattern string) string {
	for {
		end := strings.IndexByte(pattern, '\x02')
		if end < 0 {
			return strings.ReplaceAll(pattern, "\x03", "|")
		}
		begin := strings.LastIndexByte(pattern[:end], '\x01')
		text := strings.ReplaceAll(m.slot(pattern[begin+1:end]), "|", "\x03")
		pattern = pattern[:begin] + text + pattern[end+1:]
	}
}

// slot is the text for one place of a pattern.
func (m maker) slot(name string) string {
	if strings.Contains(name, "|") {
		return m.of(strings.Split(name, "|"))
	}
	switch name {
	case "n":
		return m.number(10000)
	case "d":
		return m.number(20)
	case "w":
		return m.of(words)
	case "W":
		w := m.of(words)
		return strings.ToUpper(w[:1]) + w[1:]
	case "cmdline":
		return m.of(cmdlines)
	case "x":
		return m.letters(m.between(3, 8))
	case "id":
		return m.id()
	case "ip":
		return m.number(224) + "." + m.number(256) + "." + m.number(256) + "." + m.number(256)
	case "host":
		return m.of(words) + "." + m.pick("com", "net", "org", "io", "cn", "de", "example")
	case "evil":
		return m.evilHost()
	case "col":
		return m.pick("id", "name", "password", "email", "user", "login", "pass", "role", "1", "null", "*", "username,password", "concat(user,0x3a,pass)")
	case "table":
		return m.pick("users", "accounts", "admin", "members", "information_schema.tables", "customers", "orders", "mysql.user", "employees", "products", m.of(words))
	case "file":
		return m.of(secretFiles)
	case "cmd":
		return m.command()
	case "sentence":
		return m.sentence()
	case "name":
		return m.of(people)
	}
	return name
}

// p turns the readable form of patterns, with slots in ‹ and ›, into the one
// that fill reads.
func p(patterns ...string) []string {
	r := strings.NewReplacer("‹", "\x01", "›", "\x02", `\|`, "\x03")
	out := make([]string, len(patterns))
	for i, s := range patterns {
		out[i] = r.Replace(s)
	}
	return out
}
