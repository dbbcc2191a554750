package preflight

import (
	"slices"
	"strings"
	"testing"

	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/targetfile"
)

// confidential is an ordinary client.
func confidential(name, method string) targetfile.Client {
	return targetfile.Client{
		Name: name, ClientID: name, AuthMethod: method, CIBA: true,
		DeliveryMode: targetfile.DeliveryPoll, Purpose: targetfile.PurposeRP,
	}
}

// with changes a client.
func with(c targetfile.Client, change func(*targetfile.Client)) targetfile.Client {
	change(&c)
	return c
}

// richClients are one client of every kind, each named by its kind.
func richClients() []targetfile.Client {
	basic := confidential("basic", targetfile.AuthClientSecretBasic)
	named := func(name string, change func(*targetfile.Client)) targetfile.Client {
		return with(confidential(name, targetfile.AuthClientSecretBasic), change)
	}
	return []targetfile.Client{
		// What no ordinary case runs as, though it comes first.
		named("certificate", func(c *targetfile.Client) {
			c.AuthMethod, c.Certificate = targetfile.AuthTLS, targetfile.Certificate{CertFile: "c.pem", BindsTokens: true}
		}),
		named("ping", func(c *targetfile.Client) { c.DeliveryMode = targetfile.DeliveryPing }),
		named("resource-server", func(c *targetfile.Client) { c.Purpose, c.CIBA = targetfile.PurposeResourceServer, false }),
		named("signing", func(c *targetfile.Client) { c.RequestSigningAlg = "ES256" }),
		named("hosted", func(c *targetfile.Client) { c.RequestSigningAlg, c.JWKSURI = "ES256", "http://127.0.0.1:2/keys" }),
		// Specialities before what is plain.
		named("user-code", func(c *targetfile.Client) { c.UserCode = true }),
		named("all-types", func(c *targetfile.Client) { c.RARTypes = []string{"payment", "account"} }),
		named("one-type", func(c *targetfile.Client) { c.RARTypes = []string{"payment"} }),
		named("pairwise", func(c *targetfile.Client) { c.SubjectType = "pairwise" }),
		basic,
		confidential("post", targetfile.AuthClientSecretPost),
		confidential("secret-jwt", targetfile.AuthClientSecretJWT),
		confidential("key-jwt", targetfile.AuthPrivateKeyJWT),
		// What the OP has to turn away.
		named("public", func(c *targetfile.Client) { c.AuthMethod, c.CIBA = targetfile.AuthNone, false }),
		named("denied-public", func(c *targetfile.Client) { c.AuthMethod, c.PolicyDenied = targetfile.AuthNone, true }),
		named("denied", func(c *targetfile.Client) { c.PolicyDenied = true }),
		named("not-for-ciba", func(c *targetfile.Client) { c.CIBA = false }),
	}
}

// rich are the facts of a target that has everything the rules look for.
func rich() *Facts {
	return &Facts{
		Target: &targetfile.Target{
			Issuer: "https://op.example", Clients: richClients(),
			Users: []targetfile.User{
				{Name: "token", LoginHintToken: "t"},
				{Name: "all", LoginHint: "a", LoginHintToken: "t", IDTokenHint: "i", UserCode: "1"},
				{Name: "plain", LoginHint: "p"},
			},
			Endpoints:     targetfile.Endpoints{Userinfo: "https://op.example/u", Introspection: "https://op.example/i"},
			RAR:           targetfile.RAR{Types: []string{"payment", "account"}, Invalid: []targetfile.InvalidRAR{{Kind: "unknown_field"}}},
			Notifications: targetfile.Notifications{Listen: "127.0.0.1:2"},
			UserLock:      targetfile.UserLock{Command: []string{"lock", "{user}", "{action}"}},
			Approval:      targetfile.Approval{Kind: "url", Narrow: true, Observe: targetfile.Observe{Listen: "127.0.0.1:1"}},
		},
		Discovery: &Discovery{URL: "https://op.example/.well-known/openid-configuration", Document: map[string]any{
			"backchannel_user_code_parameter_supported": true,
			"acr_values_supported":                      []any{"1"},
			requestAlgorithms:                           []any{"ES256"},
			"dpop_signing_alg_values_supported":         []any{"ES256"},
		}},
	}
}

