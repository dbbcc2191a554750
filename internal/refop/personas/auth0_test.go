package personas_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cibatest/cibatest/fixtures"
	"github.com/cibatest/cibatest/internal/jose"
)

const api = "https://api.example"

func issSub(iss, sub string) string {
	text, _ := json.Marshal(map[string]string{"format": "iss_sub", "iss": iss, "sub": sub})
	return string(text)
}

// purchase is a good request of a registered client about a registered user.
func (b *bench) purchase(pairs ...string) url.Values {
	form := b.secret("agent-a")
	maps.Copy(form, url.Values{
		"scope": {"openid profile email offline_access"}, "binding_message": {"Buy 10 NVDA?"}, "audience": {api},
		"login_hint": {issSub(host+"/", "auth0|alice")},
	})
	return with(form, pairs...)
}

func TestAuth0TakesAndRefuses(t *testing.T) {
	t.Parallel()
	deep := `[{"type":"payment","a":{"b":{"c":{"d":{"e":{}}}}}}]`
	wide := `[{"type":"payment"` + repeated(10, `,"p%d":1`) + `}]`
	many := "[" + strings.TrimPrefix(repeated(6, `,{"type":"payment","n":%d}`), ",") + "]"
	for _, row := range []struct {
		name    string
		pairs   []string
		options []string
		status  int
		code    string
	}{
		{"good", nil, nil, 200, ""},
		{"hint with white space", []string{"login_hint", `{ "sub": "auth0|alice", "iss" : "https://localhost:9443", "format": "iss_sub" }`}, nil, 200, ""},
		{"hint of iss in capitals", []string{"login_hint", issSub("https://LOCALHOST:9443/", "auth0|alice")}, nil, 200, ""},
		{"hint of another iss", []string{"login_hint", issSub("https://other.example/", "auth0|alice")}, nil, 400, "unknown_user_id"},
		{"hint of an iss that is no URL", []string{"login_hint", issSub("localhost", "auth0|alice")}, nil, 400, "unknown_user_id"},
		{"hint of another format", []string{"login_hint", `{"format":"email","email":"alice@users.example"}`}, nil, 400, "unknown_user_id"},
		{"hint of nobody", []string{"login_hint", issSub(host+"/", "auth0|zoe")}, nil, 400, "unknown_user_id"},
		{"hint of a sub without connection", []string{"login_hint", issSub(host+"/", "alice")}, nil, 400, "unknown_user_id"},
		{"hint with sub of another type", []string{"login_hint", `{"format":"iss_sub","iss":"https://localhost:9443/","sub":7}`}, nil, 400, "unknown_user_id"},
		{"plain hint", []string{"login_hint", "alice"}, nil, 400, "unknown_user_id"},
		{"plain hint, by option", []string{"login_hint", "alice"}, []string{"plain_hint=invalid_request"}, 400, "invalid_request"},
		{"hint of nobody, by option", []string{"login_hint", issSub(host+"/", "auth0|zoe")}, []string{"plain_hint=invalid_request"}, 400, "unknown_user_id"},
		{"no hint", []string{"login_hint", "-"}, nil, 400, "invalid_request"},
		{"other hints are not read", []string{"id_token_hint", "x", "login_hint_token", "y", "user_code", "1"}, nil, 200, ""},
		{"signed request", []string{"request", "e30.e30."}, nil, 400, "invalid_request"},

		{"no openid", []string{"scope", "profile"}, nil, 400, "invalid_request"},
		{"scope of the API", []string{"scope", "openid stock:trade"}, nil, 200, ""},
		{"unknown scope", []string{"scope", "openid moon"}, nil, 400, "invalid_scope"},
		{"scope of the API without it", []string{"scope", "openid stock:trade", "audience", "-"}, nil, 400, "invalid_scope"},
		{"empty audience", []string{"audience", ""}, nil, 200, ""},
		{"unknown audience", []string{"audience", "None"}, nil, 403, "access_denied"},
		{"unknown audience, by option", []string{"audience", "None"}, []string{"unknown_api=invalid_request"}, 400, "invalid_request"},
		{"API that nobody may have", []string{"audience", "https://closed.example"}, []string{"unknown_api=invalid_request"}, 403, "access_denied"},

		{"no message", []string{"binding_message", "-"}, nil, 400, "invalid_request"},
		{"message of 64", []string{"binding_message", strings.Repeat("ä", 64)}, nil, 200, ""},
		{"message of 65", []string{"binding_message", strings.Repeat("x", 65)}, nil, 400, "invalid_binding_message"},
		{"message of two lines", []string{"binding_message", "a\nb"}, nil, 400, "invalid_binding_message"},
		{"message that turns around", []string{"binding_message", "pay \u202eECILA"}, nil, 400, "invalid_binding_message"},
		{"message with a space, documented", nil, []string{"binding_message=documented"}, 400, "invalid_binding_message"},
		{"documented message", []string{"binding_message", "A+b-c_1.2,3:4#5"}, []string{"binding_message=documented"}, 200, ""},

		{"expiry of 1", []string{"requested_expiry", "1"}, nil, 200, ""},
		{"expiry of 0", []string{"requested_expiry", "0"}, nil, 400, "invalid_request"},
		{"expiry of 72 hours", []string{"requested_expiry", "259200"}, nil, 200, ""},
		{"expiry beyond", []string{"requested_expiry", "259201"}, nil, 400, "invalid_request"},
		{"alias of expiry", []string{"request_expiry", "259201"}, nil, 400, "invalid_request"},
		{"expiry before its alias", []string{"requested_expiry", "60", "request_expiry", "259201"}, nil, 200, ""},
		{"user who cannot be reached", []string{"login_hint", issSub(host+"/", "auth0|mallory")}, nil, 400, "invalid_request"},

		{"details", []string{"authorization_details", `[{"type":"payment","amount":50}]`}, nil, 200, ""},
		{"details of an unknown type", []string{"authorization_details", `[{"type":"theft"}]`}, nil, 400, "invalid_authorization_details"},
		{
			"details of an unknown type, by option",
			[]string{"authorization_details", `[{"type":"theft"}]`},
			[]string{"unknown_type=access_denied"},
			400, "access_denied",
		},
		{"details without the API", []string{"authorization_details", `[{"type":"payment"}]`, "audience", "-"}, nil, 400, "invalid_authorization_details"},
		{"details without type", []string{"authorization_details", `[{"amount":50}]`}, []string{"unknown_type=access_denied"}, 400, "invalid_authorization_details"},
		{"six objects", []string{"authorization_details", many}, nil, 400, "invalid_authorization_details"},
		{"eleven properties", []string{"authorization_details", wide}, nil, 400, "invalid_authorization_details"},
		{"six levels", []string{"authorization_details", deep}, nil, 400, "invalid_authorization_details"},
		{"name with a space", []string{"authorization_details", `[{"type":"payment","a b":1}]`}, nil, 400, "invalid_authorization_details"},
		{
			"long value",
			[]string{"authorization_details", `[{"type":"payment","a":"` + strings.Repeat("x", 256) + `"}]`},
			nil,
			400, "invalid_authorization_details",
		},
		{
			"long text",
			[]string{"authorization_details", `[{"type":"payment"}` + strings.Repeat(" ", 5<<10) + "]"},
			nil,
			400, "invalid_authorization_details",
		},
		{"beyond limits, by option", []string{"authorization_details", many}, []string{"details_limits=off"}, 200, ""},

		{"wrong secret", []string{"client_secret", "guess"}, nil, 401, "access_denied"},
		{"wrong secret, by option", []string{"client_secret", "guess"}, []string{"credentials=invalid_client"}, 401, "invalid_client"},
		{"no secret", []string{"client_secret", "-"}, nil, 401, "access_denied"},
		{"client without the grant", []string{"client_id", "web-app", "client_secret", "web-app-secret-90d3b2"}, nil, 403, "unauthorized_client"},
		{
			"client without the grant, by option",
			[]string{"client_id", "web-app", "client_secret", "web-app-secret-90d3b2"},
			[]string{"missing_grant=400"},
			400, "unauthorized_client",
		},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			b := standIn(t, "auth0", false, row.options...)
			got := b.post("/bc-authorize", b.purchase(row.pairs...))
			if got.status != row.status || got.text("error") != row.code {
				t.Errorf("%d %v, want %d %s", got.status, got.body, row.status, row.code)
			}
		})
	}
}

