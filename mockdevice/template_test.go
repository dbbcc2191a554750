package mockdevice

import (
	"encoding/json"
	"io"
	"testing"
)

// TestTemplateOfJSON: values stand in strings and as values, the list of details as a
// list, and none of them can add a member.
func TestTemplateOfJSON(t *testing.T) {
	t.Parallel()
	request := Request{
		AuthReqID: `id","admin":true,"x":"`, LoginHint: "alice", Sub: "s-1", ClientID: "c",
		AuthorizationDetails: json.RawMessage(`[{"type":"a"},{"type":"b"}]`), Labels: map[string]string{"tenant": `t"`},
	}
	narrowed := Decision{Action: Approve, AuthorizationDetails: json.RawMessage(`[{"type":"a"}]`)}
	for _, c := range []struct {
		name, body, want string
		request          Request
		decision         Decision
	}{
		{"as a list", `{"granted": {authorization_details}}`, `{"granted": [{"type":"a"},{"type":"b"}]}`, request, Decision{Action: Approve}},
		{"as a narrowed list", `{"granted": {authorization_details}}`, `{"granted": [{"type":"a"}]}`, request, narrowed},
		{"in a string", `{"granted":"{authorization_details}"}`, `{"granted":"[{\"type\":\"a\"}]"}`, request, narrowed},
		{"nothing", `{"granted":{authorization_details}}`, `{"granted":null}`, Request{}, Decision{Action: Deny}},
		{"quotes", `{"id":"{auth_req_id}","t":"{label:tenant}"}`, `{"id":"id\",\"admin\":true,\"x\":\"","t":"t\""}`, request, narrowed},
		{"bare", `{"id":{auth_req_id}}`, `{"id":"id\",\"admin\":true,\"x\":\""}`, request, narrowed},
		{"people", `{"u":"{user}","s":"{sub}","h":"{login_hint}"}`, `{"u":"alice","s":"s-1","h":"alice"}`, request, narrowed},
		{"other braces", `{"a":{"b":"{nobody}"}}`, `{"a":{"b":"{nobody}"}}`, request, narrowed},
		{"an escaped quote", `{"a":"\"{sub}","b":{sub}}`, `{"a":"\"s-1","b":"s-1"}`, request, narrowed},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			template := Template{Method: "POST", URL: "http://op/{sub}", Headers: map[string]string{"content-type": "application/json"}, Body: c.body}
			req, err := template.outlet().request(c.request, c.decision)
			if err != nil {
				t.Fatal(err)
			}
			body, _ := io.ReadAll(req.Body)
			if string(body) != c.want {
				t.Errorf("got %s, want %s", body, c.want)
			}
			if c.request.Sub != "" && req.URL.Path != "/s-1" {
				t.Errorf("the URL is %s", req.URL)
			}
		})
	}
}
