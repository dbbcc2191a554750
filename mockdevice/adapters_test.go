package mockdevice

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cibatest/cibatest/internal/yamlfile"
	"github.com/cibatest/cibatest/mockdevice/policy"
	"github.com/cibatest/cibatest/mockdevice/wire"
	"github.com/google/go-cmp/cmp"
)

// recorder is the far end of a dialect: it keeps what it is sent.
type recorder struct {
	mu       sync.Mutex
	requests []string // METHOD path?query | Authorization | Content-Type | body
	answers  []string // one for each request, when it is a queue; empty: 204
}

func (rec *recorder) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	rec.mu.Lock()
	defer rec.mu.Unlock()
	rec.requests = append(rec.requests, strings.Join([]string{
		r.Method + " " + r.URL.RequestURI(), r.Header.Get("Authorization"),
		r.Header.Get("Content-Type"), string(body),
	}, " | "))
	if len(rec.answers) > 0 {
		_, _ = io.WriteString(w, rec.answers[0])
		rec.answers = rec.answers[1:]
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func (rec *recorder) seen() string {
	rec.mu.Lock()
	defer rec.mu.Unlock()
	return strings.Join(rec.requests, "\n")
}

// stand is a device with adapters, and the OP at the far end.
func stand(t *testing.T, adapters string) (d *Device, device string, op *recorder) {
	t.Helper()
	op = &recorder{}
	opServer := httptest.NewServer(op)
	t.Cleanup(opServer.Close)
	parsed, err := ParseAdapters("adapters.yaml", []byte(strings.ReplaceAll(adapters, "OP", opServer.URL)))
	if err != nil {
		t.Fatal(err)
	}
	d = New(WithRoundTripper(http.DefaultTransport), WithAdapters(parsed))
	t.Cleanup(d.Close)
	server := httptest.NewServer(d.Handler())
	t.Cleanup(server.Close)
	return d, server.URL, op
}

func want(t *testing.T, what string, status int, text string, wantStatus int, wantText string) {
	t.Helper()
	if status != wantStatus || strings.TrimSpace(text) != wantText {
		t.Errorf("%s is answered %d %s, want %d %s", what, status, text, wantStatus, wantText)
	}
}

// TestKeycloakExchange has the shape of Keycloak's HTTP authentication channel: the
// resolved username, default scopes added, a forwarded parameter, a JWT as bearer.
func TestKeycloakExchange(t *testing.T) {
	t.Parallel()
	d, device, op := stand(t, `keycloak: {callback: "OP/realms/r/protocol/openid-connect/ext/ciba/auth/callback"}`)
	expires := time.Now().Add(2 * time.Minute).Truncate(time.Second)
	jwt := "eyJhbGciOiJSUzI1NiJ9." + base64.RawURLEncoding.EncodeToString([]byte(fmt.Sprintf(`{"iss":"http://kc/realms/r",`+
		`"aud":"http://kc/realms/r","jti":"0f","azp":"agent","sub":"f:1","iat":1,"exp":%d}`, expires.Unix()))) + ".c2ln"
	body := `{"login_hint":"alice","scope":"openid profile email","binding_message":"DEPLOY-4.18.0","acr_values":"1",` +
		`"is_consent_required":false,"authorization_details":"[{\"type\":\"x\"}]","tenant":"blue"}`
	for range 2 { // the same request again is the same request
		status, text := send(t, "POST", device+"/adapters/keycloak", jwt, body)
		want(t, "the channel", status, text, http.StatusCreated, "")
	}
	requests := d.Requests(nil)
	if len(requests) != 1 {
		t.Fatalf("%d requests", len(requests))
	}
	r := requests[0]
	if r.LoginHint != "alice" || r.Scope != "openid profile email" || r.BindingMessage != "DEPLOY-4.18.0" || r.ACRValues != "1" ||
		r.Adapter != "keycloak" ||
		string(r.AuthorizationDetails) != `[{"type":"x"}]` || r.Labels["tenant"] != "blue" || r.Labels["is_consent_required"] != "false" ||
		!r.ExpiresAt.Equal(expires) {
		t.Errorf("the request is %+v", r)
	}
	if strings.Contains(r.AuthReqID, jwt) {
		t.Error("the bearer is shown as auth_req_id")
	}
	if err := d.Decide(t.Context(), r.AuthReqID, Decision{Action: Approve}); err != nil {
		t.Fatal(err)
	}
	if got := op.seen(); got != "POST /realms/r/protocol/openid-connect/ext/ciba/auth/callback | Bearer "+jwt+` | application/json | `+
		`{"status":"SUCCEED"}` {
		t.Errorf("Keycloak was sent %s", got)
	}
}

// TestKeycloakForwardsAnything: what a client sends as authorization_details reaches the
// channel as it came. The device shows it instead of refusing it, as Keycloak answers the
// client with 503 when the device refuses.
func TestKeycloakForwardsAnything(t *testing.T) {
	t.Parallel()
	d, device, _ := stand(t, `keycloak: {callback: "OP/cb"}`)
	for i, details := range []string{`"[{"`, `"x"`, `"{}"`, `"null"`, `""`, `7`, `null`, `"[1]"`} {
		bearer := fmt.Sprintf("b%d", i)
		status, text := send(t, "POST", device+"/adapters/keycloak", bearer, `{"login_hint":"alice","authorization_details":`+details+`}`)
		want(t, "authorization_details "+details, status, text, http.StatusCreated, "")
	}
	if broken := d.Requests(nil)[0]; broken.AuthorizationDetails != nil || broken.Labels["authorization_details"] != "[{" {
		t.Errorf("text that is no JSON became %+v", broken)
	}
}

// TestAuthleteExchanges drives the three modes as Authlete's reference AS does.
func TestAuthleteExchanges(t *testing.T) {
	t.Parallel()
	d, device, op := stand(t, `authlete: {callback: "OP/api/backchannel/authentication/callback"}`)
	base := device + "/adapters/authlete/api/authenticate/"
	ask := func(token string) string {
		return fmt.Sprintf(`{"workspace":"ws","user":"1001","message":"Client asks for: openid. PAY5000","timeout":60,`+
			`"actionize_token":%q,"state":"st"}`, token)
	}
	actionize := func(token, action string) {
		status, text := send(t, "POST", base+"actionize?workspace=ws&token="+token+"&action="+action, "", "")
		want(t, "actionize", status, text, http.StatusNoContent, "")
	}

	answered := make(chan string)
	go func() {
		_, text := send(t, "POST", base+"sync", "", ask("s1"))
		answered <- text
	}()
	if _, err := d.WaitFor(t.Context(), "s1"); err != nil {
		t.Fatal(err)
	}
	actionize("s1", "allow")
	if text := <-answered; strings.TrimSpace(text) != `{"result":"allow"}` {
		t.Errorf("sync is answered %s", text)
	}

	id := wire.KeyOf("a1").String()
	status, text := send(t, "POST", base+"async", "", ask("a1"))
	want(t, "async", status, text, http.StatusOK, `{"request_id":"`+id+`"}`)
	actionize("a1", "deny")
	if got := op.seen(); got != `POST /api/backchannel/authentication/callback |  | application/json | {"request_id":"`+id+`",`+
		`"result":"deny","state":"st"}` {
		t.Errorf("the AS was sent %s", got)
	}

	id = wire.KeyOf("p1").String()
	status, text = send(t, "POST", base+"poll", "", ask("p1"))
	want(t, "poll", status, text, http.StatusOK, `{"request_id":"`+id+`"}`)
	status, text = send(t, "POST", base+"result", "", `{"request_id":"`+id+`"}`)
	want(t, "result", status, text, http.StatusOK, `{"status":"active"}`)
	actionize("p1", "allow")
	status, text = send(t, "POST", base+"result", "", `{"request_id":"`+id+`"}`)
	want(t, "result", status, text, http.StatusOK, `{"status":"complete","result":"allow"}`)
}

// TestAuthleteTimeouts: sync and poll say timeout, async tells the AS.
func TestAuthleteTimeouts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		op := &capture{}
		d := New(WithRoundTripper(op), WithAdapters(Adapters{Authlete: Authlete{Callback: "http://as/cb"}}))
		defer d.Close()
		call := func(mode, body string) string {
			w := httptest.NewRecorder()
			d.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "POST", "http://localhost/adapters/authlete/api/authenticate/"+mode,
				strings.NewReader(body)))
			return strings.TrimSpace(w.Body.String())
		}
		ask := func(token string) string {
			return `{"workspace":"w","user":"u","timeout":5,"actionize_token":"` + token + `"}`
		}
		call("async", ask("a"))
		call("poll", ask("p"))
		if got := call("sync", ask("s")); got != `{"result":"timeout"}` {
			t.Errorf("sync is answered %s", got)
		}
		time.Sleep(time.Second)
		if got := call("result", `{"request_id":"`+wire.KeyOf("p").String()+`"}`); got != `{"status":"timeout","result":"timeout"}` {
			t.Errorf("poll is answered %s", got)
		}
		if got := op.bodies(); got != `{"request_id":"`+wire.KeyOf("a").String()+`","result":"timeout"}` {
			t.Errorf("the AS was sent %s", got)
		}
	})
}

