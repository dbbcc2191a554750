package driver

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
)

// A client that is refused whatever it asks is found out, without a user being asked.
// One that needs assertions with a JWT type is let in with them.
func TestTryCredentials(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer func(path string, form url.Values) (int, string)
		want   [2]bool // basic and hmac are refused
	}{
		"both are let in": {func(string, url.Values) (int, string) {
			return http.StatusBadRequest, oauthError("invalid_request")
		}, [2]bool{false, false}},
		"assertions are refused": {func(_ string, form url.Values) (int, string) {
			if form.Has("client_assertion") {
				return http.StatusUnauthorized, oauthError("invalid_client")
			}
			return http.StatusBadRequest, oauthError("invalid_request")
		}, [2]bool{false, true}},
		"the token endpoint refuses": {func(path string, _ url.Values) (int, string) {
			if path == pathToken {
				return http.StatusBadRequest, oauthError("unauthorized_client")
			}
			return http.StatusBadRequest, oauthError("invalid_request")
		}, [2]bool{true, true}},
		"assertions need a type": {func(_ string, form url.Values) (int, string) {
			if a := form.Get("client_assertion"); a != "" && !strings.Contains(headerOf(a), "client-authentication+jwt") {
				return http.StatusUnauthorized, oauthError("invalid_client")
			}
			return http.StatusBadRequest, oauthError("invalid_request")
		}, [2]bool{false, false}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			op := &fakeOP{answer: func(_ int, path string, form url.Values) (int, http.Header, string) {
				if form.Has("login_hint") {
					t.Error("a user was named")
				}
				status, body := c.answer(path, form)
				return status, nil, body
			}}
			run, _ := testRun(t, op)
			run.TryCredentials(t.Context(), run.Clients())
			for i, client := range run.Clients() {
				if refused := client.Rejection() != ""; refused != c.want[i] {
					t.Errorf("client %s: rejection %q", client.Name, client.Rejection())
				}
			}
			if working := Working(run.Clients()); len(working) == 0 {
				t.Error("where all are refused all are tried")
			}
		})
	}
}

// An OP that ends or refuses a user's first request for a second one is found out, and
// from then on a driver closes what it has open before it asks the user again.
func TestProbeParallel(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		second int    // status of the second start
		first  string // what the first flow is answered afterwards
		want   string
	}{
		"both live":               {http.StatusOK, "authorization_pending", ""},
		"the second is refused":   {http.StatusBadRequest, "authorization_pending", "a second request of the same user is answered 400"},
		"the first is ended":      {http.StatusOK, "expired_token", "after a second request of the same user the first is answered 400"},
		"something else is wrong": {http.StatusOK, "invalid_request", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				starts := 0
				op := &fakeOP{answer: func(_ int, path string, form url.Values) (int, http.Header, string) {
					if path == pathStart {
						if starts++; starts == 2 && c.second != http.StatusOK {
							return c.second, nil, oauthError("invalid_request")
						}
						return http.StatusOK, nil, ack([]string{"", "one", "two"}[starts])
					}
					if form.Get("auth_req_id") == "one" {
						return http.StatusBadRequest, nil, oauthError(c.first)
					}
					return http.StatusBadRequest, nil, oauthError("authorization_pending")
				}}
				run, _ := testRun(t, op)
				got := run.ProbeParallel(t.Context(), run.Clients()[0])
				if !strings.HasPrefix(got, c.want) || (got == "") != (c.want == "") {
					t.Errorf("got %q, want %q", got, c.want)
				}
				if run.OneRequestPerUser() != (c.want != "") {
					t.Error("the run is limited exactly where something was found")
				}
			})
		})
	}
}
