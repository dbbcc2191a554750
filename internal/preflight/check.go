package preflight

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"

	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/reports/result"
)

// CheckLevel grades a finding of [Check].
type CheckLevel string

// The grades. A problem keeps a run from telling the truth.
const (
	CheckOK      CheckLevel = "ok"
	CheckWarning CheckLevel = "warning"
	CheckProblem CheckLevel = "problem"
)

// CheckFinding is one fact about the target file against the OP.
type CheckFinding struct {
	Level CheckLevel `json:"level"`
	Text  string     `json:"text"`
}

// CheckReport is what [Check] found out.
type CheckReport struct {
	Issuer       string                       `json:"issuer"`
	Reached      bool                         `json:"reached"`
	Findings     []CheckFinding               `json:"findings"`
	Capabilities map[string]result.Capability `json:"capabilities"`
}

func (r *CheckReport) add(level CheckLevel, format string, args ...any) {
	r.Findings = append(r.Findings, CheckFinding{level, fmt.Sprintf(format, args...)})
}

// Check compares a target file with what the OP publishes. It starts no flow, so
// no user is asked anything.
func Check(ctx context.Context, rt http.RoundTripper, t *targetfile.Target) CheckReport {
	r := CheckReport{Issuer: t.Issuer, Capabilities: map[string]result.Capability{}}
	facts, err := Gather(ctx, rt, t)
	if err != nil {
		r.add(CheckProblem, "%v", err)
		return r
	}
	r.Reached = true
	t, d := facts.Target, facts.Discovery
	r.Capabilities = facts.Capabilities.ByName()
	if d.Found() {
		r.add(CheckOK, "metadata at %s", d.URL)
		r.metadata(t, d)
	} else {
		r.add(CheckWarning, "no metadata; the endpoints of the target file are used")
	}
	r.keys(ctx, rt, t)
	return r
}

func (r *CheckReport) metadata(t *targetfile.Target, d *Discovery) {
	if issuer := d.Text("issuer"); issuer != t.Issuer {
		r.add(CheckProblem, "the OP calls itself %q, the target file %q; they have to be equal to the letter", issuer, t.Issuer)
	}
	for name, url := range map[string]string{"backchannel_authentication_endpoint": t.Endpoints.BackchannelAuthentication, "token_endpoint": t.Endpoints.Token} {
		if url == "" {
			r.add(CheckProblem, "%s is neither published nor set under endpoints", name)
		}
	}
	modes := d.Strings("backchannel_token_delivery_modes_supported")
	if !slices.Contains(modes, targetfile.DeliveryPoll) {
		r.add(CheckWarning, "poll is not among backchannel_token_delivery_modes_supported %v", modes)
	}
	methods := d.Strings("token_endpoint_auth_methods_supported")
	for _, c := range t.Clients {
		if len(methods) > 0 && c.AuthMethod != targetfile.AuthNone && !slices.Contains(methods, c.AuthMethod) {
			r.add(CheckWarning, "client %q uses %s, which token_endpoint_auth_methods_supported does not list", c.Name, c.AuthMethod)
		}
	}
	types := d.Strings("authorization_details_types_supported")
	for _, kind := range t.RAR.Types {
		if len(types) > 0 && !slices.Contains(types, kind) {
			r.add(CheckWarning, "rar.types has %q, which authorization_details_types_supported does not list", kind)
		}
	}
}

func (r *CheckReport) keys(ctx context.Context, rt http.RoundTripper, t *targetfile.Target) {
	if t.Endpoints.JWKS == "" {
		r.add(CheckWarning, "no jwks_uri, so ID Token signatures cannot be verified")
		return
	}
	resp := ciba.NewHTTP(rt, ciba.Options{}).Do(ctx, nil, ciba.Call{Label: "keys", Method: http.MethodGet, URL: t.Endpoints.JWKS})
	object, err := resp.Object()
	keys, _ := object["keys"].([]any)
	if err != nil || len(keys) == 0 {
		r.add(CheckProblem, "%s has no keys: %s", t.Endpoints.JWKS, resp.Summary())
		return
	}
	r.add(CheckOK, "%d keys at %s", len(keys), t.Endpoints.JWKS)
}

// Clients adds what the OP says to each client's credentials: for every name how
// it is refused, or nothing where it is let in. That one of them is refused may
// be the OP's defect; that all are is a mistake in the target file.
func (r *CheckReport) Clients(refused map[string]string) {
	level, in := CheckProblem, 0
	for _, how := range refused {
		if how == "" {
			level, in = CheckWarning, in+1
		}
	}
	if in > 0 {
		r.add(CheckOK, "%d of %d poll clients are let in", in, len(refused))
	}
	for _, name := range slices.Sorted(maps.Keys(refused)) {
		if how := refused[name]; how != "" {
			r.add(level, "client %q is refused, whatever it asks: %s; compare client_id, auth_method and secret or key with its registration", name, how)
		}
	}
}

// Unreachable says whether the OP gave no answer.
func (r CheckReport) Unreachable() bool { return !r.Reached }

// HasProblems says whether a run would not tell the truth.
func (r CheckReport) HasProblems() bool {
	return slices.ContainsFunc(r.Findings, func(f CheckFinding) bool { return f.Level == CheckProblem })
}