// capture is a transport that keeps bodies and accepts everything.
type capture struct {
	mu   sync.Mutex
	sent []string
}

func (c *capture) RoundTrip(r *http.Request) (*http.Response, error) {
	body, _ := io.ReadAll(r.Body)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sent = append(c.sent, string(body))
	return &http.Response{StatusCode: http.StatusNoContent, Body: http.NoBody}, nil
}

func (c *capture) bodies() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return strings.Join(c.sent, "\n")
}

func TestGenericExchange(t *testing.T) {
	t.Parallel()
	d, device, op := stand(t, `
generic:
  - name: acme
    map: {id: /tx/0/id, user: /user/name, client: /app, message: /text, scope: /scopes, acr: /acr, details: /rar, expires_at: /until, labels: {tenant: /t}}
    answer: {status: 202, body: '{"taken":"{auth_req_id}"}'}
    decision:
      url: "OP/tx/{auth_req_id}?by={user}&t={label:tenant}"
      method: PUT
      headers: {Content-Type: application/json, Authorization: "Key {ref}"}
      body: '{"answer":"{action}","why":"{reason}"}'
      words: {approve: "yes", deny: "no"}
  - name: asks
    sync: 5s
    map: {id: /id, expires_in: /ttl}
    answer: {status: 200, content_type: text/plain, body: "{action}", words: {approve: OK, deny: NO, timeout: LATE}}
approval_url: {url: "OP/sim?id={auth_req_id}&do={action}"}
`)
	status, text := send(t, "POST", device+"/adapters/generic/acme", "",
		`{"tx":[{"id":"a/b"}],"user":{"name":"al ice"},"app":7,"text":"M","scopes":["openid","x"],"acr":null,"rar":[{"type":"t",`+
			`"n":1.50}],"until":4102444800,"t":"blue"}`)
	want(t, "acme", status, text, http.StatusAccepted, `{"taken":"a/b"}`)
	r, _ := d.Find("a/b")
	if r.LoginHint != "al ice" || r.ClientID != "7" || r.Scope != "openid x" ||
		string(r.AuthorizationDetails) != `[{"type":"t","n":1.50}]` || r.ExpiresAt.Year() != 2100 || r.Adapter != "acme" {
		t.Errorf("the request is %+v", r)
	}
	if err := d.Decide(t.Context(), "a/b", Decision{Action: Deny, Reason: "said \"no\"\n"}); err != nil {
		t.Fatal(err)
	}
	if got := op.seen(); got != `PUT /tx/a%2Fb?by=al+ice&t=blue | Key `+r.Ref+` | application/json | {"answer":"no","why":"said \"no\"\n"}` {
		t.Errorf("the OP was sent %s", got)
	}

	d.SetPolicy(policy.ApproveAll)
	status, text = send(t, "POST", device+"/adapters/generic/asks", "", `{"id":"s","ttl":"30"}`)
	want(t, "asks", status, text, http.StatusOK, "OK")

	if err := d.Receive(Request{AuthReqID: "no callback"}); err != nil {
		t.Fatal(err)
	}
	waitUntil(t, func() bool {
		r, _ := d.Find("no callback")
		return r.Outcome != nil && r.Outcome.Delivery == "acknowledged"
	})
	if got := op.seen(); !strings.HasSuffix(got, "POST /sim?id=no+callback&do=allow |  |  | ") {
		t.Errorf("the OP was sent %s", got)
	}
}

