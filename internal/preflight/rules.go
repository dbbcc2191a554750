package preflight

import (
	"fmt"
	"slices"

	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/targetfile"
)

// rule is everything that follows from one need.
type rule struct {
	need catalogue.Need

	// target reports whether a target meets the need, and tells how that is known. Where
	// it is nil, the need is met when some client, or some user, is of the kind.
	target func(*Facts) (has bool, reason string)

	// client reports whether a client is of the kind that a case with this need runs
	// as. nil: any is.
	client func(*targetfile.Target, targetfile.Client) bool

	// unordinary says that a client of the kind is not [Ordinary]; the OP has to turn it
	// away. For all other needs the client has to be ordinary besides.
	unordinary bool

	// replaces is a need whose client does not count where both stand together; empty:
	// none.
	replaces catalogue.Need

	// user reports whether a user can be asked in a case with this need. nil: any can.
	user func(targetfile.User) bool

	// essential says that a run tells no whole truth where this need is not met: the
	// main job is undone. All other needs are features an OP or a set-up may lack.
	essential bool

	// outside tells what is not judged so far, where a need belongs to a part of the
	// protocol without cases; empty: it is judged.
	outside string
}

// The parts of the protocol that are not judged so far.
const (
	noDPoP           = "DPoP is not judged so far"
	noRegistration   = "dynamic client registration is not judged so far"
	noProfiles       = "the FAPI profiles are not judged so far"
	noFaultInjection = "nothing here can make an OP fail inside so far"
	noRFC10070       = "the profile of RFC 10070 is not judged so far"
)

