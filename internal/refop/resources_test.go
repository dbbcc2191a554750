package refop

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cibatest/cibatest/fixtures"
)

func TestUserInfo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		tokens := b.tokens()
		answer := b.get(PathUserInfo, withBearer(tokens.text("access_token")))
		if answer.text("sub") != "u-1001" || answer.text("name") != "Alice Archer" {
			t.Errorf("got %d %v", answer.status, answer.body)
		}
		for name, edit := range map[string]request{
			"no token":      func(*http.Request) {},
			"garbage":       withBearer("x"),
			"refresh token": withBearer(tokens.text("refresh_token")),
			"ID Token":      withBearer(tokens.text("id_token")),
		} {
			answer := b.get(PathUserInfo, edit)
			if !answer.is(http.StatusUnauthorized) || !strings.HasPrefix(answer.header.Get("WWW-Authenticate"), "Bearer") {
				t.Errorf("%s: %d %v", name, answer.status, answer.header)
			}
		}
		time.Sleep(10 * time.Minute)
		if answer := b.get(PathUserInfo, withBearer(tokens.text("access_token"))); !answer.is(http.StatusUnauthorized) {
			t.Errorf("after its end: %d", answer.status)
		}
	})
}

func TestIntrospection(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	tokens := b.tokens("authorization_details", payment)
	about := func(token string) reply { return b.post(PathIntrospect, url.Values{"token": {token}}, b.as("api")) }
	for _, name := range []string{"access_token", "refresh_token"} {
		answer := about(tokens.text(name))
		if answer.body["active"] != true || answer.text("client_id") != "basic-a" || actions(answer.body["authorization_details"]) != 2 {
			t.Errorf("%s: %v", name, answer.body)
		}
	}
	if answer := about("made-up"); answer.body["active"] != false || len(answer.body) != 1 {
		t.Errorf("an unknown token: %v", answer.body)
	}
	if answer := b.post(PathIntrospect, url.Values{"token": {tokens.text("access_token")}}); !answer.is(http.StatusUnauthorized) {
		t.Errorf("without authentication: %d", answer.status)
	}
}

func TestMetadata(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	doc := b.get("/.well-known/openid-configuration")
	if doc.text("issuer") != testIssuer || doc.text("token_endpoint") != testIssuer+PathToken {
		t.Errorf("got %v", doc.body)
	}
	keys := b.get(PathJWKS)
	list, _ := keys.body["keys"].([]any)
	for _, k := range list {
		if key := k.(map[string]any); key["d"] != nil || key["use"] != "sig" || key["kid"] == nil {
			t.Errorf("a published key: %v", key)
		}
	}
	if len(list) != len(b.op.plan.SigningKeys) {
		t.Errorf("%d keys are published, want %d", len(list), len(b.op.plan.SigningKeys))
	}
}

// An issuer may have a path or end in a slash, and the endpoints are below it.
func TestIssuers(t *testing.T) {
	t.Parallel()
	for issuer, metadata := range map[string]string{
		testIssuer + "/tenant/a": "/tenant/a/.well-known/openid-configuration", testIssuer + "/": "/.well-known/openid-configuration",
	} {
		reg, err := ParseRegistration(fixtures.ReferenceRegistration(), fixtures.Keys())
		if err != nil {
			t.Fatal(err)
		}
		op, err := New(reg, WithIssuer(issuer))
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		op.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, metadata, nil))
		var doc map[string]any
		if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil || doc["issuer"] != issuer {
			t.Errorf("%s: %v %v", issuer, doc["issuer"], err)
		}
	}
}

// Decisions by the test control: the first one counts, and none after the expiry.
func TestDecisions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t)
		id := b.start()
		for _, row := range []struct {
			name, id, action string
			status           int
		}{
			{"no action", id, "", 400},
			{"another action", id, "perhaps", 400},
			{"unknown id", "made-up", "allow", 404},
			{"first", id, "allow", 204},
			{"again", id, "allow", 204},
			{"another one", id, "deny", 409},
		} {
			if got := b.decide(row.id, row.action); got != row.status {
				t.Errorf("%s: %d, want %d", row.name, got, row.status)
			}
		}
		b.post(PathToken, poll(id), b.as("basic-a"))
		if got := b.decide(id, "allow"); got != http.StatusNoContent {
			t.Errorf("after the tokens: %d", got)
		}
		late := b.start()
		time.Sleep(2 * time.Minute)
		if got := b.decide(late, "allow"); got != http.StatusGone {
			t.Errorf("after the expiry: %d", got)
		}
	})
}

// device answers prompts and keeps the last one.
type device struct{ prompt map[string]any }

func (d *device) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := json.NewDecoder(r.Body).Decode(&d.prompt); err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: http.StatusCreated, Body: http.NoBody}, nil
}

// The device is told what the user has to see, and only it can decide by callback.
func TestDevice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		phone := &device{}
		b := newBench(t)
		b.op.device, b.op.transport, b.op.control = "http://phone.example", phone, "http://control.example"
		id := b.start("binding_message", "W4SCT", "authorization_details", payment, "acr_values", "x")
		synctest.Wait()
		for name, want := range map[string]any{
			"auth_req_id": id, "login_hint": "alice", "binding_message": "W4SCT", "acr_values": "x", "callback": "http://control.example/callback",
		} {
			if phone.prompt[name] != want {
				t.Errorf("%s is %v, want %v", name, phone.prompt[name], want)
			}
		}
		callback := func(token, body string) int {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/callback", strings.NewReader(body))
			r.Header.Set("Authorization", "Bearer "+token)
			w := httptest.NewRecorder()
			b.op.Control().ServeHTTP(w, r)
			return w.Code
		}
		token, _ := phone.prompt["callback_token"].(string)
		approve := `{"auth_req_id":"` + id + `","decision":"approve","scope":"openid"}`
		for _, row := range []struct {
			name, token, body string
			status            int
		}{
			{"no JSON", token, "{", 400},
			{"another token", "x", approve, 404},
			{"more scope", token, strings.Replace(approve, `"openid"`, `"openid admin"`, 1), 400},
			{"approval", token, approve, 204},
		} {
			if got := callback(row.token, row.body); got != row.status {
				t.Errorf("%s: %d, want %d", row.name, got, row.status)
			}
		}
		if answer := b.post(PathToken, poll(id), b.as("basic-a")); answer.text("scope") != "openid" {
			t.Errorf("the granted scope is %v", answer.body)
		}
	})
}

// A shelf forgets what is past its time, and what is too much.
func TestShelf(t *testing.T) {
	t.Parallel()
	s, now := newShelf[int](), time.Now()
	s.put("old", 1, now.Add(time.Second), now)
	s.put("new", 2, now.Add(time.Hour), now.Add(2*time.Second))
	if _, there := s.items["old"]; there || s.items["new"] != 2 {
		t.Errorf("the shelf holds %v", s.items)
	}
	for i := range 3 * shelfSize {
		s.put(RandomID(8), i, now.Add(time.Hour), now)
	}
	if len(s.items) > shelfSize+1 {
		t.Errorf("the shelf holds %d, want %d at most", len(s.items), shelfSize)
	}
}
