package preflight

import (
	"cmp"
	"slices"
	"testing"

	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/targetfile"
)

func namesOf(clients []targetfile.Client) []string {
	names := []string{}
	for _, c := range clients {
		names = append(names, c.Name)
	}
	return names
}

// The clients chosen for a case are of the kind it needs, and none of another.
func TestClientsFor(t *testing.T) {
	t.Parallel()
	plainClients := []string{"basic", "post", "secret-jwt", "key-jwt"}
	for _, c := range []struct {
		name    string
		mode    string // poll when empty
		needs   []catalogue.Need
		methods []string
		take    func(*Facts)
		want    []string
	}{
		{name: "nothing special", needs: []catalogue.Need{catalogue.NeedApprove, catalogue.NeedRAR}, want: plainClients},
		{name: "ping", mode: targetfile.DeliveryPing, want: []string{"ping"}},
		{name: "push", mode: targetfile.DeliveryPush, want: []string{}},
		{name: "a method", methods: []string{targetfile.AuthPrivateKeyJWT}, want: []string{"key-jwt"}},
		{name: "an assertion", needs: []catalogue.Need{catalogue.NeedClientAssertion, catalogue.NeedSecondClient}, want: []string{"secret-jwt", "key-jwt"}},
		{name: "a need and a method", needs: []catalogue.Need{catalogue.NeedClientSecret}, methods: []string{targetfile.AuthClientSecretPost}, want: []string{"post"}},
		{name: "user codes", needs: []catalogue.Need{catalogue.NeedUserCode}, want: []string{"user-code"}},
		{name: "user codes, but not of this client", needs: []catalogue.Need{catalogue.NeedClientWithoutUserCode, catalogue.NeedUserCode}, want: plainClients},
		{name: "some types", needs: []catalogue.Need{catalogue.NeedRAR, catalogue.NeedClientWithoutRARType}, want: []string{"one-type"}},
		{name: "pairwise", needs: []catalogue.Need{catalogue.NeedPairwise, catalogue.NeedApprove}, want: []string{"pairwise"}},
		{name: "signed", needs: []catalogue.Need{catalogue.NeedSignedRequest, catalogue.NeedSigningClient}, want: []string{"signing"}},
		{name: "keys that are served", needs: []catalogue.Need{catalogue.NeedSigningClient, catalogue.NeedHostedFiles}, want: []string{"hosted"}},
		{name: "public", needs: []catalogue.Need{catalogue.NeedPublicClient}, want: []string{"public", "denied-public"}},
		{name: "denied by policy", needs: []catalogue.Need{catalogue.NeedBCPolicyDeny}, want: []string{"denied"}},
		{name: "not for CIBA", needs: []catalogue.Need{catalogue.NeedNoCIBAClient}, want: []string{"not-for-ciba"}},
		{
			name: "a method that only a special client has", methods: []string{targetfile.AuthClientSecretBasic},
			take: withoutClients("basic", "user-code", "all-types"), want: []string{"signing", "one-type", "pairwise"},
		},
		{
			name: "the fewest specialities", needs: []catalogue.Need{catalogue.NeedSigningClient}, take: func(f *Facts) {
				f.Target.Clients = append(f.Target.Clients, with(confidential("signing-code", targetfile.AuthClientSecretBasic),
					func(c *targetfile.Client) { c.RequestSigningAlg, c.UserCode = "ES256", true }))
			}, want: []string{"signing"},
		},
		{name: "nobody", needs: []catalogue.Need{catalogue.NeedPairwise}, methods: []string{targetfile.AuthPrivateKeyJWT}, want: []string{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := rich()
			if c.take != nil {
				c.take(f)
			}
			if got := namesOf(f.ClientsFor(cmp.Or(c.mode, targetfile.DeliveryPoll), c.needs, c.methods...)); !slices.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
		})
	}
}