// rules has one row for every need of the catalogue, in its order.
var rules = []rule{
	// the harness
	{need: catalogue.NeedApprove, target: someoneDecides, essential: true},
	{need: catalogue.NeedDeny, target: someoneDecides, essential: true},
	{need: catalogue.NeedApprovePartial, target: decisionsCanBeNarrowed},
	{need: catalogue.NeedNoAction, target: holds("users stay idle until told otherwise"), essential: true},
	{need: catalogue.NeedDeviceObserver, target: deviceIsObserved},
	{need: catalogue.NeedNotificationReceiver, target: callbacksAreReceived},
	{need: catalogue.NeedHostedFiles, target: keysAreServed, client: readsKeysHere},
	{need: catalogue.NeedSecondClient, target: twoOrdinaryClients, essential: true},
	{need: catalogue.NeedSecondUser, target: twoUsers},
	{need: catalogue.NeedParallel, target: holds(foundOut)},
	{need: catalogue.NeedShortExpiry, target: holds(foundOut), essential: true},
	{need: catalogue.NeedClockWait, target: oldIDToken, user: hasIDTokenHint},
	{
		need: catalogue.NeedFaultInjection, target: lacks("the OP cannot be made to fail inside; the target file may say it can"),
		outside: noFaultInjection,
	},
	{need: catalogue.NeedTLSProbe, target: issuerIsHTTPS},
	{need: catalogue.NeedObservesSlowDown, target: holds(foundOut)},
	{need: catalogue.NeedUserLock, target: usersCanBeLocked},
	{need: catalogue.NeedBCPolicyDeny, client: deniedByPolicy, unordinary: true},

	// features of the OP
	{need: catalogue.NeedDiscovery, target: metadataFound},
	{need: catalogue.NeedDCR, outside: noRegistration},
	{need: catalogue.NeedPairwise, client: pairwise},
	{need: catalogue.NeedSignedRequest, target: published(requestAlgorithms)},
	{need: catalogue.NeedNoSignedRequest, target: unpublished(requestAlgorithms)},
	{need: catalogue.NeedUserCode, target: userCodesInUse, client: sendsUserCode, user: hasUserCode},
	{need: catalogue.NeedNoUserCode, target: userCodesNotOffered},
	{need: catalogue.NeedACR, target: acrPublished},
	{need: catalogue.NeedRAR, target: rarTypesKnown},
	{need: catalogue.NeedNoRAR, target: rarTypesUnknown},
	{need: catalogue.NeedRARSchema, target: rarDefinitionKnown},
	{need: catalogue.NeedRAREnrich, target: lacks("the target file does not say that the OP enriches authorization_details")},
	{need: catalogue.NeedDPoP, target: published("dpop_signing_alg_values_supported"), outside: noDPoP},
	{need: catalogue.NeedDPoPNonce, outside: noDPoP},
	{need: catalogue.NeedMTLS, client: byCertificate},
	{need: catalogue.NeedMTLSBound, client: bindsTokens},
	{need: catalogue.NeedRefresh, target: holds(foundOut)},
	{need: catalogue.NeedUserinfo, target: userinfoKnown},
	{need: catalogue.NeedIntrospection, target: introspectionUsable},
	{need: catalogue.NeedJWTAccessToken, target: holds(foundOut)},
	{need: catalogue.NeedResource, target: userinfoKnown}, // UserInfo takes access tokens as any resource does
	{need: catalogue.NeedLoginHint, user: func(u targetfile.User) bool { return u.LoginHint != "" }},
	{need: catalogue.NeedIDTokenHint, target: holds("an ID Token of an approved flow serves as hint")},
	{need: catalogue.NeedLoginHintToken, user: func(u targetfile.User) bool { return u.LoginHintToken != "" }},

	// clients
	{need: catalogue.NeedClientSecret, client: authenticatesBy(targetfile.AuthClientSecretBasic, targetfile.AuthClientSecretPost)},
	{need: catalogue.NeedClientSecretBasic, client: authenticatesBy(targetfile.AuthClientSecretBasic)},
	{need: catalogue.NeedClientSecretJWT, client: authenticatesBy(targetfile.AuthClientSecretJWT)},
	{need: catalogue.NeedPrivateKeyJWT, client: authenticatesBy(targetfile.AuthPrivateKeyJWT)},
	{need: catalogue.NeedClientAssertion, client: authenticatesBy(targetfile.AuthPrivateKeyJWT, targetfile.AuthClientSecretJWT)},
	{need: catalogue.NeedPublicClient, client: authenticatesBy(targetfile.AuthNone), unordinary: true},
	{need: catalogue.NeedNoCIBAClient, client: notForCIBA, unordinary: true},
	{need: catalogue.NeedSigningClient, client: signsRequests},
	{need: catalogue.NeedClientWithoutRequestAlg, client: withoutRequestAlg},
	{need: catalogue.NeedClientWithoutUserCode, client: withoutUserCode, replaces: catalogue.NeedUserCode},
	{need: catalogue.NeedClientWithoutRARType, client: withoutSomeRARType},
	{need: catalogue.NeedDPoPBoundClient, outside: noDPoP},

	// profiles
	{need: catalogue.NeedFAPICIBA, outside: noProfiles},
	{need: catalogue.NeedFAPICIBAID1, outside: noProfiles},
	{need: catalogue.NeedFAPICIBAD03, outside: noProfiles},
	{need: catalogue.NeedFAPI1, outside: noProfiles},
	{need: catalogue.NeedFAPI2, outside: noProfiles},
	{need: catalogue.NeedRFC10070, outside: noRFC10070},
}

// ruleOf finds the row of a need. A word that is no need has the zero rule.
func ruleOf(n catalogue.Need) rule {
	if i := slices.IndexFunc(rules, func(r rule) bool { return r.need == n }); i >= 0 {
		return rules[i]
	}
	return rule{}
}

// Essential reports whether a run without this need is partial.
func Essential(n catalogue.Need) bool { return ruleOf(n).essential }

// met reports whether a target meets the need, and how that is known.
func (r rule) met(f *Facts) (has bool, reason string) {
	switch {
	case r.target != nil:
		return r.target(f)
	case r.client != nil:
		return someClient(f.ClientsFor(targetfile.DeliveryPoll, []catalogue.Need{r.need}))
	case r.user != nil:
		return r.someUser(f.Target.Users)
	}
	return false, "not part of poll mode as it is judged so far"
}

func someClient(fit []targetfile.Client) (bool, string) {
	if len(fit) == 0 {
		return false, "no client in the target file is of this kind"
	}
	return true, fmt.Sprintf("client %q", fit[0].Name)
}

func (r rule) someUser(users []targetfile.User) (bool, string) {
	if slices.ContainsFunc(users, r.user) {
		return true, fmt.Sprintf("a user has a %s", r.need)
	}
	return false, fmt.Sprintf("no user in the target file has a %s", r.need)
}
