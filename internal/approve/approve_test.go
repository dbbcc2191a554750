package approve

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/mockdevice"
	"github.com/google/go-cmp/cmp"
)

var alice = targetfile.User{Name: "alice", LoginHint: "alice@example.com"}

func TestURLTemplate(t *testing.T) {
	t.Parallel()
	var got string
	hook := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got = r.Method + " " + r.URL.String() + " " + r.Header.Get("X-Key") + " " + string(body)
		if r.URL.Query().Get("do") == "no" {
			http.Error(w, "not here", http.StatusNotFound)
		}
	}))
	defer hook.Close()
	config := targetfile.Approval{
		Kind: "url", Method: "POST", URL: hook.URL + "/sim?id={auth_req_id}&do={action}&u={login_hint}",
		Headers: map[string]targetfile.Secret{"X-Key": "k", "Content-Type": "application/json"}, Body: `{"d":"{authorization_details}"}`,
		Actions: targetfile.Actions{Allow: "yes", Deny: "no"},
	}
	a, err := New(config, Options{RoundTripper: http.DefaultTransport})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Decide(t.Context(), Decision{AuthReqID: "a&b", User: alice, Allow: true, AuthorizationDetails: []byte(`[{"type":"x"}]`)}); err != nil {
		t.Fatal(err)
	}
	want := `POST /sim?id=a%26b&do=yes&u=alice%40example.com k {"d":"[{\"type\":\"x\"}]"}`
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if err := a.Decide(t.Context(), Decision{AuthReqID: "x", User: alice}); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("got %v", err)
	}
}

func TestCommand(t *testing.T) {
	t.Parallel()
	out := filepath.Join(t.TempDir(), "out")
	a, err := New(targetfile.Approval{Kind: "exec", Command: []string{"sh", "-c", `echo "$1 $2" > "$3"`, "hook", "{auth_req_id}", "{action}", out}, Actions: targetfile.Actions{Deny: "deny"}}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Decide(t.Context(), Decision{AuthReqID: "; rm x", User: alice}); err != nil {
		t.Fatal(err)
	}
	if text, _ := os.ReadFile(out); string(text) != "; rm x deny\n" {
		t.Errorf("got %q", text)
	}
}

func TestPersonIsAskedOneQuestionAtATime(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	a, err := New(targetfile.Approval{Kind: "manual"}, Options{In: strings.NewReader("\n"), Out: &out})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Decide(t.Context(), Decision{AuthReqID: "r1", User: alice, Allow: true}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "APPROVE the request of user alice") {
		t.Errorf("asked %q", out.String())
	}
	silent, _ := io.Pipe()
	a, _ = New(targetfile.Approval{Kind: "manual"}, Options{In: silent, Out: io.Discard})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
	defer cancel()
	if err := a.Decide(ctx, Decision{User: alice}); err == nil {
		t.Error("a person who does not answer decided")
	}
}

func TestDeviceListener(t *testing.T) {
	t.Parallel()
	a, err := New(targetfile.Approval{Kind: "device", Observe: targetfile.Observe{Listen: "127.0.0.1:0", Adapter: "native"}}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	resp, err := http.Post(a.Address()+"/v1/requests", "application/json", strings.NewReader(`{"auth_req_id":"r1","binding_message":"AB"}`))
	if err != nil || resp.StatusCode != http.StatusAccepted {
		t.Fatalf("got %v %v", resp, err)
	}
	resp.Body.Close()
	if err := a.Decide(t.Context(), Decision{AuthReqID: "r1", User: alice, Allow: true}); err != nil {
		t.Fatal(err)
	}
	p, err := a.WaitPrompt(t.Context(), func(p Prompt) bool { return p.BindingMessage == "AB" })
	if err != nil || p.Decided != mockdevice.Approve {
		t.Errorf("got %+v %v", p, err)
	}
}

// Keycloak's prompts carry no auth_req_id: each decision has to find its own
// among the open prompts of one user.
func TestNamelessPrompts(t *testing.T) {
	t.Parallel()
	device := mockdevice.New()
	t.Cleanup(device.Close)
	a, err := New(targetfile.Approval{Kind: "device", Observe: targetfile.Observe{Adapter: "keycloak"}}, Options{Device: device})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []mockdevice.Request{
		{AuthReqID: "bearer-0", LoginHint: "bob"},
		{AuthReqID: "bearer-1", LoginHint: "bob", BindingMessage: "ONE"},
		{AuthReqID: "bearer-2", LoginHint: "bob", BindingMessage: "TWO"},
	} {
		if err := device.Receive(r); err != nil {
			t.Fatal(err)
		}
	}
	a.Introduce("id-2", "TWO")
	a.Introduce("id-1", "ONE")
	bob := targetfile.User{Name: "bob", LoginHint: "bob"}
	for _, d := range []Decision{{AuthReqID: "id-2", User: bob, Allow: true}, {AuthReqID: "no-message", User: bob}} {
		if err := a.Decide(t.Context(), d); err != nil {
			t.Fatal(err)
		}
	}
	got := map[string]mockdevice.Action{}
	for _, r := range device.Requests(nil) {
		got[r.AuthReqID] = r.Decided
	}
	want := map[string]mockdevice.Action{"bearer-0": mockdevice.Deny, "bearer-1": "", "bearer-2": mockdevice.Approve}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	if p, err := a.WaitPrompt(t.Context(), func(p Prompt) bool { return p.AuthReqID == "id-1" }); err != nil || p.BindingMessage != "ONE" {
		t.Errorf("got %+v, %v", p, err)
	}
}
