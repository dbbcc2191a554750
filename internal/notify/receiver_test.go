package notify

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cibatest/cibatest/internal/memnet"
)

// inMemory runs a test with a receiver on a network in memory, where waiting costs nothing.
func inMemory(t *testing.T, test func(t *testing.T, r *Receiver, n *memnet.Network)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New()
		defer n.Close()
		r, err := Open(t.Context(), Options{Listen: listenIn(n)})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		test(t, r, n)
	})
}

func listenIn(n *memnet.Network) func(context.Context) (net.Listener, error) {
	return func(context.Context) (net.Listener, error) { return n.Listen("client.example:80"), nil }
}

// call calls an endpoint as an OP does and returns the status, 0 without an answer.
func call(t *testing.T, rt http.RoundTripper, method, url, token, body string) (status int, header http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := rt.RoundTrip(req)
	if err != nil {
		return 0, nil
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, resp.Header
}

func endpoint(t *testing.T, r *Receiver, client string) string {
	t.Helper()
	at, err := r.Endpoint(client, "")
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestCallGoesToItsInbox(t *testing.T) {
	t.Parallel()
	inMemory(t, func(t *testing.T, r *Receiver, n *memnet.Network) {
		at := endpoint(t, r, "ping-a")
		mine, other := r.Expect("token-1", 0), r.Expect("token-2", 0)

		status, _ := call(t, n.RoundTripper(), http.MethodPost, at, "token-1", `{"auth_req_id":"x"}`)

		if status != http.StatusNoContent {
			t.Errorf("answered %d, want 204", status)
		}
		calls := mine.Await(t.Context(), 1)
		if len(calls) != 1 || other.Count() != 0 {
			t.Fatalf("%d calls for the request and %d for the other, want 1 and 0", len(calls), other.Count())
		}
		c := calls[0]
		if c.Client != "ping-a" || string(c.Body) != `{"auth_req_id":"x"}` || c.URL != at || c.Method != http.MethodPost || c.Truncated {
			t.Errorf("the call is kept as %+v", c)
		}
		if r.Strangers().All() != 0 {
			t.Errorf("%d strangers, want none", r.Strangers().All())
		}
	})
}

func TestStrangersAreCountedAndNotBelieved(t *testing.T) {
	t.Parallel()
	inMemory(t, func(t *testing.T, r *Receiver, n *memnet.Network) {
		at := endpoint(t, r, "ping-a")
		inbox := r.Expect("token", 0)
		early, _ := call(t, n.RoundTripper(), http.MethodPost, at, "", `{"auth_req_id":"mine"}`)
		r.Name(inbox, "mine")
		wrong, _ := call(t, n.RoundTripper(), http.MethodPost, at, "tokem", `{"auth_req_id":"mine"}`)
		nobody, _ := call(t, n.RoundTripper(), http.MethodPost, at, "tokem", `{"auth_req_id":"nobody's"}`)
		path, _ := call(t, n.RoundTripper(), http.MethodPost, r.Base()+"/other", "", `{"auth_req_id":"mine"}`)

		if early != 401 || wrong != 401 || nobody != 401 || path != 404 {
			t.Errorf("answered %d, %d, %d and %d, want 401 three times and 404", early, wrong, nobody, path)
		}
		if inbox.Count() != 0 || len(inbox.Misled()) != 2 {
			t.Errorf("%d calls and %d without the token, want 0 and 2", inbox.Count(), len(inbox.Misled()))
		}
		if s := r.Strangers(); s.NoToken != 1 || s.Unknown != 2 || s.Elsewhere != 1 || len(s.Latest) != 4 {
			t.Errorf("strangers %+v", s)
		}
	})
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	inMemory(t, func(t *testing.T, r *Receiver, n *memnet.Network) {
		at := endpoint(t, r, "ping-a")
		inbox := r.Expect("token", 0)
		began := time.Now()
		inbox.Answer(Answer{Status: 200, ContentType: "text/html", Body: "<p>"}, Answer{Status: 503}, Answer{After: 30 * time.Second}, Answer{Cut: true})
		for i, want := range []int{200, 503, 204, 0, 0} {
			if got, _ := call(t, n.RoundTripper(), http.MethodPost, at, "token", "{}"); got != want {
				t.Errorf("call %d is answered %d, want %d", i, got, want)
			}
		}
		if took := time.Since(began); took != 30*time.Second {
			t.Errorf("the answers took %s, want 30 s", took)
		}
	})
}

// A redirect names an address of its own, and who goes there is told.
func TestRedirectThatIsFollowed(t *testing.T) {
	t.Parallel()
	inMemory(t, func(t *testing.T, r *Receiver, n *memnet.Network) {
		at := endpoint(t, r, "ping-a")
		inbox := r.Expect("token", 0)
		inbox.Answer(Answer{Status: 307, Redirect: true})
		status, header := call(t, n.RoundTripper(), http.MethodPost, at, "token", "{}")
		if status != 307 || len(inbox.Astray()) != 0 {
			t.Fatalf("answered %d with %d calls astray, want 307 and none", status, len(inbox.Astray()))
		}
		call(t, n.RoundTripper(), http.MethodGet, header.Get("Location"), "", "")
		if astray := inbox.Astray(); len(astray) != 1 || !astray[0].Astray || inbox.Count() != 1 {
			t.Errorf("%d calls astray and %d others, want one of each", len(inbox.Astray()), inbox.Count())
		}
	})
}

func TestBeforeTheAnswer(t *testing.T) {
	t.Parallel()
	inMemory(t, func(t *testing.T, r *Receiver, n *memnet.Network) {
		at := endpoint(t, r, "ping-a")
		inbox := r.Expect("token", 0)
		seen := 0
		inbox.Answer(Answer{Before: func(context.Context, *Call) { seen = inbox.Count() }})
		call(t, n.RoundTripper(), http.MethodPost, at, "token", "{}")
		if seen != 1 {
			t.Errorf("%d calls were kept when the answer was prepared, want 1", seen)
		}
	})
}

func TestAwayAndBack(t *testing.T) {
	t.Parallel()
	inMemory(t, func(t *testing.T, r *Receiver, n *memnet.Network) {
		at := endpoint(t, r, "ping-a")
		inbox := r.Expect("token", 0)
		back := r.Away()
		if status, _ := call(t, n.RoundTripper(), http.MethodPost, at, "token", "{}"); status != 0 || inbox.Count() != 0 {
			t.Errorf("answered %d, want no answer", status)
		}
		if err := back(t.Context()); err != nil {
			t.Fatal(err)
		}
		if status, _ := call(t, n.RoundTripper(), http.MethodPost, at, "token", "{}"); status != 204 || inbox.Count() != 1 {
			t.Errorf("answered %d after the return, want 204", status)
		}
	})
}

// A call with the token of one request that names another belongs to the one, and is shown
// to the other.
func TestMixedUp(t *testing.T) {
	t.Parallel()
	inMemory(t, func(t *testing.T, r *Receiver, n *memnet.Network) {
		at := endpoint(t, r, "ping-a")
		one, other := r.Expect("one", 0), r.Expect("other", 0)
		r.Name(one, "id-one")
		r.Name(other, "id-other")
		call(t, n.RoundTripper(), http.MethodPost, at, "one", `{"auth_req_id":"id-other"}`)
		if one.Count() != 1 || len(one.Misled()) != 0 || other.Count() != 0 || len(other.Misled()) != 1 {
			t.Errorf("calls %d and %d, misled %d and %d, want 1 0 0 1", one.Count(), other.Count(), len(one.Misled()), len(other.Misled()))
		}
	})
}

// An inbox whose time is over is forgotten with all that leads to it, when others come.
func TestInboxesAreForgotten(t *testing.T) {
	t.Parallel()
	inMemory(t, func(t *testing.T, r *Receiver, n *memnet.Network) {
		at := endpoint(t, r, "ping-a")
		old := r.Expect("old", time.Minute)
		r.Name(old, "old-id")
		old.Answer(Answer{Status: 302, Redirect: true})
		call(t, n.RoundTripper(), http.MethodPost, at, "old", `{"auth_req_id":"old-id"}`)
		time.Sleep(2 * time.Minute)
		r.Expect("new", 0)
		if status, _ := call(t, n.RoundTripper(), http.MethodPost, at, "old", "{}"); status != 401 {
			t.Errorf("a call with the old token is answered %d, want 401", status)
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if len(r.inboxes) != 1 || len(r.order) != 1 || len(r.names) != 0 || len(r.elsewhere) != 0 || r.bytes != 0 {
			t.Errorf("kept: %d inboxes, %d places, %d names, %d addresses, %d bytes", len(r.inboxes), len(r.order), len(r.names), len(r.elsewhere), r.bytes)
		}
	})
}

// Behind a proxy that takes the path of the public URL away, endpoints are found as well.
func TestPublicURLWithPath(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		n := memnet.New()
		defer n.Close()
		r, err := Open(t.Context(), Options{Listen: listenIn(n), PublicURL: "https://lab.example/notify/"})
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		at, err := r.Endpoint("ping-a", "https://lab.example/notify/ping-a")
		if err != nil || r.Base() != "https://lab.example/notify" || at != "https://lab.example/notify/ping-a" {
			t.Fatalf("base %q, endpoint %q, %v", r.Base(), at, err)
		}
		inbox := r.Expect("token", 0)
		for _, path := range []string{"/notify/ping-a", "/ping-a"} {
			call(t, n.RoundTripper(), http.MethodPost, "http://client.example"+path, "token", "{}")
		}
		for _, c := range inbox.Await(t.Context(), 2) {
			if c.Client != "ping-a" {
				t.Errorf("%s is the endpoint of %q, want ping-a", c.URL, c.Client)
			}
		}
	})
}

// TestOverTLS: the certificate of our own authority is trusted by who trusts the file, and
// both versions of HTTP are spoken.
func TestOverTLS(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "ca.pem")
	for _, made := range []bool{true, false} { // the second time it is read
		authority, err := OwnAuthority(file)
		if err != nil {
			t.Fatal(err)
		}
		config, err := authority.Config("127.0.0.1", "client.example")
		if err != nil {
			t.Fatal(err)
		}
		r, err := Open(t.Context(), Options{TLS: config, Listen: func(ctx context.Context) (net.Listener, error) {
			return (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
		}})
		if err != nil {
			t.Fatal(err)
		}
		at := endpoint(t, r, "ping-a")
		for proto, http2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2.0": true} {
			roots := x509.NewCertPool()
			roots.AppendCertsFromPEM(authority.PEM)
			rt := &http.Transport{ForceAttemptHTTP2: http2, TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}
			inbox := r.Expect(proto, 0)
			inbox.Answer(Answer{}, Answer{Cut: true})
			status, _ := call(t, rt, http.MethodPost, at, proto, "{}")
			cut, _ := call(t, rt, http.MethodPost, at, proto, "{}")
			calls := inbox.Calls()
			if status != 204 || cut != 0 || len(calls) < 2 || calls[0].Proto != proto || calls[0].TLSVersion != tls.VersionTLS13 {
				t.Errorf("made %v, %s: answered %d and %d, calls %+v", made, proto, status, cut, calls)
			}
			rt.CloseIdleConnections()
		}
		if !strings.HasPrefix(at, "https://127.0.0.1:") {
			t.Errorf("the endpoint is %s", at)
		}
		r.Close()
	}
}