// Ways of taking something from a target.
func withoutClients(names ...string) func(*Facts) {
	return func(f *Facts) {
		f.Target.Clients = slices.DeleteFunc(f.Target.Clients, func(c targetfile.Client) bool { return slices.Contains(names, c.Name) })
	}
}

func withoutMember(name string) func(*Facts) {
	return func(f *Facts) { delete(f.Discovery.Document, name) }
}

func withUser(u targetfile.User) func(*Facts) {
	return func(f *Facts) { f.Target.Users = []targetfile.User{u} }
}

// TestRules holds every rule to a target that has what is needed and one that does
// not: what is taken away is all that the two differ in.
func TestRules(t *testing.T) {
	t.Parallel()
	nobodyDecides := func(f *Facts) { f.Target.Approval.Kind = targetfile.ApprovalNone }
	always, never := func(*Facts) {}, (func(*Facts))(nil)
	const outside = "not part of poll mode as it is judged so far"
	for need, c := range map[catalogue.Need]struct {
		why    string       // of the rich target
		take   func(*Facts) // never: no target lacks it or, where the rich one lacks it, none has it
		whyNot string
	}{
		catalogue.NeedApprove:              {"approval.kind is url", nobodyDecides, "nobody decides"},
		catalogue.NeedDeny:                 {"approval.kind is url", nobodyDecides, "nobody decides"},
		catalogue.NeedApprovePartial:       {"approval.narrow is set", func(f *Facts) { f.Target.Approval.Narrow = false }, "approval.narrow is not set"},
		catalogue.NeedNoAction:             {"users stay idle", never, ""},
		catalogue.NeedDeviceObserver:       {"listen is set", func(f *Facts) { f.Target.Approval.Observe.Listen = "" }, "cannot be read"},
		catalogue.NeedNotificationReceiver: {"notifications.listen is set", func(f *Facts) { f.Target.Notifications.Listen = "" }, "cannot be received"},
		catalogue.NeedHostedFiles:          {`client "hosted"`, withoutClients("hosted"), "no client in the target file has a jwks_uri"},
		catalogue.NeedSecondClient: {
			"the target file has 11 poll clients",
			withoutClients("certificate", "signing", "hosted", "user-code", "all-types", "one-type", "pairwise", "post", "secret-jwt", "key-jwt"), "the target file has 1 poll clients",
		},
		catalogue.NeedSecondUser:       {"the target file has 3 users", withUser(targetfile.User{}), "the target file has 1 users"},
		catalogue.NeedParallel:         {foundOut, never, ""},
		catalogue.NeedShortExpiry:      {foundOut, never, ""},
		catalogue.NeedClockWait:        {"the target file has an id_token_hint", withUser(targetfile.User{}), "an old ID Token in the target file"},
		catalogue.NeedFaultInjection:   {"", always, "cannot be made to fail"},
		catalogue.NeedTLSProbe:         {"the issuer is https", func(f *Facts) { f.Target.Issuer = "http://op.example" }, "the issuer is plain http"},
		catalogue.NeedObservesSlowDown: {foundOut, never, ""},
		catalogue.NeedUserLock:         {"user_lock is set", func(f *Facts) { f.Target.UserLock = targetfile.UserLock{} }, "user_lock is not set"},
		catalogue.NeedBCPolicyDeny:     {`client "denied"`, withoutClients("denied"), "no client in the target file is of this kind"},

		catalogue.NeedDiscovery:       {"https://op.example/.well-known/openid-configuration", func(f *Facts) { f.Discovery.Document = nil }, "no discovery document was found"},
		catalogue.NeedDCR:             {"", always, outside},
		catalogue.NeedPairwise:        {`client "pairwise"`, withoutClients("pairwise"), "no client in the target file is of this kind"},
		catalogue.NeedSignedRequest:   {"is published", withoutMember(requestAlgorithms), "discovery lists no " + requestAlgorithms},
		catalogue.NeedNoSignedRequest: {"", always, "is published"},
		catalogue.NeedUserCode: {
			"user_code: offered true, a user with a code true, a client that sends it true",
			withoutClients("user-code"), "a client that sends it false",
		},
		catalogue.NeedNoUserCode:     {"", always, "discovery offers user_code"},
		catalogue.NeedACR:            {"acr_values_supported is published", withoutMember("acr_values_supported"), "discovery lists no acr_values_supported"},
		catalogue.NeedRAR:            {"rar.types is set", func(f *Facts) { f.Target.RAR.Types = nil }, "rar.types is not set"},
		catalogue.NeedNoRAR:          {"", always, "rar.types is set"},
		catalogue.NeedRARSchema:      {"rar.invalid says what must be refused", func(f *Facts) { f.Target.RAR.Invalid = nil }, "no object with a kind"},
		catalogue.NeedRAREnrich:      {"", always, "does not say that the OP enriches"},
		catalogue.NeedDPoP:           {"is published", withoutMember("dpop_signing_alg_values_supported"), "discovery lists no dpop_signing_alg_values_supported"},
		catalogue.NeedDPoPNonce:      {"", always, outside},
		catalogue.NeedMTLS:           {`client "certificate"`, withoutClients("certificate"), "no client in the target file is of this kind"},
		catalogue.NeedMTLSBound:      {`client "certificate"`, withoutClients("certificate"), "no client in the target file is of this kind"},
		catalogue.NeedRefresh:        {foundOut, never, ""},
		catalogue.NeedUserinfo:       {"userinfo_endpoint is known", func(f *Facts) { f.Target.Endpoints.Userinfo = "" }, "discovery lists no userinfo_endpoint"},
		catalogue.NeedIntrospection:  {"introspection_endpoint is known", withoutClients("resource-server"), "purpose resource-server"},
		catalogue.NeedJWTAccessToken: {foundOut, never, ""},
		catalogue.NeedResource:       {"userinfo_endpoint is known", func(f *Facts) { f.Target.Endpoints.Userinfo = "" }, "discovery lists no userinfo_endpoint"},
		catalogue.NeedLoginHint:      {"a user has a login_hint", withUser(targetfile.User{LoginHintToken: "t"}), "no user in the target file has a login_hint"},
		catalogue.NeedIDTokenHint:    {"serves as hint", never, ""},
		catalogue.NeedLoginHintToken: {"a user has a login_hint_token", withUser(targetfile.User{LoginHint: "a"}), "no user in the target file has a login_hint_token"},

		catalogue.NeedClientSecret: {
			`client "basic"`,
			withoutClients("signing", "hosted", "user-code", "all-types", "one-type", "pairwise", "basic", "post"), "no client in the target file is of this kind",
		},
		catalogue.NeedClientSecretBasic: {
			`client "basic"`,
			withoutClients("signing", "hosted", "user-code", "all-types", "one-type", "pairwise", "basic"), "no client in the target file is of this kind",
		},
		catalogue.NeedClientSecretJWT:         {`client "secret-jwt"`, withoutClients("secret-jwt"), "no client in the target file is of this kind"},
		catalogue.NeedPrivateKeyJWT:           {`client "key-jwt"`, withoutClients("key-jwt"), "no client in the target file is of this kind"},
		catalogue.NeedClientAssertion:         {`client "secret-jwt"`, withoutClients("secret-jwt", "key-jwt"), "no client in the target file is of this kind"},
		catalogue.NeedPublicClient:            {`client "public"`, withoutClients("public", "denied-public"), "no client in the target file is of this kind"},
		catalogue.NeedNoCIBAClient:            {`client "not-for-ciba"`, withoutClients("not-for-ciba"), "no client in the target file is of this kind"},
		catalogue.NeedSigningClient:           {`client "signing"`, withoutClients("signing", "hosted"), "no client in the target file is of this kind"},
		catalogue.NeedClientWithoutRequestAlg: {`client "basic"`, func(f *Facts) { f.Target.Clients = nil }, "no client in the target file is of this kind"},
		catalogue.NeedClientWithoutUserCode: {
			`client "basic"`,
			func(f *Facts) {
				f.Target.Clients = choose(f.Target.Clients, func(c targetfile.Client) bool { return c.UserCode })
			},
			"no client in the target file is of this kind",
		},
		catalogue.NeedClientWithoutRARType: {`client "one-type"`, withoutClients("one-type"), "no client in the target file is of this kind"},
		catalogue.NeedDPoPBoundClient:      {"", always, outside},

		catalogue.NeedFAPICIBA:    {"", always, outside},
		catalogue.NeedFAPICIBAID1: {"", always, outside},
		catalogue.NeedFAPICIBAD03: {"", always, outside},
		catalogue.NeedFAPI1:       {"", always, outside},
		catalogue.NeedFAPI2:       {"", always, outside},
		catalogue.NeedRFC10070:    {"", always, outside},
	} {
		t.Run(string(need), func(t *testing.T) {
			t.Parallel()
			r := ruleOf(need)
			if has, reason := r.met(rich()); has != (c.why != "") || has && !strings.Contains(reason, c.why) {
				t.Errorf("the rich target: %v, %s; want %q", has, reason, c.why)
			}
			if c.take == nil {
				return
			}
			poor := rich()
			c.take(poor)
			if has, reason := r.met(poor); has || !strings.Contains(reason, c.whyNot) {
				t.Errorf("without it: %v, %s; want %q", has, reason, c.whyNot)
			}
		})
	}
}

