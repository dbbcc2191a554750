package mockdevice

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
)

// outlet speaks one dialect to an OP: it makes the request that tells a decision, or a
// visit where that takes several. The sender adds context and patience.
type outlet struct {
	request func(Request, Decision) (*http.Request, error)

	// visit tells the decision by itself, through a transport that names the device, and
	// returns the status of the last answer; 0 if there is none.
	visit func(context.Context, http.RoundTripper, Request, Decision) (status int, err error)
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
