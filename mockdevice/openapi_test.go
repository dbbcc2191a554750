package mockdevice

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/cibatest/cibatest/mockdevice/wire"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

// described is what openapi.yaml says of one operation.
type described map[string]map[string]any // by status

// openAPI reads the file: operations by "METHOD /path", and the whole for schemas.
func readOpenAPI(t *testing.T) (map[string]described, *jsonschema.Compiler) {
	t.Helper()
	var document map[string]any
	if err := yaml.Unmarshal(openAPI, &document); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	if err := compiler.AddResource("openapi.json", whole); err != nil {
		t.Fatal(err)
	}
	operations := map[string]described{}
	for path, methods := range document["paths"].(map[string]any) {
		for method, operation := range methods.(map[string]any) {
			d := described{}
			for status, response := range operation.(map[string]any)["responses"].(map[string]any) {
				d[status] = response.(map[string]any)
			}
			operations[strings.ToUpper(method)+" "+path] = d
		}
	}
	return operations, compiler
}

// TestOpenAPIDescribesEveryRoute: no route without a description, no description
// without a route. The phone page is for people, and described nowhere.
func TestOpenAPIDescribesEveryRoute(t *testing.T) {
	t.Parallel()
	operations, _ := readOpenAPI(t)
	d := New()
	defer d.Close()
	var served []string
	for _, r := range d.routes() {
		served = append(served, r.pattern)
	}
	slices.Sort(served)
	if written := slices.Sorted(maps.Keys(operations)); !slices.Equal(written, served) {
		t.Errorf("the file describes\n%s\nthe device serves\n%s", strings.Join(written, "\n"), strings.Join(served, "\n"))
	}
}