func waitUntil(t *testing.T, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("never")
		}
	}
}

func TestPull(t *testing.T) {
	t.Setenv("MOCKDEVICE_SID", "sid-1")
	op := &recorder{answers: []string{
		`{"requests":[{"id":"q1","sub":"u"},{"sub":"no id"}]}`, `{"requests":[{"id":"q1","sub":"u"}]}`, `{`,
		`{"requests":[{"id":"q2"}]}`,
	}}
	server := httptest.NewServer(op)
	defer server.Close()
	adapters, err := ParseAdapters("a", []byte(`
pull:
  - name: queue
    every: 10ms
    ask: {url: "`+server.URL+`/ciba-sessions/rest/v1/queue/poll", headers: {Authorization: "SID ${env:MOCKDEVICE_SID}"}}
    items: /requests
    map: {id: /id, user: /sub}
`))
	if err != nil {
		t.Fatal(err)
	}
	d := New(WithRoundTripper(http.DefaultTransport), WithAdapters(adapters))
	defer d.Close()
	if _, err := d.WaitFor(t.Context(), "q2"); err != nil {
		t.Fatal(err)
	}
	if got := len(d.Requests(nil)); got != 2 {
		t.Errorf("%d requests were pulled, want 2", got)
	}
	if first, _, _ := strings.Cut(op.seen(), "\n"); first != "POST /ciba-sessions/rest/v1/queue/poll | SID sid-1 |  | " {
		t.Errorf("the queue was asked %s", first)
	}
}

