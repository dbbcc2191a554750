package refop

import (
	"net/http"
	"net/url"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cibatest/cibatest/internal/jose"
)

// refreshRows are refreshes that are refused.
var refreshRows = []struct {
	name, client string
	form         func(token string) url.Values
	check        CheckName
	code         string
}{
	{"unknown token", "basic-a", func(string) url.Values { return refresh("made-up") }, CheckRefreshKnown, "invalid_grant"},
	{"another client", "basic-b", refresh, CheckRefreshOwn, "invalid_grant"},
	{"more scope", "basic-a", func(token string) url.Values {
		return with(refresh(token), "scope", "openid admin")
	}, CheckRefreshScope, "invalid_scope"},
	{"more details", "basic-a", func(token string) url.Values {
		return with(refresh(token), "authorization_details", payment)
	}, CheckRefreshDetails, "invalid_authorization_details"},
}

func TestRefreshRefuses(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	token := b.tokens().text("refresh_token")
	for _, row := range refreshRows {
		t.Run(row.name, func(t *testing.T) {
			answer := b.post(PathToken, row.form(token), b.as(row.client))
			if !answer.is(http.StatusBadRequest) || answer.code() != row.code || b.refusedBy != row.check {
				t.Errorf("got %d %v by %s, want 400 %s by %s", answer.status, answer.body, b.refusedBy, row.code, row.check)
			}
		})
	}
	if answer := b.post(PathToken, refresh(token), b.as("basic-a")); !answer.is(http.StatusOK) {
		t.Errorf("refused refreshes cost the owner: %d %v", answer.status, answer.body)
	}
}

// A refresh token is replaced, and its second use ends the family; RFC 9700 4.14.
func TestRotation(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	first := b.tokens().text("refresh_token")
	second := b.post(PathToken, refresh(first), b.as("basic-a"))
	if second.text("refresh_token") == "" || second.text("refresh_token") == first || second.text("id_token") != "" {
		t.Fatalf("the refresh brought %v", second.body)
	}
	if answer := b.post(PathToken, refresh(first), b.as("basic-a")); answer.code() != "invalid_grant" {
		t.Errorf("the old one: %d %v", answer.status, answer.body)
	}
	if answer := b.post(PathToken, refresh(second.text("refresh_token")), b.as("basic-a")); answer.code() != "invalid_grant" {
		t.Errorf("the new one, after the old one was replayed: %d %v", answer.status, answer.body)
	}
	if answer := b.get(PathUserInfo, withBearer(second.text("access_token"))); !answer.is(http.StatusUnauthorized) {
		t.Errorf("the access token lives: %d", answer.status)
	}
}

func TestRefreshPolicy(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(p *Plan) { p.Policy.KeepRefreshToken, p.Policy.RefreshIDToken = true, true })
	token := b.tokens().text("refresh_token")
	for range 2 {
		answer := b.post(PathToken, with(refresh(token), "scope", "openid"), b.as("basic-a"))
		if !answer.is(http.StatusOK) || answer.text("refresh_token") != "" || answer.text("scope") != "openid" {
			t.Fatalf("got %d %v", answer.status, answer.body)
		}
		decoded(t, answer.text("id_token"))
	}
}

// Without offline_access there is no refresh token; OIDC Core 11.
func TestNoRefreshToken(t *testing.T) {
	t.Parallel()
	if answer := newBench(t).tokens("scope", "openid"); answer.text("refresh_token") != "" {
		t.Errorf("got %v", answer.body)
	}
}

func TestTokenResponse(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	answer := b.tokens("authorization_details", payment)
	if answer.text("token_type") != "Bearer" || number(answer.body["expires_in"]) != 600 ||
		answer.text("scope") != "openid profile offline_access" {
		t.Errorf("got %v", answer.body)
	}
	if list, _ := answer.body["authorization_details"].([]any); len(list) != 1 {
		t.Errorf("authorization_details %v", answer.body["authorization_details"])
	}
}

func TestIDToken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		id := b.start("acr_values", "urn:unknown urn:cibatest:acr:strong")
		time.Sleep(2 * time.Second)
		decided := time.Now()
		b.decide(id, "allow")
		time.Sleep(5 * time.Second)
		answer := b.post(PathToken, poll(id), b.as("basic-a"))
		token, err := jose.Verify(answer.text("id_token"), b.op.plan.SigningKeys, []string{"RS256"})
		if err != nil {
			t.Fatal(err)
		}
		hash, err := jose.LeftHalfHash("RS256", answer.text("access_token"))
		if err != nil {
			t.Fatal(err)
		}
		for name, want := range map[string]any{
			"iss": testIssuer, "sub": "u-1001", "aud": "basic-a", "acr": "urn:cibatest:acr:strong", "at_hash": hash,
		} {
			if token.Claims[name] != want {
				t.Errorf("%s is %v, want %v", name, token.Claims[name], want)
			}
		}
		for name, want := range map[string]time.Time{
			"auth_time": decided, "iat": decided.Add(5 * time.Second), "exp": decided.Add(5*time.Second + 10*time.Minute),
		} {
			if number(token.Claims[name]) != want.Unix() {
				t.Errorf("%s is %v, want %d", name, token.Claims[name], want.Unix())
			}
		}
	})
}

