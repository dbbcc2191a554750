package refop

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/cibatest/cibatest/fixtures"
)

// This OP is a target of load tests, too: what it costs is kept an eye on.

func BenchmarkStart(b *testing.B) {
	form := url.Values{"scope": {"openid profile"}, "login_hint": {"alice"}, "binding_message": {"W4SCT"}}.Encode()
	hammer(b, "/ciba/start-here", func(http.Handler) string { return form }, http.StatusOK)
}

func BenchmarkPendingPoll(b *testing.B) {
	hammer(b, "/grants/redeem", func(h http.Handler) string {
		w := sendTo(h, "/ciba/start-here", "scope=openid&login_hint=alice")
		_, rest, _ := strings.Cut(w.Body.String(), `"auth_req_id":"`)
		id, _, _ := strings.Cut(rest, `"`)
		return "grant_type=urn:openid:params:grant-type:ciba&auth_req_id=" + id
	}, http.StatusBadRequest)
}

// hammer sends one request over and over, from several clients at once.
func hammer(b *testing.B, path string, form func(http.Handler) string, want int) {
	b.Helper()
	reg, err := ParseRegistration(fixtures.ReferenceRegistration(), fixtures.Keys())
	if err != nil {
		b.Fatal(err)
	}
	op, err := New(reg, WithIssuer("https://op.example"))
	if err != nil {
		b.Fatal(err)
	}
	defer op.Close()
	h := op.Handler()
	body := form(h)
	b.ReportAllocs()
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if w := sendTo(h, path, body); w.Code != want {
				b.Errorf("got %d, want %d", w.Code, want)
			}
		}
	})
}

func sendTo(h http.Handler, path, form string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, path, io.NopCloser(strings.NewReader(form)))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth("basic-b", "basic-b-secret-51c09e")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}
