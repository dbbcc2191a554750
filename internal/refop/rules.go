package refop

import (
	"crypto/x509"
	"net/http"
	"net/url"
	"time"

	"github.com/cibatest/cibatest/internal/jose"
)

// Rules are what an OP decides, apart from refusing by a check. No field may be
// nil. Each field is set to the function of this package that is named by it; the
// comment says what a good OP does and where that is written.
type Rules struct {
	// MethodAllowed reports whether an endpoint serves an HTTP method. CIBA Core 7,
	// RFC 6749 3.2: POST.
	MethodAllowed func(e Endpoint, method string) bool

	// ParseForm reads a body by its media type, "" for a body without one.
	// CIBA Core 7.1, RFC 6749 3.2: application/x-www-form-urlencoded and nothing else.
	ParseForm func(c *Call, media string, body []byte) (url.Values, *OAuthError)

	// EmptyIsAbsent reports whether a parameter without a value counts as one that was
	// not sent. RFC 6749 3.1 and 3.2: every parameter does.
	EmptyIsAbsent func(name string) bool

	// Repeated reports whether a parameter was sent more than once. RFC 6749 3.1, 3.2.
	Repeated func(name string, values []string) bool

	// Credentials tells who claims to call, and by which method. RFC 6749 2.3.1,
	// RFC 7521 4.2.
	Credentials func(c *Call) Credentials

	// MethodFits reports whether the client may authenticate by a method.
	// OIDC Registration 2: by the registered one.
	MethodFits func(c *Call, method string) bool

	// SecretMatches compares a secret with the client's, in constant time.
	// RFC 6749 2.3.1.
	SecretMatches func(c *Call, secret string) bool

	// CertificateFits reports whether a certificate authenticates the client of a call, which
	// is registered for that. RFC 8705 2.1 and 2.2.
	CertificateFits func(c *Call, shown *x509.Certificate) bool

	// BoundTo is the thumbprint of the certificate that access tokens of a call are bound to,
	// empty for none. RFC 8705 3.
	BoundTo func(c *Call) string

	// Holds reports whether a caller shows what an access token is bound to. RFC 8705 3.
	Holds func(c *Call, g *Grant) bool

	// DecodeAssertion reads the client assertion of a call, without verifying it.
	DecodeAssertion func(c *Call) (jose.Token, error)

	// AssertionKeys are the keys and algorithms that may have signed an assertion of
	// the client. OIDC Core 9: its secret, or its registered keys.
	AssertionKeys func(c *Call, client *Client) ([]jose.Key, []string)

	// AudienceFits reports whether an assertion is addressed to this OP. CIBA Core 7.1:
	// issuer, token endpoint and backchannel authentication endpoint are its names.
	AudienceFits func(c *Call, audience any) bool

	// DecodeRequest reads the signed request of a call, without verifying it.
	DecodeRequest func(c *Call) (jose.Token, error)

	// RequestKeys are the keys and algorithms that may have signed a request of the client.
	// CIBA Core 7.1.1: its registered keys, and no symmetric algorithm.
	RequestKeys func(c *Call) ([]jose.Key, []string)

	// ReadKeysAgain reports whether the keys at a client's jwks_uri are read because a key is not
	// among those that were read at some time, zero for never. OIDC Core 10.1.1: they are. The
	// keys of the client are locked.
	ReadKeysAgain func(c *Call, read time.Time) bool

	// RequestAudienceFits reports whether a signed request is addressed to this OP. CIBA Core
	// 7.1.1: its audience has the issuer.
	RequestAudienceFits func(c *Call, audience any) bool

	// RequestParameters are the parameters of a signed request in the form of a call. CIBA
	// Core 7.1.1: those inside the JWT, and the client's authentication outside.
	RequestParameters func(c *Call) (map[string][]string, *OAuthError)

	// AudienceOf is the identifier of the API that a request asks a token for, empty for
	// none. RFC 8707 2: the parameter resource.
	AudienceOf func(c *Call) string

	// UserOfHint is the user whom the hint of a request names, nil for nobody.
	// CIBA Core 7.2.
	UserOfHint func(c *Call) *User

	// SuitableMessage reports whether a device can show a binding_message.
	// CIBA Core 7.1 advises a short and plain one and leaves the alphabet to the OP.
	SuitableMessage func(message string) bool

	// Expiry is how long a request lives for which some time was asked.
	// CIBA Core 7.1 (requested_expiry): up to the OP.
	Expiry func(c *Call, asked time.Duration) (time.Duration, *OAuthError)

	// Details reads the authorization_details of a request, nil for none.
	// RFC 9396 2 and 5.
	Details func(c *Call) ([]any, *OAuthError)

	// DetailsList validates the entries of authorization_details. RFC 9396 5: one bad
	// entry spoils them all.
	DetailsList func(c *Call, list []any) ([]any, *OAuthError)

	// DetailsEntry validates one entry: an object with a type that is known and that
	// the client may use. RFC 9396 2 and 5.
	DetailsEntry func(c *Call, entry any) *OAuthError

	// MayUseType reports whether a client may use a type. RFC 9396 10
	// (authorization_details_types): the ones it registered, or all.
	MayUseType func(client *Client, name string) bool

	// DetailsMembers validates the members of an object of authorization_details,
	// apart from type. RFC 9396 5: no unknown member, and all that are required.
	DetailsMembers func(c *Call, path string, members map[string]Member, object map[string]any) *OAuthError

	// DetailsMember validates one member by its definition. RFC 9396 5.
	DetailsMember func(c *Call, path string, m Member, value any) *OAuthError

	// RequestID makes an auth_req_id. CIBA Core 7.3: 128 bits of entropy at least,
	// 160 advised, of letters, digits and ".", "-", "_".
	RequestID func() string

	// NewFlow begins a flow with what a good request asks for. CIBA Core 7.3.
	NewFlow func(c *Call) *Flow

	// AcceptFlow has the last word on a good request, before its flow is stored and the
	// user is asked. CIBA Core 13: access_denied is the OP's own choice. The usual OP
	// accepts. No lock is held.
	AcceptFlow func(c *Call, f *Flow) *OAuthError

	// Prompt is what the device is told about a flow. CIBA Core 7.1 (binding_message),
	// RFC 9396 3 (what the user consents to).
	Prompt func(op *OP, f *Flow) map[string]any

	// NotificationFor is the call that tells a client of the end of a flow, nil where the
	// client is not called. CIBA Core 10.2 (ping), 10.3 (push), 12 (push errors).
	NotificationFor func(c *Call, f *Flow, end State) *Notification

	// NotificationDue reports whether a client is told of an end of a flow. CIBA Core 10.2
	// and 12: of the user's decision, and a push client may be told of the expiry. A lock
	// may be held.
	NotificationDue func(f *Flow, end State) bool

	// Notify carries a call out, however many times it takes. No lock is held, and nobody
	// waits for it. CIBA Core 10.2.
	Notify func(op *OP, n *Notification)

	// ClientsBy is how notification endpoints are reached, of what [WithNotifications] was
	// given. CIBA Core 4, 9 and OIDC Core 16.17: over TLS, and certificates are checked.
	ClientsBy func(rt http.RoundTripper) http.RoundTripper

	// Deliver makes one try of a call and returns the answer, or why there is none. CIBA Core
	// 10.2: no redirect is followed.
	Deliver func(op *OP, n *Notification) (Receipt, error)

	// DeliverAgain reports whether a call is tried once more after a try that came to this.
	// CIBA Core 10.2 leaves it open.
	DeliverAgain func(r Receipt, err error) bool

	// Ask asks the user of a flow, and does not wait for anything. CIBA Core 8.
	Ask func(op *OP, f *Flow)

	// RefuseDecision is the HTTP status and text with which a decision is refused in a
	// state, 0 to take it. A status below 300 says that nothing is to be done.
	// CIBA Core 8: the first decision counts, and none after the expiry.
	RefuseDecision func(f *Flow, at, decision State) (status int, text string)

	// RecordDecision makes a decision count, under the lock of the flow. CIBA Core 8.
	RecordDecision func(f *Flow, as State, now time.Time)

	// AnswerDecision is the HTTP status and text with which a decision is answered that
	// counts. No lock is held. No text speaks of it; 204 at once.
	AnswerDecision func(op *OP, f *Flow) (status int, text string)

	// GrantType is the grant that a token request asks for. RFC 6749 4.5, CIBA Core 10.1.
	GrantType func(c *Call) string

	// PolledID is the auth_req_id that a poll is about. CIBA Core 10.1.
	PolledID func(c *Call) string

	// StateOf is the state of a flow as a poll sees it, under the lock of the flow.
	StateOf func(c *Call, f *Flow) State

	// PollAnswer is the error that a poll gets in a state, nil when tokens are due. It
	// is called under the lock of the flow. CIBA Core 11.
	PollAnswer func(c *Call, f *Flow, at State) *OAuthError

	// RefuseLocked refuses what a user has approved who was locked since, nil to go on.
	// RFC 6749 5.2: a grant may be revoked. Polls and refreshes ask; a lock is held.
	RefuseLocked func(c *Call, u *User) *OAuthError

	// Pace refuses a poll that comes before the interval has passed, under the lock of
	// the flow. CIBA Core 7.3 (interval), 11 (slow_down).
	Pace func(c *Call, f *Flow) *OAuthError

	// AwaitDecision holds a pending poll until the decision comes, the flow ends or
	// Policy.HoldPolls has passed. No lock is held. CIBA Core 10.1 (long polling).
	AwaitDecision func(c *Call, f *Flow)

	// Redeem uses a flow up, under its lock: it is never redeemed twice.
	// CIBA Core 10.1.1.
	Redeem func(c *Call, f *Flow)

	// NarrowDetails are the details of a token: what was granted, or the part of it
	// that the token request asks for. RFC 9396 6. A lock is held.
	NarrowDetails func(c *Call, granted []any) ([]any, *OAuthError)

	// WithinGrant reports whether details stay within what was granted. RFC 9396 6.
	WithinGrant func(c *Call, asked, granted []any) bool

	// NewGrant is what an access token is good for. RFC 6749 5.1.
	NewGrant func(c *Call, f *Flow, scope string) *Grant

	// AccessToken makes the access token of a grant; RFC 6749 10.10: not to be guessed.
	AccessToken func(c *Call, g *Grant) string

	// DraftAccessToken makes a JWT access token before it is signed. RFC 9068 2.
	DraftAccessToken func(c *Call, g *Grant) *Draft

	// RefreshToken makes a refresh token. RFC 6749 10.10.
	RefreshToken func() string

	// DraftIDToken makes an ID Token before it is signed. OIDC Core 2, CIBA Core 10.1.1.
	DraftIDToken func(c *Call, f *Flow, accessToken string) (*Draft, error)

	// SignIDToken signs an ID Token. OIDC Core 2: JWS, and never alg none.
	SignIDToken func(c *Call, d *Draft) (string, error)

	// Subject is the sub that a client is told about a user. OIDC Core 8: the same for
	// all clients, or one for each sector.
	Subject func(client *Client, user *User) string

	// OpensUserInfo reports whether a token opens UserInfo. OIDC Core 5.3.1: a living
	// access token. A lock is held.
	OpensUserInfo func(c *Call, g *Grant) bool

	// MetadataPath is where the metadata lies, for the path of the issuer.
	// OIDC Discovery 4.
	MetadataPath func(base string) string

	// Finish sets the headers of an answer: JSON that is not to be cached.
	// CIBA Core 7.3, RFC 6749 5.1 and 5.2.
	Finish func(c *Call, r *Reply)
}

