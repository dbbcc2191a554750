package mockdevice

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// fakeOP remembers the decisions it is told.
type fakeOP struct {
	mu     sync.Mutex
	bodies []string
	tokens []string
	status int
}

func (f *fakeOP) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.bodies = append(f.bodies, string(body))
	f.tokens = append(f.tokens, r.Header.Get("Authorization"))
	w.WriteHeader(f.status)
}

func lab(t *testing.T, options ...Option) (*fakeOP, *Device, string, string) {
	t.Helper()
	op := &fakeOP{status: http.StatusNoContent}
	opServer := httptest.NewServer(op)
	t.Cleanup(opServer.Close)
	d := New(append([]Option{WithRoundTripper(http.DefaultTransport), WithAdapters(Adapters{Keycloak: Keycloak{Callback: opServer.URL}})}, options...)...)
	t.Cleanup(d.Close)
	device := httptest.NewServer(d.Handler())
	t.Cleanup(device.Close)
	return op, d, opServer.URL, device.URL
}

func send(t *testing.T, method, url, bearer, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(text)
}

func TestDecisionReachesTheOPOnce(t *testing.T) {
	t.Parallel()
	op, _, callback, device := lab(t)
	status, text := send(t, "POST", device+"/v1/requests", "",
		fmt.Sprintf(`{"auth_req_id":"r1","binding_message":"AB","callback":%q,"callback_token":"tok","authorization_details":[{"type":"x"}]}`,
			callback))
	if status != http.StatusAccepted {
		t.Fatalf("got %d %s", status, text)
	}
	for range 2 {
		if status, text := send(t, "POST", device+"/v1/requests/r1/decision", "",
			`{"decision":"approve","authorization_details":[]}`); status != http.StatusNoContent {
			t.Fatalf("got %d %s", status, text)
		}
	}
	if status, _ := send(t, "POST", device+"/approve?auth_req_id=r1&action=deny", "", ""); status != http.StatusConflict {
		t.Errorf("another decision was answered %d", status)
	}
	if len(op.bodies) != 1 || op.tokens[0] != "Bearer tok" ||
		op.bodies[0] != `{"auth_req_id":"r1","decision":"approve","authorization_details":[]}` {
		t.Errorf("the OP was told %q with %q", op.bodies, op.tokens)
	}
	if _, text := send(t, "GET", device+"/v1/requests", "", ""); strings.Contains(text, "tok\"") ||
		!strings.Contains(text, `"decided":"approve"`) {
		t.Errorf("the list is %s", text)
	}
}

func TestKeycloakDialect(t *testing.T) {
	t.Parallel()
	for action, want := range map[Action]string{Approve: "SUCCEED", Deny: "UNAUTHORIZED", Cancel: "CANCELLED"} {
		t.Run(string(action), func(t *testing.T) {
			t.Parallel()
			op, d, _, device := lab(t)
			status, text := send(t, "POST", device+"/adapters/keycloak", "jwt",
				`{"login_hint":"alice","scope":"openid","binding_message":"AB","is_consent_required":false}`)
			if status != http.StatusCreated {
				t.Fatalf("got %d %s", status, text)
			}
			if err := d.Decide(t.Context(), d.Requests(nil)[0].AuthReqID, Decision{Action: action}); err != nil {
				t.Fatal(err)
			}
			var body map[string]string
			if err := json.Unmarshal([]byte(op.bodies[0]), &body); err != nil || body["status"] != want || op.tokens[0] != "Bearer jwt" {
				t.Errorf("got %q with %q", op.bodies, op.tokens)
			}
		})
	}
}

