package parse

import (
	"strings"

	"github.com/gatewatch/gatewatch/detection/event"
	"github.com/gatewatch/gatewatch/detection/event/jsonscan"
)

// rootOCSF takes a member of Coraza's OCSF shape: class Web Resources Activity
// of OCSF 1.2, whose enrichments hold the details of each match as JSON in a
// string.
func (r *auditReader) rootOCSF(key string, t jsonscan.Token) error {
	switch key {
	case "http_request":
		if t.Kind == jsonscan.Object {
			r.found, r.engine = true, "coraza.audit"
		}
		return r.inside(t, (*auditReader).requestOCSF)
	case "http_response":
		return r.inside(t, (*auditReader).responseOCSF)
	case "src_endpoint":
		return r.inside(t, (*auditReader).sourceOCSF)
	case "dst_endpoint":
		return r.inside(t, (*auditReader).destinationOCSF)
	case "enrichments":
		return r.each(t, (*auditReader).enrichment)
	case "metadata":
		return r.inside(t, (*auditReader).metadataOCSF)
	}
	s, err := r.text(t)
	switch {
	case err != nil:
		return err
	case key == "time":
		r.takeTime(s, 2)
	case key == "action" && s != "":
		r.waf.known, r.waf.interrupted = true, s == "Denied"
	}
	return nil
}

func (r *auditReader) requestOCSF(key string, t jsonscan.Token) error {
	if key == "url" {
		return r.inside(t, (*auditReader).urlOCSF)
	}
	if key == "http_headers" {
		return r.each(t, (*auditReader).headerOCSF)
	}
	s, err := r.text(t)
	switch {
	case err != nil:
		return err
	case key == "version":
		r.protocol = s
	case key == "http_method":
		r.method = s
	case key == "uid":
		r.id = s
	case key == "length":
		r.length = s
	}
	return nil
}

func (r *auditReader) urlOCSF(key string, t jsonscan.Token) error {
	s, err := r.text(t)
	if key == "url_string" {
		r.target = s
	}
	return err
}

// headerOCSF takes one header, an object with name and value in any order.
func (r *auditReader) headerOCSF(t jsonscan.Token) error {
	var name, value jsonscan.Token
	if t.Kind != jsonscan.Object {
		return r.scan.Skip(t)
	}
	for {
		key, err := r.scan.Next()
		if err != nil {
			return err
		}
		if key.Kind == jsonscan.ObjectEnd {
			break
		}
		v, err := r.scan.Next()
		if err != nil {
			return err
		}
		switch {
		case v.Kind != jsonscan.String:
			if err := r.scan.Skip(v); err != nil {
				return err
			}
		case string(key.Text) == "name":
			name = v
		case string(key.Text) == "value":
			value = v
		}
	}
	if value.Kind != jsonscan.String || strings.EqualFold(event.View(name.Text), "x-forwarded-for") && r.forwarded != "" {
		return nil
	}
	return r.requestHeader(event.View(name.Text), value)
}

func (r *auditReader) responseOCSF(key string, t jsonscan.Token) error {
	s, err := r.text(t)
	if key == "code" {
		r.status = s
	}
	return err
}

func (r *auditReader) sourceOCSF(key string, t jsonscan.Token) error {
	s, err := r.text(t)
	switch key {
	case "ip":
		r.remote = s
	case "port":
		r.remotePort = s
	}
	return err
}

func (r *auditReader) destinationOCSF(key string, t jsonscan.Token) error {
	s, err := r.text(t)
	switch key {
	case "ip":
		r.hostIP = s
	case "port":
		r.hostPort = s
	}
	return err
}

func (r *auditReader) metadataOCSF(key string, t jsonscan.Token) error {
	s, err := r.text(t)
	if key == "log_provider" {
		r.connector = s
	}
	return err
}

// enrichment takes the details of a match, an object whose data is JSON.
func (r *auditReader) enrichment(t jsonscan.Token) error {
	r.match = ruleMatch{}
	if err := r.inside(t, (*auditReader).enrichmentMember); err != nil {
		return err
	}
	if r.match.id != "" && r.match.id != "0" {
		r.waf.add(r.e, &r.match)
	}
	return nil
}

func (r *auditReader) enrichmentMember(key string, t jsonscan.Token) error {
	s, err := r.text(t)
	if err != nil || key != "data" {
		return err
	}
	outer := r.scan
	defer func() { r.scan = outer }()
	r.scan.Reset([]byte(s))
	n, err := r.scan.Next()
	if err != nil {
		return err
	}
	return r.inside(n, (*auditReader).detail)
}
