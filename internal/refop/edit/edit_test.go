package edit

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/cibatest/cibatest/fixtures"
	"github.com/cibatest/cibatest/internal/refop"
)

// changed is an OP with a change.
func changed(t *testing.T, change Change) *refop.OP {
	t.Helper()
	reg, err := refop.ParseRegistration(fixtures.ReferenceRegistration(), fixtures.Keys())
	if err != nil {
		t.Fatal(err)
	}
	op, err := refop.New(reg, refop.WithIssuer("https://op.example"), refop.WithPlan(change))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(op.Close)
	return op
}

// start sends a backchannel request of basic-b to an OP with a change, and returns the
// status and the body.
func start(t *testing.T, change Change, form url.Values, secret string) (int, map[string]any) {
	t.Helper()
	op := changed(t, change)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, refop.PathStart, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth("basic-b", secret)
	w := httptest.NewRecorder()
	op.Handler().ServeHTTP(w, r)
	var body map[string]any
	if err := json.Unmarshal(w.Body.Bytes(), &body); err != nil {
		t.Fatal(err)
	}
	return w.Code, body
}

func TestChanges(t *testing.T) {
	t.Parallel()
	const secret = "basic-b-secret-51c09e"
	good := url.Values{"scope": {"openid"}, "login_hint": {"alice"}}
	noScope := url.Values{"login_hint": {"alice"}}
	emptyMessage := url.Values{"scope": {"openid"}, "login_hint": {"alice"}, "binding_message": {""}}
	withDetails := url.Values{"scope": {"openid"}, "login_hint": {"alice"}, "authorization_details": {"{"}}
	nothing := func(*refop.Plan) {}
	for _, row := range []struct {
		name   string
		change Change
		form   url.Values
		secret string
		status int
		code   any // of the error; nil for none
	}{
		{"nothing", nothing, good, secret, 200, nil},
		{"nothing, no scope", nothing, noScope, secret, 400, "invalid_request"},
		{"Without", Without(refop.CheckScopeMissing, refop.CheckScopeOpenID), noScope, secret, 200, nil},
		{"WithoutWhen", WithoutWhen(At(refop.EndpointToken), refop.CheckScopeMissing), noScope, secret, 400, "invalid_request"},
		{"Answering", Answering(refop.CheckScopeMissing, 403, "access_denied"), noScope, secret, 403, "access_denied"},
		{"Answering a good one", Answering(refop.CheckScopeMissing, 403, "access_denied"), good, secret, 200, nil},
		{"RefusingStarts", RefusingStarts("invalid_request", Sent("login_hint")), good, secret, 400, "invalid_request"},
		{"RefusingStarts, bad client", RefusingStarts("invalid_request", Always), good, "x", 401, "invalid_client"},
		{"Forms", Forms(func(c *refop.Call) { c.Form["scope"] = []string{"openid"} }), noScope, secret, 200, nil},
		{"an empty parameter", nothing, emptyMessage, secret, 200, nil},
		{"KeepingEmpty", KeepingEmpty("binding_message"), emptyMessage, secret, 400, "invalid_binding_message"},
		{"KeepingEmpty another", KeepingEmpty("user_code"), emptyMessage, secret, 200, nil},
		{"KeepingEmpty all", KeepingEmpty(), emptyMessage, secret, 400, "invalid_binding_message"},
		{"IgnoringDetails", IgnoringDetails(), withDetails, secret, 200, nil},
		{"Acknowledgements", Acknowledgements(Status(201)), good, secret, 201, nil},
		{"Acknowledgements, error", Acknowledgements(Status(201)), noScope, secret, 400, "invalid_request"},
		{"Failing", Answers("", "", Failing(500, "server_error")), good, secret, 500, "server_error"},
		{"All", All(Without(refop.CheckScopeMissing), Answering(refop.CheckScopeOpenID, 400, "x")), noScope, secret, 400, "x"},
	} {
		t.Run(row.name, func(t *testing.T) {
			t.Parallel()
			status, body := start(t, row.change, row.form, row.secret)
			if status != row.status || body["error"] != row.code {
				t.Errorf("got %d %v, want %d %v", status, body, row.status, row.code)
			}
		})
	}
}

func TestAtMember(t *testing.T) {
	t.Parallel()
	for _, row := range []struct {
		name, path string
		change     func(any) any
		want       string
	}{
		{"member", "n", Becomes(2), `[{"n":2,"o":{"m":1}},"x"]`},
		{"inner member", "o.m", Becomes("y"), `[{"n":1,"o":{"m":"y"}},"x"]`},
		{"taken away", "o", Becomes(nil), `[{"n":1},"x"]`},
		{"not there", "p.q", Becomes(1), `[{"n":1,"o":{"m":1}},"x"]`},
	} {
		list := []any{map[string]any{"n": 1, "o": map[string]any{"m": 1}}, "x"}
		if got := jsonText(AtMember(row.path, row.change)(list)); got != row.want {
			t.Errorf("%s: %s, want %s", row.name, got, row.want)
		}
	}
}

func TestSameTypes(t *testing.T) {
	t.Parallel()
	a, b := map[string]any{"type": "a"}, map[string]any{"type": "b"}
	if !SameTypes([]any{a, a}, []any{a, b}) || SameTypes([]any{a, b}, []any{a}) || !SameTypes(nil, nil) {
		t.Error("types are compared wrongly")
	}
}

