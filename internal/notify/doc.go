// Package notify is the client notification endpoint of the clients that a run speaks
// for: the listener that an OP calls in ping and push mode. CIBA Core 10.2, 10.3, 12.
//
// # Who a call is from
//
// The address of an endpoint is registered with the OP once for each client, so it may
// be known to anybody. The bearer token is made anew for each request and is the only
// proof that a call is about that request: [Receiver.Expect] is told the token before
// the request is sent, and a call that carries it goes to the [Inbox] of that request,
// even when it comes before the acknowledgement. Every other call is a stranger's. It
// is counted and its traces are kept for people to look at, but it never is the result
// of a request. One that names the auth_req_id of a request without its token is shown
// to that request as [Inbox.Misled]: an OP that forgets or mixes up the token makes such
// calls, and a case has to be able to say so.
//
// # What is answered
//
// Each inbox says how its calls are answered, see [Answer]: by a status, by a redirect
// to an address that has to stay silent, late, or not at all. Without a word it is 204,
// as CIBA Core 10.2 wants it.
//
// # Bounds
//
// Calls are foreign input. Headers, bodies, the time for both, the connections, the calls
// kept for each request and the requests themselves are bounded by the constants in
// bounds.go. When there are too many connections, the oldest that has shown no known
// token is closed, so that whoever holds connections open keeps nobody else out.
//
// The package knows no OP, no target file and no case, and judges nothing.
package notify