// The rules and the choice agree: a client is found exactly where the need is met.
func TestClientsForAgreesWithTheCapability(t *testing.T) {
	t.Parallel()
	for _, f := range []*Facts{rich(), {Target: &targetfile.Target{}, Discovery: &Discovery{}}} {
		for _, r := range rules {
			if r.client == nil {
				continue
			}
			has, reason := r.met(f)
			if found := len(f.ClientsFor(targetfile.DeliveryPoll, []catalogue.Need{r.need})) > 0; found != has {
				t.Errorf("%s: found %v, met %v: %s", r.need, found, has, reason)
			}
		}
	}
}

func TestUsersFor(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		needs []catalogue.Need
		want  []int
	}{
		{nil, []int{0, 1, 2}},
		{[]catalogue.Need{catalogue.NeedApprove}, []int{0, 1, 2}},
		{[]catalogue.Need{catalogue.NeedLoginHint}, []int{1, 2}},
		{[]catalogue.Need{catalogue.NeedLoginHintToken}, []int{0, 1}},
		{[]catalogue.Need{catalogue.NeedUserCode, catalogue.NeedLoginHint}, []int{1}},
		{[]catalogue.Need{catalogue.NeedClockWait}, []int{1}},
	} {
		if got := rich().UsersFor(c.needs); !slices.Equal(got, c.want) {
			t.Errorf("%v: got %v, want %v", c.needs, got, c.want)
		}
	}
	bare := &Facts{Target: &targetfile.Target{Users: []targetfile.User{{LoginHint: "a"}}}}
	if got := bare.UsersFor([]catalogue.Need{catalogue.NeedUserCode}); len(got) != 0 {
		t.Errorf("got %v, want nobody", got)
	}
}

func TestOrdinaryClients(t *testing.T) {
	t.Parallel()
	clients := richClients()
	if got, want := namesOf(OrdinaryClients(clients, targetfile.DeliveryPoll)), []string{"basic", "post", "secret-jwt", "key-jwt"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	special := choose(clients, func(c targetfile.Client) bool { return specialities(c) > 0 })
	got := namesOf(OrdinaryClients(special, targetfile.DeliveryPoll))
	if want := []string{"certificate", "signing", "user-code", "all-types", "one-type", "pairwise"}; !slices.Equal(got, want) {
		t.Errorf("without a plain one: got %v, want %v", got, want)
	}
	if len(clients) != len(richClients()) {
		t.Error("the list of the caller was changed")
	}
}

// A hook that calls users by their login_hint decides nothing for a user without one.
func TestUsersWhoCanDecide(t *testing.T) {
	t.Parallel()
	for hook, want := range map[string][]int{
		"https://op.example/decide?id={auth_req_id}":                  {0, 1, 2},
		"https://op.example/decide?user={login_hint}&action={action}": {1, 2},
	} {
		f := rich()
		f.Target.Approval.URL = hook
		if got := f.UsersFor([]catalogue.Need{catalogue.NeedApprove}); !slices.Equal(got, want) {
			t.Errorf("%s: users %v, want %v", hook, got, want)
		}
		if got := f.UsersFor([]catalogue.Need{catalogue.NeedNoAction}); len(got) != 3 {
			t.Errorf("%s: users %v for no decision, want all", hook, got)
		}
	}
}

// The likest clients are those that differ in nothing, wherever they stand.
func TestLikest(t *testing.T) {
	t.Parallel()
	f := rich()
	basic := f.Target.Clients[slices.IndexFunc(f.Target.Clients, func(c targetfile.Client) bool { return c.Name == "basic" })]
	twin := basic
	twin.Name, twin.IDTokenAlg = "twin", "RS256"
	others := append(choose(f.Target.Clients, func(c targetfile.Client) bool { return ordinaryPoll(c) && c.Name != "basic" }), twin)
	if got := namesOf(Likest(others, basic)); !slices.Equal(got, []string{"twin"}) {
		t.Errorf("got %v, want the twin", got)
	}
	if got := namesOf(Likest(others[:len(others)-1], basic)); slices.Contains(got, "key-jwt") || len(got) == 0 {
		t.Errorf("got %v, want clients that authenticate alike", got)
	}
}
