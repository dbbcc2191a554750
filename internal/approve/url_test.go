package approve

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/cibatest/cibatest/internal/targetfile"
)

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
		Kind: "url", Method: "POST", URL: hook.URL + "/sim?id={auth_req_id}&do={action}&u={login_hint}&s={sub}",
		Headers: map[string]targetfile.Secret{"X-Key": "k", "Content-Type": "application/json"}, Body: `{"d":"{authorization_details}"}`,
		Actions: targetfile.Actions{Allow: "yes", Deny: "no"},
	}
	a, err := New(config, Options{RoundTripper: http.DefaultTransport})
	if err != nil {
		t.Fatal(err)
	}
	known := alice
	known.Sub = "u 1"
	if err := a.Decide(t.Context(), Decision{AuthReqID: "a&b", User: known, Allow: true, AuthorizationDetails: []byte(`[{"type":"x"}]`)}); err != nil {
		t.Fatal(err)
	}
	want := `POST /sim?id=a%26b&do=yes&u=alice%40example.com&s=u+1 k {"d":"[{\"type\":\"x\"}]"}`
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if err := a.Decide(t.Context(), Decision{AuthReqID: "x", User: alice}); err == nil || !strings.Contains(err.Error(), "404") {
		t.Errorf("got %v", err)
	}
}

