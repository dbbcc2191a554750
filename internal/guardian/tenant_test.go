package guardian_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/cibatest/cibatest/internal/guardian"
	"github.com/cibatest/cibatest/internal/guardian/guardiantest"
	"github.com/cibatest/cibatest/internal/jose"
)

func TestAddresses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		address string
		of      []string // pushes of these hosts are the tenant's
		foreign []string
	}{
		{
			"https://t.guardian.eu.auth0.com",
			[]string{"t.guardian.eu.auth0.com", "https://T.guardian.eu.auth0.com/appliance-mfa", "t.eu.auth0.com"},
			[]string{
				"t.eu.auth0.com.evil.example", "evil.example/t.guardian.eu.auth0.com", "t.guardian.eu.auth0.com@evil.example", "",
				"t.guardian.eu.auth0.com:8443", "://",
			},
		},
		{"https://login.example.com/appliance-mfa/", []string{"login.example.com"}, []string{"example.com", "t.guardian.eu.auth0.com"}},
		{"http://127.0.0.1:8080/appliance-mfa", []string{"127.0.0.1:8080"}, []string{"127.0.0.1:8081"}},
	} {
		tenant, err := guardian.NewTenant(c.address, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, host := range c.of {
			if !tenant.Is(host) {
				t.Errorf("%s is not taken for %s", host, c.address)
			}
		}
		for _, host := range c.foreign {
			if tenant.Is(host) {
				t.Errorf("%s is taken for %s", host, c.address)
			}
		}
	}
	for _, address := range []string{
		"", "t.eu.auth0.com", "http://t.eu.auth0.com", "https://u:p@t.eu.auth0.com", "https://t.eu.auth0.com?x", "ftp://127.0.0.1",
	} {
		if _, err := guardian.NewTenant(address, nil); err == nil {
			t.Errorf("%q is taken for the address of a tenant", address)
		}
	}
}

func TestBarcodes(t *testing.T) {
	t.Parallel()
	b, err := guardian.ParseBarcode("otpauth://totp/tenant:alice?enrollment_tx_id=tx1&base_url=https%3A%2F%2Ft.guardian.eu.auth0.com&secret=S")
	if err != nil || b.TransactionID != "tx1" || b.Host != "https://t.guardian.eu.auth0.com" {
		t.Errorf("got %+v, %v", b, err)
	}
	for _, uri := range []string{"", "https://t/?enrollment_tx_id=tx1", "otpauth://totp/x?secret=hidden", "otpauth://%zz"} {
		if _, err := guardian.ParseBarcode(uri); err == nil || strings.Contains(err.Error(), "hidden") {
			t.Errorf("%q: %v", uri, err)
		}
	}
}

// tampering changes what a device sends on its way to the tenant.
type tampering struct{ change func(*http.Request) }

func (tr tampering) RoundTrip(r *http.Request) (*http.Response, error) {
	if tr.change != nil {
		tr.change(r)
	}
	return http.DefaultTransport.RoundTrip(r)
}

// The road of a device: it enrolls, is asked, sees what, answers, and leaves. Whatever is
// changed on the way is refused, so that the tenant of these tests proves something.
func TestWire(t *testing.T) {
	t.Parallel()
	fake := guardiantest.Start()
	t.Cleanup(fake.Close)
	way := &tampering{}
	tenant, err := guardian.NewTenant(fake.URL+guardiantest.API, way)
	if err != nil {
		t.Fatal(err)
	}
	e := enrolled(t, fake, tenant)
	decided := make(chan string, 1)
	op := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		decided <- string(body)
	}))
	t.Cleanup(op.Close)
	p := pushed(t, fake, op.URL)

	proof := func(edit func(header, claims map[string]any)) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("MFA-DPoP", retold(t, r.Header.Get("MFA-DPoP"), edit)) }
	}
	var used string
	for name, change := range map[string]func(*http.Request){
		"another address": func(r *http.Request) { r.URL.Path += "x" },
		"another token":   func(r *http.Request) { r.Header.Set("Authorization", "MFA-DPoP other") },
		"no proof":        func(r *http.Request) { r.Header.Del("MFA-DPoP") },
		"another htu":     proof(func(_, claims map[string]any) { claims["htu"] = "https://evil.example" }),
		"a used proof": func(r *http.Request) {
			first := r.Clone(r.Context())
			resp, err := http.DefaultTransport.RoundTrip(first)
			if err == nil {
				resp.Body.Close()
			}
			used = r.Header.Get("MFA-DPoP")
		},
	} {
		way.change = change
		if _, err := tenant.Consent(t.Context(), e, p); err == nil {
			t.Errorf("the consent is shown with %s", name)
		}
	}
	if used == "" {
		t.Error("no proof was used twice")
	}
	way.change = nil
	consent, err := tenant.Consent(t.Context(), e, p)
	if err != nil || consent.BindingMessage != "ONE" || strings.Join(consent.Scope, " ") != "openid pay" || consent.Audience == "" {
		t.Fatalf("got %+v, %v", consent, err)
	}

	for name, edit := range map[string]func(header, claims map[string]any){
		"another decision":  func(_, claims map[string]any) { claims["auth0_guardian_accepted"] = true },
		"another challenge": func(_, claims map[string]any) { claims["sub"] = "other" },
	} {
		way.change = func(r *http.Request) { replaceAnswer(t, r, edit) }
		if err := tenant.Resolve(t.Context(), e, p, false); err == nil {
			t.Errorf("an answer is taken with %s", name)
		}
	}
	way.change = nil
	wrong := p
	wrong.Challenge = "other"
	if err := tenant.Resolve(t.Context(), e, wrong, true); err == nil {
		t.Error("the answer to another challenge is taken")
	}
	if err := tenant.Resolve(t.Context(), e, p, false); err != nil {
		t.Fatal(err)
	}
	if told := <-decided; !strings.Contains(told, "deny") {
		t.Errorf("the OP is told %s", told)
	}
	if refused, ok := errors.AsType[*guardian.StatusError](tenant.Resolve(t.Context(), e, p, true)); !ok || refused.Status != 404 {
		t.Errorf("a second answer: %v", refused)
	}

	if err := tenant.Unenroll(t.Context(), e); err != nil || fake.Devices() != 0 {
		t.Errorf("%v, and %d devices are left", err, fake.Devices())
	}
	if refused, ok := errors.AsType[*guardian.StatusError](tenant.Unenroll(t.Context(), e)); !ok || refused.Status != 404 {
		t.Errorf("a second time: %v", refused)
	}
}