func TestACR(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for asked, want := range map[string]string{
		"": "urn:cibatest:acr:basic", "urn:unknown": "urn:cibatest:acr:basic",
		"urn:cibatest:acr:strong urn:cibatest:acr:basic": "urn:cibatest:acr:strong",
	} {
		if got := b.op.acr(&Flow{ACR: asked}); got != want {
			t.Errorf("acr_values %q give %s, want %s", asked, got, want)
		}
	}
}

// The algorithm is the client's, else that of the policy, else that of the first key.
func TestIDTokenKey(t *testing.T) {
	t.Parallel()
	usual, other := newBench(t), newBench(t, func(p *Plan) { p.Policy.IDTokenAlg = "ES256" })
	for _, row := range []struct {
		b      *bench
		client string
		alg    string
	}{
		{usual, "basic-a", "RS256"},
		{usual, "jwt-a", "ES256"},
		{usual, "post-a", "PS256"},
		{other, "basic-a", "ES256"},
		{other, "post-a", "PS256"},
	} {
		if got := row.b.op.idTokenKey(row.b.op.Client(row.client)).Alg(); got != row.alg {
			t.Errorf("%s is signed for by %s, want %s", row.client, got, row.alg)
		}
	}
}

func TestAccessToken(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	token, err := b.op.VerifyOwn(b.tokens("authorization_details", payment).text("access_token"))
	if err != nil {
		t.Fatal(err)
	}
	if token.Header["typ"] != "at+jwt" || token.Claims["aud"] != "https://api.reference.example" || token.Claims["client_id"] != "basic-a" {
		t.Errorf("got %v %v", token.Header, token.Claims)
	}
	if list, _ := token.Claims["authorization_details"].([]any); len(list) != 1 {
		t.Errorf("authorization_details %v", token.Claims["authorization_details"])
	}
}

// A user has one sub for all clients without a sector, and one for each sector.
func TestSubject(t *testing.T) {
	t.Parallel()
	alice, bob := &User{Sub: "u-1"}, &User{Sub: "u-2"}
	shop, bank := &Client{Sector: "shop.example"}, &Client{Sector: "bank.example"}
	if got := subject(&Client{}, alice); got != "u-1" {
		t.Errorf("the public sub is %q", got)
	}
	subs := []string{subject(shop, alice), subject(bank, alice), subject(shop, bob), subject(bank, bob), "u-1", "u-2"}
	slices.Sort(subs)
	if len(slices.Compact(subs)) != 6 {
		t.Errorf("subs repeat: %v", subs)
	}
	if subject(shop, alice) != subject(&Client{Sector: "shop.example"}, alice) {
		t.Error("clients of a sector are told different subs")
	}
}

// What a user approved who was locked since brings nothing until the user is unlocked.
func TestLockedUser(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	refreshToken, id := b.tokens().text("refresh_token"), b.start()
	b.decide(id, "allow")
	if status := b.lock("alice", "lock"); status != http.StatusNoContent {
		t.Fatalf("locking is answered %d", status)
	}
	for name, form := range map[string]url.Values{"poll": poll(id), "refresh": refresh(refreshToken)} {
		if answer := b.post(PathToken, form, b.as("basic-a")); answer.code() != "invalid_grant" {
			t.Errorf("%s: %d %v, want invalid_grant", name, answer.status, answer.body)
		}
	}
	b.lock("alice", "unlock")
	for name, form := range map[string]url.Values{"poll": poll(id), "refresh": refresh(refreshToken)} {
		if answer := b.post(PathToken, form, b.as("basic-a")); !answer.is(http.StatusOK) {
			t.Errorf("%s after unlocking: %d %v", name, answer.status, answer.body)
		}
	}
	if unknown, odd := b.lock("nobody", "lock"), b.lock("alice", "freeze"); unknown != http.StatusNotFound || odd != http.StatusBadRequest {
		t.Errorf("an unknown user is %d, an unknown action %d", unknown, odd)
	}
}