// TestMalformedInputLeavesNoState: each dialect refuses what it cannot read, says so,
// and keeps nothing.
func TestMalformedInputLeavesNoState(t *testing.T) {
	t.Parallel()
	d, device, _ := stand(t, `
keycloak: {callback: "OP/cb"}
generic: [{name: acme, map: {id: /id, user: /user, details: /rar, expires_at: /at, expires_in: /in, callback: /cb}}]`)
	everywhere := []string{"", "null x", "[]", "{", `"text"`, "{} {}", strings.Repeat("x", maxBody+1), `{"auth_req_id":` +
		strings.Repeat("[", 5000)}
	bad := map[string][]string{
		"/v1/requests": {
			`{}`, `{"auth_req_id":5}`, `{"auth_req_id":""}`, `{"auth_req_id":"` + strings.Repeat("x", wire.MaxID+1) + `"}`,
			`{"auth_req_id":"x","authorization_details":{}}`,
			`{"auth_req_id":"x","authorization_details":"[]"}`, `{"auth_req_id":"x","authorization_details":["text"]}`,
			`{"auth_req_id":"x","authorization_details":[{"a":1,"a":2}]}`,
			`{"auth_req_id":"x","authorization_details":[{"a":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}]}`,
			`{"auth_req_id":"x","expires_at":"tomorrow"}`, `{"auth_req_id":"x","callback":"file:///etc/passwd"}`,
			`{"auth_req_id":"x","callback":"//host"}`, `{"auth_req_id":"x","labels":{"a":1}}`,
		},
		"/adapters/keycloak": {
			`{}`, `{"login_hint":5}`, `{"login_hint":""}`, `{"login_hint":"a","scope":["openid"]}`,
		},
		"/adapters/authlete/api/authenticate/poll": {
			`{}`, `{"workspace":"w","user":"u"}`, `{"workspace":"w","user":"u","timeout":4}`, `{"workspace":"w","user":"u","timeout":61}`,
			`{"workspace":"w","user":"u","timeout":"30"}`,
			`{"workspace":"","user":"u","timeout":30}`, `{"workspace":"w","timeout":30}`, `{"workspace":["w"],"user":"u","timeout":30}`,
		},
		"/adapters/authlete/api/authenticate/async": {`{"workspace":"w","user":"u","timeout":30}`}, // no callback is configured
		"/adapters/generic/acme": {
			`{}`, `{"id":null}`, `{"id":{}}`, `{"id":"x","id":"y"}`, `{"id":"x","user":{"a":1}}`, `{"id":"x","rar":{}}`, `{"id":"x","rar":"{"}`,
			`{"id":"x","at":"soon"}`, `{"id":"x","in":0}`,
			`{"id":"x","in":"never"}`, `{"id":"x","in":1e99}`, `{"id":"x","cb":"ftp://host"}`,
		},
	}
	for path, bodies := range bad {
		for _, body := range append(everywhere, bodies...) {
			status, text := send(t, "POST", device+path, "bearer", body)
			var told struct{ Error string }
			if json.Unmarshal([]byte(text), &told) != nil || status != http.StatusBadRequest || told.Error == "" {
				t.Errorf("%s with %.60q is answered %d %s", path, body, status, text)
			}
		}
	}
	if status, _ := send(t, "POST", device+"/adapters/keycloak", "", `{"login_hint":"a"}`); status != http.StatusUnauthorized {
		t.Errorf("no bearer is answered %d", status)
	}
	if kept := d.Requests(nil); len(kept) > 0 {
		t.Errorf("%d requests were kept: %+v", len(kept), kept)
	}
}