// What the rich target lacks is had where the rule's other side holds.
func TestRulesOfAbsence(t *testing.T) {
	t.Parallel()
	for need, take := range map[catalogue.Need]func(*Facts){
		catalogue.NeedNoSignedRequest: withoutMember(requestAlgorithms),
		catalogue.NeedNoUserCode:      withoutMember("backchannel_user_code_parameter_supported"),
		catalogue.NeedNoRAR:           func(f *Facts) { f.Target.RAR.Types = nil },
	} {
		f := rich()
		take(f)
		if has, reason := ruleOf(need).met(f); !has {
			t.Errorf("%s: %s", need, reason)
		}
	}
}

// TestRulesAreComplete holds the table to the catalogue: a row for every need, in
// the catalogue's order.
func TestRulesAreComplete(t *testing.T) {
	t.Parallel()
	var needs []catalogue.Need
	for _, r := range rules {
		needs = append(needs, r.need)
	}
	if !slices.Equal(needs, catalogue.Needs()) {
		t.Errorf("the table has %v\nthe catalogue %v", needs, catalogue.Needs())
	}
	if r := ruleOf("telepathy"); r.need != "" {
		t.Errorf("a word that is no need has the rule of %s", r.need)
	}
}

func TestEssential(t *testing.T) {
	t.Parallel()
	var essential []catalogue.Need
	for _, n := range catalogue.Needs() {
		if Essential(n) {
			essential = append(essential, n)
		}
	}
	want := []catalogue.Need{
		catalogue.NeedApprove, catalogue.NeedDeny, catalogue.NeedNoAction, catalogue.NeedSecondClient, catalogue.NeedShortExpiry,
	}
	if !slices.Equal(essential, want) {
		t.Errorf("got %v, want %v", essential, want)
	}
}
