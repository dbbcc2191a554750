package preflight

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cibatest/cibatest/internal/targetfile"
)

// sound answers as an OP without flaws does.
func sound(t *testing.T, changes map[string]any) op {
	t.Helper()
	return op{
		metadata: publishing(t, changes), issuer + "/keys": `{"keys":[{"kty":"OKP"}]}`,
		issuer + "/start": `{"error":"invalid_request"}`, issuer + "/token": `{"error":"invalid_request"}`,
	}
}

func lines(r CheckReport) string {
	var b strings.Builder
	for _, f := range r.Findings {
		fmt.Fprintf(&b, "%s: %s\n", f.Level, f.Text)
	}
	return b.String()
}

func TestCheck(t *testing.T) {
	t.Parallel()
	r := Check(t.Context(), sound(t, map[string]any{"authorization_details_types_supported": []string{"account"}}), small())
	want := "ok: metadata at " + metadata + "\nok: profile poll is claimed: client \"a\" is for poll\n" +
		"note: profile rar is offered by the OP (authorization_details_types_supported is published), and a run leaves it out: rar.types is not set in the target file\n" +
		"ok: 1 keys at " + issuer + "/keys\n"
	if got := lines(r); got != want || r.Unreachable() || r.HasProblems() || !r.Capabilities["discovery"].Has {
		t.Errorf("got\n%s, want\n%s", got, want)
	}
}

func TestCheckTellsWhatIsWrong(t *testing.T) {
	t.Parallel()
	unreachable := func(url string) func(op) { return func(o op) { o[url] = "" } }
	for _, c := range []struct {
		name    string
		publish map[string]any
		answer  func(op)
		target  func(*targetfile.Target)
		want    string
	}{
		{name: "another issuer", publish: map[string]any{"issuer": issuer + "/"}, want: "problem: the OP calls itself"},
		{name: "no endpoint", publish: map[string]any{"token_endpoint": nil}, want: "problem: token_endpoint is neither published"},
		{name: "no poll", publish: map[string]any{"backchannel_token_delivery_modes_supported": []string{"ping"}}, want: "warning: poll is not among"},
		{
			name: "a method that is not listed", publish: map[string]any{"token_endpoint_auth_methods_supported": []string{"private_key_jwt"}},
			want: `warning: client "a" uses client_secret_basic`,
		},
		{
			name: "a type that is not listed", publish: map[string]any{"authorization_details_types_supported": []string{"account"}},
			target: func(t *targetfile.Target) { t.RAR.Types = []string{"payment"} }, want: `warning: rar.types has "payment"`,
		},
		{name: "metadata that cannot be read", answer: func(o op) { o[metadata] = `{"issuer":` }, want: "problem: token_endpoint is neither published"},
		{
			name: "a hook at a host that a value names",
			target: func(t *targetfile.Target) {
				t.Approval = targetfile.Approval{Kind: "url", URL: "https://{user}.example/?id={auth_req_id}"}
			},
			want: "problem: approval.url: a placeholder may stand in the path or in the query",
		},
		{
			name: "a command that is not there",
			target: func(t *targetfile.Target) {
				t.Approval = targetfile.Approval{Kind: "exec", Command: []string{"no-such-program-4711", "{auth_req_id}"}}
			},
			want: "problem: approval.command: exec: \"no-such-program-4711\"",
		},
		{
			name: "a value in a line of a shell",
			target: func(t *targetfile.Target) {
				t.Approval = targetfile.Approval{Kind: "exec", Command: []string{"sh", "-c", "decide {auth_req_id}"}}
			},
			want: "problem: approval.command: ",
		},
		{name: "no jwks_uri", publish: map[string]any{"jwks_uri": nil}, want: "warning: no jwks_uri"},
		{name: "no keys", answer: func(o op) { o[issuer+"/keys"] = "{}" }, want: "problem: " + issuer + "/keys has no keys"},
		{
			name: "another host", publish: map[string]any{"token_endpoint": "https://elsewhere.example/token"},
			want: `problem: token_endpoint is "https://elsewhere.example/token", which is not at the issuer's host`,
		},
		{
			name: "in the clear", publish: map[string]any{"introspection_endpoint": "http://op.example/introspect"},
			want: `problem: introspection_endpoint is "http://op.example/introspect"`,
		},
		{name: "a script", publish: map[string]any{"token_endpoint": "javascript:alert(1)"}, want: `problem: token_endpoint is "javascript:alert(1)"; wanted an http or https URL`},
		{name: "a file", publish: map[string]any{"backchannel_authentication_endpoint": "file:///etc/passwd"}, want: "wanted an http or https URL"},
		{name: "a fragment", publish: map[string]any{"token_endpoint": issuer + "/token#x"}, want: "wanted an http or https URL"},
		{name: "a user", publish: map[string]any{"token_endpoint": "https://u:p@op.example/token"}, want: "wanted an http or https URL"},
		{name: "nobody at the token endpoint", answer: unreachable(issuer + "/token"), want: "problem: token_endpoint cannot be used"},
		{name: "nobody at the start", answer: unreachable(issuer + "/start"), want: "problem: backchannel_authentication_endpoint cannot be used"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			o, tgt := sound(t, c.publish), small()
			if c.answer != nil {
				c.answer(o)
			}
			if c.target != nil {
				c.target(tgt)
			}
			r := Check(t.Context(), o, tgt)
			if got := lines(r); !strings.Contains(got, c.want) || !r.Reached || r.HasProblems() == strings.HasPrefix(c.want, "warning") {
				t.Errorf("got\n%s, want %q", got, c.want)
			}
		})
	}
}