// The words of a template decide what a value is; the value never does.
func TestURLValuesAreData(t *testing.T) {
	t.Parallel()
	const hostile = `x/../../reset?action=yes&auth_req_id=1#"},{"allow":true` + "\r\nX-Evil: 1"
	for _, c := range []struct {
		name, url, body, contentType, want string
	}{
		{
			"query", "/decide?id={auth_req_id}&do={action}", "", "",
			"/decide?id=x%2F..%2F..%2Freset%3Faction%3Dyes%26auth_req_id%3D1%23%22%7D%2C%7B%22allow%22%3Atrue%0D%0AX-Evil%3A+1&do=no ",
		},
		{
			"path", "/decide/{auth_req_id}/{action}", "", "",
			"/decide/x%2F..%2F..%2Freset%3Faction=yes&auth_req_id=1%23%22%7D%2C%7B%22allow%22:true%0D%0AX-Evil:%201/no ",
		},
		{
			"form", "/decide", "id={auth_req_id}&do={action}", "",
			"/decide id=x%2F..%2F..%2Freset%3Faction%3Dyes%26auth_req_id%3D1%23%22%7D%2C%7B%22allow%22%3Atrue%0D%0AX-Evil%3A+1&do=no",
		},
		{
			"text of JSON", "/decide", `{"id":"{auth_req_id}","do":"{action}"}`, "application/json; charset=utf-8",
			`/decide {"id":"x/../../reset?action=yes\u0026auth_req_id=1#\"},{\"allow\":true\r\nX-Evil: 1","do":"no"}`,
		},
		{
			"value of JSON", "/decide", `{"a\"b":{auth_req_id}, "details": {authorization_details}, "do":"{action}"}`, "Application/Vnd.X+JSON",
			`/decide {"a\"b":"x/../../reset?action=yes\u0026auth_req_id=1#\"},{\"allow\":true\r\nX-Evil: 1", "details": null, "do":"no"}`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var got string
			transport := roundTripper(func(r *http.Request) (*http.Response, error) {
				body, _ := io.ReadAll(r.Body)
				got = r.URL.RequestURI() + " " + string(body)
				return &http.Response{StatusCode: 204, Body: http.NoBody}, nil
			})
			config := targetfile.Approval{
				Kind: "url", Method: "POST", URL: "http://op.test" + c.url, Body: targetfile.Secret(c.body),
				Headers: map[string]targetfile.Secret{"content-type": targetfile.Secret(c.contentType)}, Actions: targetfile.Actions{Deny: "no"},
			}
			a, err := New(config, Options{RoundTripper: transport})
			if err != nil {
				t.Fatal(err)
			}
			if err := a.Decide(t.Context(), Decision{AuthReqID: hostile, User: alice}); err != nil {
				t.Fatal(err)
			}
			if got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if !a.NamesRequest() || !a.CanRepeat() || a.IsPerson() {
				t.Error("a hook that names the request can be called again")
			}
		})
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestFewerDetailsBecomeAValueOfJSON(t *testing.T) {
	t.Parallel()
	v := valuesOf(Decision{AuthorizationDetails: []byte("[ {\"type\" : \"pay\"}\n]")}, targetfile.Actions{})
	const want = `{"details":[{"type":"pay"}],"text":"[{\"type\":\"pay\"}]"}`
	if got := fillJSON(`{"details":{authorization_details},"text":"{authorization_details}"}`, v); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// A value must not choose the server, nor climb out of the folder of the hook.
func TestValuesDoNotChooseTheHook(t *testing.T) {
	t.Parallel()
	for _, address := range []string{
		"http://{login_hint}.op.test/decide", "http://op.test:{user}/decide", "{auth_req_id}", "http://{user}@op.test/{auth_req_id}", "{action}://op.test/",
	} {
		if _, err := New(targetfile.Approval{Kind: "url", URL: address}, Options{}); err == nil || !strings.Contains(err.Error(), "approval.url: a placeholder may stand") {
			t.Errorf("%s: %v", address, err)
		}
	}
	a, err := New(targetfile.Approval{Kind: "url", Method: "GET", URL: "http://op.test/../users/{user}/{auth_req_id}"}, Options{
		RoundTripper: roundTripper(func(_ *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Body: http.NoBody}, nil
		}),
	})
	if err != nil {
		t.Fatal(err)
	}
	for id, climbs := range map[string]bool{"..": true, ".": true, "...": false, "../..": false, "a": false} {
		if err := a.Decide(t.Context(), Decision{AuthReqID: id, User: alice}); (err != nil) != climbs {
			t.Errorf("%q: %v", id, err)
		}
	}
}

func TestErrorsDoNotShowTheURL(t *testing.T) {
	t.Parallel()
	a, err := New(targetfile.Approval{Kind: "url", URL: "http://op.test:port/?key=canary"}, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Decide(t.Context(), Decision{}); err == nil || strings.Contains(err.Error(), "canary") {
		t.Errorf("got %v", err)
	}
}

// Whoever locks users is told of user_lock, and never of approval.
func TestErrorsNameTheirSection(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.NotFoundHandler())
	defer server.Close()
	missing := []string{"/no/such/program"}
	for name, c := range map[string]struct {
		lock targetfile.UserLock
		want string
	}{
		"host":    {targetfile.UserLock{URL: "https://{user}.example/lock"}, "user_lock.url: a placeholder may stand"},
		"line":    {targetfile.UserLock{Command: []string{"sh", "-c", "lock {user}"}}, "user_lock.command: {user} stands in a line"},
		"program": {targetfile.UserLock{Command: missing}, "user_lock.command: "},
	} {
		if err := Check(c.lock.Hook()); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s", name, err, c.want)
		}
	}
	for want, lock := range map[string]targetfile.UserLock{
		"the user_lock hook answers 404":        {URL: server.URL + "/{user}/{action}"},
		"the user_lock hook cannot be reached":  {URL: "http://127.0.0.1:1/{user}/{action}"},
		"user_lock.command: fork/exec /no/such": {Command: missing},
	} {
		a, err := New(lock.Hook(), Options{RoundTripper: http.DefaultTransport})
		if err != nil {
			t.Fatal(err)
		}
		if err := a.Decide(t.Context(), Decision{User: targetfile.User{Name: "alice"}}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

func TestNobodyDecides(t *testing.T) {
	t.Parallel()
	a := Nobody()
	defer a.Close()
	if err := a.Decide(t.Context(), Decision{}); err == nil {
		t.Error("nobody decided")
	}
	if _, err := a.WaitPrompt(context.Background(), func(Prompt) bool { return true }); err == nil || a.Prompts(nil) != nil || a.Address() != "" {
		t.Error("nobody observed something")
	}
	if a.CanRepeat() || a.TellsByMessage() || a.IsPerson() || a.Nameless() {
		t.Error("nobody is somebody")
	}
	a.Introduce("a", "b")
}

// Whatever a value is, the body keeps its members and the URL its parameters.
func FuzzValuesAreData(f *testing.F) {
	f.Add(`","allow":true,"x":"`)
	f.Add("../a?b=c#d%2e\r\n")
	f.Add(`{user}\`)
	f.Add("11e11111")
	f.Fuzz(func(t *testing.T, value string) {
		v := values{"auth_req_id": value, "user": value, "action": "deny", "authorization_details": value}
		want := strings.ToValidUTF8(value, "\uFFFD")
		var body map[string]any
		text := fillJSON(`{"id":"{auth_req_id}","user":{user},"do":"{action}","details":{authorization_details}}`, v)
		numbers := json.NewDecoder(strings.NewReader(text))
		numbers.UseNumber() // 1e999 is JSON
		if err := numbers.Decode(&body); err != nil || len(body) != 4 || body["do"] != "deny" {
			t.Errorf("%q makes the body %s: %v", value, text, err)
		}
		if id, _ := body["id"].(string); strings.ToValidUTF8(id, "") != id || value == want && (id != value || body["user"] != value) {
			t.Errorf("%q has become %q", value, id)
		}
		form, err := url.ParseQuery(fillForm("id={auth_req_id}&do={action}", v))
		if err != nil || len(form) != 2 || form.Get("id") != value || form.Get("do") != "deny" {
			t.Errorf("%q makes the form %v: %v", value, form, err)
		}
		template, err := parseURLTemplate("http://op.test/users/{user}/decide?id={auth_req_id}&do={action}")
		if err != nil {
			t.Fatal(err)
		}
		address, err := template.fill(v)
		if err != nil { // a value that climbs
			return
		}
		u, err := url.Parse(address)
		if err != nil || u.Host != "op.test" || u.Query().Get("id") != value || u.Query().Get("do") != "deny" || strings.Count(u.EscapedPath(), "/") != 3 {
			t.Errorf("%q makes the URL %s: %v", value, address, err)
		}
	})
}
