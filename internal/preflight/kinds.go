package preflight

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cibatest/cibatest/internal/targetfile"
)

// This file has the predicates that the rows of the table name: first those about a
// target and its OP, then those about one client or one user.

// foundOut is how a need is known to be met until a case finds that it is not.
const foundOut = "found out during the run"

func holds(reason string) func(*Facts) (bool, string) {
	return func(*Facts) (bool, string) { return true, reason }
}

func lacks(reason string) func(*Facts) (bool, string) {
	return func(*Facts) (bool, string) { return false, reason }
}

func someoneDecides(f *Facts) (bool, string) {
	kind := f.Target.Approval.Kind
	if kind == targetfile.ApprovalNone {
		return false, "approval.kind is none, so nobody decides"
	}
	return true, "approval.kind is " + kind
}

func decisionsCanBeNarrowed(f *Facts) (bool, string) {
	decides, _ := someoneDecides(f)
	return either(decides && f.Target.Approval.Narrow,
		"approval.narrow is set", "approval.narrow is not set: the decision cannot grant less than was asked")
}

func usersCanBeLocked(f *Facts) (bool, string) {
	hook := f.Target.UserLock.Hook()
	if hook.Kind == targetfile.ApprovalNone {
		return false, "user_lock is not set in the target file, so nobody can lock a user"
	}
	nameable := func(u targetfile.User) bool { return called(u, hook) }
	return either(slices.ContainsFunc(f.Target.Users, nameable), "user_lock is set", "user_lock wants a login_hint, and no user has one")
}

func deviceIsObserved(f *Facts) (bool, string) {
	if f.Target.Approval.Kind == targetfile.ApprovalGuardian {
		return true, "approval.kind is guardian, whose devices fetch what the user is asked"
	}
	return either(f.Target.Approval.Observed(),
		"approval.observe.listen is set", "approval.observe.listen is not set, so what the OP shows its user cannot be read")
}

func callbacksAreReceived(f *Facts) (bool, string) {
	return either(f.Target.Notifications.Listen != "",
		"notifications.listen is set", "notifications.listen is not set, so what the OP calls its clients with cannot be received")
}

// keysAreServed looks for a client whose keys the OP reads at the address of the run.
func keysAreServed(f *Facts) (bool, string) {
	received, _ := callbacksAreReceived(f)
	i := slices.IndexFunc(f.Target.Clients, func(c targetfile.Client) bool { return readsKeysHere(f.Target, c) })
	if !received || i < 0 {
		return false, "no client in the target file has a jwks_uri at the address of notifications, so no key can be changed"
	}
	return true, fmt.Sprintf("client %q has its jwks_uri at the address of notifications", f.Target.Clients[i].Name)
}

// twoOrdinaryClients counts the clients with a speciality, too: the stranger of a case
// is any ordinary client but the case's own.
func twoOrdinaryClients(f *Facts) (bool, string) {
	n := len(choose(f.Target.Clients, ordinaryPoll))
	return n > 1, fmt.Sprintf("the target file has %d poll clients", n)
}

func twoUsers(f *Facts) (bool, string) {
	n := len(f.Target.Users)
	return n > 1, fmt.Sprintf("the target file has %d users", n)
}

func oldIDToken(f *Facts) (bool, string) {
	return either(slices.ContainsFunc(f.Target.Users, hasIDTokenHint),
		"the target file has an id_token_hint, which may be old",
		"needs a way to set the OP's clock or an old ID Token in the target file")
}

func issuerIsHTTPS(f *Facts) (bool, string) {
	return either(strings.HasPrefix(f.Target.Issuer, "https://"), "the issuer is https", "the issuer is plain http")
}

func metadataFound(f *Facts) (bool, string) {
	if f.Discovery.Broken != nil {
		return true, "served at " + f.Discovery.URL + ", and broken"
	}
	return either(f.Discovery.Found(), f.Discovery.URL, "no discovery document was found")
}

// requestAlgorithms is the member that offers signed requests, CIBA Core 4.
const requestAlgorithms = "backchannel_authentication_request_signing_alg_values_supported"

func published(member string) func(*Facts) (bool, string) {
	return func(f *Facts) (bool, string) {
		_, there := f.Discovery.Document[member]
		return either(there, member+" is published", "discovery lists no "+member)
	}
}

func unpublished(member string) func(*Facts) (bool, string) {
	return func(f *Facts) (bool, string) {
		there, reason := published(member)(f)
		return !there, reason
	}
}

func offersUserCode(f *Facts) bool {
	return f.Discovery.Document["backchannel_user_code_parameter_supported"] == true
}

