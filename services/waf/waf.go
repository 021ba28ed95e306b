// Package waf is the WAF node: a reverse proxy that has every request judged by
// Coraza with the OWASP Core Rule Set, does what its mode says, and turns each
// decision into an event that is kept in a spool on disk until the server has
// acknowledged it.
//
// A request goes from [Node] to the site that its Host names, through an
// evaluation of the site's [Engine], to an upstream, and back. The request path
// never waits for the spool's disk or for the network to the server.
//
// FIELDS.md lists what its events say.
package waf
