// Package driver is a well-behaved client: it sends what a caller asks for and
// keeps the manners that any OP may expect, so that a caller can think about one
// clause at a time. It knows no case and judges nothing.
//
// # The life of a request
//
// [Driver.Send] is what every request goes through. Its layers stand there in one
// expression, outermost first, and in that order below it (send.go):
//
//   - paced waits until the flow may be polled, and learns the new pace from the
//     answer;
//   - admitted asks again a little later where the OP's policy refuses good requests
//     for the moment;
//   - credentialed finds out which assertion audience the endpoint wants;
//   - unlocked waits out a lock after wrong credentials, and sends again;
//   - within keeps to what the OP takes for one user within a minute (allowance.go);
//   - inTurn waits out 503 and 429, one request after the other;
//   - authenticated adds the client's credential, fresh for each sending;
//   - remembered keeps what some cases ask about all answers of a run;
//   - exchange waits until the OP bears one more request, puts the bytes on the wire,
//     once, and learns from the answer how much at once it bears (strain.go). What failed
//     beside others is a trouble of the driver, which its case tells (trouble.go).
//
// What a request wants to be spared from is said in the [Request] itself.
//
// # One run, many drivers
//
// A [Run] is shared by all that talk to one target: its clients, its turnstiles, its
// memory. A [Driver] belongs to one case, or to one command: it has a recorder for
// the evidence, a clock that bounds it, and knows which requests it has left open.
//
// A driver never panics and never ends a case. What keeps it from an answer that
// means something is a [*Stop], an error that says whether the OP, the moment or
// other cases are the reason.
package driver
