package refop

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cibatest/cibatest/fixtures"
	"github.com/cibatest/cibatest/internal/jose"
)

const testIssuer = "https://op.example"

// bench is an OP that is called without a network. It remembers which check refused
// last.
type bench struct {
	t         *testing.T
	op        *OP
	handler   http.Handler
	refusedBy CheckName
}

// newBench makes an OP of the reference registration.
func newBench(t *testing.T, changes ...func(*Plan)) *bench {
	t.Helper()
	reg, err := ParseRegistration(fixtures.ReferenceRegistration(), fixtures.Keys())
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t}
	options := []Option{WithIssuer(testIssuer), WithPlan(b.remember)}
	for _, change := range changes {
		options = append(options, WithPlan(change))
	}
	if b.op, err = New(reg, options...); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.op.Close)
	b.handler = b.op.Handler()
	return b
}

// remember notes the innermost check that refuses.
func (b *bench) remember(p *Plan) {
	for _, name := range allChecks() {
		p.Wrap(name, func(inner CheckFunc) CheckFunc {
			return func(c *Call) *OAuthError {
				err := inner(c)
				if err != nil && b.refusedBy == "" {
					b.refusedBy = name
				}
				return err
			}
		})
	}
}

func allChecks() []CheckName {
	names := map[CheckName]bool{}
	for _, table := range [][]check{clientChecks, assertionChecks, startChecks, pollChecks, refreshChecks} {
		for _, step := range table {
			names[step.name] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// reply is an answer as a client sees it.
type reply struct {
	status int
	header http.Header
	body   map[string]any
}

func (r reply) code() string  { return r.text("error") }
func (r reply) is(s int) bool { return r.status == s }

func (r reply) text(name string) string {
	value, _ := r.body[name].(string)
	return value
}

// request edits a request before it is sent.
type request func(*http.Request)

// basic authenticates by the header.
func basic(id, secret string) request {
	return func(r *http.Request) { r.SetBasicAuth(url.QueryEscape(id), url.QueryEscape(secret)) }
}

func withBearer(token string) request {
	return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
}

// as authenticates a client that is registered for client_secret_basic.
func (b *bench) as(id string) request {
	b.t.Helper()
	client := b.op.Client(id)
	if client == nil {
		b.t.Fatalf("there is no client %q", id)
	}
	return basic(id, client.Secret)
}

func (b *bench) post(path string, form url.Values, edits ...request) reply {
	r := httptest.NewRequestWithContext(b.t.Context(), http.MethodPost, testIssuer+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.send(r, edits...)
}

func (b *bench) get(path string, edits ...request) reply {
	return b.send(httptest.NewRequestWithContext(b.t.Context(), http.MethodGet, testIssuer+path, nil), edits...)
}

func (b *bench) send(r *http.Request, edits ...request) reply {
	b.t.Helper()
	for _, edit := range edits {
		edit(r)
	}
	b.refusedBy = ""
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, r)
	answer := reply{status: w.Code, header: w.Header()}
	decoder := json.NewDecoder(w.Body)
	decoder.UseNumber()
	if err := decoder.Decode(&answer.body); err != nil {
		b.t.Fatalf("%s %s: %v", r.Method, r.URL, err)
	}
	return answer
}

// with is a form with some parameters set, and without those whose value is "-".
func with(form url.Values, pairs ...string) url.Values {
	out := maps.Clone(form)
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] == "-" {
			out.Del(pairs[i])
		} else {
			out.Set(pairs[i], pairs[i+1])
		}
	}
	return out
}

// aliceSigns is a good backchannel request about alice.
var aliceSigns = url.Values{"scope": {"openid profile offline_access"}, "login_hint": {"alice"}}

func poll(id string) url.Values { return url.Values{"grant_type": {GrantCIBA}, "auth_req_id": {id}} }

func refresh(token string) url.Values {
	return url.Values{"grant_type": {GrantRefresh}, "refresh_token": {token}}
}

// start begins a flow of basic-a, with further parameters.
func (b *bench) start(pairs ...string) (id string) {
	b.t.Helper()
	answer := b.post(PathStart, with(aliceSigns, pairs...), b.as("basic-a"))
	if !answer.is(http.StatusOK) {
		b.t.Fatalf("start: %d %v", answer.status, answer.body)
	}
	return answer.text("auth_req_id")
}

// decide is what the user does, by the test control.
func (b *bench) decide(id, action string, more ...string) (status int) {
	q := with(url.Values{"auth_req_id": {id}, "action": {action}}, more...)
	w := httptest.NewRecorder()
	b.op.Control().ServeHTTP(w, httptest.NewRequestWithContext(b.t.Context(), http.MethodPost, "/decision?"+q.Encode(), nil))
	return w.Code
}

// lock locks a user or unlocks it, by the test control.
func (b *bench) lock(loginHint, action string) (status int) {
	q := url.Values{"login_hint": {loginHint}, "action": {action}}
	w := httptest.NewRecorder()
	b.op.Control().ServeHTTP(w, httptest.NewRequestWithContext(b.t.Context(), http.MethodPost, "/user?"+q.Encode(), nil))
	return w.Code
}

// tokens are the answer to a flow that was started, approved and redeemed.
func (b *bench) tokens(pairs ...string) reply {
	b.t.Helper()
	id := b.start(pairs...)
	b.decide(id, "allow")
	answer := b.post(PathToken, poll(id), b.as("basic-a"))
	if !answer.is(http.StatusOK) {
		b.t.Fatalf("redeem: %d %v", answer.status, answer.body)
	}
	return answer
}

func decoded(t *testing.T, token string) jose.Token {
	t.Helper()
	read, err := jose.Decode(token)
	if err != nil {
		t.Fatal(err)
	}
	return read
}

// number is a JSON number as an integer.
func number(v any) int64 {
	n, _ := v.(json.Number)
	i, _ := n.Int64()
	return i
}

// Every check of every table has a row in a test that shows it refuse, and no name
// stands in two tables for different things.
func TestEveryCheckHasARow(t *testing.T) {
	t.Parallel()
	var rows []CheckName
	for _, row := range signedRows {
		rows = append(rows, row.check)
	}
	for _, row := range startRows {
		rows = append(rows, row.check)
	}
	for _, row := range clientRows {
		rows = append(rows, row.check)
	}
	for _, row := range assertionRows {
		rows = append(rows, row.check)
	}
	for _, row := range pollRows {
		rows = append(rows, row.check)
	}
	for _, row := range refreshRows {
		rows = append(rows, row.check)
	}
	rows = append(rows, boundChecks...)
	for _, name := range allChecks() {
		if name != CheckClient && !slices.Contains(rows, name) {
			t.Errorf("no row shows the check %q refuse", name)
		}
	}
}

func TestPlan(t *testing.T) {
	t.Parallel()
	reg, err := ParseRegistration(fixtures.ReferenceRegistration(), fixtures.Keys())
	if err != nil {
		t.Fatal(err)
	}
	pass := func(CheckFunc) CheckFunc { return func(*Call) *OAuthError { return nil } }
	if _, err := New(reg, WithPlan(func(p *Plan) { p.Wrap("scope-mising", pass) })); err == nil {
		t.Error("a check that no table has is wrapped, and New says nothing")
	}
	if _, err := New(reg, WithPlan(func(p *Plan) { p.SigningKeys = nil })); err == nil {
		t.Error("New takes a plan without signing keys")
	}
	if _, err := New(Registration{}); err == nil {
		t.Error("New takes an empty registration")
	}

	var order []string
	note := func(text string) func(CheckFunc) CheckFunc {
		return func(inner CheckFunc) CheckFunc {
			return func(c *Call) *OAuthError { order = append(order, text); return inner(c) }
		}
	}
	b := newBench(t, func(p *Plan) { p.Wrap(CheckForm, note("inner")); p.Wrap(CheckForm, note("outer")) })
	b.start()
	if want := []string{"outer", "inner"}; !slices.Equal(order, want) {
		t.Errorf("wrappings ran in the order %v, want %v", order, want)
	}
}

// Each edit changes what it is named after, in the order of the edits.
func TestEdits(t *testing.T) {
	t.Parallel()
	var edited []string
	note := func(what string) { edited = append(edited, what) }
	b := newBench(t, func(p *Plan) {
		p.EditFlows(func(_ *Call, f *Flow) { note("flow"); f.Binding = "edited" })
		p.EditDecisions(func(*Flow) { note("decision") })
		p.EditStates(func(_ *Call, _ *Flow, at State) State { note("state"); return at })
		p.EditGrants(func(_ *Call, g *Grant) { note("grant"); g.Scope = "openid" })
		p.EditAccessTokens(func(_ *Call, d *Draft) { note("access token"); d.Claims["x"] = 1 })
		p.EditIDTokens(func(_ *Call, d *Draft) { note("ID token"); d.Claims["x"] = 1 })
		p.EditSignedIDTokens(func(_ *Call, _ *Draft, token string) string { note("signed"); return token + ".x" })
		p.EditReplies(func(_ *Call, r *Reply) { note("reply"); r.Body["x"] = "first" })
		p.EditReplies(func(_ *Call, r *Reply) { r.Body["x"] = "second" })
		p.EditPrompts(func(f *Flow, prompt map[string]any) { prompt["x"] = f.Binding })
	})
	answer := b.tokens()
	want := []string{"flow", "reply", "decision", "state", "grant", "access token", "ID token", "signed", "reply"}
	if !slices.Equal(edited, want) {
		t.Errorf("edited %v, want %v", edited, want)
	}
	if answer.text("x") != "second" || !strings.HasSuffix(answer.text("id_token"), ".x") {
		t.Errorf("the answer is %v", answer.body)
	}
	f, s := b.op.find(b.start())
	s.mu.Unlock()
	if got := b.op.Rules().Prompt(b.op, f)["x"]; got != "edited" {
		t.Errorf("the prompt says %v", got)
	}
}

func TestDeclared(t *testing.T) {
	t.Parallel()
	b := newBench(t, func(p *Plan) { p.Declare("rar", false) })
	if got, there := b.op.Declared()["rar"]; !there || got {
		t.Errorf("declared %v", b.op.Declared())
	}
}

func TestPastIDToken(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	token, err := b.op.PastIDToken("basic-a", "alice", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	answer := b.post(PathStart, with(aliceSigns, "login_hint", "-", "id_token_hint", token), b.as("basic-a"))
	if !answer.is(http.StatusOK) { // CIBA Core 14: an expired one still names its user
		t.Errorf("as a hint: %d %v", answer.status, answer.body)
	}
	if _, err := b.op.PastIDToken("nobody", "alice", 0); err == nil {
		t.Error("an unknown client has an ID Token")
	}
}