func TestAdapterMistakesArePlaced(t *testing.T) {
	t.Parallel()
	_, err := ParseAdapters("a.yaml", []byte(`keycloak: {callback: "not a url"}
authlete: {}
generic:
  - {name: Acme, map: {user: /u}}
  - {name: one, map: {id: id}, sync: 5s, decision: {url: "http://op", method: DELETE, headers: {"a b": c, x: "${env:MOCKDEVICE_UNSET}"}}}
  - {name: one, map: {id: /id}, answer: {status: 99}}
pull: [{name: q}]
smtp: {}
`))
	var problems yamlfile.Problems
	if !errors.As(err, &problems) {
		t.Fatalf("got %v", err)
	}
	wanted := []string{
		`a.yaml:1:22: keycloak.callback: is "not a url"; wanted an absolute http or https URL`,
		"a.yaml:2:11: authlete.callback: is missing",
		`a.yaml:4:12: generic[0].name: is "Acme"; wanted a name of its own in lower case letters, digits and dashes`,
		"a.yaml:4:23: generic[0].map.id: is missing",
		"a.yaml:5:5: generic[1]: with sync the answer carries the decision; leave decision out",
		`a.yaml:5:27: generic[1].map.id: JSON pointer "id" does not start with /`,
		`a.yaml:5:79: generic[1].decision.method: is "DELETE"; allowed are GET, POST, PUT, PATCH`,
		"a.yaml:5:104: generic[1].decision.headers.a b: not an HTTP header",
		"a.yaml:5:110: generic[1].decision.headers.x: the environment variable MOCKDEVICE_UNSET is not set",
		`a.yaml:6:12: generic[2].name: "one" names another adapter already`,
		`a.yaml:6:50: generic[2].answer.status: is "99"; wanted a whole number from 200 to 599`,
		"a.yaml:7:8: pull[0].ask: is missing",
		"a.yaml:7:8: pull[0].map: is missing",
		"a.yaml:8:1: smtp: unknown key; allowed are approval_url, authlete, generic, inboxes, keycloak, pull",
	}
	if diff := cmp.Diff(wanted, problems.Lines()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if _, err := ParseAdapters("a.yaml", ExampleAdapters()); err != nil {
		t.Error(err)
	}
}

// flaky refuses the connection a number of times, and then breaks it half-way.
type flaky struct {
	refusals int
	real     http.RoundTripper
	tries    int
}

func (f *flaky) RoundTrip(r *http.Request) (*http.Response, error) {
	f.tries++
	if f.tries <= f.refusals {
		return nil, &net.OpError{Op: "dial", Err: errors.New("refused")}
	}
	return f.real.RoundTrip(r)
}

// TestRetriesOnlyWhatReachedNobody: a refused connection is tried again; one that
// breaks after the request was on its way is not, since the OP may have read it.
func TestRetriesOnlyWhatReachedNobody(t *testing.T) {
	t.Parallel()
	var arrived atomic.Int64
	breaking := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		arrived.Add(1)
		panic(http.ErrAbortHandler)
	}))
	defer breaking.Close()
	op := &recorder{}
	healthy := httptest.NewServer(op)
	defer healthy.Close()
	for _, c := range []struct {
		name, callback  string
		refusals, tries int
		ok              bool
	}{
		{"refused twice", healthy.URL, 2, 3, true},
		{"refused for good", healthy.URL, 99, attempts, false},
		{"broken", breaking.URL, 0, 1, false},
	} {
		transport := &flaky{refusals: c.refusals, real: &http.Transport{DisableKeepAlives: true}}
		d := New(WithRoundTripper(transport))
		if err := d.Receive(Request{AuthReqID: "r", Callback: c.callback}); err != nil {
			t.Fatal(err)
		}
		err := d.Decide(context.Background(), "r", Decision{Action: Approve})
		d.Close()
		if (err == nil) != c.ok || transport.tries != c.tries {
			t.Errorf("%s: %d tries, %v", c.name, transport.tries, err)
		}
	}
	if arrived.Load() != 1 || strings.Count(op.seen(), "POST") != 1 {
		t.Errorf("%d broken deliveries arrived and %q", arrived.Load(), op.seen())
	}
}

