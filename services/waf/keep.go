package waf

import (
	"io"
	"log/slog"
	"maps"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/gatewatch/gatewatch/detection/verdict"
	"github.com/gatewatch/gatewatch/services/kept"
)

// keep hands a copy of the request over to the keeper, if it is one that the site
// keeps. It must be called while the evaluation holds the body, and costs the
// request no more than the copying. limit is how long its rules may take.
func (x *exchange) keep(limit time.Duration) {
	k := x.node.keeper
	if k == nil || !x.judged || x.evaluation == nil {
		return
	}
	why, probability := x.keepWhy()
	client := clientKey(x.client.Addr())
	if why == "" || !k.mayTake(x.site.name, why, client) {
		return
	}
	c := kept.Copy{
		ID: x.id, Node: x.node.identity.node, Time: x.started,
		Block: x.decision.Block, Score: x.decision.Score, Rules: x.decision.Scoring, PolicyOnly: x.decision.PolicyOnly,
		Ruleset: x.site.engine.fingerprint, Why: why, Probability: probability,
		BodyBytes: max(x.received, x.request.ContentLength), // a body is not read if the headers block
		Model:     x.verdict.Model, PAttack: x.verdict.PAttack, Kind: x.verdict.Kind,
		Request: verdict.Request{
			ID: x.id, Site: x.site.name, Method: x.request.Method, URI: x.uri, Proto: x.request.Proto, Headers: x.headers(),
		},
	}
	for _, te := range x.request.TransferEncoding {
		c.Request.Headers = append(c.Request.Headers, [2]string{"Transfer-Encoding", te})
	}
	if x.received > 0 {
		if body, err := x.evaluation.replay(); err == nil && body != nil {
			c.Request.Body, _ = io.ReadAll(io.LimitReader(body, x.site.config.Replay.MaxBodyBytes)) // what there is
		}
	}
	x.kept = k.take(draft{copy: c, site: x.site, client: client, limit: limit})
}

// keepWhy tells why the request is kept and how likely that was, "" if it is not.
func (x *exchange) keepWhy() (string, float64) {
	c := &x.site.config.Replay
	switch {
	case c.Keep == keepOff:
		return "", 0
	case x.decision.Block:
		return kept.Blocked, 1
	case c.Keep == keepBlocked:
		return "", 0
	case x.verdict.Model != "" && x.verdict.PAttack >= c.Suspect:
		return kept.Suspect, 1
	case c.Keep == keepSample && rand.Float64() < c.Sample:
		return kept.Sampled, c.Sample
	}
	return "", 0
}

// headers are those of the request, in the order of their names: that of the
// client is not known.
func (x *exchange) headers() [][2]string {
	r := x.request
	all := make([][2]string, 0, len(r.Header)+1)
	if r.Host != "" {
		all = append(all, [2]string{"Host", r.Host})
	}
	for _, name := range slices.Sorted(maps.Keys(r.Header)) {
		for _, value := range r.Header[name] {
			all = append(all, [2]string{name, value})
		}
	}
	return all
}

// logKeep says that a copy could not be made, now and then.
func (k *keeper) logKeep(d *draft, err error) {
	if k.failed.due(k.node.now()) {
		k.node.log.Error("copy of a request could not be made", slog.String("request", d.copy.ID), slog.Any("error", err))
	}
}
