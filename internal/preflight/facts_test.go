package preflight

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/google/go-cmp/cmp"
)

// op answers requests by their URL with JSON texts. What it does not know is 404, and
// what has an empty text cannot be reached.
type op map[string]string

func (o op) RoundTrip(r *http.Request) (*http.Response, error) {
	text, known := o[r.URL.String()]
	resp := &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Request: r}
	switch {
	case known && text == "":
		return nil, errors.New("nobody listens")
	case !known:
		resp.StatusCode, text = http.StatusNotFound, "not here"
	}
	resp.Body = io.NopCloser(strings.NewReader(text))
	return resp, nil
}

const (
	issuer   = "https://op.example"
	metadata = issuer + "/.well-known/openid-configuration"
)

// publishing is the metadata of a sound OP with some members changed, or without
// them where the value is nil.
func publishing(t *testing.T, changes map[string]any) string {
	t.Helper()
	document := map[string]any{
		"issuer": issuer, "backchannel_authentication_endpoint": issuer + "/start", "token_endpoint": issuer + "/token",
		"jwks_uri": issuer + "/keys", "userinfo_endpoint": issuer + "/userinfo",
		"backchannel_token_delivery_modes_supported": []string{"poll"},
	}
	maps.Copy(document, changes)
	maps.DeleteFunc(document, func(_ string, v any) bool { return v == nil })
	data, err := json.Marshal(document)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// small is a target that leaves the endpoints to discovery.
func small() *targetfile.Target {
	return &targetfile.Target{
		Issuer: issuer, Clients: []targetfile.Client{confidential("a", targetfile.AuthClientSecretBasic)},
		Users: []targetfile.User{{Name: "alice", LoginHint: "alice"}}, Approval: targetfile.Approval{Kind: targetfile.ApprovalNone},
	}
}

func TestGather(t *testing.T) {
	t.Parallel()
	tgt := small()
	tgt.Endpoints.Token = issuer + "/mine"
	tgt.Capabilities = map[catalogue.Need]bool{catalogue.NeedParallel: false, catalogue.NeedDCR: true}
	f, err := Gather(t.Context(), op{metadata: publishing(t, nil)}, tgt)
	if err != nil {
		t.Fatal(err)
	}
	want := targetfile.Endpoints{BackchannelAuthentication: issuer + "/start", Token: issuer + "/mine", JWKS: issuer + "/keys", Userinfo: issuer + "/userinfo"}
	if diff := cmp.Diff(want, f.Target.Endpoints); diff != "" {
		t.Errorf("endpoints: -want +got\n%s", diff)
	}
	if f.Capabilities.Has(catalogue.NeedParallel) || !f.Capabilities.Has(catalogue.NeedDCR) {
		t.Error("the target file does not have the last word")
	}
	if len(f.Capabilities) != len(catalogue.Needs()) || len(f.Capabilities.ByName()) != len(catalogue.Needs()) {
		t.Errorf("%d of %d needs have an answer", len(f.Capabilities), len(catalogue.Needs()))
	}
	unmet := f.Capabilities.Unmet([]catalogue.Need{catalogue.NeedDiscovery, catalogue.NeedParallel, catalogue.NeedApprove})
	if unmet != "parallel: the target file says so" {
		t.Errorf("got %q", unmet)
	}
	if unmet := f.Capabilities.Unmet([]catalogue.Need{catalogue.NeedDiscovery}); unmet != "" {
		t.Errorf("got %q", unmet)
	}
}

// The target of the caller, and what it declares, stay as they are.
func TestGatherChangesNothing(t *testing.T) {
	t.Parallel()
	tgt := small()
	tgt.Capabilities = map[catalogue.Need]bool{catalogue.NeedRefresh: true}
	f, err := Gather(t.Context(), op{metadata: publishing(t, nil)}, tgt)
	if err != nil {
		t.Fatal(err)
	}
	delete(f.Capabilities, catalogue.NeedRefresh)
	if tgt.Endpoints != (targetfile.Endpoints{}) || !tgt.Capabilities[catalogue.NeedRefresh] || len(tgt.Capabilities) != 1 {
		t.Errorf("got %+v", tgt)
	}
}

func TestDiscover(t *testing.T) {
	t.Parallel()
	known := small()
	known.Endpoints = targetfile.Endpoints{BackchannelAuthentication: issuer + "/start", Token: issuer + "/token"}
	for _, c := range []struct {
		name   string
		target *targetfile.Target
		issuer string
		op     op
		url    string
		fails  string
	}{
		{name: "the usual place", op: op{metadata: publishing(t, nil)}, url: metadata},
		{
			name: "the place of RFC 8414", issuer: issuer + "/tenant/",
			op:  op{issuer + "/.well-known/oauth-authorization-server/tenant": publishing(t, nil)},
			url: issuer + "/.well-known/oauth-authorization-server/tenant",
		},
		{name: "nowhere, but the endpoints are known", target: known, url: metadata},
		{name: "nowhere", fails: metadata + " answers 404, but "},
		{name: "unreachable", op: op{metadata: ""}, fails: "the OP cannot be reached"},
		{name: "no URL", issuer: "op.example", fails: `the OP cannot be reached: "op.example/.well-known/openid-configuration" is not an absolute URL`},
		{name: "half a URL", issuer: "http://[::1", fails: "is not an absolute URL"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			tgt := c.target
			if tgt == nil {
				tgt = small()
			}
			if c.issuer != "" {
				tgt.Issuer = c.issuer
			}
			d, err := Discover(t.Context(), c.op, tgt)
			if c.fails != "" {
				if err == nil || !strings.Contains(err.Error(), c.fails) {
					t.Errorf("got %v, want %q", err, c.fails)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if d.URL != c.url || d.Found() != (len(c.op) > 0) || d.OAuthOnly != strings.Contains(c.url, "oauth-authorization-server") {
				t.Errorf("got %+v", d)
			}
		})
	}
}

func TestDiscoverEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Discover(ctx, &http.Transport{}, small()); err == nil {
		t.Error("got no error")
	}
}

func TestDiscoveryMembers(t *testing.T) {
	t.Parallel()
	d := &Discovery{Document: map[string]any{"text": "a", "list": []any{"a", 1.0, "b"}, "number": 1.0}}
	if d.Text("text") != "a" || d.Text("number") != "" || d.Text("nowhere") != "" {
		t.Error("Text reads strings and nothing else")
	}
	if got := d.Strings("list"); !cmp.Equal(got, []string{"a", "b"}) {
		t.Errorf("got %v", got)
	}
	if got := d.Strings("text"); got != nil {
		t.Errorf("got %v", got)
	}
}
