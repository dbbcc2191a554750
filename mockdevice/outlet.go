package mockdevice

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/cibatest/cibatest/mockdevice/wire"
)

// outlet speaks one dialect to an OP: it makes the request that tells a decision. The
// sender adds context and patience.
type outlet struct {
	request func(Request, Decision) (*http.Request, error)
}

// nativeOutlet is the callback of the package's wire contract.
var nativeOutlet = &outlet{request: func(r Request, d Decision) (*http.Request, error) {
	d.Faults = nil
	return jsonCallback(r.Callback, r.CallbackToken, struct {
		AuthReqID string `json:"auth_req_id"`
		Decision
	}{r.AuthReqID, d})
}}

// withDefault uses another dialect for requests that name no callback.
func withDefault(first *outlet, template *Template) *outlet {
	other := template.outlet()
	return &outlet{request: func(r Request, d Decision) (*http.Request, error) {
		if r.Callback == "" {
			return other.request(r, d)
		}
		return first.request(r, d)
	}}
}

// keycloakOutlet answers Keycloak's HTTP authentication channel. Keycloak takes a
// second callback as a reason to cancel, so none is ever sent unasked.
var keycloakOutlet = &outlet{request: func(r Request, d Decision) (*http.Request, error) {
	status := map[Action]string{Approve: "SUCCEED", Deny: "UNAUTHORIZED"}[d.Action]
	if status == "" {
		status = "CANCELLED"
	}
	return jsonCallback(r.Callback, r.CallbackToken, map[string]string{"status": status})
}}

// authleteOutlet answers what was asked asynchronously.
var authleteOutlet = &outlet{request: func(r Request, d Decision) (*http.Request, error) {
	return jsonCallback(r.Callback, "", authleteAnswer{RequestID: r.Ref, Result: authleteResult(d.Action), State: r.Labels["state"]})
}}

// jsonCallback posts a body as JSON, with a bearer token if there is one.
func jsonCallback(to, bearer string, body any) (*http.Request, error) {
	if to == "" {
		return nil, errNowhere
	}
	data, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequest(http.MethodPost, to, bytes.NewReader(data)) //nolint:noctx // the sender adds the context of its attempt
	if err != nil {
		return nil, fmt.Errorf("callback: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	return req, nil
}

// Template is an HTTP request that tells an OP of a decision. URL, header values and
// body may hold {auth_req_id}, {action}, {decision}, {reason}, {error}, {scope},
// {authorization_details}, {user}, {client_id}, {ref} and {label:NAME}; in a URL they
// are query-escaped, in a body they are escaped as its Content-Type wants.
type Template struct {
	Method  string
	URL     string
	Headers map[string]string
	Body    string

	// Words are what {action} is. The default is allow for approve, timeout when nobody
	// decided, and deny for all else.
	Words map[Action]string
}

// outlet fills the template for each decision.
func (t *Template) outlet() *outlet {
	return &outlet{request: func(r Request, d Decision) (*http.Request, error) {
		body := t.fill(t.Body, r, d, t.escape())
		address := t.fill(t.URL, r, d, url.QueryEscape)
		req, err := http.NewRequest(t.Method, address, strings.NewReader(body)) //nolint:noctx // the sender adds the context of its attempt
		if err != nil {
			return nil, fmt.Errorf("the template makes no request: %w", err)
		}
		req.Header.Set("Accept", "application/json")
		for name, value := range t.Headers {
			req.Header.Set(name, t.fill(value, r, d, oneLine))
		}
		return req, nil
	}}
}

// escape is how the Content-Type wants values escaped in the body: as inside a JSON text,
// or as in a form.
func (t *Template) escape() func(string) string {
	for name, value := range t.Headers {
		if strings.EqualFold(name, "Content-Type") && strings.Contains(value, "json") {
			return inJSON
		}
	}
	return url.QueryEscape
}

// inJSON is a text as it stands inside the quotes of a JSON string.
func inJSON(s string) string {
	quoted, _ := json.Marshal(s)
	return string(quoted[1 : len(quoted)-1])
}

// oneLine keeps a value from adding a header of its own.
func oneLine(s string) string { return strings.NewReplacer("\r", " ", "\n", " ").Replace(s) }

// fill replaces the placeholders. What the decision does not narrow is told as it was
// asked.
func (t *Template) fill(text string, r Request, d Decision, escape func(string) string) string {
	if !strings.Contains(text, "{") {
		return text
	}
	scope, details := r.Scope, string(r.AuthorizationDetails)
	if d.Scope != nil {
		scope = *d.Scope
	}
	if d.AuthorizationDetails != nil {
		details = string(d.AuthorizationDetails)
	}
	pairs := []string{
		"{auth_req_id}", escape(r.AuthReqID), "{ref}", escape(r.Ref),
		"{action}", escape(t.word(d.Action)), "{decision}", escape(string(d.Action)),
		"{reason}", escape(d.Reason), "{error}", escape(d.Error), "{scope}", escape(scope), "{authorization_details}", escape(details),
		"{user}", escape(r.User()), "{client_id}", escape(r.ClientID),
	}
	for name, value := range r.Labels {
		pairs = append(pairs, "{label:"+name+"}", escape(value))
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// word is what {action} becomes.
func (t *Template) word(a Action) string {
	if w, ok := t.Words[a]; ok {
		return w
	}
	switch a {
	case Approve, Narrow: // a narrow decision is kept as an approval
		return "allow"
	case wire.TimedOut:
		return string(wire.TimedOut)
	case Deny, Cancel, Failure, Ignore: // without words of its own, a template knows one no
	}
	return "deny"
}
