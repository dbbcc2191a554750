// Package loadgen drives many CIBA flows at once and tells what users would
// feel. Vegeta paces and sends; the scheduling of polls, the bookkeeping of flows
// and the judging of answers are done here.
//
// # How it works
//
// The load is open: flows start when the plan says, whatever the answers do. Only
// the polls of one flow follow its answers, because the protocol wants that: the
// next one is due an interval after the last answer.
//
// One Vegeta attack sends everything. Its pacer ([engine.Pace]) merges the polls
// that are due with the starts that are due, polls first, and does all the
// waiting; its targeter only hands over what is ready. A result finds its flow by
// the fragment of its URL, which never goes on the wire. Flows live in an arena
// without pointers, and a ring of one slot a millisecond holds what is due, with
// due times rounded up: a poll is late by a millisecond at most, and never early.
//
// # Who does what
//
// The life of a flow goes through the files in this order: the starter decides that it
// begins (starts.go), the pacer that a request leaves (pacer.go, ring.go), its body is
// put together from prepared parts (request.go), a transport carries it
// (transport.go, fast.go). The answer is read (read.go), booked (answers.go) and
// judged (checks.go), until the flow has an outcome (outcomes.go). Meanwhile its user
// decides (decide.go), or somebody else's device is asked afterwards what it decided
// (witness.go), and whether the decision arrived is settled (delivery.go). Once a second
// the watch takes what was counted (measure.go, watch.go); at the end it speaks the
// verdict (verdict.go).
//
// # Ping and push
//
// A ping or push client is called by the OP. Each of its flows has a
// client_notification_token of its own: the number of the flow and a code that is made
// with a key of the run, so that a call finds its flow and nothing is kept for that
// (notified.go). The receiver (receiver.go) answers 204 and hands the call over (call.go).
// After a ping the flow polls; a push is its end. Where no ping comes, the flow polls after
// [DefaultPatience], or halfway to its end, as a client would; a push client waits until
// the request must have expired.
//
// What is wrong with calls is judged in callchecks.go: none until fifteen seconds after the
// OP took the decision, which is what the suites wait; later than that; one more after
// the first was answered; with the token of another request or none, if it names a request
// of this run; with the right token and another auth_req_id or none; and, after a ping, a
// second poll that is still pending. Other calls are strangers': they are counted and
// accuse nobody, since anybody may make them. A decision whose call came too late counts as
// late, one whose push never came as undelivered.
//
// # What is measured
//
// Every request has an intended time, fixed before anything can delay it. Service
// time is what the server took; lag is how late the request left; corrected
// latency runs from the intended time to the last byte, so that a stall shows in
// full, whoever caused it. With ping and push, notify runs from the decision to the call,
// with the wait of those who
// were never called as a lower bound, and notify_to_token from a ping to the tokens; lag.notify is how long a call that had been
// read waited for us. All are HDR histograms, kept by the second and added
// up without loss.
//
// # Outcomes
//
// Every flow ends in exactly one: approved, denied, expired, failed, undelivered or
// abandoned. A run whose funnel does not add up is an error of this package.
//
// # Users who get nothing
//
// Who measures only the flows that ended well measures survivors: the more approvals an
// OP loses, the better the rest looks. Three things keep such users in the figures.
//
// A poll that leaves one pace and ten seconds after the OP took a decision, and is still
// answered pending, proves that the decision did not spread. The flow is undelivered if
// nothing comes of it, and late if something does; neither is a success. Since only polls
// count that were sent, it does not matter how busy this side was.
//
// The wait of a user who approved and got no tokens is a censored sample: all that is
// known is that it was at least so long. It is kept as a class of its own,
// waited_in_vain, and the totals of decision_to_token have it as the longer one of what
// was seen and the longest wait that was not in vain. So these quantiles can only rise by
// users who got nothing. What lies among their waits is a lower bound. Flows that ended in
// another error are not among them; flow.success counts those.
//
// An abandoned flow whose user had decided stays in the whole of flow.success. Unless the
// plan says otherwise, the run goes on until the OP has ended whatever was decided, for
// five minutes at most.
//
// Every run in which somebody decided has the objective decision.delivered>99%, whether
// asked for or not. A run in which no start was acknowledged, or in which the decisions
// could not be made, says nothing about the OP.
package loadgen