// TestOpenAPIAnswers holds every answer of a long conversation against the file:
// status, and body by its schema. Each status the file names has to come up, but
// for those listed.
func TestOpenAPIAnswers(t *testing.T) {
	t.Parallel()
	operations, compiler := readOpenAPI(t)
	op := httptest.NewServer(&fakeOP{status: 204})
	defer op.Close()
	broken := httptest.NewServer(&fakeOP{status: 500})
	defer broken.Close()
	adapters, err := ParseAdapters("a", []byte(fmt.Sprintf(`
keycloak: {callback: %[1]q}
authlete: {callback: %[1]q}
generic: [{name: acme, map: {id: /id}}]
inboxes:
  - {name: hook, webhook: {to: /to}, most: 1, find: {code: 'code: (\d+)'}, reply: {url: %[1]q, body: "{label:code}"}}
  - {name: sms, sms: {account: AC1}, most: 1, find: {code: 'code (\d+)'}, reply: {url: %[1]q, body: "{label:code}"}}
  - {name: push, fcm: {project: p}, most: 1, find: {code: 'code: (\d+)'}, reply: {url: %[1]q, body: "{label:code}"}}`, op.URL)))
	if err != nil {
		t.Fatal(err)
	}
	d := New(WithRoundTripper(http.DefaultTransport), WithAdapters(adapters), WithToken("tok"))
	defer d.Close()
	covered := map[string]bool{}
	talk := func(bearer, method, target, route, body string) string {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(method, target, strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer "+bearer)
		if strings.HasSuffix(route, "Messages.json") {
			r.SetBasicAuth("AC1", bearer)
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}
		if strings.Contains(body, "cross-site") {
			r.Header.Set("Sec-Fetch-Site", "cross-site")
		}
		d.Handler().ServeHTTP(w, r)
		checkAnswer(t, operations, compiler, covered, method+" "+route, w.Result())
		return w.Body.String()
	}
	ask := func(id, callback string) string {
		return fmt.Sprintf(`{"auth_req_id":%q,"login_hint":"alice","callback":%q,"labels":{"a":"b"},`+
			`"authorization_details":[{"type":"x"}],"expires_at":"2100-01-01T00:00:00Z"}`, id, callback)
	}
	for _, name := range slices.Sorted(maps.Keys(operations)) { // everything is refused without the token
		method, route, _ := strings.Cut(name, " ")
		name := map[bool]string{true: "hook", false: "acme"}[strings.HasPrefix(route, "/inboxes")]
		if route != "/openapi.yaml" && route != "/adapters/keycloak" {
			talk("wrong", method, strings.NewReplacer("{id}", "x", "{mode}", "sync", "{name}", name, "{account}", "AC1", "{project}", "p").Replace(route), route, "{}")
		}
	}
	const (
		texts, sms   = "/2010-04-01/Accounts/{account}/Messages.json", "/2010-04-01/Accounts/AC1/Messages.json"
		pushes, push = "/v1/projects/{project}/messages:send", "/v1/projects/p/messages:send"
	)
	for _, s := range []struct{ method, target, route, body string }{
		{"POST", "/v1/requests", "", ask("r1", op.URL)},
		{"POST", "/v1/requests", "", `{"auth_req_id":"r1"}`},
		{"POST", "/v1/requests", "", `{`},
		{"POST", "/v1/requests", "", ask("r2", broken.URL)},
		{"POST", "/v1/requests", "", `{"auth_req_id":"late","expires_at":"2001-01-01T00:00:00Z"}`},
		{"GET", "/v1/requests?limit=2", "/v1/requests", ""},
		{"GET", "/v1/requests?limit=0", "/v1/requests", ""},
		{"GET", "/v1/requests/wait?auth_req_id=r1", "/v1/requests/wait", ""},
		{"GET", "/v1/requests/wait?auth_req_id=nobody&timeout=1ms", "/v1/requests/wait", ""},
		{"GET", "/v1/requests/wait?timeout=soon", "/v1/requests/wait", ""},
		{"GET", "/v1/requests/r1", "/v1/requests/{id}", ""},
		{"GET", "/v1/requests/nobody", "/v1/requests/{id}", ""},
		{"POST", "/v1/requests/r1/decision", "/v1/requests/{id}/decision", `{"decision":"narrow","authorization_details":[],"reason":"less"}`},
		{"POST", "/v1/requests/r1/decision", "/v1/requests/{id}/decision", `{"decision":"deny"}`},
		{"POST", "/v1/requests/r1/decision", "/v1/requests/{id}/decision", `{"decision":"perhaps"}`},
		{"POST", "/v1/requests/r2/decision", "/v1/requests/{id}/decision", `{"decision":"approve"}`},
		{"POST", "/v1/requests/late/decision", "/v1/requests/{id}/decision", `{"decision":"approve"}`},
		{"POST", "/v1/requests/nobody/decision", "/v1/requests/{id}/decision", `{"decision":"approve"}`},
		{"GET", "/v1/requests/r1", "/v1/requests/{id}", ""},
		{"POST", "/v1/requests", "", ask("r3", op.URL)},
		{"POST", "/v1/decisions", "", `{"match":{"user":"alice"},"decision":{"decision":"cancel"}}`},
		{"POST", "/v1/decisions", "", `{"match":{"state":"odd"},"decision":{"decision":"cancel"}}`},
		{"POST", "/v1/explain", "", `{}`},
		{"GET", "/v1/policy", "", ""},
		{"PUT", "/v1/policy", "", "rules: [{then: maybe}]"},
		{"PUT", "/v1/policy", "", "rules: [{name: shut, when: {client: shut}, then: {act: deny, faults: [unavailable]}}, {when: {client: " +
			"c}, then: {act: narrow, scope: [openid], keep: {type: x}}}]\notherwise: hold"},
		{"GET", "/v1/policy", "", ""},
		{"POST", "/v1/explain", "", `{"client_id":"c","scope":"openid profile","authorization_details":[{"type":"x"},{"type":"y"}]}`},
		{"POST", "/v1/explain", "", `[`},
		{"POST", "/v1/requests", "", `{"auth_req_id":"shut","client_id":"shut"}`},
		{"GET", "/v1/counters", "", ""},
		{"POST", "/approve?auth_req_id=r1&action=allow", "/approve", ""},
		{"POST", "/approve?auth_req_id=r1&action=deny", "/approve", ""},
		{"POST", "/approve?auth_req_id=r1&action=may", "/approve", ""},
		{"POST", "/approve?auth_req_id=nobody&action=deny", "/approve", ""},
		{"POST", "/approve?auth_req_id=late&action=deny", "/approve", ""},
		{"GET", "/approve?auth_req_id=r1&action=allow", "/approve", ""},
		{"GET", "/approve?auth_req_id=r1&action=allow", "/approve", "cross-site"},
		{"GET", "/openapi.yaml", "", ""},
		{"POST", "/adapters/keycloak?token=tok", "/adapters/keycloak", `{"login_hint":"alice"}`},
		{"POST", "/adapters/keycloak?token=tok", "/adapters/keycloak", `{}`},
		{"POST", "/adapters/keycloak?token=tok", "/adapters/keycloak", `{"login_hint":"bob"}`},
		{"POST", "/adapters/keycloak", "", `{"login_hint":"bob"}`},
		{
			"POST", "/adapters/authlete/api/authenticate/poll", "/adapters/authlete/api/authenticate/{mode}",
			`{"workspace":"w","user":"u","timeout":5,"actionize_token":"t"}`,
		},
		{
			"POST", "/adapters/authlete/api/authenticate/poll", "/adapters/authlete/api/authenticate/{mode}",
			`{"workspace":"w","user":"other","timeout":5,"actionize_token":"t"}`,
		},
		{"POST", "/adapters/authlete/api/authenticate/poll", "/adapters/authlete/api/authenticate/{mode}", `{}`},
		{"POST", "/adapters/authlete/api/authenticate/fax", "/adapters/authlete/api/authenticate/{mode}", `{}`},
		{"POST", "/adapters/authlete/api/authenticate/result", "", `{"request_id":"` + wire.KeyOf("t").String() + `"}`},
		{"POST", "/adapters/authlete/api/authenticate/result", "", `{"request_id":"x"}`},
		{"POST", "/adapters/authlete/api/authenticate/result", "", `{`},
		{
			"POST", "/adapters/authlete/api/authenticate/actionize?workspace=w&token=t&action=allow",
			"/adapters/authlete/api/authenticate/actionize", "",
		},
		{
			"POST", "/adapters/authlete/api/authenticate/actionize?workspace=w&token=t&action=deny",
			"/adapters/authlete/api/authenticate/actionize", "",
		},
		{
			"POST", "/adapters/authlete/api/authenticate/actionize?workspace=w&token=t&action=x", "/adapters/authlete/api/authenticate/actionize",
			"",
		},
		{
			"POST", "/adapters/authlete/api/authenticate/actionize?workspace=v&token=t&action=allow",
			"/adapters/authlete/api/authenticate/actionize", "",
		},
		{"POST", "/adapters/authlete/api/authenticate/result", "", `{"request_id":"` + wire.KeyOf("t").String() + `"}`},
		{"POST", "/adapters/generic/acme", "/adapters/generic/{name}", `{"id":7}`},
		{"POST", "/adapters/generic/acme", "/adapters/generic/{name}", `{}`},
		{"POST", "/adapters/generic/nobody", "/adapters/generic/{name}", `{}`},
		{"GET", "/v1/inboxes", "", ""},
		{"POST", "/inboxes/hook", "/inboxes/{name}", `{"to":"alice","code":1}`},
		{"POST", "/inboxes/hook", "/inboxes/{name}", `{"to":"alice","code":2}`},
		{"POST", "/inboxes/hook", "/inboxes/{name}", `{"to":"alice","text":"hello"}`},
		{"GET", "/v1/requests?user=alice", "/v1/requests", ""},
		{"POST", "/inboxes/hook", "/inboxes/{name}", `{}`},
		{"POST", "/inboxes/nobody", "/inboxes/{name}", `{}`},
		{"POST", sms, texts, "From=1&To=alice&Body=code+1"},
		{"POST", sms, texts, "From=1&To=alice&Body=code+2"},
		{"POST", sms, texts, "From=1&To=alice&Body=hello"},
		{"POST", sms, texts, "From=1&To=alice"},
		{"POST", "/2010-04-01/Accounts/AC2/Messages.json", texts, "From=1&To=alice&Body=code+1"},
		{"POST", push, pushes, `{"message":{"token":"t","data":{"code":"1"}}}`},
		{"POST", push, pushes, `{"message":{"token":"t","data":{"code":"2"}}}`},
		{"POST", push, pushes, `{"message":{"data":{"code":"2"}}}`},
		{"POST", "/v1/projects/other/messages:send", pushes, `{"message":{"token":"t"}}`},
		{"GET", "/v1/inboxes", "", ""},
		{"POST", "/v1/pause", "", ""},
		{"POST", "/v1/resume", "", ""},
		{"POST", "/v1/reset", "", ""},
	} {
		route := s.route
		if route == "" {
			route = s.target
		}
		talk("tok", s.method, s.target, route, s.body)
	}
	for name, d := range operations {
		for status := range d {
			if key := name + " " + status; !covered[key] && !seldom[key] {
				t.Errorf("nothing in the conversation is answered %s", key)
			}
		}
	}
}

// seldom are answers that other tests see, or that only differ in their path.
var seldom = map[string]bool{
	"GET /approve 400": true, "GET /approve 404": true, "GET /approve 409": true, "GET /approve 410": true, "GET /approve 502": true,
	"POST /approve 403": true, "POST /approve 502": true,
	"POST /adapters/keycloak 401": true, "POST /adapters/keycloak 404": true, "POST /adapters/keycloak 503": true,
	"GET /approve 503": true, "POST /approve 503": true, "POST /v1/requests/{id}/decision 503": true,
	"POST /adapters/authlete/api/authenticate/actionize 503": true,
	"POST /adapters/authlete/api/authenticate/{mode} 503":    true,
	"POST /adapters/authlete/api/authenticate/actionize 410": true,
	"POST /adapters/authlete/api/authenticate/actionize 502": true,
	"POST /adapters/generic/{name} 409":                      true, "POST /adapters/generic/{name} 503": true,
	"POST /inboxes/{name} 503": true, "POST /2010-04-01/Accounts/{account}/Messages.json 503": true,
	"POST /v1/projects/{project}/messages:send 503": true, "POST /v1/fcm/token 200": true,
}

func checkAnswer(t *testing.T, operations map[string]described, compiler *jsonschema.Compiler, covered map[string]bool, name string,
	resp *http.Response,
) {
	t.Helper()
	status := fmt.Sprint(resp.StatusCode)
	body, _ := io.ReadAll(resp.Body)
	operation, ok := operations[name]
	if !ok {
		t.Fatalf("%s is not described", name)
	}
	response, ok := operation[status]
	if !ok {
		status = "default"
		if response, ok = operation[status]; !ok {
			t.Errorf("%s is answered %d %s, which is not described", name, resp.StatusCode, body)
			return
		}
	}
	covered[name+" "+status] = true
	media := resp.Header.Get("Content-Type")
	if ref, ok := response["$ref"].(string); ok && ref == "#/components/responses/Refused" {
		validate(t, compiler, name+" "+status, "openapi.json#/components/schemas/Error", body)
		return
	}
	if ref, ok := response["$ref"].(string); ok {
		validate(t, compiler, name+" "+status, "openapi.json"+ref+"/content/application~1json/schema", body)
		return
	}
	content, ok := response["content"].(map[string]any)
	if !ok {
		if len(body) > 0 && status != "default" {
			t.Errorf("%s %s has a body that is not described: %s", name, status, body)
		}
		return
	}
	if content[media] == nil {
		t.Errorf("%s %s is %q, which is not described", name, status, media)
	}
	if media == "application/json" {
		path := strings.NewReplacer("~", "~0", "/", "~1").Replace(strings.SplitN(name, " ", 2)[1])
		method := strings.ToLower(strings.SplitN(name, " ", 2)[0])
		validate(t, compiler, name+" "+status, fmt.Sprintf("openapi.json#/paths/%s/%s/responses/%s/content/application~1json/schema",
			escapeFragment(path), method, status), body)
	}
}

func escapeFragment(s string) string { return strings.NewReplacer("{", "%7B", "}", "%7D").Replace(s) }

func validate(t *testing.T, compiler *jsonschema.Compiler, name, schema string, body []byte) {
	t.Helper()
	compiled, err := compiler.Compile(schema)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err == nil {
		err = compiled.Validate(value)
	}
	if err != nil {
		t.Errorf("%s: %v\n%s", name, err, body)
	}
}
