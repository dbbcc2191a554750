package preflight

import (
	"strings"
	"testing"

	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/targetfile"
)

// Every profile can be claimed.
func TestClaimRulesAreWhole(t *testing.T) {
	t.Parallel()
	var rules, known []string
	for _, r := range claimRules {
		rules = append(rules, r.profile)
	}
	for _, p := range catalogue.Must().Profiles() {
		known = append(known, p.ID)
	}
	if strings.Join(rules, " ") != strings.Join(known, " ") {
		t.Errorf("the rules are about %v, the profiles are %v", rules, known)
	}
}

func TestClaims(t *testing.T) {
	t.Parallel()
	basic := targetfile.Client{Name: "a", AuthMethod: targetfile.AuthClientSecretBasic, DeliveryMode: "poll", CIBA: true, Purpose: targetfile.PurposeRP}
	with := func(change func(*targetfile.Client)) targetfile.Client {
		c := basic
		change(&c)
		return c
	}
	for _, c := range []struct {
		name     string
		target   targetfile.Target
		metadata map[string]any
		told     []string
		want     string
	}{
		{"a poll client", targetfile.Target{Clients: []targetfile.Client{basic}}, nil, nil, "poll by target file"},
		{
			"modes that are only offered",
			targetfile.Target{Clients: []targetfile.Client{basic}},
			map[string]any{"backchannel_token_delivery_modes_supported": []any{"poll", "ping"}},
			nil, "poll by target file, ping by metadata",
		},
		{"a ping client", targetfile.Target{Clients: []targetfile.Client{with(func(c *targetfile.Client) { c.DeliveryMode = "ping" })}}, nil, nil, "ping by target file"},
		{"a client that is not for CIBA", targetfile.Target{Clients: []targetfile.Client{with(func(c *targetfile.Client) { c.CIBA = false })}}, nil, nil, ""},
		{"types", targetfile.Target{RAR: targetfile.RAR{Types: []string{"t"}}}, nil, nil, "rar by target file"},
		{"types that are only offered", targetfile.Target{}, map[string]any{"authorization_details_types_supported": []any{"t"}}, nil, "rar by metadata"},
		{
			"a client that signs",
			targetfile.Target{Clients: []targetfile.Client{with(func(c *targetfile.Client) { c.AuthMethod = targetfile.AuthPrivateKeyJWT })}},
			nil, nil, "poll by target file, jwt-clients by target file",
		},
		{
			"methods that are only offered",
			targetfile.Target{},
			map[string]any{"token_endpoint_auth_methods_supported": []any{"private_key_jwt", "tls_client_auth"}},
			nil,
			"jwt-clients by metadata, mtls by metadata",
		},
		{"codes without a user", targetfile.Target{}, map[string]any{"backchannel_user_code_parameter_supported": true}, nil, "user-code by metadata"},
		{
			"codes in use",
			targetfile.Target{Clients: []targetfile.Client{with(func(c *targetfile.Client) { c.UserCode = true })}, Users: []targetfile.User{{UserCode: "1"}}},
			map[string]any{"backchannel_user_code_parameter_supported": true},
			nil, "poll by target file, user-code by target file",
		},
		{"declared", targetfile.Target{Capabilities: map[catalogue.Need]bool{catalogue.NeedFAPICIBA: true}}, nil, nil, "fapi-ciba by target file"},
		{"told", targetfile.Target{Clients: []targetfile.Client{basic}, RAR: targetfile.RAR{Types: []string{"t"}}}, nil, []string{"ping"}, "ping by told"},
	} {
		f := &Facts{Target: &c.target, Discovery: &Discovery{Document: c.metadata}}
		var got []string
		for _, p := range f.Claims(c.told) {
			got = append(got, p.ID+" by "+string(p.Claim))
			if p.Because == "" || p.Title == "" || p.Minimum == 0 {
				t.Errorf("%s: %+v is not whole", c.name, p)
			}
		}
		if strings.Join(got, ", ") != c.want {
			t.Errorf("%s: claimed are %v, want %s", c.name, got, c.want)
		}
	}
}
