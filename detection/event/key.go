package event

import "sync"

// Type is the type that ECS gives a field.
type Type uint8

// The types of known fields. A value of another type is kept as it is.
const (
	TypeAny Type = iota // not a known field
	TypeKeyword
	TypeText
	TypeLong
	TypeFloat
	TypeBool
	TypeDate
	TypeIP
)

// MaxKeys is the number of names that are interned at most. Further names work,
// more slowly, and are freed with the events that hold them, so a sender who
// invents names cannot take memory for ever.
const MaxKeys = 1 << 14

// Key is an interned field name. Compare keys with [Key.Is], not with ==: the
// names beyond [MaxKeys] are not unique in memory. The zero Key has no name.
type Key struct{ n *name }

type name struct {
	text string
	id   int32 // dense; -1 beyond MaxKeys
	typ  Type
	list bool
	// plain tells whether JSON may hold the name as it is: it needs no escape.
	plain bool
	// member tells whether the name is that of a member of [Event] or stands for one.
	member bool
}

// String returns the dotted name.
func (k Key) String() string {
	if k.n == nil {
		return ""
	}
	return k.n.text
}

// ID returns a small number that is the same for all keys of that name, to
// index an array with, or -1 for a name beyond [MaxKeys].
func (k Key) ID() int { return int(k.n.id) }

// Type returns the type that the field has in ECS, TypeAny if it is not known.
func (k Key) Type() Type { return k.n.typ }

// IsList tells whether the field always holds a list.
func (k Key) IsList() bool { return k.n.list }

// Known tells whether the field is one of the names that this package defines.
func (k Key) Known() bool { return k.n != nil && k.n.typ != TypeAny }

// Is tells whether both keys have the same name.
func (k Key) Is(o Key) bool {
	return k.n == o.n || k.n != nil && o.n != nil && k.n.id < 0 && o.n.id < 0 && k.n.text == o.n.text
}

var names = struct {
	known map[string]*name // complete after init, then only read
	sync.RWMutex
	others map[string]*name
}{known: map[string]*name{}, others: map[string]*name{}}

// Intern returns the key of a name. It may be called concurrently.
func Intern(text string) Key {
	if n := names.known[text]; n != nil {
		return Key{n}
	}
	names.RLock()
	n := names.others[text]
	names.RUnlock()
	if n != nil {
		return Key{n}
	}
	return internNew(text)
}

// InternBytes is [Intern] without an allocation when the name is interned already.
func InternBytes(text []byte) Key {
	if n := names.known[string(text)]; n != nil {
		return Key{n}
	}
	names.RLock()
	n := names.others[string(text)]
	names.RUnlock()
	if n != nil {
		return Key{n}
	}
	return internNew(string(text))
}

func internNew(text string) Key {
	names.Lock()
	defer names.Unlock()
	if n := names.others[text]; n != nil {
		return Key{n}
	}
	n := &name{text: text, id: -1, plain: isPlain(text)}
	// A name is attacker-written: only short ones are kept for ever.
	if len(names.known)+len(names.others) < MaxKeys && len(text) <= 256 {
		n.id = int32(len(names.known) + len(names.others))
		names.others[text] = n
	}
	return Key{n}
}

func known(text string, t Type) Key {
	if names.known[text] != nil {
		panic("event: field " + text + " is defined twice")
	}
	n := &name{text: text, id: int32(len(names.known)), typ: t, plain: isPlain(text)}
	names.known[text] = n
	return Key{n}
}

// knownMember is known for the names that [Event.setMember] knows.
func knownMember(text string, t Type) Key {
	k := known(text, t)
	k.n.member = true
	return k
}

func knownList(text string, t Type) Key {
	k := known(text, t)
	k.n.list = true
	return k
}

func isPlain(text string) bool {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c == '"' || c == '\\' {
			return false
		}
	}
	return text != ""
}
