package main

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/cibatest/cibatest/internal/lab"
	"github.com/cibatest/cibatest/internal/notify"
)

// approachable runs a reference OP whose calls go to a URL, and writes a target file whose
// notifications section is the given one.
func approachable(t *testing.T, at, notifications string, trusted []byte) (target string) {
	t.Helper()
	dir := t.TempDir()
	l, err := lab.Start(t.Context(), lab.Options{Receiver: at, ReceiverCA: trusted})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Close)
	if err := writeTarget(dir, l); err != nil {
		t.Fatal(err)
	}
	target = dir + "/targets/reference.yaml"
	text, err := os.ReadFile(target)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "notifications:") {
			line = notifications + "\n"
		}
		lines = append(lines, line)
	}
	if err := os.WriteFile(target, []byte(strings.Join(lines, "")), 0o600); err != nil {
		t.Fatal(err)
	}
	return target
}

// mountedAt is a reverse proxy that has what is at an address below a path of its own, and
// takes the path away.
func mountedAt(t *testing.T, path, address string) string {
	t.Helper()
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(&url.URL{Scheme: "http", Host: address}) }}
	server := httptest.NewServer(http.StripPrefix(path, proxy))
	t.Cleanup(server.Close)
	return server.URL + path
}

func port(t *testing.T) string {
	t.Helper()
	address, err := freePort(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return address
}

// check --flow shows that the OP's calls arrive: below the path of a reverse proxy, and over
// TLS by an own authority.
func TestCheckFlowIsCalled(t *testing.T) {
	t.Parallel()
	listen := port(t)
	proxy := mountedAt(t, "/ciba/cb", listen)
	secure := port(t)
	ca := t.TempDir() + "/notifications.pem"
	authority, err := notify.OwnAuthority(ca)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		at, notifications string
		trusted           []byte
	}{
		"behind a proxy": {at: proxy, notifications: `notifications: {listen: "` + listen + `", public_url: "` + proxy + `"}`},
		"own authority": {
			at: "https://" + secure, trusted: authority.PEM,
			notifications: `notifications: {listen: "` + secure + `", public_url: "https://` + secure + `", tls: {ca_file: "` + ca + `"}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			target := approachable(t, c.at, c.notifications, c.trusted)
			code, out, errOut := called(t, "check", "--flow", target)
			if code != exitOK || !strings.Contains(out, "ping client ping-a is called at "+c.at) || !strings.Contains(out, "push client push-jwt is called at "+c.at) {
				t.Errorf("exit %d: %s %s", code, out, errOut)
			}
		})
	}
}

// A receiver that cannot be reached is a problem of the set-up, told once with what was
// seen, and conform judges the rest.
func TestCheckFlowIsNotCalled(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("waits for calls that do not come")
	}
	untrusted := port(t)
	ca := t.TempDir() + "/notifications.pem"
	other := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(other.Close)
	for name, c := range map[string]struct{ at, notifications, want string }{
		"something else is there":  {other.URL + "/cb", `notifications: {listen: "127.0.0.1:0", public_url: "` + other.URL + `/cb"}`, "something else answers there, with 404"},
		"the authority is unknown": {"https://" + untrusted, `notifications: {listen: "` + untrusted + `", public_url: "https://` + untrusted + `", tls: {ca_file: "` + ca + `"}}`, "bad certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			target := approachable(t, c.at, c.notifications, nil)
			code, out, errOut := called(t, "check", "--flow", target)
			if code != exitUsage || strings.Count(out, "the OP did not call ping-a, ping-b, ping-jwt, ping-signed, push-a, push-b, push-jwt, push-signed within 15s") != 1 || !strings.Contains(out, c.want) {
				t.Errorf("exit %d: %s %s", code, out, errOut)
			}
		})
	}
}