func usualRules() Rules {
	return Rules{
		MethodAllowed: methodAllowed, ParseForm: parseForm, EmptyIsAbsent: emptyIsAbsent, Repeated: repeated,
		Credentials: credentials, MethodFits: methodFits, SecretMatches: secretMatches,
		CertificateFits: certificateFits, BoundTo: boundTo, Holds: holds,
		DecodeAssertion: decodeAssertion, AssertionKeys: assertionKeys, AudienceFits: audienceFits,
		DecodeRequest: decodeRequest, RequestKeys: requestKeys, ReadKeysAgain: readKeysAgain,
		RequestAudienceFits: requestAudienceFits, RequestParameters: requestParameters,
		AudienceOf: audienceOf, UserOfHint: userOfHint, SuitableMessage: suitableMessage, Expiry: expiry,
		Details: readDetails, DetailsList: checkDetailsList, DetailsEntry: checkDetailsEntry, MayUseType: mayUseType,
		DetailsMembers: checkDetailsMembers, DetailsMember: checkDetailsMember,
		RequestID: requestID, NewFlow: newFlow, AcceptFlow: acceptFlow, Prompt: newPrompt, Ask: ask,
		NotificationFor: notificationFor, NotificationDue: notificationDue, Notify: notify,
		ClientsBy: clientsBy, Deliver: deliver, DeliverAgain: deliverAgain,
		RefuseDecision: refuseDecision, RecordDecision: recordDecision, AnswerDecision: answerDecision,
		GrantType: grantType, PolledID: polledID, StateOf: stateOf, PollAnswer: pollAnswer, RefuseLocked: refuseLocked, Pace: pace,
		AwaitDecision: awaitDecision, Redeem: redeem,
		NarrowDetails: narrowDetails, WithinGrant: withinGrant,
		NewGrant: newGrant, AccessToken: newAccessToken, DraftAccessToken: draftAccessToken, RefreshToken: newRefreshToken,
		DraftIDToken: draftIDToken, SignIDToken: signIDToken, Subject: subject,
		OpensUserInfo: opensUserInfo, MetadataPath: metadataPath, Finish: finish,
	}
}
