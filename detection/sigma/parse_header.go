package sigma

import (
	"strings"

	"go.yaml.in/yaml/v3"
)

// structure names the members that are read by the kind of document.
var structure = map[string]bool{
	"logsource": true, "detection": true, "correlation": true, "filter": true, "action": true,
}

// header reads what all documents have.
func (r *reader) header(h *Header, n *yaml.Node, top []pair) *Error {
	h.Path, h.Pos = r.path, posOf(n)
	single := map[string]*string{
		"id": &h.ID, "name": &h.Name, "title": &h.Title, "taxonomy": &h.Taxonomy,
		"description": &h.Description, "license": &h.License, "author": &h.Author,
		"date": &h.Date, "modified": &h.Modified,
	}
	lists := map[string]*[]string{
		"references": &h.References, "tags": &h.Tags, "falsepositives": &h.FalsePos,
		"fields": &h.Fields, "scope": &h.Scope,
	}
	// What names the document first, so that every later error can name it.
	for _, key := range []string{"id", "name", "title"} {
		if p := member(top, key); p != nil {
			s, err := r.text(p.value, key)
			if err != nil {
				return err
			}
			*single[key] = s
		}
	}
	for _, p := range top {
		var err *Error
		switch {
		case single[p.key] != nil:
			*single[p.key], err = r.text(p.value, p.key)
		case lists[p.key] != nil:
			*lists[p.key], err = r.texts(p.value, p.key)
		case p.key == "status":
			err = r.status(h, p.value)
		case p.key == "level":
			err = r.level(h, p.value)
		case p.key == "related":
			err = r.related(h, p.value)
		case !structure[p.key]:
			if err = r.bounded(p.value); err == nil {
				h.Custom = append(h.Custom, Custom{p.key, p.value})
			}
		}
		if err != nil {
			return err
		}
	}
	if h.Title == "" {
		return r.fail(h.Pos, "document has no title")
	}
	return nil
}

func (r *reader) status(h *Header, n *yaml.Node) *Error {
	s, err := r.text(n, "status")
	if err != nil {
		return err
	}
	switch h.Status = Status(strings.ToLower(s)); h.Status {
	case "", StatusStable, StatusTest, StatusExperimental, StatusDeprecated, StatusUnsupported:
		return nil
	}
	return r.fail(posOf(n), "unknown status %q; known are stable, test, experimental, deprecated and unsupported", s)
}

func (r *reader) level(h *Header, n *yaml.Node) *Error {
	s, err := r.text(n, "level")
	if err != nil || s == "" {
		return err
	}
	var ok bool
	if h.Level, ok = ParseLevel(strings.ToLower(s)); !ok {
		return r.fail(posOf(n), "unknown level %q; known are informational, low, medium, high and critical", s)
	}
	return nil
}

func (r *reader) related(h *Header, n *yaml.Node) *Error {
	n, err := r.follow(n)
	if err != nil || n.ShortTag() == "!!null" {
		return err
	}
	if n.Kind != yaml.SequenceNode {
		return r.fail(posOf(n), "related must be a list")
	}
	for _, c := range n.Content {
		members, err := r.pairs(c, "related rule")
		if err != nil {
			return err
		}
		var rel Related
		for _, p := range members {
			s, err := r.text(p.value, "related "+p.key)
			if err != nil {
				return err
			}
			switch p.key {
			case "id":
				rel.ID = s
			case "type":
				rel.Type = s
			}
		}
		h.Related = append(h.Related, rel)
	}
	return nil
}

// bounded counts the nodes below a custom field, so that whoever reads it later
// need not fear its aliases.
func (r *reader) bounded(n *yaml.Node) *Error {
	n, err := r.follow(n)
	if err != nil {
		return err
	}
	if err := r.enter(n); err != nil {
		return err
	}
	defer func() { r.depth-- }()
	for _, c := range n.Content {
		if err := r.bounded(c); err != nil {
			return err
		}
	}
	return nil
}

// logsource reads the members of a logsource.
func (r *reader) logsource(top []pair, l *Logsource) (definition string, custom []Custom, err *Error) {
	p := member(top, "logsource")
	if p == nil {
		return "", nil, r.fail(Pos{}, "document has no logsource")
	}
	members, err := r.pairs(p.value, "logsource")
	if err != nil {
		return "", nil, err
	}
	for _, m := range members {
		switch m.key {
		case "category":
			l.Category, err = r.text(m.value, "logsource category")
		case "product":
			l.Product, err = r.text(m.value, "logsource product")
		case "service":
			l.Service, err = r.text(m.value, "logsource service")
		case "definition":
			definition, err = r.text(m.value, "logsource definition")
		default:
			if err = r.bounded(m.value); err == nil {
				custom = append(custom, Custom{m.key, m.value})
			}
		}
		if err != nil {
			return "", nil, err
		}
	}
	if *l == (Logsource{}) && len(custom) == 0 {
		return "", nil, r.fail(p.keyPos, "logsource names no category, product or service")
	}
	return definition, custom, nil
}