// TestInboundFaults break the answer to the OP as a rule says.
func TestInboundFaults(t *testing.T) {
	t.Parallel()
	d, device, _ := stand(t, `keycloak: {callback: "OP/cb"}`)
	d.SetRules(rulesOf(t, `
rules:
  - {when: {user: gone}, then: {act: approve, faults: [unavailable]}}
  - {when: {user: cut}, then: {act: approve, faults: [reset]}}
  - {when: {user: slow}, then: {act: hold, faults: [slow-answer]}}
`))
	status, text := send(t, "POST", device+"/adapters/keycloak", "b1", `{"login_hint":"gone"}`)
	if status != http.StatusServiceUnavailable || !strings.Contains(text, "error") {
		t.Errorf("unavailable is answered %d %s", status, text)
	}
	if resp, err := http.Post(device+"/v1/requests", "application/json",
		strings.NewReader(`{"auth_req_id":"c","login_hint":"cut"}`)); err == nil {
		t.Errorf("reset is answered %d", resp.StatusCode)
	}
	if n := len(d.Requests(nil)); n != 0 {
		t.Errorf("%d requests were kept", n)
	}
	synctest.Test(t, func(t *testing.T) {
		d := New(WithRules(rulesOf(t, "rules: [{then: {act: hold, faults: [slow-answer]}}]")))
		defer d.Close()
		start := time.Now()
		w := httptest.NewRecorder()
		d.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), "POST", "http://localhost/v1/requests", strings.NewReader(`{"auth_req_id":"s"}`)))
		if took := time.Since(start); w.Code != http.StatusAccepted || took != SlowBy {
			t.Errorf("answered %d after %s", w.Code, took)
		}
	})
}

// TestOtherOriginsDecideNothing: a page elsewhere cannot use the reader's browser.
func TestOtherOriginsDecideNothing(t *testing.T) {
	t.Parallel()
	d := New()
	defer d.Close()
	if err := d.Receive(Request{AuthReqID: "r"}); err != nil {
		t.Fatal(err)
	}
	for _, target := range []string{
		"POST /v1/requests/r/decision", "POST /approve?auth_req_id=r&action=allow",
		"GET /approve?auth_req_id=r&action=allow", "POST /phone/requests/" + wire.KeyOf("r").String() + "/decision",
	} {
		method, url, _ := strings.Cut(target, " ")
		r := httptest.NewRequest(method, "http://localhost"+url, strings.NewReader(`{"decision":"approve"}`))
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		r.Header.Set("Origin", "https://evil.example")
		w := httptest.NewRecorder()
		d.Handler().ServeHTTP(w, r)
		if w.Code != http.StatusForbidden {
			t.Errorf("%s is answered %d", target, w.Code)
		}
	}
}

func TestListenRefusesToStartOpen(t *testing.T) {
	t.Parallel()
	for address, token := range map[string]string{"0.0.0.0:0": "", ":0": "", "[::]:0": "", "example.com:0": ""} {
		if l, err := Listen(t.Context(), address, token); !errors.Is(err, ErrOpen) {
			t.Errorf("%s: %v", address, err)
			if l != nil {
				_ = l.Close()
			}
		}
	}
	for address, token := range map[string]string{"127.0.0.1:0": "", "localhost:0": "", "0.0.0.0:0": "tok"} {
		l, err := Listen(t.Context(), address, token)
		if err != nil {
			t.Errorf("%s: %v", address, err)
			continue
		}
		_ = l.Close()
	}
}
