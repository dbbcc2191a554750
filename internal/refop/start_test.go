package refop

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/cibatest/cibatest/internal/jose"
)

// startRows are refused backchannel requests, one for each check at least.
var startRows = []struct {
	name   string
	client string // basic-a when empty
	form   func(b *bench) url.Values
	check  CheckName
	status int
	code   string
}{
	{"client without CIBA", "not-for-ciba", params(), CheckClientCIBA, 400, "unauthorized_client"},
	{"client that policy forbids", "blocked", params(), CheckClientPolicy, 403, "access_denied"},
	{"no scope", "", params("scope", "-"), CheckScopeMissing, 400, "invalid_request"},
	{"blank scope", "", params("scope", " "), CheckScopeMissing, 400, "invalid_request"},
	{"no openid", "", params("scope", "profile"), CheckScopeOpenID, 400, "invalid_scope"},
	{"unknown API", "", params("resource", "https://api.nowhere.example"), CheckAudience, 400, "invalid_target"},
	{"unknown scope", "", params("scope", "openid moon"), CheckScopeKnown, 400, "invalid_scope"},
	{"ping without notification token", "ping-a", params(), CheckNotifyTokenMissing, 400, "invalid_request"},
	{"push without notification token", "push-a", params(), CheckNotifyTokenMissing, 400, "invalid_request"},
	{"empty notification token", "ping-a", params(cnt, ""), CheckNotifyTokenMissing, 400, "invalid_request"},
	{"notification token of 1025", "ping-a", params(cnt, strings.Repeat("x", 1025)), CheckNotifyTokenLength, 400, "invalid_request"},
	{"notification token with a space", "ping-a", params(cnt, "a b"), CheckNotifyTokenSyntax, 400, "invalid_request"},
	{"notification token of two lines", "push-a", params(cnt, "a\r\nX: b"), CheckNotifyTokenSyntax, 400, "invalid_request"},
	{"notification token with = inside", "ping-a", params(cnt, "a=b"), CheckNotifyTokenSyntax, 400, "invalid_request"},
	{"notification token beyond ASCII", "ping-a", params(cnt, "ä"), CheckNotifyTokenSyntax, 400, "invalid_request"},
	{"no hint", "", params("login_hint", "-"), CheckHintNone, 400, "invalid_request"},
	{"empty hint", "", params("login_hint", ""), CheckHintNone, 400, "invalid_request"}, // RFC 6749 3.1: absent
	{"two hints", "", params("id_token_hint", "x"), CheckHintMultiple, 400, "invalid_request"},
	{"blank hint", "", params("login_hint", " "), CheckHintEmpty, 400, "invalid_request"},
	{"forged hint token", "", params("login_hint", "-", "login_hint_token", "e30.e30.x"), CheckHintTokenSignature, 400, "invalid_request"},
	{"expired hint token", "", hintToken("alice", -time.Minute), CheckHintTokenExpired, 400, "expired_login_hint_token"},
	{"hint token for nobody", "", hintToken("nobody", time.Minute), CheckUserKnown, 400, "unknown_user_id"},
	{"forged ID Token", "", params("login_hint", "-", "id_token_hint", "e30.e30.x"), CheckIDHintSignature, 400, "invalid_request"},
	{"another issuer's ID Token", "", idTokenHint("iss", "https://other.example"), CheckIDHintIssuer, 400, "invalid_request"},
	{"another client's ID Token", "", idTokenHint("aud", "basic-b"), CheckIDHintAudience, 400, "invalid_request"},
	{"ID Token about nobody", "", idTokenHint("sub", "u-0"), CheckUserKnown, 400, "unknown_user_id"},
	{"unknown user", "", params("login_hint", "nobody"), CheckUserKnown, 400, "unknown_user_id"},
	{"long message", "", params("binding_message", strings.Repeat("x", 65)), CheckBindingMessage, 400, "invalid_binding_message"},
	{"control characters", "", params("binding_message", "a\x1b[31mb"), CheckBindingMessage, 400, "invalid_binding_message"},
	{"no user code", "with-user-code", params(), CheckUserCodeMissing, 400, "missing_user_code"},
	{"wrong user code", "with-user-code", params("user_code", "4712"), CheckUserCodeWrong, 400, "invalid_user_code"},
	{"expiry of 0", "", params("requested_expiry", "0"), CheckRequestedExpiry, 400, "invalid_request"},
	{"expiry in words", "", params("requested_expiry", "soon"), CheckRequestedExpiry, 400, "invalid_request"},
	{"expiry of a century", "", params("requested_expiry", "3155760000"), CheckRequestedExpiry, 400, "invalid_request"},
	{"bad details", "", params("authorization_details", "{"), CheckDetails, 400, "invalid_authorization_details"},
	{"repeated parameter", "", func(*bench) url.Values {
		return url.Values{"scope": {"openid"}, "login_hint": {"alice", "bob"}}
	}, CheckRepeated, 400, "invalid_request"},
}

// params are those of the good request, some of them changed.
func params(pairs ...string) func(*bench) url.Values {
	return func(*bench) url.Values { return with(aliceSigns, pairs...) }
}