// An endpoint that the target file names is the tester's own word.
func TestCheckTrustsTheTargetFile(t *testing.T) {
	t.Parallel()
	o := sound(t, map[string]any{"token_endpoint": "https://elsewhere.example/token"})
	o["https://elsewhere.example/token"] = `{"error":"invalid_request"}`
	tgt := small()
	tgt.Endpoints.Token = "https://elsewhere.example/token"
	if r := Check(t.Context(), o, tgt); r.HasProblems() {
		t.Errorf("got\n%s", lines(r))
	}
}

func TestCheckUnreachable(t *testing.T) {
	t.Parallel()
	r := Check(t.Context(), op{metadata: ""}, small())
	if !r.Unreachable() || !r.HasProblems() || len(r.Capabilities) != 0 {
		t.Errorf("got %+v", r)
	}
}

// What the OP says reaches a terminal and the logs of a CI system, and must not act
// there.
func TestCheckIsInert(t *testing.T) {
	t.Parallel()
	hostile := "poll\x1b[2J\r\n::error::owned\u009b31m\u202e"
	o := sound(t, map[string]any{
		"issuer": hostile, "backchannel_token_delivery_modes_supported": []string{hostile},
		"authorization_details_types_supported": []string{hostile}, "token_endpoint": "https://op.example/" + hostile,
	})
	tgt := small()
	tgt.RAR.Types = []string{"payment"}
	r := Check(t.Context(), o, tgt)
	r.Clients(&targetfile.Target{}, map[string]string{"a": hostile})
	for _, f := range r.Findings {
		if strings.ContainsAny(f.Text, "\x1b\r\n\u009b\u202e") {
			t.Errorf("got %q", f.Text)
		}
	}
	if got := lines(r); !strings.Contains(got, `[poll\x1b[2J\r\n::error::owned`) {
		t.Errorf("got\n%s", got)
	}
}

func TestCheckClients(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		refused map[string]string
		want    string
	}{
		"all in":    {map[string]string{"a": "", "b": ""}, "ok: 2 of 2 clients are let in\n"},
		"one out":   {map[string]string{"a": "", "b": "401"}, "ok: 1 of 2 clients are let in\nwarning: client b is refused, whatever it asks: 401;"},
		"none in":   {map[string]string{"a": "401"}, "problem: client a is refused, whatever it asks: 401;"},
		"no client": {nil, ""},
	} {
		var r CheckReport
		r.Clients(&targetfile.Target{}, c.refused)
		if got := lines(r); !strings.HasPrefix(got, c.want) || c.want == "" && got != "" {
			t.Errorf("%s: got\n%s", name, got)
		}
	}
}

// What init wrote and nobody changed is told as such.
func TestCheckTellsPlaceholders(t *testing.T) {
	t.Parallel()
	target := small()
	if got := lines(Check(t.Context(), sound(t, nil), target)); strings.Contains(got, placeholder) {
		t.Errorf("a sound file is accused:\n%s", got)
	}
	target.Clients[0].ClientID = "CHANGE-ME-A"
	r := Check(t.Context(), sound(t, nil), target)
	if got := lines(r); !r.HasProblems() || !strings.Contains(got, "client_id is still the placeholder CHANGE-ME") {
		t.Errorf("got\n%s", got)
	}
}
