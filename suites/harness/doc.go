// Package harness is what a case is written with.
//
// # A case
//
// A case is one check of one clause of the catalogue. It lives in the family of its
// text, in the file of its section, and reads as the clause does: what is sent, then
// what is expected.
//
//	// CIBA Core 11: while the user has not decided, the OP answers
//	// authorization_pending.
//	var _ = Cases.Describe("Paced poll", func() {
//		Case("poll-pending", "is answered authorization_pending while the user has not decided",
//			Judges("CIBA-11-PENDING"), func(t *T) {
//				flow := t.MustStart(t.Request())
//
//				resp := t.Poll(flow)
//
//				t.Judge(resp)
//			})
//	})
//
// CONTRIBUTING.md goes through it step by step, with the fault that proves it.
//
// # What a body has
//
// Everything is in its [T]: a client, a user, the driver that sends its requests, a
// recorder of what came back. Bodies of all selected cases run at the same time, so a
// body keeps nothing elsewhere. What cases may not share they declare: [Traits] say
// which clauses a case settles, what it needs, and its [Place] among others.
//
// # Sending
//
// [T.Start], [T.Poll], [T.PollDecided], [T.MustRedeem] and their like are what a
// well-behaved client does. Anything else is a [Request] that the case alters before
// [T.Send]: with another parameter, another credential, at once, or sent once whatever
// comes. How a request travels is the driver's business (internal/driver).
//
// [Observe] runs a scenario once and lets many cases judge it: a dozen clauses about
// one token response cost one approval.
//
// # Judging
//
//   - [T.Judge] compares an answer with the expect block of the case's clause:
//     conforming is pass, tolerated is warn, anything else is the clause's verdict.
//     Tokens where none may be, and server errors on client input, are failures
//     whatever the entry says.
//   - [T.Expect] judges one answer by a matcher, with the verdict of the clause.
//   - [T.Check] judges what was read from an answer: claims, details, lists.
//
// None of them ends the case. Arrange with Must methods: when one of them fails, the
// case could not be judged. It ends as error, which accuses nobody.
package harness
