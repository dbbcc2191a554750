package mockdevice

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// FuzzAdapters sends a body to every dialect: an answer of success leaves a request
// that the page can show, any other leaves nothing.
func FuzzAdapters(f *testing.F) {
	for _, seed := range []string{
		`{"auth_req_id":"x","authorization_details":[{"type":"payment","amount":50}],"expires_at":"2100-01-01T00:00:00Z","callback":"http://op"}`,
		`{"login_hint":"alice","scope":"openid","authorization_details":"[{\"a\":[1,null,{}]}]"}`,
		`{"workspace":"w","user":"u","message":"m","timeout":5,"actionize_token":"t"}`,
		`{"id":"x","user":["a","b"],"rar":"[]","in":"30","at":1}`, `{"decision":"narrow","scope":"openid","authorization_details":[]}`,
	} {
		f.Add(seed)
	}
	adapters, err := ParseAdapters("a", []byte(`
keycloak: {callback: "http://op/cb"}
generic: [{name: acme, map: {id: /id, user: /user, details: /rar, expires_at: /at, expires_in: /in}}]`))
	if err != nil {
		f.Fatal(err)
	}
	d := New(WithAdapters(adapters))
	handler := d.Handler()
	f.Fuzz(func(t *testing.T, body string) {
		for _, path := range []string{"/v1/requests", "/adapters/keycloak", "/adapters/authlete/api/authenticate/poll", "/adapters/generic/acme", "/v1/explain", "/v1/decisions"} {
			w := httptest.NewRecorder()
			r := httptest.NewRequest("POST", path, strings.NewReader(body))
			r.Header.Set("Authorization", "Bearer b")
			handler.ServeHTTP(w, r)
			kept := d.Requests(nil)
			if took := w.Code/100 == 2 && path != "/v1/decisions"; w.Code >= 500 || len(kept) > 1 || took != (len(kept) == 1) {
				t.Fatalf("%s is answered %d and keeps %d requests", path, w.Code, len(kept))
			}
			for _, r := range kept {
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, httptest.NewRequest("GET", "/phone/requests/"+r.Ref, nil))
				if w.Code != http.StatusOK || !utf8.ValidString(w.Body.String()) {
					t.Fatalf("the page is answered %d", w.Code)
				}
			}
			d.Reset()
		}
	})
}

// FuzzRules reads any text as a policy and an adapter file; what is accepted judges
// any request without panic, twice the same.
func FuzzRules(f *testing.F) {
	example, err := os.ReadFile("testdata/agents.yaml")
	if err != nil {
		f.Fatal(err)
	}
	details := `[{"type":"payment","amount":"50","currency":"USD","lines":[{"qty":1}]}]`
	f.Add(string(example), details)
	f.Add(mixedRules, details)
	f.Add("rules: [{when: {details: {total: {at: /lines/*/qty, more: 0}, count: {less: 9e9}}}, then: {act: narrow, keep: {where: [{at: '', not: {a: [1, null]}}]}}}]", details)
	f.Add("keycloak: {callback: http://kc}\ngeneric: [{name: a, map: {id: /id}, sync: 1s}]", "[]")
	f.Fuzz(func(t *testing.T, text, details string) {
		_, _ = ParseAdapters("a", []byte(text))
		rules, err := ParseRules("p", []byte(text))
		if err != nil {
			if err.Error() == "" {
				t.Fatal("refused without a word")
			}
			return
		}
		r := Request{AuthReqID: "r", LoginHint: "u", ReceivedAt: time.Now(), AuthorizationDetails: json.RawMessage(details)}
		if r.check() != nil {
			return
		}
		e, v := rules.Explain(r), rules.Judge(r)
		if e.Rule != v.Rule || e.AfterMS != v.After.Milliseconds() || v.After < 0 {
			t.Fatalf("explained %+v, judged %+v", e, v)
		}
		if _, err := parseDetails(v.Decision.AuthorizationDetails); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzVisible: whatever an OP writes, nothing on the page is unseen, and nothing of it
// is left out.
func FuzzVisible(f *testing.F) {
	f.Add("PAY 10\u202e00.1\u200b \u00a0x\xff  \n")
	f.Fuzz(func(t *testing.T, text string) {
		var readable, whole strings.Builder
		marks := 0
		for _, p := range visible(text) {
			readable.WriteString(p.Text)
			whole.WriteString(p.Text)
			if p.Mark != "" {
				marks++
			}
		}
		hidden := 0
		for i, r := range text {
			if hiddenName(r, text[i:]) != "" {
				hidden++
			}
		}
		if hidden != marks || utf8.RuneCountInString(text) != utf8.RuneCountInString(whole.String())+marks {
			t.Fatalf("%q: %d hidden, %d marks", text, hidden, marks)
		}
		if strings.ContainsAny(readable.String(), "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200b\u200e\u200f\ufeff\x00\x1b\r\n") || !utf8.ValidString(readable.String()) {
			t.Fatalf("%q is shown as %q", text, readable.String())
		}
	})
}
