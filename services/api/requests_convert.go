package api

import (
	"strconv"

	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/proto/gatewatch/v1"
	"github.com/gatewatch/gatewatch/services/kept"
)

func newProtoRequest(c *kept.Copy, content bool) *gatewatchv1.KeptRequest {
	p := &gatewatchv1.KeptRequest{
		Id: plainText(c.ID), Source: plainText(c.Source), Node: plainText(c.Node), Time: timestamppb.New(c.Time), Site: plainText(c.Request.Site),
		Decision: decisionName(c.Block), AnomalyScore: int64(c.Score), PolicyOnly: c.PolicyOnly, Ruleset: plainText(c.Ruleset),
		Why: plainText(c.Why), SampleProbability: c.Probability, ReplayFaithful: c.Faithful, BodyBytes: c.BodyBytes,
		Kind: plainText(string(c.Kind)), Model: plainText(c.Model),
	}
	for _, id := range c.Rules {
		p.Rules = append(p.Rules, strconv.Itoa(id))
	}
	if c.Model != "" {
		p.PAttack = &c.PAttack
	}
	if !content {
		return p
	}
	q := &c.Request
	p.Request = &gatewatchv1.HTTPRequest{
		Id: p.GetId(), Site: p.GetSite(), Method: plainText(q.Method), Uri: plainText(q.URI), Proto: plainText(q.Proto), Body: q.Body,
	}
	for _, h := range q.Headers {
		p.Request.Headers = append(p.Request.Headers, &gatewatchv1.HTTPHeader{Name: plainText(h[0]), Value: plainText(h[1])})
	}
	return p
}

// appendRequest writes a request as one of a corpus (DESIGN section 8).
func appendRequest(dst []byte, m *gatewatchv1.HTTPRequest) []byte {
	q := verdict.Request{ID: m.GetId(), Site: m.GetSite(), Method: m.GetMethod(), URI: m.GetUri(), Proto: m.GetProto(), Body: m.GetBody()}
	for _, h := range m.GetHeaders() {
		q.Headers = append(q.Headers, [2]string{h.GetName(), h.GetValue()})
	}
	b, err := q.MarshalJSON()
	if err != nil { // texts and bytes always have JSON
		return append(dst, "null"...)
	}
	return append(dst, b...)
}