// TestPublish: a document is read at its address, as it was published last, and reading it is no
// call of anybody.
func TestPublish(t *testing.T) {
	t.Parallel()
	inMemory(t, func(t *testing.T, r *Receiver, n *memnet.Network) {
		at := r.Base() + "/keys"
		for _, text := range []string{`{"keys":[]}`, `{"keys":[{}]}`} {
			if err := r.Publish(at, []byte(text)); err != nil {
				t.Fatal(err)
			}
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, at, nil)
			if err != nil {
				t.Fatal(err)
			}
			resp, err := n.RoundTripper().RoundTrip(req)
			if err != nil {
				t.Fatal(err)
			}
			got, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			if string(got) != text || resp.Header.Get("Content-Type") != "application/json" {
				t.Errorf("got %s %q, want %s", resp.Header.Get("Content-Type"), got, text)
			}
		}
		if status, _ := call(t, n.RoundTripper(), http.MethodPost, at, "", "{}"); status != http.StatusNotFound {
			t.Errorf("a POST there is answered %d, want 404", status)
		}
		if n := r.Strangers().All(); n != 1 {
			t.Errorf("%d calls of strangers were kept, want the POST alone", n)
		}
		if err := r.Publish("http://%zz", nil); err == nil {
			t.Error("a document is published where no URL is")
		}
	})
}
