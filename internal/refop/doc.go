// Package refop is an in-memory OpenID Provider for CIBA in poll mode that does
// every clause right, and can be made wrong, one clause at a time, by a named
// fault. It shares no protocol code with the client that judges it: a clause
// misread on one side must not agree with itself on the other.
//
// # Order of checks
//
// Every endpoint runs a table of named checks in the order its specification
// lists them. A fault leaves one out by name or replaces its answer.
//
// # Adding a fault
//
// Put an entry into the faults file of its area: a name, the requirement it
// breaks, what a victim sees, and what it changes in the [behaviour]:
//
//	{"poll-never-slow-down", "CIBA-11-FAST-POLL", "polls without pause are never answered slow_down",
//		func(b *behaviour) { b.skip("throttle") }},
//
// Nothing else has to be edited: the self-test of the suites picks it up.
//
// # Departures from the specifications
//
// CIBA Core 7.1: only poll clients; signed requests are refused. OIDC Discovery:
// there is no authorization endpoint, as this OP has no front channel. RFC 9396:
// no enrichment.
package refop
