package refop

import (
	"maps"
	"net/http"
	"regexp"

	"github.com/cibatest/cibatest/internal/jose"
)

// longestNotificationToken is that of CIBA Core 7.1, in characters.
const longestNotificationToken = 1024

// bearerSyntax is b64token of RFC 6750 2.1.
var bearerSyntax = regexp.MustCompile(`^[A-Za-z0-9._~+/-]+=*$`)

// notificationChecks are CIBA Core 7.1: a client that is notified says with which token. A
// poll client may say so, too, and nothing comes of it. How hard the token is to guess is
// the client's business.
var notificationChecks = []check{
	{CheckNotifyTokenMissing, func(c *Call) *OAuthError {
		if c.Client.Notified() && !c.Has("client_notification_token") {
			return Refusal("invalid_request", "client_notification_token is missing")
		}
		return nil
	}},
	{CheckNotifyTokenLength, func(c *Call) *OAuthError {
		if c.Client.Notified() && len(c.Value("client_notification_token")) > longestNotificationToken {
			return Refusal("invalid_request", "client_notification_token has more than 1024 characters")
		}
		return nil
	}},
	{CheckNotifyTokenSyntax, func(c *Call) *OAuthError {
		if c.Client.Notified() && !bearerSyntax.MatchString(c.Value("client_notification_token")) {
			return Refusal("invalid_request", "client_notification_token is no bearer token")
		}
		return nil
	}},
}

// notificationToken is the token of a client that is notified.
func notificationToken(c *Call) string {
	if c.Client.Notified() {
		return c.Value("client_notification_token")
	}
	return ""
}

// Notification is a call to a client before it is sent.
type Notification struct {
	Flow   *Flow
	End    State // what it tells of
	Method string
	URL    string
	Header http.Header
	Body   map[string]any // sent as JSON
	Raw    []byte         // sent instead of Body when it is not nil
}

// notificationFor is a call as both modes have it: a POST of JSON with the token of the
// request. CIBA Core 10.2, 10.3.1 and 12.
func notificationFor(c *Call, f *Flow, end State) *Notification {
	n := &Notification{
		Flow: f, End: end, Method: http.MethodPost, URL: f.Client.NotificationEndpoint,
		Header: http.Header{"Content-Type": {"application/json"}, "Authorization": {"Bearer " + f.NotificationToken}},
		Body:   map[string]any{"auth_req_id": f.ID},
	}
	if f.Client.DeliveryMode == DeliveryPush {
		maps.Copy(n.Body, c.OP.pushed(c, f, end))
	}
	return n
}

// pushed are the tokens or the error that a push client is sent. Without an ID Token,
// which is what the client knows the call by, the transaction has failed.
func (op *OP) pushed(c *Call, f *Flow, end State) map[string]any {
	if end == Approved {
		if tokens, err := op.issueTokens(c, f); err == nil {
			return tokens
		}
		op.Revoke(f)
	}
	code, description := "transaction_failed", "the tokens could not be made"
	switch end {
	case Denied:
		code, description = "access_denied", "the end-user denied the request"
	case Expired:
		code, description = "expired_token", "the auth_req_id has expired"
	default:
	}
	return map[string]any{"error": code, "error_description": description}
}

// bindPush adds what makes an ID Token a signature over a push: to the auth_req_id and to
// the refresh token, if there is one. CIBA Core 10.3.1.
func bindPush(claims map[string]any, alg, authReqID, refreshToken string) error {
	claims[ClaimAuthReqID] = authReqID
	if refreshToken == "" {
		return nil
	}
	hash, err := jose.LeftHalfHash(alg, refreshToken)
	claims[ClaimRTHash] = hash
	return err
}

// The claims of a pushed ID Token; CIBA Core 10.3.1.
const (
	ClaimAuthReqID = "urn:openid:params:jwt:claim:auth_req_id"
	ClaimRTHash    = "urn:openid:params:jwt:claim:rt_hash"
)

// notificationDue leaves the expiry to the polls of a ping client: CIBA Core 10.2 speaks of
// success and failure of the authentication only. A push client would never hear of it.
func notificationDue(f *Flow, end State) bool {
	switch f.Client.DeliveryMode {
	case DeliveryPing:
		return end == Approved || end == Denied
	case DeliveryPush:
		return end == Approved || end == Denied || end == Expired
	}
	return false
}
