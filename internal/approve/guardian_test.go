package approve

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cibatest/cibatest/internal/guardian"
	"github.com/cibatest/cibatest/internal/guardian/guardiantest"
	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/mockdevice"
	"github.com/google/go-cmp/cmp"
)

// tenancy is a fake tenant with enrolled devices of alice and bob, an approver that is
// these devices, and an OP that hears the tenant's decisions.
type tenancy struct {
	*guardiantest.Tenant
	approver *Approver
	op       *httptest.Server

	mu      sync.Mutex
	told    map[string]string // decision by auth_req_id
	pushed  []map[string]string
	answers []int // of the inbox
}

var bobby = targetfile.User{Name: "bob", LoginHint: "bob"}

// newTenancy enrolls the devices and relays pushes to the approver.
func newTenancy(t *testing.T) *tenancy {
	t.Helper()
	w := &tenancy{Tenant: guardiantest.Start(), told: map[string]string{}}
	t.Cleanup(w.Close)
	w.op = httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var d struct {
			AuthReqID string `json:"auth_req_id"`
			Decision  string
		}
		_ = json.NewDecoder(r.Body).Decode(&d)
		w.mu.Lock()
		defer w.mu.Unlock()
		w.told[d.AuthReqID] = d.Decision
	}))
	t.Cleanup(w.op.Close)
	config := targetfile.Approval{
		Kind: targetfile.ApprovalGuardian, Push: targetfile.Push{Listen: "127.0.0.1:0"},
		Guardian: targetfile.Guardian{URL: w.URL + guardiantest.API}, Observe: targetfile.Observe{KnownBy: "binding_message"},
	}
	for _, u := range []targetfile.User{alice, bobby} {
		config.Guardian.Devices = append(config.Guardian.Devices, w.enrolled(t, u))
	}
	var err error
	if w.approver, err = New(config, Options{RoundTripper: http.DefaultTransport}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.approver.Close() })
	w.RelayTo(func(_ string, data map[string]string) {
		w.mu.Lock()
		w.pushed = append(w.pushed, data)
		w.mu.Unlock()
		body, _ := json.Marshal(data)
		w.push(string(body))
	})
	return w
}

func (w *tenancy) enrolled(t *testing.T, u targetfile.User) targetfile.GuardianDevice {
	t.Helper()
	tenant, err := guardian.NewTenant(w.URL+guardiantest.API, http.DefaultTransport)
	if err != nil {
		t.Fatal(err)
	}
	enrollment, err := tenant.Enroll(t.Context(), w.Ticket(u.LoginHint), "lab", "fcm-"+u.Name)
	if err != nil {
		t.Fatal(err)
	}
	file, err := enrollment.File()
	if err != nil {
		t.Fatal(err)
	}
	return targetfile.GuardianDevice{User: u, File: u.Name + ".json", Enrollment: targetfile.Secret(file)}
}

// push posts what a relay would, and keeps what it is answered.
func (w *tenancy) push(body string) (status int, text string) {
	resp, err := http.Post(w.approver.Address()+"/push", "application/json", strings.NewReader(body))
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	var told struct{ Error string }
	_ = json.NewDecoder(resp.Body).Decode(&told)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answers = append(w.answers, resp.StatusCode)
	return resp.StatusCode, told.Error
}

// ask has the OP ask a user.
func (w *tenancy) ask(t *testing.T, id, user, message, more string) {
	t.Helper()
	w.approver.Introduce(id, message)
	body := fmt.Sprintf(`{"auth_req_id":%q,"login_hint":%q,"binding_message":%q,"scope":"openid pay","expires_at":%q,"callback":%q%s}`,
		id, user, message, time.Now().Add(time.Minute).Format(time.RFC3339Nano), w.op.URL, more)
	resp, err := http.Post(w.URL+"/v1/requests", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
}

func (w *tenancy) decisions() map[string]string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.told)
}