func TestDropScope(t *testing.T) {
	t.Parallel()
	for scope, want := range map[string]string{
		"openid profile": "openid", "profile": "", "openid profiles": "openid profiles", "a profile b": "a b",
	} {
		if got := DropScope(scope, "profile"); got != want {
			t.Errorf("%q becomes %q, want %q", scope, got, want)
		}
	}
}

func TestShift(t *testing.T) {
	t.Parallel()
	claims := map[string]any{"iat": int64(100), "exp": 1.5}
	Shift(claims, "iat", 4)
	Shift(claims, "exp", 0.25)
	Shift(claims, "nbf", 1)
	if want := (map[string]any{"iat": int64(104), "exp": 1.75}); !reflect.DeepEqual(claims, want) {
		t.Errorf("got %v, want %v", claims, want)
	}
	if Shift(claims, "iat", 0.5); claims["iat"] != 104.5 {
		t.Errorf("half a second: %v", claims["iat"])
	}
}

func TestEvery(t *testing.T) {
	t.Parallel()
	now, times := Every(5), 0
	for range BusyAfter + 20 {
		if now() {
			times++
		}
	}
	if times != 4 {
		t.Errorf("%d times, want 4", times)
	}
}

func TestCounts(t *testing.T) {
	t.Parallel()
	var n Counts
	first, second := &refop.Flow{}, &refop.Flow{}
	n.Add(first)
	n.Add(first)
	if n.Of(first) != 2 || n.Of(second) != 0 {
		t.Errorf("counted %d and %d", n.Of(first), n.Of(second))
	}
}

// What two polls, one after the other, see of a denied flow.
func TestSeen(t *testing.T) {
	t.Parallel()
	never := func(*refop.Call, *refop.Flow) bool { return false }
	for _, row := range []struct {
		name          string
		change        Change
		first, second refop.State
	}{
		{"SeenAs", SeenAs(refop.Denied, refop.Pending), refop.Pending, refop.Pending},
		{"SeenAs, another state", SeenAs(refop.Used, refop.Pending), refop.Denied, refop.Denied},
		{"SeenAsWhen", SeenAsWhen(refop.Denied, refop.Pending, never), refop.Denied, refop.Denied},
		{"ToldOnce", ToldOnce(refop.Denied, refop.Forgotten), refop.Denied, refop.Forgotten},
	} {
		op, now := changed(t, row.change), time.Now()
		f := &refop.Flow{State: refop.Denied, Expires: now.Add(time.Minute)}
		for _, want := range []refop.State{row.first, row.second} {
			if got := op.Rules().StateOf(&refop.Call{OP: op, Now: now}, f); got != want {
				t.Errorf("%s: %s, want %s", row.name, got, want)
			}
		}
	}
}

// Early polls are counted, and answered in another way; polls in time are neither.
func TestEarlyPolls(t *testing.T) {
	t.Parallel()
	var early *Counts
	op := changed(t, All(func(p *refop.Plan) { early = EarlyPolls(p) }, EarlyPollsAre(503, "temporarily_unavailable")))
	now := time.Now()
	f := &refop.Flow{Interval: 5 * time.Second}
	for i, row := range []struct{ after, status int }{{0, 0}, {1, 503}, {2, 503}, {60, 0}} {
		c := &refop.Call{OP: op, Now: now.Add(time.Duration(row.after) * time.Second)}
		status := 0
		if err := op.Rules().Pace(c, f); err != nil {
			status = err.Status
		}
		if status != row.status {
			t.Errorf("poll %d: %d, want %d", i, status, row.status)
		}
	}
	if early.Of(f) != 2 {
		t.Errorf("counted %d early polls, want 2", early.Of(f))
	}
}

func TestAudienceOnly(t *testing.T) {
	t.Parallel()
	op := changed(t, AudienceOnly(At(refop.EndpointToken), Issuer))
	for _, row := range []struct {
		at       refop.Endpoint
		audience any
		want     bool
	}{
		{refop.EndpointToken, op.Issuer(), true},
		{refop.EndpointToken, []any{"x", op.Issuer()}, true},
		{refop.EndpointToken, op.Issuer() + refop.PathToken, false},
		{refop.EndpointStart, op.Issuer() + refop.PathToken, true},
		{refop.EndpointStart, "https://other.example", false},
	} {
		if got := op.Rules().AudienceFits(&refop.Call{OP: op, Endpoint: row.at}, row.audience); got != row.want {
			t.Errorf("%v at %s: %v, want %v", row.audience, row.at, got, row.want)
		}
	}
}

// A window takes so many in its time, and tells how long the next has to wait.
func TestWindow(t *testing.T) {
	t.Parallel()
	w := NewWindow(2, 10*time.Second)
	began := time.Unix(1_800_000_000, 0)
	for i, row := range []struct{ after, wait time.Duration }{{0, 0}, {4, 0}, {5, 5}, {9, 1}, {10, 0}, {11, 3}} {
		if got := w.Take("x", began.Add(row.after*time.Second)); got != row.wait*time.Second {
			t.Errorf("%d: at %d s wait %v, want %d s", i, row.after, got, row.wait)
		}
	}
	if got := w.Take("y", began); got != 0 {
		t.Errorf("another key waits %v", got)
	}
	for i := range 10_000 {
		w.Take(fmt.Sprint(i), began.Add(time.Duration(i)*time.Second))
	}
	if len(w.last) > 2*fewKeys {
		t.Errorf("%d keys are remembered", len(w.last))
	}
}