// repeated is a pattern filled in for 0, 1, 2 and so on.
func repeated(n int, pattern string) (text string) {
	for i := range n {
		text += fmt.Sprintf(pattern, i)
	}
	return text
}

// Who is held to the documented alphabet is told which one.
func TestAuth0TellsTheAlphabet(t *testing.T) {
	t.Parallel()
	got := standIn(t, "auth0", false, "binding_message=documented").post("/bc-authorize", standIn(t, "auth0", false).purchase())
	if !strings.Contains(got.text("error_description"), "+ - _ . , : #") {
		t.Errorf("a space is answered %v", got.body)
	}
}

// The words are those that were recorded or documented.
func TestAuth0SaysWhatTheProductSays(t *testing.T) {
	t.Parallel()
	b := standIn(t, "auth0", false)
	for _, row := range []struct {
		pairs       []string
		description string
	}{
		{[]string{"login_hint", issSub(host+"/", "auth0|zoe")}, "User ID is malformed or unknown"},
		{[]string{"scope", "profile"}, "openid scope must be requested"},
		{[]string{"client_secret", "guess"}, "Unauthorized"},
	} {
		if got := b.post("/bc-authorize", b.purchase(row.pairs...)); got.text("error_description") != row.description {
			t.Errorf("%v is answered %v", row.pairs, got.body)
		}
	}
}

