package approve

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/mockdevice"
	"github.com/google/go-cmp/cmp"
)

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

// Beyond loopback an observed device asks for the token of the target file.
func TestObservedDeviceWithAToken(t *testing.T) {
	t.Parallel()
	config := targetfile.Approval{Kind: "device", Observe: targetfile.Observe{
		Listen: "0.0.0.0:0", Adapter: "keycloak", Callback: "http://127.0.0.1:9/cb", Token: "tok",
	}}
	a, err := New(config, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	at := strings.Replace(a.Address(), "[::]", "127.0.0.1", 1)
	for _, c := range []struct {
		path, bearer string
		want         int
	}{
		{"/v1/requests", "", 401},
		{"/v1/requests", "wrong", 401},
		{"/v1/requests", "tok", 202},
		{"/adapters/keycloak", "channel", 403},
		{"/adapters/keycloak?token=tok", "channel", 201},
	} {
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, at+c.path, strings.NewReader(`{"auth_req_id":"r1","login_hint":"alice"}`))
		r.Header.Set("Authorization", "Bearer "+c.bearer)
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != c.want {
			t.Errorf("%+v is answered %d", c, resp.StatusCode)
		}
	}
	config.Observe.Token = ""
	if _, err := New(config, Options{}); err == nil || !strings.Contains(err.Error(), "approval.observe.token") {
		t.Errorf("without a token: %v", err)
	}
}

// Decisions of an observed device go to the hosts of the OP, and nowhere else.
func TestObservedDeviceCallsTheOPOnly(t *testing.T) {
	t.Parallel()
	a, err := New(targetfile.Approval{Kind: "device", Observe: targetfile.Observe{Listen: "127.0.0.1:0"}}, Options{CallbackHosts: []string{"op.test"}})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	for callback, want := range map[string]int{"https://op.test/cb": 202, "http://169.254.169.254/x": 400} {
		resp, err := http.Post(a.Address()+"/v1/requests", "application/json", strings.NewReader(`{"auth_req_id":"`+callback+`","callback":"`+callback+`"}`))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != want {
			t.Errorf("a callback to %s is answered %d", callback, resp.StatusCode)
		}
	}
}

// The device of a target speaks whatever 'cibatest device' does, by the same adapter file.
// Decisions find prompts by the id, or by a message that stands among other words.
func TestDeviceDialects(t *testing.T) {
	t.Parallel()
	told := make(chan string, 1)
	op := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		told <- r.URL.Path + " " + string(body)
	}))
	t.Cleanup(op.Close)
	file := fmt.Sprintf(`
authlete: {callback: "%[1]s/authlete"}
keycloak: {callback: "%[1]s/keycloak"}
generic:
  - {name: acme, map: {id: /tx, message: /text}, decision: {url: "%[1]s/acme/{auth_req_id}", body: "{action}"}}
`, op.URL)
	authlete := `{"workspace":"w","user":"1001","message":"Client asks for: openid. WDB7K2Q3","timeout":60,"actionize_token":"secret","state":"s"}`
	for name, c := range map[string]struct {
		observe            targetfile.Observe
		path, bearer, sent string
		want               string
	}{
		"generic, by its id": {
			targetfile.Observe{Adapter: "acme"}, "/adapters/generic/acme", "", `{"tx":"id-1","text":"hello"}`, "/acme/id-1 allow",
		},
		"generic, by the message": {
			targetfile.Observe{Adapter: "acme", KnownBy: "binding_message"},
			"/adapters/generic/acme", "", `{"tx":"7","text":"code WDB7K2Q3!"}`,
			"/acme/7 allow",
		},
		"authlete": {targetfile.Observe{Adapter: "authlete"}, "/adapters/authlete/api/authenticate/async", "", authlete, `"result":"allow"`},
		"keycloak": {
			targetfile.Observe{Adapter: "keycloak"},
			"/adapters/keycloak", "token", `{"login_hint":"alice","binding_message":"WDB7K2Q3"}`,
			`/keycloak {"status":"SUCCEED"}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			c.observe.Listen, c.observe.AdaptersFile, c.observe.Adapters = "127.0.0.1:0", "adapters.yaml", targetfile.Secret(file)
			a, err := New(targetfile.Approval{Kind: "device", Observe: c.observe}, Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer a.Close()
			a.Introduce("id-1", "WDB7K2Q3")
			asked, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, a.Address()+c.path, strings.NewReader(c.sent))
			asked.Header.Set("Content-Type", "application/json")
			asked.Header.Set("Authorization", "Bearer "+c.bearer)
			resp, err := http.DefaultClient.Do(asked)
			if err != nil || resp.StatusCode/100 != 2 {
				t.Fatalf("the prompt is answered %v %v", resp, err)
			}
			resp.Body.Close()
			if err := a.Decide(t.Context(), Decision{AuthReqID: "id-1", User: alice, Allow: true}); err != nil {
				t.Fatal(err)
			}
			if got := <-told; !strings.Contains(got, c.want) {
				t.Errorf("the OP was told %s, want %s", got, c.want)
			}
		})
	}
}

// What is wrong with the dialects is said before anything is sent.
func TestDeviceDialectsThatAreWrong(t *testing.T) {
	t.Parallel()
	for want, observe := range map[string]targetfile.Observe{
		`approval.observe.adapter: a.yaml names no dialect "acne"; there are native, keycloak, authlete, acme`: {
			Adapter: "acne", Adapters: "generic: [{name: acme, map: {id: /tx}}]",
		},
		"a.yaml:1:1: smtp: unknown key": {Adapter: "native", Adapters: "smtp: {}"},
	} {
		observe.Listen, observe.AdaptersFile = "127.0.0.1:0", "a.yaml"
		if _, err := New(targetfile.Approval{Kind: "device", Observe: observe}, Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}
