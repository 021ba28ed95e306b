package waf

import (
	"mime"
	"strings"
)

// multipart masks the parts of a form (RFC 7578): those with names of
// credentials whole, others as text or JSON. It reports whether there are any.
func (c secrets) multipart(contentType, body string) (string, bool) {
	_, params, err := mime.ParseMediaType(contentType)
	if err != nil || params["boundary"] == "" {
		return body, false
	}
	line := "--" + params["boundary"]
	parts := strings.Split(body, line)
	if len(parts) < 2 {
		return body, false
	}
	for i, part := range parts[1:] {
		parts[1+i] = c.part(part)
	}
	parts[0] = c.text(parts[0])
	return strings.Join(parts, line), true
}

// part masks one part, from behind its boundary on.
func (c secrets) part(part string) string {
	end, gap := strings.Index(part, "\r\n\r\n"), 4
	if lf := strings.Index(part, "\n\n"); lf >= 0 && (end < 0 || lf < end) {
		end, gap = lf, 2
	}
	if end < 0 {
		return c.text(part)
	}
	head, content := part[:end], part[end+gap:]
	kind := ""
	secret := false
	for line := range strings.Lines(head) {
		name, value, _ := strings.Cut(line, ":")
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "content-disposition":
			secret = secret || c.named(partName(value))
		case "content-type":
			kind = strings.TrimSpace(value)
		}
	}
	switch {
	case secret:
		content = blot(content)
	case strings.HasPrefix(strings.ToLower(kind), "multipart/"):
		content = c.text(content)
	default:
		content = c.body(kind, content)
	}
	return part[:end+gap] + content
}

// partName is the name in a Content-Disposition.
func partName(disposition string) string {
	if _, params, err := mime.ParseMediaType(disposition); err == nil {
		return params["name"]
	}
	_, rest, _ := strings.Cut(strings.ToLower(disposition), "name=")
	name, _, _ := strings.Cut(strings.TrimLeft(rest, `"' `), `"`)
	name, _, _ = strings.Cut(name, ";")
	return strings.TrimSpace(name)
}
