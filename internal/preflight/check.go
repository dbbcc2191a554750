package preflight

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cibatest/cibatest/internal/approve"
	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/reports/result"
)

// CheckLevel grades a finding of [Check].
type CheckLevel string

// The grades. A problem keeps a run from telling the truth, or would send secrets to
// where nobody wants them.
const (
	CheckOK      CheckLevel = "ok"
	CheckNote    CheckLevel = "note" // true, and neither good nor bad
	CheckWarning CheckLevel = "warning"
	CheckProblem CheckLevel = "problem"
)

// CheckFinding is one fact about the target file against the OP.
type CheckFinding struct {
	Level CheckLevel `json:"level"`
	Text  string     `json:"text"` // one line without control characters, whatever the OP sent
}

// CheckReport is what [Check] found out.
type CheckReport struct {
	Issuer       string                       `json:"issuer"`
	Reached      bool                         `json:"reached"`
	Findings     []CheckFinding               `json:"findings"`
	Capabilities map[string]result.Capability `json:"capabilities"`

	Facts *Facts `json:"-"` // nil: the OP was not reached
}

// Add adds a finding, on one line and without what a terminal acts on. What was said before,
// at any level, is not said again.
func (r *CheckReport) Add(level CheckLevel, format string, args ...any) {
	text := inert(fmt.Sprintf(format, args...))
	if !slices.ContainsFunc(r.Findings, func(f CheckFinding) bool { return f.Text == text }) {
		r.Findings = append(r.Findings, CheckFinding{level, text})
	}
}

// inert escapes what a terminal or the log of a CI system could take for a command:
// control characters, line ends and what changes the direction of writing.
func inert(text string) string {
	var b strings.Builder
	for _, r := range strings.ToValidUTF8(text, "?") {
		if strconv.IsPrint(r) {
			b.WriteRune(r)
			continue
		}
		quoted := strconv.QuoteRune(r)
		b.WriteString(quoted[1 : len(quoted)-1])
	}
	return b.String()
}

// Check compares a target file with what the OP publishes. It starts no flow, so no
// user is asked anything, and it shows nobody's credentials.
func Check(ctx context.Context, rt http.RoundTripper, t *targetfile.Target) CheckReport {
	r := CheckReport{Issuer: t.Issuer, Capabilities: map[string]result.Capability{}}
	for _, hook := range []targetfile.Approval{t.Approval, t.UserLock.Hook()} {
		if err := approve.Check(hook); err != nil {
			r.Add(CheckProblem, "%v", err)
		}
	}
	r.untouched(t)
	r.audience(t)
	r.enrolled(t)
	facts, err := Gather(ctx, rt, t)
	if err != nil {
		r.Add(CheckProblem, "%v", err)
		return r
	}
	r.Reached, r.Facts = true, facts
	r.Capabilities = facts.Capabilities.ByName()
	switch {
	case facts.Discovery.Found():
		r.Add(CheckOK, "metadata at %s", facts.Discovery.URL)
		r.metadata(facts.Target, facts.Discovery)
	case facts.Discovery.Broken != nil:
		r.Add(CheckWarning, "the metadata at %s cannot be read: %v; the endpoints of the target file are used",
			facts.Discovery.URL, facts.Discovery.Broken)
	default:
		r.Add(CheckWarning, "no metadata; the endpoints of the target file are used")
	}
	r.claims(facts)
	r.wayIn(facts.Target)
	h := ciba.NewHTTP(rt, ciba.Options{Secrets: t.Secrets()})
	r.endpoints(ctx, h, facts)
	r.keys(ctx, h, facts.Target.Endpoints.JWKS)
	return r
}

// placeholder begins the values that init leaves to the user.
const placeholder = "CHANGE-ME"

