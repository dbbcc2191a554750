package personas_test

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/cibatest/cibatest/fixtures"
	"github.com/cibatest/cibatest/internal/opfile"
	"github.com/cibatest/cibatest/internal/refop"
	"github.com/cibatest/cibatest/internal/refop/personas"
	"github.com/cibatest/cibatest/internal/yamlfile"
)

const host = "https://localhost:9443"

// bench is an OP that stands in for a product and is called without a network.
type bench struct {
	t       *testing.T
	op      *refop.OP
	handler http.Handler
	prompts *[]map[string]any
	paths   refop.Paths
}

// standIn makes an OP of a persona's own registration, open or not.
func standIn(t *testing.T, name string, open bool, options ...string) *bench {
	t.Helper()
	persona, err := personas.Get(name)
	if err != nil {
		t.Fatal(err)
	}
	settings, err := persona.Settings(options)
	if err != nil {
		t.Fatal(err)
	}
	text, err := fixtures.PersonaRegistration(name)
	if err != nil {
		t.Fatal(err)
	}
	file, err := opfile.Parse(name+".yaml", text, yamlfile.Env{FS: fixtures.Tree(), Dir: "registrations"})
	if err != nil {
		t.Fatal(err)
	}
	reg := file.Registration
	if !open {
		reg.Open = refop.Open{}
	}
	reference, err := refop.ParseRegistration(fixtures.ReferenceRegistration(), fixtures.Keys())
	if err != nil {
		t.Fatal(err)
	}
	reg.SignBy(reference.Keys())
	persona.Fill(&reg)
	b := &bench{t: t, prompts: &[]map[string]any{}}
	record := refop.WithPlan(func(p *refop.Plan) {
		b.paths = p.Paths
		p.Rules.Ask = func(op *refop.OP, f *refop.Flow) { *b.prompts = append(*b.prompts, p.Rules.Prompt(op, f)) }
	})
	b.op, err = refop.New(reg, refop.WithIssuer(host+persona.IssuerPath(settings)), persona.As(settings), record)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.op.Close)
	b.handler = b.op.Handler()
	return b
}

// reply is an answer as a client sees it.
type reply struct {
	status int
	header http.Header
	body   map[string]any
}

func (r reply) text(name string) string {
	value, _ := r.body[name].(string)
	return value
}

func (b *bench) post(path string, form url.Values, edits ...func(*http.Request)) reply {
	return b.send(http.MethodPost, path, "application/x-www-form-urlencoded", form.Encode(), edits...)
}

func (b *bench) send(method, path, media, body string, edits ...func(*http.Request)) reply {
	b.t.Helper()
	r := httptest.NewRequestWithContext(b.t.Context(), method, strings.TrimSuffix(b.op.Issuer(), "/")+path, strings.NewReader(body))
	if media != "" {
		r.Header.Set("Content-Type", media)
	}
	for _, edit := range edits {
		edit(r)
	}
	w := httptest.NewRecorder()
	b.handler.ServeHTTP(w, r)
	answer := reply{status: w.Code, header: w.Header()}
	if err := json.Unmarshal(w.Body.Bytes(), &answer.body); err != nil {
		b.t.Fatalf("%s %s: %v", method, path, err)
	}
	return answer
}

func bearer(token string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
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

// decide is what the user does.
func (b *bench) decide(id, action string) {
	b.t.Helper()
	if status := b.decided(id, action); status != http.StatusNoContent {
		b.t.Fatalf("the decision is answered %d", status)
	}
}

// decided is how the OP takes a decision.
func (b *bench) decided(id, action string) (status int) {
	w := httptest.NewRecorder()
	query := url.Values{"auth_req_id": {id}, "action": {action}}
	b.op.Control().ServeHTTP(w, httptest.NewRequestWithContext(b.t.Context(), http.MethodPost, "/decision?"+query.Encode(), nil))
	return w.Code
}

// secret is the credential of a registered client, or of one that is not.
func (b *bench) secret(id string) url.Values {
	secret := "anything"
	if c := b.op.Client(id); c != nil && c.Secret != "" {
		secret = c.Secret
	}
	return url.Values{"client_id": {id}, "client_secret": {secret}}
}

// flow starts a request, has it approved and returns the token response.
func (b *bench) flow(start url.Values) reply {
	b.t.Helper()
	id := b.begun(start)
	b.decide(id, "allow")
	answer := b.poll(start, id)
	if answer.status != http.StatusOK {
		b.t.Fatalf("redeem: %d %v", answer.status, answer.body)
	}
	return answer
}

func (b *bench) begun(start url.Values) (id string) {
	b.t.Helper()
	answer := b.post(b.paths.Start, start)
	if answer.status != http.StatusOK {
		b.t.Fatalf("start: %d %v", answer.status, answer.body)
	}
	return answer.text("auth_req_id")
}

func (b *bench) poll(start url.Values, id string) reply {
	return b.post(b.paths.Token, url.Values{
		"client_id": start["client_id"], "client_secret": start["client_secret"], "grant_type": {refop.GrantCIBA}, "auth_req_id": {id},
	})
}