func TestBadInputLeavesNothingBehind(t *testing.T) {
	t.Parallel()
	_, d, _, device := lab(t)
	for _, body := range []string{
		"", "[]", "{", `{"auth_req_id":5}`, `{}`, `{"auth_req_id":"x"} x`,
		`{"auth_req_id":"x","authorization_details":{}}`, strings.Repeat("x", maxBody+1),
	} {
		if status, text := send(t, "POST", device+"/v1/requests", "", body); status != http.StatusBadRequest || !strings.Contains(text, "error") {
			t.Errorf("%.40q was answered %d %s", body, status, text)
		}
	}
	if found := d.Requests(nil); len(found) != 0 {
		t.Errorf("%d requests were kept", len(found))
	}
	for path, want := range map[string]int{
		"/approve?auth_req_id=x&action=maybe": 400, "/approve?auth_req_id=x&action=allow": 404,
		"/v1/requests/x/decision": 400,
	} {
		if status, _ := send(t, "POST", device+path, "", "{}"); status != want {
			t.Errorf("%s was answered %d, want %d", path, status, want)
		}
	}
}

func TestTokenGuardsTheAPI(t *testing.T) {
	t.Parallel()
	_, _, _, device := lab(t, WithToken("open-sesame"))
	if status, _ := send(t, "GET", device+"/v1/requests", "wrong", ""); status != http.StatusUnauthorized {
		t.Errorf("a wrong token was answered %d", status)
	}
	if status, _ := send(t, "GET", device+"/v1/requests", "open-sesame", ""); status != http.StatusOK {
		t.Errorf("the token was answered %d", status)
	}
}

func TestWaitAndCapacity(t *testing.T) {
	t.Parallel()
	d := New(WithCapacity(2))
	defer d.Close()
	done := make(chan Request, 1)
	go func() {
		r, _ := d.Wait(t.Context(), func(r Request) bool { return r.AuthReqID == "r3" })
		done <- r
	}()
	for _, id := range []string{"r1", "r2", "r3"} {
		if err := d.Receive(Request{AuthReqID: id}); err != nil {
			t.Fatal(err)
		}
	}
	if r := <-done; r.AuthReqID != "r3" {
		t.Errorf("waited for r3, got %q", r.AuthReqID)
	}
	if err := d.Decide(t.Context(), "r1", Decision{Action: Approve}); !errors.Is(err, ErrUnknown) {
		t.Errorf("the oldest should be gone, got %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := d.Wait(ctx, func(Request) bool { return false }); err == nil {
		t.Error("a wait for nothing ended well")
	}
}

// TestEverythingAtOnce is for the race detector: arrivals, decisions, waits, lists and
// policies meet, and every request is decided and delivered exactly once.
func TestEverythingAtOnce(t *testing.T) {
	t.Parallel()
	const n = 400
	op := &counter{}
	d := New(WithRoundTripper(op), WithRules(rulesOf(t, "rules: [{when: {client: slow}, then: approve, delay: {uniform: [0s, "+
		"50ms]}}]\notherwise: approve")))
	var work sync.WaitGroup
	for i := range n {
		id, client := fmt.Sprint("r", i), []string{"slow", "fast"}[i%2]
		for range 2 {
			work.Go(func() {
				if err := d.Receive(Request{AuthReqID: id, ClientID: client, LoginHint: "u", Callback: "http://op/cb"}); err != nil {
					t.Error(err)
				}
			})
		}
		work.Go(func() {
			if _, err := d.WaitFor(t.Context(), id); err != nil {
				t.Error(err)
			}
			if err := d.Decide(t.Context(), id, Decision{Action: Deny}); err != nil && !errors.Is(err, ErrDecided) {
				t.Error(err)
			}
		})
		if i%50 == 0 {
			work.Go(func() { d.Requests(func(r Request) bool { return r.Decided != "" }) })
			work.Go(func() { d.Counters() })
		}
	}
	work.Wait()
	waitUntil(t, func() bool { return len(op.seen(time.Now())) == n && !d.outbox.busy() && d.Counters().Open == 0 })
	d.Close()
	for id, times := range op.seen(time.Now()) {
		if len(times) != 1 {
			t.Errorf("%s was delivered %d times", id, len(times))
		}
	}
}