// untouched tells of clients whose values are still those that init wrote.
func (r *CheckReport) untouched(t *targetfile.Target) {
	for _, c := range t.Clients {
		for _, key := range []struct{ name, value string }{{"client_id", c.ClientID}, {"client_secret", string(c.ClientSecret)}} {
			if strings.HasPrefix(key.value, placeholder) {
				r.Add(CheckProblem, "client %q: %s is still the placeholder %s...; write what the OP has registered", c.Name, key.name, placeholder)
			}
		}
	}
	for _, u := range t.Users {
		if strings.Contains(u.Sub, placeholder) {
			r.Add(CheckProblem, "user %q: sub is still a placeholder; write the subject that the OP has for the user", u.Name)
		}
	}
}

// audience warns of types that belong to an API which requests do not name.
func (r *CheckReport) audience(t *targetfile.Target) {
	_, audience := t.StartParams["audience"]
	_, resource := t.StartParams["resource"]
	if t.RAR.NeedsAudience && len(t.RAR.Types) > 0 && !audience && !resource {
		r.Add(CheckWarning, "%s: rar.types belong to an API at this OP, and requests name none, so that they are refused or the access token "+
			"is for nobody; add start_params: {audience: IDENTIFIER-OF-THE-API}, unless the tenant has a default audience", t.Where("rar"))
	}
}

// enrolled tells which users have no device of approval.kind guardian, so that nobody decides
// for them.
func (r *CheckReport) enrolled(t *targetfile.Target) {
	if t.Approval.Kind != targetfile.ApprovalGuardian {
		return
	}
	for _, u := range t.Users {
		has := func(d targetfile.GuardianDevice) bool { return d.User.Name == u.Name }
		if !slices.ContainsFunc(t.Approval.Guardian.Devices, has) {
			r.Add(CheckWarning, "user %s is not enrolled at %s; \"cibatest guardian enroll --user %s\" does that",
				u.Name, t.Approval.Guardian.URL, u.Name)
		}
	}
}

// claims tells which verdicts a run would state.
func (r *CheckReport) claims(f *Facts) {
	for _, c := range f.Claims(nil) {
		if c.Claim == result.ClaimMetadata {
			r.Add(CheckNote, "profile %s is offered by the OP (%s), and a run leaves it out: %s", c.ID, c.Because, f.without(c.ID))
			continue
		}
		r.Add(CheckOK, "profile %s is claimed: %s", c.ID, c.Because)
	}
}

// wayIn warns of an address that an OP elsewhere would take for its own machine.
func (r *CheckReport) wayIn(t *targetfile.Target) {
	for _, c := range t.Clients {
		at := cmp.Or(c.NotificationEndpoint, t.Notifications.PublicURL, "http://"+t.Notifications.Listen)
		if c.Notified() && t.Notifications.Listen != "" && isLoopback(at) && !isLoopback(t.Issuer) {
			r.Add(CheckWarning, "%s client %s: %s", c.DeliveryMode, c.Name, WayIn(t, at))
			return
		}
	}
}

func (r *CheckReport) metadata(t *targetfile.Target, d *Discovery) {
	if issuer := d.Text("issuer"); issuer != t.Issuer {
		r.Add(CheckProblem, "the OP calls itself %q, the target file %q; they have to be equal to the letter", issuer, t.Issuer)
	}
	modes := d.Strings("backchannel_token_delivery_modes_supported")
	if !slices.Contains(modes, targetfile.DeliveryPoll) {
		r.Add(CheckWarning, "poll is not among backchannel_token_delivery_modes_supported %v", modes)
	}
	methods := d.Strings("token_endpoint_auth_methods_supported")
	for _, c := range t.Clients {
		if len(methods) > 0 && c.AuthMethod != targetfile.AuthNone && !slices.Contains(methods, c.AuthMethod) {
			r.Add(CheckWarning, "client %q uses %s, which token_endpoint_auth_methods_supported does not list", c.Name, c.AuthMethod)
		}
	}
	types := d.Strings("authorization_details_types_supported")
	for _, kind := range t.RAR.Types {
		if len(types) > 0 && !slices.Contains(types, kind) {
			r.Add(CheckWarning, "rar.types has %q, which authorization_details_types_supported does not list", kind)
		}
	}
}

