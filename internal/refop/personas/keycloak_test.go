package personas_test

import (
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// request is a good request of a registered client about a registered user.
func (b *bench) request(pairs ...string) url.Values {
	form := b.secret("agent-a")
	maps.Copy(form, url.Values{"scope": {"openid profile"}, "binding_message": {"PAY-50.00"}, "login_hint": {"alice"}})
	return with(form, pairs...)
}

func TestKeycloakTakesAndRefuses(t *testing.T) {
	t.Parallel()
	b := standIn(t, "keycloak", false)
	for _, row := range []struct {
		name   string
		pairs  []string
		status int
		code   string
	}{
		{"good", nil, 200, ""},
		{"by e-mail", []string{"login_hint", "alice@users.example"}, 200, ""},
		{"without a message", []string{"binding_message", "-"}, 200, ""},
		{"message of 50", []string{"binding_message", strings.Repeat("x", 50)}, 200, ""},
		{"message of 51", []string{"binding_message", strings.Repeat("x", 51)}, 400, "invalid_binding_message"},
		{"message with a space", []string{"binding_message", "PAY 50"}, 400, "invalid_binding_message"},
		{"nobody", []string{"login_hint", "zoe"}, 400, "invalid_request"},
		{"only the realm's kind of hint is read", []string{"id_token_hint", "x"}, 200, ""},
		{"another kind of hint alone", []string{"id_token_hint", "x", "login_hint", "-"}, 400, "invalid_request"},
		{"user code", []string{"user_code", "1"}, 400, "invalid_request"},
		{"notification token of a poll client", []string{"client_notification_token", "abc"}, 400, "invalid_request"},
		{"authorization_details are not read", []string{"authorization_details", "{"}, 200, ""},
		{"wrong secret", []string{"client_secret", "guess"}, 401, "unauthorized_client"},
		{"no secret", []string{"client_secret", "-"}, 401, "unauthorized_client"},
		{"nobody asks", []string{"client_secret", "-", "client_id", "-"}, 401, "unauthorized_client"},
		{"unknown client", []string{"client_id", "stranger"}, 401, "invalid_client"},
		{"secret of a client with a key", []string{"client_id", "agent-jwt"}, 401, "invalid_client"},
		{
			"no assertion", []string{"client_id", "agent-jwt", "client_secret", "-", "client_assertion", "x"}, 401, "invalid_client",
		},
		{"client without CIBA", []string{"client_id", "web-app", "client_secret", "web-app-secret-90d3b2"}, 400, "unauthorized_client"},
	} {
		got := b.post(b.paths.Start, b.request(row.pairs...))
		if got.status != row.status || got.text("error") != row.code {
			t.Errorf("%s: %d %v, want %d %s", row.name, got.status, got.body, row.status, row.code)
		}
	}
}

// A form that cannot be read is a failure of the server, and of a repeated parameter the first
// counts.
func TestKeycloakForms(t *testing.T) {
	t.Parallel()
	b := standIn(t, "keycloak", false)
	const form = "application/x-www-form-urlencoded"
	if got := b.send(http.MethodPost, b.paths.Start, form, "scope=%zz"); got.status != http.StatusInternalServerError {
		t.Errorf("a broken form is answered %d %v", got.status, got.body)
	}
	if got := b.send(http.MethodPost, b.paths.Start, form, b.request().Encode()+"&scope=moon"); got.status != http.StatusOK {
		t.Errorf("a repeated parameter is answered %d %v", got.status, got.body)
	}
}

// An early poll is told to wait even when the user has decided, and does not wait longer for
// it; what was asked for is not what is announced; an expired request is soon forgotten.
func TestKeycloakPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := standIn(t, "keycloak", false)
		start := b.request("requested_expiry", "30")
		late := b.begun(start)
		time.Sleep(31 * time.Second)
		if status := b.decided(late, "allow"); status != http.StatusGone {
			t.Errorf("a decision after the time that was asked for is answered %d", status)
		}
		if got := b.poll(start, late); got.text("error") != "authorization_pending" {
			t.Errorf("the request is answered %v", got.body)
		}
		if got := b.post(b.paths.Start, start); got.body["expires_in"] != 120.0 || len(got.text("auth_req_id")) < 300 {
			t.Errorf("the acknowledgement is %v", got.body)
		}
		id := b.begun(start)
		for i, code := range []string{"authorization_pending", "slow_down", "slow_down"} {
			if got := b.poll(start, id); got.text("error") != code || got.header.Get("Retry-After") != "" {
				t.Errorf("poll %d is answered %v", i+1, got.body)
			}
		}
		b.decide(id, "allow")
		if got := b.poll(start, id); got.text("error") != "slow_down" {
			t.Errorf("an early poll after the approval is answered %v", got.body)
		}
		time.Sleep(5 * time.Second)
		if got := b.poll(start, id); got.status != http.StatusOK {
			t.Errorf("after the interval: %v", got.body)
		}
		id = b.begun(start)
		for _, row := range []struct {
			after int
			code  string
		}{{119, "authorization_pending"}, {6, "expired_token"}, {20, "invalid_grant"}} {
			time.Sleep(time.Duration(row.after) * time.Second)
			if got := b.poll(start, id); got.text("error") != row.code {
				t.Errorf("%d s on: %v", row.after, got.body)
			}
		}
	})
}

func TestKeycloakTokens(t *testing.T) {
	t.Parallel()
	b := standIn(t, "keycloak", true)
	got := b.flow(b.request())
	access, identity := decoded(t, got.text("access_token")), decoded(t, got.text("id_token"))
	if access.Claims["typ"] != "Bearer" || access.Claims["azp"] != "agent-a" || access.Claims["aud"] != nil || access.Header["alg"] != "RS256" {
		t.Errorf("the access token says %v %v", access.Header, access.Claims)
	}
	if identity.Claims["typ"] != "ID" || identity.Claims["azp"] != "agent-a" || identity.Claims["name"] != "Alice Archer" {
		t.Errorf("the ID Token says %v", identity.Claims)
	}
	if got.text("refresh_token") == "" || got.body["refresh_expires_in"] == nil {
		t.Errorf("a refresh token is always issued: %v", slices.Sorted(maps.Keys(got.body)))
	}
	asked := b.flow(b.request("audience", "https://orders.example"))
	if aud := decoded(t, asked.text("access_token")).Claims["aud"]; aud != "https://orders.example" {
		t.Errorf("the token is for %v", aud)
	}
}

func TestKeycloakMetadata(t *testing.T) {
	t.Parallel()
	b := standIn(t, "keycloak", true, "realm=shop")
	const base = host + "/realms/shop"
	doc := b.send(http.MethodGet, "/.well-known/openid-configuration", "", "").body
	for name, want := range map[string]any{
		"issuer": base, "token_endpoint": base + "/protocol/openid-connect/token",
		"backchannel_authentication_endpoint":        base + "/protocol/openid-connect/ext/ciba/auth",
		"jwks_uri":                                   base + "/protocol/openid-connect/certs",
		"introspection_endpoint":                     base + "/protocol/openid-connect/token/introspect",
		"backchannel_token_delivery_modes_supported": []any{"poll", "ping"},
		"authorization_details_types_supported":      nil,
	} {
		if !reflect.DeepEqual(doc[name], want) {
			t.Errorf("%s is %v", name, doc[name])
		}
	}
}