// hintToken is a login_hint_token of the hint issuer that the OP trusts.
func hintToken(sub string, lives time.Duration) func(*bench) url.Values {
	return func(b *bench) url.Values {
		claims := map[string]any{"sub": sub, "exp": time.Now().Add(lives).Unix()}
		token, err := jose.Sign(nil, claims, b.op.reg.hints[0])
		if err != nil {
			b.t.Fatal(err)
		}
		return with(aliceSigns, "login_hint", "-", "login_hint_token", token)
	}
}

// idTokenHint is an ID Token of the OP for basic-a about alice, one claim changed.
func idTokenHint(claim string, value any) func(*bench) url.Values {
	return func(b *bench) url.Values {
		claims := map[string]any{"iss": testIssuer, "aud": "basic-a", "sub": "u-1001"}
		claims[claim] = value
		token, err := jose.Sign(nil, claims, b.op.SigningKey("ES256"))
		if err != nil {
			b.t.Fatal(err)
		}
		return with(aliceSigns, "login_hint", "-", "id_token_hint", token)
	}
}

func TestStartRefuses(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, row := range startRows {
		t.Run(row.name, func(t *testing.T) {
			client := row.client
			if client == "" {
				client = "basic-a"
			}
			answer := b.post(PathStart, row.form(b), b.as(client))
			if answer.status != row.status || answer.code() != row.code || b.refusedBy != row.check {
				t.Errorf("got %d %v by %s, want %d %s by %s", answer.status, answer.body, b.refusedBy, row.status, row.code, row.check)
			}
			if answer.text("auth_req_id") != "" {
				t.Error("a refusal carries an auth_req_id")
			}
		})
	}
}

func TestStartAccepts(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for _, row := range []struct {
		name, client string
		form         func(*bench) url.Values
		expiresIn    int64
	}{
		{"usual", "basic-a", params(), 120},
		{"openid last", "basic-a", params("scope", "profile openid"), 120},
		{"unknown parameter", "basic-a", params("x_unknown", "1"), 120},
		{"hint token", "basic-a", hintToken("bob", time.Minute), 120},
		{"ID Token", "basic-a", idTokenHint("x", 1), 120},
		{"ID Token for several", "basic-a", idTokenHint("aud", []any{"x", "basic-a"}), 120},
		{"expired ID Token", "basic-a", idTokenHint("exp", 1), 120},
		{"message in another script", "basic-a", params("binding_message", "Überweisung 7, 50 €"), 120},
		{"user code", "with-user-code", params("user_code", "4711"), 120},
		{"user code of a client without", "basic-a", params("user_code", "0"), 120},
		{"shorter", "basic-a", params("requested_expiry", "30"), 30},
		{"longer than there is", "basic-a", params("requested_expiry", "86400"), 600},
		{"details", "basic-a", params("authorization_details", payment), 120},
		{"no details", "basic-a", params("authorization_details", "[]"), 120},
	} {
		t.Run(row.name, func(t *testing.T) {
			answer := b.post(PathStart, row.form(b), b.as(row.client))
			if !answer.is(http.StatusOK) {
				t.Fatalf("got %d %v", answer.status, answer.body)
			}
			if n := number(answer.body["expires_in"]); n != row.expiresIn || number(answer.body["interval"]) != 5 {
				t.Errorf("the acknowledgement says %v, want expires_in %d and interval 5", answer.body, row.expiresIn)
			}
			if len(answer.text("auth_req_id")) < 27 { // 160 bits of base64url
				t.Errorf("auth_req_id %q is short", answer.text("auth_req_id"))
			}
		})
	}
}

// AcceptFlow has the last word, and what it refuses is not kept.
func TestAcceptFlow(t *testing.T) {
	t.Parallel()
	var refused *Flow
	b := newBench(t, func(p *Plan) {
		p.Rules.AcceptFlow = func(_ *Call, f *Flow) *OAuthError {
			refused = f
			return &OAuthError{Status: 403, Code: "access_denied", RetryAfter: 1500 * time.Millisecond}
		}
	})
	answer := b.post(PathStart, aliceSigns, b.as("basic-a"))
	if !answer.is(http.StatusForbidden) || answer.header.Get("Retry-After") != "2" {
		t.Errorf("got %d, Retry-After %q", answer.status, answer.header.Get("Retry-After"))
	}
	if status := b.decide(refused.ID, "allow"); status != http.StatusNotFound {
		t.Errorf("a flow that was refused can be decided: %d", status)
	}
}

// An answer is JSON that is not to be cached, whatever it says.
func TestHeaders(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for name, answer := range map[string]reply{
		"acknowledgement": b.post(PathStart, aliceSigns, b.as("basic-a")),
		"error":           b.post(PathStart, aliceSigns),
		"metadata":        b.get("/.well-known/openid-configuration"),
		"elsewhere":       b.get("/nowhere"),
	} {
		if answer.header.Get("Content-Type") != "application/json" || answer.header.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %v", name, answer.header)
		}
	}
}