// endpoints tells which of the endpoints that get credentials are missing, cannot be
// used, or are where only the OP's metadata says that they belong.
func (r *CheckReport) endpoints(ctx context.Context, h *ciba.HTTP, f *Facts) {
	elsewhere := f.Elsewhere()
	for _, e := range credentialed(f.Target.Endpoints) {
		switch err := e.sendable(); {
		case e.URL == "" && e.Optional:
		case e.URL == "":
			r.Add(CheckProblem, "%s is neither published nor set under endpoints", e.Member)
		case err != nil:
			r.Add(CheckProblem, "%v", err)
		case slices.Contains(elsewhere, e):
			r.Add(CheckProblem, "%s is %q, which is not at the issuer's host or less protected, and would get the clients' credentials; "+
				"if you trust it, name it in the target file as endpoints.%s", e.Member, e.URL, e.Name)
		default:
			r.reach(ctx, h, e)
		}
	}
}

// reachPatience is how long an endpoint may take to answer a request that it refuses.
const reachPatience = 10 * time.Second

// reach asks an endpoint for nothing, without credentials. Any answer will do; that
// none comes would otherwise pass for a client that is let in.
func (r *CheckReport) reach(ctx context.Context, h *ciba.HTTP, e Endpoint) {
	resp := h.Do(ctx, nil, ciba.Call{Label: "reach", Method: http.MethodGet, URL: e.URL, Timeout: reachPatience})
	if resp.Err != nil && resp.Status == 0 {
		r.Add(CheckProblem, "%s cannot be used: %v", e.Member, resp.Err)
	}
}

func (r *CheckReport) keys(ctx context.Context, h *ciba.HTTP, jwksURI string) {
	if jwksURI == "" {
		r.Add(CheckWarning, "no jwks_uri, so ID Token signatures cannot be verified")
		return
	}
	resp := h.Do(ctx, nil, ciba.Call{Label: "keys", Method: http.MethodGet, URL: jwksURI})
	object, err := resp.Object()
	keys, _ := object["keys"].([]any)
	if err != nil || len(keys) == 0 {
		r.Add(CheckProblem, "%s has no keys: %s", jwksURI, resp.Summary())
		return
	}
	r.Add(CheckOK, "%d keys at %s", len(keys), jwksURI)
}

// Clients adds what the OP says to each client's credentials: for every name how
// it is refused, or nothing where it is let in. That one of them is refused may
// be the OP's defect; that all are is a mistake in the target file.
func (r *CheckReport) Clients(t *targetfile.Target, refused map[string]string) {
	level, in := CheckProblem, 0
	for _, how := range refused {
		if how == "" {
			level, in = CheckWarning, in+1
		}
	}
	if in > 0 {
		r.Add(CheckOK, "%d of %d clients are let in", in, len(refused))
	}
	for _, name := range slices.Sorted(maps.Keys(refused)) {
		if how := refused[name]; how != "" {
			r.Add(level, "%s", RefusedClient(t, name, how))
		}
	}
}

// RefusedClient says how a client of a target file is refused whatever it asks, in words of
// the OP, and where to look.
func RefusedClient(t *targetfile.Target, name, how string) string {
	return fmt.Sprintf("client %s is refused, whatever it asks: %s; "+
		"compare client_id, auth_method and secret or key in %s with its registration",
		name, how, t.Where("clients."+name))
}

// Unreachable reports whether the OP gave no answer.
func (r CheckReport) Unreachable() bool { return !r.Reached }

// HasProblems reports whether a run would not tell the truth.
func (r CheckReport) HasProblems() bool {
	return slices.ContainsFunc(r.Findings, func(f CheckFinding) bool { return f.Level == CheckProblem })
}
