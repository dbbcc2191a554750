package ciba

import (
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"html"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// shapes are ways in which an OP may hand out a token, most of them wrong.
var shapes = map[string]string{
	"JSON":                  `{"access_token":"%s"}`,
	"white space":           "{ \"access_token\"\n:\t\"%s\" }",
	"byte order mark":       "\ufeff{\"access_token\":\"%s\"}",
	"prefix against theft":  ")]}',\n{\"access_token\":\"%s\"}",
	"callback":              `done({"access_token":"%s"});`,
	"array":                 `[{"access_token":"%s"}]`,
	"text in an array":      `{"access_token":["%s"]}`,
	"object":                `{"access_token":{"value":"%s"}}`,
	"deeper":                `{"access_token":{"a":[{"b":"%s"}]},"c":1}`,
	"camel case":            `{"accessToken":"%s"}`,
	"capitals":              `{"ACCESS_TOKEN":"%s"}`,
	"dashes":                `{"access-token":"%s"}`,
	"broken off":            `{"access_token":"%s`,
	"no quotes":             `{access_token:%s}`,
	"single quotes":         `{'access_token':'%s'}`,
	"JSON within JSON":      `{"body":"{\"access_token\":\"%s\"}"}`,
	"form":                  `access_token=%s&token_type=Bearer`,
	"form with blanks":      `access_token = %s`,
	"YAML":                  "access_token: %s\n",
	"XML":                   `<access_token>%s</access_token>`,
	"HTML":                  `<p>access_token</p><p>%s</p>`,
	"escaped HTML":          `<pre>{&quot;access_token&quot;:&quot;%s&quot;}</pre>`,
	"sentence":              `the access_token is: access_token %s`,
	"twice, named once":     `{"sub":"%[1]s","access_token":"%[1]s"}`,
	"unnamed after a named": `{"access_token":"%[1]s","x":"Bearer %[1]s"}`,
}

func TestTokensAreHiddenInEveryShape(t *testing.T) {
	t.Parallel()
	for _, token := range []string{"2YotnFZFEjr1zCsicMWpAA", jwt(`{"alg":"ES256"}`, `{"sub":"alice"}`, "c2lnbmF0dXJl")} {
		for name, shape := range shapes {
			for _, media := range []string{"application/json", "text/html"} {
				shown, _ := NewMasker().body(media, fmt.Appendf(nil, shape, token))
				if strings.Contains(shown, token) || strings.Contains(shown, "c2lnbmF0dXJl") {
					t.Errorf("%s: %s", name, shown)
				}
			}
		}
	}
	for name, body := range map[string]string{"number": `{"access_token":123456789012}`, "raw": jwt(`{"alg":"ES256"}`, `{"sub":"a"}`, "c2lnbmF0dXJl")} {
		if shown, _ := NewMasker().body("", []byte(body)); strings.Contains(shown, "56789") || strings.Contains(shown, "c2ln") {
			t.Errorf("%s: %s", name, shown)
		}
	}
}

// What is no secret stays readable, whatever an OP declares to be one.
func TestOrdinaryTextStays(t *testing.T) {
	t.Parallel()
	m := NewMasker()
	_, _ = m.body("", []byte(`{"access_token":"authorization_pending","id_token":"Bearer"}`))
	for _, text := range []string{
		`{"error":"authorization_pending","error_description":"The access_token is missing or unacceptable."}`,
		`{"token_type":"Bearer","expires_in":300,"interval":5}`,
		`{"a":[1,2,{"b":"c"}],"access_token":"","d":"e"}`,
		`{"code":403,"request":{"path":"/token","id":"4711"},"token":null}`,
		`<html><p>Invalid token: something_went_very_wrong_here</p></html>`,
	} {
		if shown, _ := m.body("application/json", []byte(text)); shown != text {
			t.Errorf("%s became %s", text, shown)
		}
	}
}

// A secret of the target file is found in whatever an OP makes of it.
func TestKnownSecretsAreFoundInEverySpelling(t *testing.T) {
	t.Parallel()
	const secret = "CANARY/plain+secret=1234567"
	m := NewMasker(secret)
	spelled := map[string]string{
		"raw": secret, "query": url.QueryEscape(secret), "path": url.PathEscape(secret), "HTML": html.EscapeString(secret),
		"hexadecimal": hex.EncodeToString([]byte(secret)), "capitals": strings.ToUpper(secret), "small": strings.ToLower(secret),
	}
	for n := range 7 {
		credentials := strings.Repeat("x", n) + ":" + secret + strings.Repeat("y", n)
		spelled[fmt.Sprintf("Basic, %d", n)] = base64.StdEncoding.EncodeToString([]byte(credentials))
		spelled[fmt.Sprintf("base64url, %d", n)] = base64.RawURLEncoding.EncodeToString([]byte(credentials))
	}
	for name, text := range spelled {
		shown := m.Text("before " + text + " after")
		if !strings.Contains(shown, m.mark(secret)) || !strings.HasPrefix(shown, "before ") || !strings.HasSuffix(shown, " after") {
			t.Errorf("%s: %s", name, shown)
		}
	}
}

// What was hidden once is hidden wherever it comes back: in the same exchange, in a
// header, in a later one.
func TestHiddenValuesStayHidden(t *testing.T) {
	t.Parallel()
	m := NewMasker()
	const id, token, bearer = "1c266114-a1be-4252-8ad1-04986c5b9ac1", "SlAV32hkKG-and-more", "another-Bearer-token-77"
	req := httptest.NewRequest(http.MethodPost, "http://op.example/token?trace="+token, strings.NewReader(""))
	req.Header.Set("Authorization", "Bearer "+bearer)
	body := []byte("auth_req_id=" + id + "&state=" + token)
	answer := &Response{
		Status: 400, Header: http.Header{"X-Echo": {id + " " + token + " " + bearer}},
		Body: []byte(`{"error_description":"` + string(body) + ` ` + bearer + `","access_token":"` + token + `"}`),
	}
	first, later := m.Exchange("first", req, body, answer), m.Exchange("later", req, body, answer)
	for _, value := range []string{id, token, bearer} {
		if strings.Contains(fmt.Sprint(first.Response, *first.Response), value) {
			t.Errorf("the first answer shows %s: %+v", value, first.Response)
		}
		if strings.Contains(fmt.Sprint(later.Request, *later.Response), value) {
			t.Errorf("a later exchange shows %s: %+v", value, later)
		}
	}
}

// However many values come by, what is kept of them is bounded, and the last ones
// are hidden.
func TestPassedValuesAreBounded(t *testing.T) {
	t.Parallel()
	m := NewMasker()
	long := strings.Repeat("A1", 4<<10)
	for i := range 3000 {
		m.hidden(fmt.Sprintf("%05d-%s", i, long))
	}
	if m.known.bytes > maxPassed || len(m.known.values) != len(m.known.passed) {
		t.Errorf("%d bytes of %d values are kept", m.known.bytes, len(m.known.values))
	}
	if last := fmt.Sprintf("02999-%s", long); m.Text(last) == last {
		t.Error("the last one is shown")
	}
}

func FuzzMasker(f *testing.F) {
	for _, shape := range shapes {
		f.Add(fmt.Sprintf(shape, "2YotnFZFEjr1zCsicMWpAA"), "application/json")
	}
	f.Fuzz(func(t *testing.T, text, media string) {
		const secret = "CANARY-secret-aaaa-1111"
		shown, _ := NewMasker(secret).body(media, []byte(text+secret+text))
		if strings.Contains(shown, secret) {
			t.Errorf("%q", shown)
		}
	})
}
