// Package refop is an in-memory OpenID Provider for CIBA in poll, ping and push mode that
// does every clause right. It shares no protocol code with the client that judges it:
// a clause misread on one side must not agree with itself on the other.
//
// # How a request goes through
//
// The HTTP layer (http.go) looks at the method, reads the form into a [Call] and
// hands it to an endpoint. The endpoint runs its table of named checks in the
// order in which the texts list them, and the first check that refuses answers.
// What no check refuses is acted upon: a [Flow] is begun, a poll is answered by
// the [State] of its flow, tokens are made from a [Grant]. The answer is a
// [Reply], which is finished and written in one place. A client of ping or push mode is
// also called: a decision makes a [Notification], and the outbox (outbox.go) carries it
// to the endpoint that the client has registered.
//
// # Checks, rules, policy
//
// Whatever this OP decides has a name, so that each decision can be read, tested
// and replaced on its own. There are three kinds of decisions:
//
//   - A check refuses a request. It stands in a table under a [CheckName]; the
//     tables are startChecks, clientChecks, assertionChecks, pollChecks and
//     refreshChecks.
//   - A rule answers a question or makes something: whether a secret matches, what
//     an ID Token says. All of them are fields of [Rules].
//   - A policy is a choice that the texts leave to an OP: for how long a poll is
//     held, whether a refresh token is rotated. All of them are fields of [Policy].
//
// Together they are a [Plan]. [New] makes the usual plan from the registration and
// lets options change it; [WithPlan] is that option. Who wants another OP wraps
// what is there, a check by [Plan.Wrap] and a rule by assignment:
//
//	op, err := refop.New(registration, refop.WithPlan(func(plan *refop.Plan) {
//		inner := plan.Rules.SecretMatches
//		plan.Rules.SecretMatches = func(c *refop.Call, secret string) bool {
//			return inner(c, secret) || secret == c.Client.ID
//		}
//	}))
//
// # Who is known
//
// A [Registration] lists clients, users and APIs, with the scopes and the types of
// authorization_details of each API. It may be [Open]: then more is known than is listed, and
// what is listed keeps its rules. The package personas below this one holds changes of a plan
// by which the OP stands in for a product.
//
// # State and locks
//
// Flows, grants and used assertions live in shards, each with a lock of its own,
// so that no request waits for an unrelated one. A rule that is given a flow while
// its lock is held says so in its comment. Nothing is locked while a token is
// signed, a prompt is sent or a poll is held.
//
// # Departures from the specifications
//
// CIBA Core 4: a notification endpoint on loopback may be plain HTTP, as this OP is run
// in tests. OIDC Discovery: authorization_endpoint is published and leads nowhere, as
// this OP has no front channel. RFC 9396: no enrichment.
package refop
