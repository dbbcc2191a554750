package main

import (
	"context"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cibatest/cibatest/internal/approve"
	"github.com/cibatest/cibatest/internal/lab"
	"github.com/cibatest/cibatest/internal/targetfile"
)

// decidingOP runs a reference OP whose users decide at once, and writes its target file. The
// OP calls clients in this process, wherever the target file says.
func decidingOP(t *testing.T, allow bool, o lab.Options) (target string) {
	t.Helper()
	dir := t.TempDir()
	if err := settleReceiver(t.Context(), &o, dir, ""); err != nil {
		t.Fatal(err)
	}
	l, err := lab.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(func() { cancel(); l.Close() })
	go func() {
		prompt, err := l.Approver.WaitPrompt(ctx, func(approve.Prompt) bool { return true })
		if err == nil {
			_ = l.Approver.Decide(ctx, approve.Decision{AuthReqID: prompt.AuthReqID, User: targetfile.User{Name: "alice"}, Allow: allow})
		}
	}()
	if err := writeTarget(dir, l); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "targets", "reference.yaml")
}

// authorize takes the OP's call, over plain HTTP and over TLS by an own authority, and
// prints it as the OP's.
func TestAuthorizeCalled(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, mode string
		allow      bool
		o          lab.Options
		code       int
		out, err   []string
	}{
		{name: "ping", mode: "ping", allow: true, out: []string{"< POST http://127.0.0.1:", `< {"auth_req_id":"[masked:`, "> 204", "> POST http", `"access_token":"[masked:`}},
		{name: "ping denied", mode: "ping", code: exitNonConformant, out: []string{"< POST http://127.0.0.1:"}, err: []string{"the user denied the request (access_denied)"}},
		{name: "push", mode: "push", allow: true, out: []string{"< POST http://127.0.0.1:", "< Authorization: Bearer [masked:", `"id_token":"[masked:`, "> 204"}},
		{name: "push denied", mode: "push", code: exitNonConformant, err: []string{"the user denied the request (access_denied)"}},
		{name: "over TLS", mode: "push", allow: true, o: lab.Options{TLS: true}, out: []string{"< POST https://127.0.0.1:", "> 204"}},
		{
			name: "without the token", mode: "ping", allow: true, o: lab.Options{Faults: []string{"ping-no-token"}, ExpiresIn: time.Second},
			code: exitNonConformant, out: []string{"< POST http://127.0.0.1:"}, err: []string{"named this request in 1 calls without its client_notification_token"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			target := decidingOP(t, c.allow, c.o)
			code, out, errOut := called(t, "authorize", "--target", target, "--mode", c.mode)
			if code != c.code {
				t.Errorf("exit %d, want %d: %s", code, c.code, errOut)
			}
			for _, want := range c.out {
				if !strings.Contains(out, want) {
					t.Errorf("%q is not printed: %s", want, out)
				}
			}
			for _, want := range c.err {
				if !strings.Contains(errOut, want) {
					t.Errorf("%q is not told: %s", want, errOut)
				}
			}
		})
	}
}

// Nobody is accused where no call comes: what to look at is told.
func TestAuthorizeNotCalled(t *testing.T) {
	t.Parallel()
	target := decidingOP(t, true, lab.Options{Faults: []string{"ping-never"}, ExpiresIn: time.Second})
	code, _, errOut := called(t, "authorize", "--target", target, "--mode", "ping")
	for _, want := range []string{"the OP calls http://127.0.0.1:", "the OP did not call client ping-a at http://127.0.0.1:", "calls from this machine get there"} {
		if !strings.Contains(errOut, want) {
			t.Errorf("%q is not told: %s", want, errOut)
		}
	}
	if code != exitNotJudged {
		t.Errorf("exit %d", code)
	}
}

func TestAuthorizeWithoutReceiver(t *testing.T) {
	t.Parallel()
	text := `issuer: http://127.0.0.1:9
clients: [{name: a, client_id: a, auth_method: client_secret_basic, client_secret: not-a-real-secret, delivery_mode: ping}]
users: [{login_hint: alice}]
`
	code, _, errOut := called(t, "authorize", "--target", written(t, "op.yaml", text), "--mode", "ping")
	if code != exitUsage || !strings.Contains(errOut, "notifications.listen is not set") {
		t.Errorf("exit %d: %s", code, errOut)
	}
}

func TestParseAnswer(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{"204": 204, "200": 200, "500": 500, "redirect": 302, "redirect=308": 308, "slow=5s": 204, "cut": 0} {
		if a, err := parseAnswer(text); err != nil || a.Code() != want {
			t.Errorf("%s: %d, %v, want %d", text, a.Code(), err, want)
		}
	}
	for _, text := range []string{"", "100", "600", "204=x", "redirect=200", "slow", "slow=", "slow=-1s", "slow=1h", "cut=1", "later"} {
		if _, err := parseAnswer(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

// listen prints what comes, masked and on lines of its own, and answers as it is told.
func TestListen(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		args   []string
		status int
		out    string
	}{
		{"as it is", nil, 204, "< Authorization: Bearer [masked:"},
		{"in clear", []string{"--show-tokens"}, 204, "< Authorization: Bearer the-token"},
		{"redirect", []string{"--answer", "redirect=307"}, 307, "> Location: http://127.0.0.1:"},
		{"status", []string{"--answer", "503"}, 503, "> 503"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			address, err := freePort(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(t.Context())
			reader, out := io.Pipe()
			root := newRoot()
			root.SetArgs(append([]string{"listen", "--listen", address}, c.args...))
			root.SetOut(behindDoor(out))
			root.SetErr(io.Discard)
			ended := make(chan error, 1)
			go func() { ended <- root.ExecuteContext(ctx); out.Close() }()
			text := make(chan string, 1)
			go func() { data, _ := io.ReadAll(reader); text <- string(data) }()

			status := 0
			for range 100 { // until it listens
				if status = callOnce(t, "http://"+address+"/any"); status != 0 {
					break
				}
				time.Sleep(20 * time.Millisecond)
			}
			cancel()
			if err := <-ended; err != nil || status != c.status {
				t.Errorf("answered %d, want %d; ended with %v", status, c.status, err)
			}
			printed := <-text
			if !strings.Contains(printed, c.out) || !strings.Contains(printed, `{"auth_req_id":"`) || strings.Contains(printed, "\x1b") {
				t.Errorf("want %q in %q", c.out, printed)
			}
		})
	}
}

// callOnce calls an endpoint as a careless OP would, and returns the status, 0 for none.
func callOnce(t *testing.T, url string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(`{"auth_req_id":"an-id-that-is-long-enough","x":"`+"\x1b[31m"+`"}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer the-token")
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return 0
	}
	resp.Body.Close()
	return resp.StatusCode
}