func userCodesInUse(f *Facts) (bool, string) {
	offers, user := offersUserCode(f), slices.ContainsFunc(f.Target.Users, hasUserCode)
	client := slices.ContainsFunc(f.Target.Clients, func(c targetfile.Client) bool { return ordinaryPoll(c) && sendsUserCode(f.Target, c) })
	return offers && user && client,
		fmt.Sprintf("user_code: offered %v, a user with a code %v, a client that sends it %v", offers, user, client)
}

func userCodesNotOffered(f *Facts) (bool, string) {
	return either(!offersUserCode(f), "discovery does not offer user_code", "discovery offers user_code")
}

func acrPublished(f *Facts) (bool, string) {
	return either(len(f.Discovery.Strings("acr_values_supported")) > 0,
		"acr_values_supported is published", "discovery lists no acr_values_supported")
}

func rarTypesKnown(f *Facts) (bool, string) {
	return either(len(f.Target.RAR.Types) > 0, "rar.types is set", "rar.types is not set in the target file")
}

func rarTypesUnknown(f *Facts) (bool, string) {
	known, reason := rarTypesKnown(f)
	return !known, reason
}

// rarDefinitionKnown holds where the target file has an object that the definition of
// its type forbids, and says in what respect.
func rarDefinitionKnown(f *Facts) (bool, string) {
	known, _ := rarTypesKnown(f)
	ofKind := slices.ContainsFunc(f.Target.RAR.Invalid, func(i targetfile.InvalidRAR) bool { return i.Kind != "" })
	return either(known && ofKind, "rar.invalid says what must be refused",
		"rar.invalid has no object with a kind, so the type definition is not known")
}

func userinfoKnown(f *Facts) (bool, string) {
	return endpointKnown(f.Target.Endpoints.Userinfo, "userinfo_endpoint")
}

func introspectionUsable(f *Facts) (bool, string) {
	asks := func(c targetfile.Client) bool { return c.Purpose == targetfile.PurposeResourceServer }
	known, reason := endpointKnown(f.Target.Endpoints.Introspection, "introspection_endpoint")
	if known && !slices.ContainsFunc(f.Target.Clients, asks) {
		return false, "no client in the target file has purpose resource-server"
	}
	return known, reason
}

func endpointKnown(url, member string) (bool, string) {
	return either(url != "", member+" is known", "discovery lists no "+member)
}

func either(has bool, yes, no string) (bool, string) {
	if has {
		return true, yes
	}
	return false, no
}

// deniedByPolicy is a client that would be ordinary were it not for the policy, so
// that the policy is what its request is refused for.
func deniedByPolicy(_ *targetfile.Target, c targetfile.Client) bool {
	denied := c.PolicyDenied
	c.PolicyDenied = false
	return denied && Ordinary(c)
}

// notForCIBA is a client that proves who it is, so that the missing permission is what
// its request is refused for.
func notForCIBA(_ *targetfile.Target, c targetfile.Client) bool {
	return !c.CIBA && c.AuthMethod != targetfile.AuthNone
}

func pairwise(_ *targetfile.Target, c targetfile.Client) bool { return c.SubjectType == "pairwise" }

func sendsUserCode(_ *targetfile.Target, c targetfile.Client) bool { return c.UserCode }

func withoutUserCode(_ *targetfile.Target, c targetfile.Client) bool { return !c.UserCode }

func readsKeysHere(_ *targetfile.Target, c targetfile.Client) bool { return c.JWKSURI != "" }

func signsRequests(_ *targetfile.Target, c targetfile.Client) bool { return c.RequestSigningAlg != "" }

func withoutRequestAlg(_ *targetfile.Target, c targetfile.Client) bool {
	return c.RequestSigningAlg == ""
}

// withoutSomeRARType is a client that may use some of the target's types and not all.
// One whose list has them all cannot be refused any, so it is none.
func withoutSomeRARType(t *targetfile.Target, c targetfile.Client) bool {
	return len(c.RARTypes) > 0 && len(c.RARTypes) < len(t.RAR.Types)
}

func authenticatesBy(methods ...string) func(*targetfile.Target, targetfile.Client) bool {
	return func(_ *targetfile.Target, c targetfile.Client) bool { return slices.Contains(methods, c.AuthMethod) }
}

func byCertificate(_ *targetfile.Target, c targetfile.Client) bool { return c.ByCertificate() }

func bindsTokens(_ *targetfile.Target, c targetfile.Client) bool { return c.Certificate.BindsTokens }

func hasUserCode(u targetfile.User) bool { return u.UserCode != "" }

func hasIDTokenHint(u targetfile.User) bool { return u.IDTokenHint != "" }