// enrolled is a device of alice that went through its file.
func enrolled(t *testing.T, fake *guardiantest.Tenant, tenant *guardian.Tenant) *guardian.Enrollment {
	t.Helper()
	ticket := fake.Ticket("alice")
	e, err := tenant.Enroll(t.Context(), ticket, "lab", "fcm")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tenant.Enroll(t.Context(), ticket, "lab", "fcm"); err == nil {
		t.Error("a transaction enrolls twice")
	}
	file, err := e.File()
	if err != nil {
		t.Fatal(err)
	}
	again, err := guardian.ParseEnrollment(file)
	if err != nil || again.ID != e.ID || again.UserID != "auth0|alice" || tenant.Knows(again) != nil {
		t.Fatalf("got %+v, %v", again, err)
	}
	return again
}

// pushed is the push about a request of the OP.
func pushed(t *testing.T, fake *guardiantest.Tenant, callback string) guardian.Push {
	t.Helper()
	came := make(chan map[string]string, 1)
	fake.RelayTo(func(_ string, data map[string]string) { came <- data })
	asked, _ := json.Marshal(map[string]any{
		"auth_req_id": "r1", "login_hint": "alice", "binding_message": "ONE", "scope": "openid pay",
		"callback": callback, "expires_at": time.Now().Add(time.Minute),
	})
	resp, err := http.Post(fake.URL+"/v1/requests", "application/json", bytes.NewReader(asked))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	body, _ := json.Marshal(<-came)
	p, err := guardian.ParsePush(body)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// retold is a token with other content under the old signature.
func retold(t *testing.T, token string, edit func(header, claims map[string]any)) string {
	t.Helper()
	forged, err := jose.Retell(token, edit)
	if err != nil {
		t.Error(err)
	}
	return forged
}

func replaceAnswer(t *testing.T, r *http.Request, edit func(header, claims map[string]any)) {
	t.Helper()
	var body map[string]string
	if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
		t.Error(err)
	}
	body["challenge_response"] = retold(t, body["challenge_response"], edit)
	data, _ := json.Marshal(body)
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(data)), int64(len(data))
}

// A tenant that answers nonsense, too much, or with the way to another host is refused in
// words that show nothing secret.
func TestHostileAnswers(t *testing.T) {
	t.Parallel()
	foreign := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("another host was reached") }))
	t.Cleanup(foreign.Close)
	fake := guardiantest.Start()
	t.Cleanup(fake.Close)
	genuine, err := guardian.NewTenant(fake.URL+guardiantest.API, http.DefaultTransport)
	if err != nil {
		t.Fatal(err)
	}
	e := enrolled(t, fake, genuine)
	p := guardian.Push{Host: "t", Enrollment: e.ID, Challenge: "secret-challenge", Token: "secret-token", Consent: "cns_1"}
	for name, answer := range map[string]http.HandlerFunc{
		"huge":            func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(bytes.Repeat([]byte("{"), 300<<10)) },
		"no JSON":         func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) },
		"another consent": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"id":"cns_2"}`)) },
		"wrong types": func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"id":"cns_1","requested_details":{"scope":1}}`))
		},
		"a redirect": func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, foreign.URL, http.StatusFound) },
		"an echo": func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusBadRequest)
			_, _ = w.Write([]byte(`{"errorCode":"bad","message":"` + r.Header.Get("Authorization") + `"}`))
		},
	} {
		hostile := httptest.NewServer(answer)
		tenant, err := guardian.NewTenant(hostile.URL, http.DefaultTransport)
		if err != nil {
			t.Fatal(err)
		}
		_, err = tenant.Consent(t.Context(), e, p)
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", name, err)
		}
		if err := tenant.Resolve(t.Context(), e, p, true); name == "a redirect" && err == nil {
			t.Error("a redirect is an answer taken")
		}
		hostile.Close()
	}
}

func TestBrokenEnrollments(t *testing.T) {
	t.Parallel()
	for _, file := range []string{
		"", "{}", `{"tenant":"t","identifier":"i","id":"../x","key":{}}`,
		`{"tenant":"t","identifier":"i","id":"d","key":{"kty":"oct","k":"AA"}}`,
	} {
		if _, err := guardian.ParseEnrollment([]byte(file)); err == nil {
			t.Errorf("%q is taken for an enrollment", file)
		}
	}
}
