package access

import "fmt"

// Sender is who sends records, as a gate has admitted it. The zero Sender may
// send under any name.
type Sender struct {
	// Name is what its records are bound to: that of its token or certificate;
	// "" if it may choose.
	Name string

	others *Tokens // whose names it may not choose; nil if it may
}

// Source settles the name under which records are stored: the one that the
// sender is bound to, else the one it asks for, else def. An anonymous sender
// can't take the name of a token: it could pass its records for those of the
// token's owner, or have the owner's records taken for known ones.
func (s Sender) Source(asked, def string) (string, error) {
	if s.Name != "" {
		if asked != "" && asked != s.Name {
			return "", fmt.Errorf("source %q is not that of the token or certificate, which is %q: leave it out", asked, s.Name)
		}
		return s.Name, nil
	}
	if asked == "" {
		asked = def
	}
	if err := CheckName(asked); err != nil {
		return "", err
	}
	if s.others != nil && s.others.Named(asked) {
		return "", fmt.Errorf("%w: source %q belongs to a token: send that token, or choose another name", ErrForbidden, asked)
	}
	return asked, nil
}

// Named tells whether there is a token of a source or node with that name, also
// one that has expired. While the tokens can't be read every name is one.
func (t *Tokens) Named(name string) bool {
	v := t.current()
	return v.err != nil || v.senders[name]
}