// lastPush is the push that the tenant sent last, once there are so many.
func (w *tenancy) lastPush(t *testing.T, n int) map[string]string {
	t.Helper()
	for range 200 {
		w.mu.Lock()
		if len(w.pushed) >= n && len(w.answers) >= n {
			defer w.mu.Unlock()
			return w.pushed[n-1]
		}
		w.mu.Unlock()
		<-time.After(10 * time.Millisecond)
	}
	t.Fatalf("%d pushes did not come", n)
	return nil
}

// Several requests of two users are open at once, and each decision finds its own.
func TestGuardianDecides(t *testing.T) {
	t.Parallel()
	w := newTenancy(t)
	w.ask(t, "a-1", alice.LoginHint, "ONE", `,"authorization_details":[{"type":"payment","amount":"50.00"}]`)
	w.ask(t, "a-2", alice.LoginHint, "TWO", "")
	w.ask(t, "b-1", "bob", "THREE", "")
	for _, d := range []Decision{
		{AuthReqID: "a-2", User: alice, Allow: true}, {AuthReqID: "b-1", User: bobby}, {AuthReqID: "a-1", User: alice, Allow: true},
	} {
		if err := w.approver.Decide(t.Context(), d); err != nil {
			t.Fatalf("%s: %v", d.AuthReqID, err)
		}
	}
	want := map[string]string{"a-1": "approve", "a-2": "approve", "b-1": "deny"}
	if diff := cmp.Diff(want, w.decisions()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if refusals := w.Refusals(); len(refusals) > 0 {
		t.Errorf("the tenant refused: %s", refusals)
	}
	p, err := w.approver.WaitPrompt(t.Context(), func(p Prompt) bool { return p.AuthReqID == "a-1" })
	if err != nil {
		t.Fatal(err)
	}
	if p.BindingMessage != "ONE" || p.Scope != "openid pay" || string(p.AuthorizationDetails) != `[{"type":"payment","amount":"50.00"}]` ||
		p.LoginHint != alice.LoginHint || p.Decided != mockdevice.Approve || p.ExpiresAt.IsZero() {
		t.Errorf("the user was shown %+v", p)
	}
}

// A second decision about a request is made when it is asked for, and the tenant's refusal
// of it is one of the OP.
func TestGuardianDecidesAgain(t *testing.T) {
	t.Parallel()
	w := newTenancy(t)
	w.ask(t, "a-1", alice.LoginHint, "ONE", "")
	d := Decision{AuthReqID: "a-1", User: alice, Allow: true}
	for range 2 { // the same decision twice is one
		if err := w.approver.Decide(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	d.Allow = false
	if err := w.approver.Decide(t.Context(), d); !errors.Is(err, mockdevice.ErrDecided) {
		t.Errorf("another decision: %v", err)
	}
	d.Again = true
	if refused, ok := errors.AsType[*RefusedError](w.approver.Decide(t.Context(), d)); !ok || refused.Status != http.StatusNotFound {
		t.Errorf("again: %v", refused)
	}
	if diff := cmp.Diff(map[string]string{"a-1": "approve"}, w.decisions()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// What strangers push decides nothing, shows nobody anything, and leads to no other host
// than the tenant.
func TestGuardianHostilePushes(t *testing.T) {
	t.Parallel()
	w := newTenancy(t)
	foreign := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { t.Errorf("%s was reached", r.Host) }))
	t.Cleanup(foreign.Close)
	w.ask(t, "a-1", alice.LoginHint, "ONE", "")
	genuine := w.lastPush(t, 1)
	w.ask(t, "b-1", "bob", "TWO", "")
	ofBob := w.lastPush(t, 2)
	with := func(changes ...string) string {
		data := maps.Clone(genuine)
		for i := 0; i < len(changes); i += 2 {
			data[changes[i]] = changes[i+1]
		}
		body, _ := json.Marshal(data)
		return string(body)
	}
	for _, c := range []struct {
		name, body string
		status     int
	}{
		{"a foreign host", with("sh", strings.TrimPrefix(foreign.URL, "http://"), "txlnkid", "cns_new"), 403},
		{"a foreign URL", with("sh", foreign.URL+"/appliance-mfa", "txlnkid", "cns_new"), 403},
		{"a host behind a user", with("sh", "https://"+genuine["sh"]+"@"+strings.TrimPrefix(foreign.URL, "http://"), "txlnkid", "cns_new"), 403},
		{"a path instead of a consent", with("txlnkid", "../../v1/requests"), 400},
		{"a URL instead of a consent", with("txlnkid", foreign.URL), 400},
		{"an unknown device", with("dai", "dev_nobody", "txlnkid", "cns_new"), 404},
		{"a made-up consent", with("txlnkid", "cns_new"), 502},
		{"another user's consent", with("txlnkid", ofBob["txlnkid"], "dai", genuine["dai"], "txtkn", "stolen"), 204}, // the first one counts
		{"another user's device", with("dai", ofBob["dai"], "txlnkid", "cns_new"), 502},
		{"a token of another line", with("txtkn", "a\r\nX-Evil: b", "txlnkid", "cns_new"), 400},
		{"a replay", with(), 204},
		{"a replay with another challenge", with("c", "stranger"), 204},
		{"huge", `{"txtkn":"` + strings.Repeat("x", guardian.MaxPush) + `"}`, 413},
		{"deep", strings.Repeat(`{"data":`, 5000) + "{}" + strings.Repeat("}", 5000), 400},
		{"no JSON", "txtkn=1", 400},
		{"a list", "[]", 400},
		{"null", "null", 400},
		{"numbers", `{"sh":1,"dai":2,"c":3,"txtkn":4,"txlnkid":5}`, 400},
		{"a push about a login", `{"sh":"x","dai":"dev_1","c":"c","txtkn":"t"}`, 400},
	} {
		status, text := w.push(c.body)
		if status != c.status {
			t.Errorf("%s is answered %d %s, want %d", c.name, status, text, c.status)
		}
		if strings.Contains(text, genuine["txtkn"]) || strings.Contains(text, genuine["c"]) {
			t.Errorf("%s: the answer shows a secret: %s", c.name, text)
		}
	}
	if n := len(w.approver.Prompts(nil)); n != 2 {
		t.Errorf("%d prompts are shown, want those two of the OP", n)
	}
	for _, d := range []Decision{{AuthReqID: "a-1", User: alice}, {AuthReqID: "b-1", User: bobby, Allow: true}} {
		if err := w.approver.Decide(t.Context(), d); err != nil {
			t.Errorf("the genuine push is still good: %v", err)
		}
	}
	if diff := cmp.Diff(map[string]string{"a-1": "deny", "b-1": "approve"}, w.decisions()); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

// A message that another user was asked about is no prompt of this user.
func TestGuardianOfAnotherUser(t *testing.T) {
	t.Parallel()
	w := newTenancy(t)
	w.ask(t, "a-1", "bob", "ONE", "") // a confused OP
	w.lastPush(t, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := w.approver.Decide(ctx, Decision{AuthReqID: "a-1", User: alice, Allow: true}); err == nil {
		t.Error("alice decided what bob was asked")
	}
	if len(w.decisions()) > 0 {
		t.Errorf("decided: %v", w.decisions())
	}
}

// Who waits in vain is told why the last push was not taken.
func TestGuardianTellsOfRefusedPushes(t *testing.T) {
	t.Parallel()
	w := newTenancy(t)
	w.push(`{"sh":"other.example","dai":"dev_1","c":"c","txtkn":"t","txlnkid":"cns_1"}`)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err := w.approver.Decide(ctx, Decision{AuthReqID: "a-1", User: alice})
	if err == nil || !strings.Contains(err.Error(), `"other.example"`) || !strings.Contains(err.Error(), "approval.guardian.url") {
		t.Errorf("got %v", err)
	}
}
