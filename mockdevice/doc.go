// Package mockdevice is a simulated authentication device for OpenID Connect
// CIBA. An OP tells it what its user is asked; it answers by a policy, on
// command, or by a person at its phone page, through the callback that came with
// the request. It serves any OP: it knows no case, no target and no particular OP.
//
// This package is the core: it keeps requests, decides each once, and delivers.
// Its rooms are packages below it:
//
//   - wire has the words that OPs, tests and the rooms exchange with a device.
//   - policy decides by the rules of a file, under a seed.
//   - phone is the page of a person.
//   - inbox reads mails, text messages and push messages, and finds the request in them.
//   - browse follows a link as the browser of a person would.
//   - audit writes every step down, so that nobody can change it unnoticed.
//   - tree holds JSON as it came.
//
// # The life of a request
//
// An adapter takes the request in and makes the words of package wire of it. The
// policy gives its verdict at once; the record is kept, and whoever waits for it is
// told. The decision is made when its time comes, by a rule, a command or a person,
// whoever claims the record first. It is in the audit before anything is sent. The
// outbox delivers it through the outlet of the dialect the request came in.
//
// # Wire contract
//
// An OP posts JSON to /v1/requests and is answered 202:
//
//	{"auth_req_id": "...", "client_id": "...", "login_hint": "...", "sub": "...", "binding_message": "...",
//	 "scope": "openid", "acr_values": "...", "authorization_details": [...], "expires_at": "2026-11-24T12:00:00Z",
//	 "callback": "https://op.example/decisions", "callback_token": "..."}
//
// Only auth_req_id is required; expires_at may be in Unix seconds, too. The same request again is taken for the first
// one; another request with the same auth_req_id is refused with 409. The
// decision is posted to callback with the callback_token as bearer:
//
//	{"auth_req_id": "...", "decision": "approve|deny|cancel|error", "reason": "...", "scope": "...",
//	 "authorization_details": [...], "acr": "...", "error": "..."}
//
// An approval that carries scope or authorization_details grants only those.
// A decision is delivered at most once: it is sent again only after a fault of
// the network in which nothing reached the OP, never after an answer, and never
// after a connection that broke half-way, when nobody knows. Duplicates, late,
// wrong-token, contrary and after-expiry deliveries happen as a named [Fault]
// only.
//
// A test in another process lists, waits and decides with a [Client]. The whole
// HTTP API is described by openapi.yaml in this folder, which the device also
// serves at /openapi.yaml.
//
// # Other dialects
//
// [Adapters] name the other ways in and out: Keycloak's HTTP authentication
// channel, the API of Authlete's simulator, webhooks of any shape through JSON
// pointers, queues that are polled, and URL templates for the decision.
//
// An [Inbox] receives what an OP sends to people. Its requests come from strangers to the
// protocol, so their decisions go only where the adapter file says: by a [Link] to the
// origins it names, or by a reply to its URL.
//
// # Strangers
//
// With a token ([WithToken]) every caller shows it. Without one a device is served under
// loopback names and those of [WithHosts]: a page in the browser of whoever runs the
// device may have its own name resolve to this machine. A callback may be at loopback, at
// the sender's address, at a host of the adapters, or at one of [WithCallbackHosts], and
// never leads back to the device itself. [Listen] opens nothing beyond loopback without a
// token.
//
// # Memory
//
// A device keeps at most [Capacity] requests, of 8 KiB each on average, unless
// [WithCapacity] says otherwise. When it is full, the oldest finished request makes room; if all are
// open, the oldest open one does, and the counter dropped tells. With a large
// capacity "oldest" is judged within one shard of the state, not over all.
// Nothing sweeps: whether a request has expired is computed when it matters.
package mockdevice
