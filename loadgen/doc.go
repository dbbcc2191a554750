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
// (witness.go). Once a second the watch takes what was counted (measure.go, watch.go);
// at the end it speaks the verdict (verdict.go).
//
// # What is measured
//
// Every request has an intended time, fixed before anything can delay it. Service
// time is what the server took; lag is how late the request left; corrected
// latency runs from the intended time to the last byte, so that a stall shows in
// full, whoever caused it. All are HDR histograms, kept by the second and added
// up without loss.
//
// # Outcomes
//
// Every flow ends in exactly one: approved, denied, expired, failed or abandoned.
// A run whose funnel does not add up is an error of this package.
package loadgen
