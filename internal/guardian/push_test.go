package guardian

import (
	"fmt"
	"strings"
	"testing"
)

const flat = `{"sh":"t.guardian.eu.auth0.com","dai":"dev_1","c":"challenge","txtkn":"a.b.c","txlnkid":"cns_1",` +
	`"d":"2026-11-30T12:00:00.000Z","s":"{}","l":"{}"}`

// Platforms and relays wrap the data of a push differently.
func TestEnvelopes(t *testing.T) {
	t.Parallel()
	want := Push{"t.guardian.eu.auth0.com", "dev_1", "challenge", "a.b.c", "cns_1"}
	for _, body := range []string{
		flat, `{"data":` + flat + `}`, `{"message":{"token":"fcm","data":` + flat + `}}`, `{"aps":{},"mfa":` + flat + `}`,
	} {
		if got, err := ParsePush([]byte(body)); err != nil || got != want {
			t.Errorf("%s: got %#v, %v", body, got, err)
		}
	}
}

// FuzzParsePush holds that whatever is taken for a push can go into a path and a header,
// and that nothing of it that is secret is in an error.
func FuzzParsePush(f *testing.F) {
	for _, seed := range []string{
		flat, `{"data":` + flat + `}`, `{"message":{"data":{}}}`, "[]", "null", "", `{"txtkn":1}`, `{"data":{"data":{"data":{"data":{}}}}}`,
		strings.Replace(flat, "cns_1", "..", 1), strings.Replace(flat, "cns_1", "a/b", 1), strings.Replace(flat, "a.b.c", "a\\nb", 1),
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		p, err := ParsePush(body)
		if err != nil {
			if p != (Push{}) {
				t.Errorf("an error and %+v", p)
			}
			return
		}
		if p.Consent == "." || p.Consent == ".." || strings.ContainsAny(p.Consent+p.Enrollment, "/\\?#%:@ \r\n") {
			t.Errorf("consent %q or enrollment %q is no piece of a path", p.Consent, p.Enrollment)
		}
		for _, r := range p.Token {
			if r <= ' ' || r > '~' {
				t.Errorf("token %q does not fit a header", p.Token)
			}
		}
		if p.Token == "" || p.Challenge == "" || p.Host == "" {
			t.Error("something is missing")
		}
	})
}

// A push that is written into a message shows no secret.
func TestPushIsSecret(t *testing.T) {
	t.Parallel()
	p, err := ParsePush([]byte(flat))
	if err != nil {
		t.Fatal(err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q"} {
		if text := fmt.Sprintf(verb, p); strings.Contains(text, p.Token) || strings.Contains(text, p.Challenge) {
			t.Errorf("%s shows %s", verb, text)
		}
	}
}