// Open is open: any client, user, API, scope and type, but for what is listed.
func TestAuth0IsOpen(t *testing.T) {
	t.Parallel()
	b := standIn(t, "auth0", true)
	form := b.secret("somebody")
	maps.Copy(form, url.Values{
		"scope": {"openid my:scope"}, "binding_message": {"Go?"}, "audience": {"urn:my:api"},
		"login_hint": {issSub(host+"/", "google-oauth2|4711")}, "authorization_details": {`[{"type":"mine","x":1}]`},
	})
	got := b.flow(form)
	claims := decoded(t, got.text("access_token")).Claims
	if !reflect.DeepEqual(claims["aud"], []any{"urn:my:api", host + "/userinfo"}) || claims["azp"] != "somebody" ||
		claims["scope"] != "openid my:scope" || claims["sub"] != "google-oauth2|4711" || claims["authorization_details"] == nil {
		t.Errorf("the access token says %v", claims)
	}
	for name, pairs := range map[string][]string{
		"a listed client needs its secret": {"client_id", "agent-a", "client_secret", "guess"},
		"nobody is nobody":                 {"login_hint", issSub(host+"/", "auth0|nobody")},
		"a closed API is closed":           {"audience", "https://closed.example"},
		"somebody shows some secret":       {"client_secret", "-"},
	} {
		if got := b.post("/bc-authorize", with(form, pairs...)); got.status == http.StatusOK {
			t.Errorf("%s: it was accepted", name)
		}
	}
	id := b.begun(form)
	if got := b.poll(with(form, "client_id", "another"), id); got.text("error") != "invalid_grant" {
		t.Errorf("another client is answered %v", got.body)
	}
}

func decoded(t *testing.T, token string) jose.Token {
	t.Helper()
	read, err := jose.Decode(token)
	if err != nil {
		t.Fatalf("%s: %v", token, err)
	}
	return read
}

// Every sample of the fixtures is taken, as an agent would send it.
func TestAuth0TakesTheSamples(t *testing.T) {
	t.Parallel()
	b := standIn(t, "auth0", false)
	for kind, text := range fixtures.AuthorizationDetails() {
		got := b.flow(b.purchase("authorization_details", string(text)))
		var want any
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got.body["authorization_details"], want) {
			t.Errorf("%s comes back as %v", kind, got.body["authorization_details"])
		}
	}
}

