package mockdevice

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
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
		for _, path := range []string{
			"/v1/requests", "/adapters/keycloak", "/adapters/authlete/api/authenticate/poll",
			"/adapters/generic/acme", "/v1/explain", "/v1/decisions",
		} {
			w := httptest.NewRecorder()
			r := httptest.NewRequest("POST", "http://localhost"+path, strings.NewReader(body))
			r.Header.Set("Authorization", "Bearer b")
			handler.ServeHTTP(w, r)
			kept := d.Requests(nil)
			if took := w.Code/100 == 2 && path != "/v1/decisions"; w.Code >= 500 || len(kept) > 1 || took != (len(kept) == 1) {
				t.Fatalf("%s is answered %d and keeps %d requests", path, w.Code, len(kept))
			}
			for _, r := range kept {
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, httptest.NewRequest("GET", "http://localhost/phone/requests/"+r.Ref, nil))
				if w.Code != http.StatusOK || !utf8.ValidString(w.Body.String()) {
					t.Fatalf("the page is answered %d", w.Code)
				}
			}
			d.Reset()
		}
	})
}

// FuzzParseAdapters reads any text as an adapter file: it is understood, or refused with a
// word.
func FuzzParseAdapters(f *testing.F) {
	f.Add(string(ExampleAdapters()))
	f.Add("keycloak: {callback: http://kc}\ngeneric: [{name: a, map: {id: /id}, sync: 1s}]")
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := ParseAdapters("a", []byte(text)); err != nil && err.Error() == "" {
			t.Fatal("refused without a word")
		}
	})
}
