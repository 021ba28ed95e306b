// Package rules holds Gatewatch's own rules and correlations in Sigma 2.1, for what
// passes through gates: WAFs, web gateways, mail servers and sign-ins. The README
// beside it says how a rule is written and how often each one matches traffic that
// is known to be benign.
package rules

import "embed"

// FS is the pack: one document a file, in folders by what is watched. Rules bring
// examples that must and must not match in their field x-examples.
//
//go:embed waf/*.yml web/*.yml mail/*.yml auth/*.yml correlation/*.yml
var FS embed.FS
