package ciba

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
)

// jwt is a compact serialisation of these parts, the last one as it is.
func jwt(header, claims, signature string) string {
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(header)) + "." + encode([]byte(claims)) + "." + signature
}

// The evidence shows what a token says and never the token.
func TestTokensAreDecoded(t *testing.T) {
	t.Parallel()
	const header, signature = `{"alg":"ES256","kid":"k1"}`, "c2lnbmF0dXJl"
	claims := `{"sub":"alice","iat":1, "urn:openid:params:jwt:claim:auth_req_id":"id-4711","note":"hunter2-secret"}`
	token := jwt(header, claims, signature)
	nested := strings.Repeat("a", longestPart+1)
	m := NewMasker("hunter2-secret")
	for name, c := range map[string]struct {
		contentType, body string
		tokens            int
		claims            bool
	}{
		"json":         {"application/json", `{"id_token":"` + token + `","expires_in":5}`, 1, true},
		"form":         {"application/x-www-form-urlencoded", "grant_type=x&client_assertion=" + token, 1, true},
		"twice":        {"application/json", `{"id_token":"` + token + `","more":{"id_token":"` + token + `"}}`, 1, true},
		"two names":    {"application/json", `{"id_token":"` + token + `","access_token":"` + token + `"}`, 2, true},
		"unsigned":     {"application/json", `{"id_token":"` + jwt(header, claims, "") + `"}`, 1, false},
		"encrypted":    {"application/json", `{"id_token":"` + jwt(`{"alg":"ECDH-ES","enc":"A128GCM"}`, "x", "y") + ".b.c" + `"}`, 1, false},
		"opaque":       {"application/json", `{"access_token":"a.b.c"}`, 0, false},
		"not json":     {"application/json", `{"access_token":"` + jwt("text", claims, signature) + `"}`, 0, false},
		"not utf-8":    {"application/json", `{"access_token":"` + jwt("{\xff}", claims, signature) + `"}`, 0, false},
		"huge":         {"application/json", `{"access_token":"` + jwt(nested, claims, signature) + `"}`, 0, false},
		"not a secret": {"application/json", `{"state":"` + token + `"}`, 0, false},
	} {
		shown, tokens := m.body(c.contentType, []byte(c.body))
		if len(tokens) != c.tokens {
			t.Errorf("%s: %d tokens, want %d", name, len(tokens), c.tokens)
			continue
		}
		for _, token := range tokens {
			if !strings.Contains(shown, token.Mark) || token.Header == "" || (token.Claims != "") != c.claims {
				t.Errorf("%s: %+v of %s", name, token, shown)
			}
			if c.claims && !strings.HasPrefix(token.Claims, `{"sub":"alice","iat":1, "urn:openid:params:jwt:claim:auth_req_id":"[masked:`) {
				t.Errorf("%s: claims %s", name, token.Claims)
			}
			for _, secret := range []string{signature, "hunter2", "id-4711"} {
				if strings.Contains(shown+token.Header+token.Claims, secret) {
					t.Errorf("%s shows %s", name, secret)
				}
			}
		}
	}
}

// A token in a header or in a query is hidden, without being told.
func TestTokensElsewhereStayHidden(t *testing.T) {
	t.Parallel()
	token := jwt(`{"alg":"ES256"}`, `{"sub":"alice"}`, "c2ln")
	list := NewMasker().header(http.Header{"Authorization": {"Bearer " + token}})
	if strings.Contains(list[0].Value, "c2ln") {
		t.Error("the header shows the token")
	}
}