func TestAuth0Tokens(t *testing.T) {
	t.Parallel()
	b := standIn(t, "auth0", false)
	got := b.flow(b.purchase())
	token := decoded(t, got.text("access_token"))
	if token.Header["alg"] != "RS256" || token.Header["typ"] != "JWT" {
		t.Errorf("the header of the access token is %v", token.Header)
	}
	if names := slices.Sorted(maps.Keys(token.Claims)); !slices.Equal(names, []string{"aud", "azp", "exp", "iat", "iss", "scope", "sub"}) {
		t.Errorf("the access token has the claims %v", names)
	}
	if got.body["expires_in"] != 86400.0 || token.Claims["iss"] != host+"/" {
		t.Errorf("expires_in %v, iss %v", got.body["expires_in"], token.Claims["iss"])
	}
	identity := decoded(t, got.text("id_token"))
	if identity.Header["alg"] != "RS256" || identity.Claims["iss"] != host+"/" || identity.Claims["aud"] != "agent-a" ||
		identity.Claims["email"] != "alice@users.example" || identity.Claims["name"] != "Alice Archer" || identity.Claims["acr"] != nil {
		t.Errorf("the ID Token says %v %v", identity.Header, identity.Claims)
	}
	info := b.send(http.MethodGet, "/userinfo", "", "", bearer(got.text("access_token")))
	if info.text("sub") != "auth0|alice" || info.text("email") != "alice@users.example" || info.body["email_verified"] != true {
		t.Errorf("UserInfo says %v", info.body)
	}
	refreshing := with(b.secret("agent-a"), "grant_type", "refresh_token", "refresh_token", got.text("refresh_token"))
	for range 2 { // it is not rotated
		again := b.post("/oauth/token", refreshing)
		if again.status != http.StatusOK || again.text("id_token") == "" || again.body["refresh_token"] != nil {
			t.Errorf("a refresh is answered %d %v", again.status, again.body)
		}
		if aud := decoded(t, again.text("access_token")).Claims["aud"]; !reflect.DeepEqual(aud, token.Claims["aud"]) {
			t.Errorf("the refreshed token is for %v", aud)
		}
	}
	if opaque := b.flow(b.purchase("audience", "-")).text("access_token"); strings.Contains(opaque, ".") {
		t.Errorf("without audience the access token is %s", opaque)
	}
	if without := b.flow(b.purchase("scope", "openid")); without.body["refresh_token"] != nil {
		t.Error("a refresh token was issued without offline_access")
	}
}

func TestAuth0ReadsJSONAtTheTokenEndpointOnly(t *testing.T) {
	t.Parallel()
	b := standIn(t, "auth0", false)
	start := b.purchase()
	id := b.begun(start)
	b.decide(id, "allow")
	body := fmt.Sprintf(`{"client_id":"agent-a","client_secret":%q,"grant_type":"urn:openid:params:grant-type:ciba","auth_req_id":%q,"audience":null}`,
		start.Get("client_secret"), id)
	for _, bad := range []string{`[]`, `{`, `{} {}`, `{"client_id":["agent-a"]}`, `{"auth_req_id":7}`} {
		if got := b.send(http.MethodPost, "/oauth/token", "application/json", bad); got.text("error") != "invalid_request" {
			t.Errorf("%s is answered %d %v", bad, got.status, got.body)
		}
	}
	if got := b.send(http.MethodPost, "/oauth/token", "application/json; charset=utf-8", body); got.status != http.StatusOK {
		t.Errorf("JSON is answered %d %v", got.status, got.body)
	}
	if got := b.send(http.MethodPost, "/bc-authorize", "application/json", `{"client_id":"agent-a"}`); got.text("error") != "invalid_request" {
		t.Errorf("JSON at the start is answered %d %v", got.status, got.body)
	}
}

func TestAuth0Polls(t *testing.T) {
	for _, row := range []struct {
		options               []string
		pending, slow, denied int
		expiredCode           string
	}{
		{nil, 400, 400, 400, "access_denied"},
		{[]string{"poll_status=403-429", "expired=expired_token"}, 403, 429, 403, "expired_token"},
	} {
		synctest.Test(t, func(t *testing.T) {
			b := standIn(t, "auth0", false, row.options...)
			start := b.purchase("requested_expiry", "60")
			id := b.begun(start)
			if got := b.poll(start, id); got.status != row.pending || got.text("error") != "authorization_pending" ||
				got.text("error_description") != "The end-user authorization is pending" {
				t.Errorf("pending: %d %v", got.status, got.body)
			}
			for _, wait := range []int{10, 15} { // it grows
				got := b.poll(start, id)
				if got.status != row.slow || got.text("error") != "slow_down" || got.header.Get("Retry-After") != fmt.Sprint(wait) ||
					got.body["interval"] != float64(wait) || !strings.Contains(got.text("error_description"), fmt.Sprint(wait, " seconds")) {
					t.Errorf("slow_down: %d %v %v", got.status, got.header, got.body)
				}
			}
			time.Sleep(15 * time.Second)
			if got := b.poll(start, id); got.text("error") != "authorization_pending" {
				t.Errorf("after the wait: %v", got.body)
			}
			time.Sleep(60 * time.Second)
			const both = "The end-user denied the authorization request or it has expired"
			if got := b.poll(start, id); got.text("error") != row.expiredCode || got.text("error_description") != both {
				t.Errorf("expired: %d %v", got.status, got.body)
			}
			id = b.begun(start)
			b.decide(id, "deny")
			if got := b.poll(start, id); got.status != row.denied || got.text("error") != "access_denied" || got.text("error_description") != both {
				t.Errorf("denied: %d %v", got.status, got.body)
			}
		})
	}
}

