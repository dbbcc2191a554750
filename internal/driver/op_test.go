package driver

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cibatest/cibatest/internal/approve"
	"github.com/cibatest/cibatest/internal/targetfile"
)

// fakeOP answers requests by a script and remembers when each came and what it said.
type fakeOP struct {
	answer func(n int, path string, form url.Values) (status int, header http.Header, body string)
	before func() // what a request has to wait for, beside others; nil: nothing

	mu    sync.Mutex
	began time.Time
	came  []arrival
}

// arrival is a request that came, with its time since the first.
type arrival struct {
	at   time.Duration
	path string
	form url.Values
}

// RoundTrip implements [http.RoundTripper].
func (op *fakeOP) RoundTrip(r *http.Request) (*http.Response, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, err
	}
	if op.before != nil {
		op.before()
	}
	op.mu.Lock()
	defer op.mu.Unlock()
	if op.began.IsZero() {
		op.began = time.Now()
	}
	op.came = append(op.came, arrival{time.Since(op.began), r.URL.Path, form})
	status, header, text := op.answer(len(op.came), r.URL.Path, form)
	if header == nil {
		header = http.Header{}
	}
	header.Set("Content-Type", "application/json")
	return &http.Response{
		StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader(text)), Request: r,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}, nil
}

// times are when requests came, in seconds.
func (op *fakeOP) times() string {
	op.mu.Lock()
	defer op.mu.Unlock()
	var list []string
	for _, a := range op.came {
		list = append(list, fmt.Sprint(a.at.Seconds()))
	}
	return strings.Join(list, " ")
}

func (op *fakeOP) count() int {
	op.mu.Lock()
	defer op.mu.Unlock()
	return len(op.came)
}

const (
	pathStart = "/start"
	pathToken = "/token"
)

// ack is the answer to an accepted request.
func ack(id string) string { return `{"auth_req_id":"` + id + `","expires_in":300,"interval":5}` }

// pending, slowDown and their like are answers to a poll.
func oauthError(code string) string { return `{"error":"` + code + `"}` }

// testTarget has two clients, one with an assertion, and two users.
func testTarget() *targetfile.Target {
	return &targetfile.Target{
		Issuer:    "https://op.example",
		Endpoints: targetfile.Endpoints{BackchannelAuthentication: "https://op.example" + pathStart, Token: "https://op.example" + pathToken},
		Clients: []targetfile.Client{
			{Name: "basic", ClientID: "basic", AuthMethod: targetfile.AuthClientSecretBasic, ClientSecret: "test-only-secret", CIBA: true, Purpose: "rp", DeliveryMode: "poll"},
			{Name: "hmac", ClientID: "hmac", AuthMethod: targetfile.AuthClientSecretJWT, ClientSecret: "test-only-secret-that-is-long-enough", CIBA: true, Purpose: "rp", DeliveryMode: "poll"},
		},
		Users: []targetfile.User{{Name: "alice", LoginHint: "alice"}, {Name: "bob", LoginHint: "bob"}},
		Scope: "openid",
	}
}

// testRun is a run against a fake OP, and the driver of one case about alice.
func testRun(t *testing.T, op *fakeOP, alter ...func(*RunOptions)) (*Run, *Driver) {
	t.Helper()
	o := RunOptions{Target: testTarget(), RoundTripper: op}
	for _, change := range alter {
		change(&o)
	}
	run, err := NewRun(o)
	if err != nil {
		t.Fatal(err)
	}
	return run, run.Driver(Options{Name: "case", User: o.Target.Users[0]})
}

// start begins a flow of a client that has to be accepted.
func start(t *testing.T, ctx context.Context, d *Driver, c *Client) *Flow { //nolint:revive // t first, as everywhere in tests
	t.Helper()
	resp, err := d.Send(ctx, d.run.Start(c, d.GoodStart(c, d.user)))
	if err != nil {
		t.Fatal(err)
	}
	flow, err := NewFlow(c, d.user, resp)
	if err != nil {
		t.Fatal(err)
	}
	return flow
}

// denying is an approver whose decisions go to a hook that always works.
func denying(t *testing.T) *approve.Approver {
	t.Helper()
	approver, err := approve.New(targetfile.Approval{Kind: "url", URL: "https://op.example/decide?id={auth_req_id}", Method: http.MethodPost}, approve.Options{
		RoundTripper: &fakeOP{answer: func(int, string, url.Values) (int, http.Header, string) { return http.StatusOK, nil, "{}" }},
	})
	if err != nil {
		t.Fatal(err)
	}
	return approver
}

// headerOf is the header of a JWT, readable.
func headerOf(token string) string {
	header, _, _ := strings.Cut(token, ".")
	text, err := base64.RawURLEncoding.DecodeString(header)
	if err != nil {
		return ""
	}
	return string(text)
}