// Up to five minutes users are asked by push, then and without a phone by e-mail.
func TestAuth0Channels(t *testing.T) {
	t.Parallel()
	b := standIn(t, "auth0", true)
	for _, row := range []struct{ expiry, channel string }{{"", "push"}, {"300", "push"}, {"301", "email"}} {
		b.begun(b.purchase("requested_expiry", row.expiry, "login_hint", issSub(host+"/", "auth0|somebody")))
		last := (*b.prompts)[len(*b.prompts)-1]
		if last["channel"] != row.channel || last["audience"] != api {
			t.Errorf("for %q s the user is told %v", row.expiry, last)
		}
	}
	if got := b.post("/bc-authorize", b.purchase()); got.body["expires_in"] != 300.0 || got.body["interval"] != 5.0 {
		t.Errorf("the acknowledgement is %v", got.body)
	}
}

func TestAuth0Limits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := standIn(t, "auth0", false, "limits=on")
		bob := []string{"login_hint", issSub(host+"/", "auth0|bob")}
		for range 5 {
			b.begun(b.purchase())
		}
		got := b.post("/bc-authorize", b.purchase())
		if got.status != http.StatusTooManyRequests || got.header.Get("Retry-After") != "60" || got.header.Get("X-Ratelimit-Limit") != "5" ||
			got.header.Get("X-Ratelimit-Remaining") != "0" || got.header.Get("X-Ratelimit-Reset") != fmt.Sprint(time.Now().Unix()+60) {
			t.Errorf("the sixth request is answered %d %v %v", got.status, got.header, got.body)
		}
		token := b.flow(b.purchase(bob...)).text("access_token")
		time.Sleep(time.Minute)
		b.begun(b.purchase())
		for i := range 11 {
			got := b.send(http.MethodGet, "/userinfo", "", "", bearer(token))
			if want := map[bool]int{true: 429, false: 200}[i == 10]; got.status != want {
				t.Errorf("call %d of UserInfo is answered %d %v", i+1, got.status, got.body)
			}
		}
	})
}

func TestAuth0Latency(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := standIn(t, "auth0", false, "latency=recorded")
		began := time.Now()
		b.begun(b.purchase())
		b.post("/bc-authorize", b.purchase("scope", "profile"))
		if took := time.Since(began); took != time.Second {
			t.Errorf("a request and a refused one took %v", took)
		}
	})
}

func TestAuth0Metadata(t *testing.T) {
	t.Parallel()
	b := standIn(t, "auth0", true)
	doc := b.send(http.MethodGet, "/.well-known/openid-configuration", "", "").body
	for name, want := range map[string]any{
		"issuer": host + "/", "backchannel_authentication_endpoint": host + "/bc-authorize", "token_endpoint": host + "/oauth/token",
		"jwks_uri": host + "/.well-known/jwks.json", "userinfo_endpoint": host + "/userinfo",
		"mfa_challenge_endpoint": host + "/mfa/challenge", "backchannel_token_delivery_modes_supported": []any{"poll"},
		"backchannel_user_code_parameter_supported": nil, "authorization_details_types_supported": nil, "grant_types_supported": nil,
	} {
		if !reflect.DeepEqual(doc[name], want) {
			t.Errorf("%s is %v", name, doc[name])
		}
	}
	keys := b.send(http.MethodGet, "/.well-known/jwks.json", "", "").body["keys"].([]any)
	if len(keys) != 1 || keys[0].(map[string]any)["kty"] != "RSA" {
		t.Errorf("the keys are %v", keys)
	}
	if got := b.send(http.MethodPost, "/grants/inspect", "", ""); got.status != http.StatusNotFound {
		t.Errorf("there is an introspection endpoint: %d", got.status)
	}
}
