package catalogue

import "slices"

// Need names one capability that an OP, its clients or the harness has to offer
// before a clause can be tested. Its value is the word of applies.needs in the
// catalogue and of capabilities in a target file. An unmet need makes a skip.
//
// How a need is known to be met, and which clients and users meet it, is told by
// the rules of package preflight.
type Need string

// What the harness has to be able to do. A set-up may lack it whatever the OP offers.
const (
	// NeedApprove is met when the harness can have a user approve a request; the target file's
	// approval says how.
	NeedApprove Need = "approve"

	// NeedDeny is met when the harness can have a user deny a request; the target file's approval
	// says how.
	NeedDeny Need = "deny"

	// NeedApprovePartial is met when a user can approve less than was asked; approval.narrow in
	// the target file says so.
	NeedApprovePartial Need = "approve_partial"

	// NeedNoAction is met when a user can be left undecided. It holds for every target, as users
	// stay idle until told otherwise.
	NeedNoAction Need = "no_action"

	// NeedDeviceObserver is met when what the OP shows its user can be read; approval.observe in
	// the target file says where.
	NeedDeviceObserver Need = "device_observer"

	// NeedNotificationReceiver is met when the harness can receive ping and push callbacks of the
	// OP.
	NeedNotificationReceiver Need = "notification_receiver"

	// NeedHostedFiles is met when the harness can serve documents the OP fetches, such as a
	// request_uri or a sector identifier.
	NeedHostedFiles Need = "hosted_files"

	// NeedSecondClient is met when a second ordinary client can play the stranger; the target file
	// lists the clients.
	NeedSecondClient Need = "second_client"

	// NeedSecondUser is met when a second user can be asked; the target file lists the users. Only
	// cases name it, no clause does.
	NeedSecondUser Need = "second_user"

	// NeedParallel is met when a user may have two open requests at once. It is found out before
	// the first case, or declared.
	NeedParallel Need = "parallel"

	// NeedShortExpiry is met when requests can be made to expire within the time budget. It is
	// found out during the run.
	NeedShortExpiry Need = "short_expiry"

	// NeedClockWait is met when a time-limited artefact can be had after its time, such as an old
	// ID Token in the target file.
	NeedClockWait Need = "clock_wait"

	// NeedFaultInjection is met when the OP can be made to fail inside; only the target file can
	// declare it.
	NeedFaultInjection Need = "fault_injection"

	// NeedTLSProbe is met when connections with chosen TLS versions can be tried; the issuer is an
	// https URL.
	NeedTLSProbe Need = "tls_probe"

	// NeedObservesSlowDown is met when the OP was seen to send slow_down. It is found out during
	// the run.
	NeedObservesSlowDown Need = "observes_slow_down"

	// NeedUserLock is met when a user can be locked at the OP and unlocked again; user_lock in the
	// target file says how.
	NeedUserLock Need = "user_lock"

	// NeedBCPolicyDeny is met when a client's requests are denied by policy; policy_denied in the
	// target file marks the client.
	NeedBCPolicyDeny Need = "bc_policy_deny"
)

// What the OP has to offer.
const (
	// NeedDiscovery is met when the OP publishes metadata, by OIDC Discovery 4 or RFC 8414 3.
	NeedDiscovery Need = "discovery"

	// NeedDCR is met when clients can be registered by RFC 7591.
	NeedDCR Need = "dcr"

	// NeedPairwise is met when a client has pairwise subjects; subject_type in the target file
	// says so.
	NeedPairwise Need = "pairwise"

	// NeedSignedRequest is met when signed requests are taken; metadata lists algorithms for them,
	// CIBA Core 4.
	NeedSignedRequest Need = "signed_request"

	// NeedNoSignedRequest is met when signed requests are not taken; metadata lists no algorithm
	// for them, CIBA Core 4.
	NeedNoSignedRequest Need = "no_signed_request"

	// NeedUserCode is met when user codes are in use: metadata offers them, a user has one and a
	// client sends it.
	NeedUserCode Need = "user_code"

	// NeedNoUserCode is met when user codes are not in use; metadata does not offer them.
	NeedNoUserCode Need = "no_user_code"

	// NeedACR is met when acr values can be asked for; metadata lists acr_values_supported.
	NeedACR Need = "acr"

	// NeedRAR is met when authorization_details are understood, RFC 9396; rar.types in the target
	// file lists the types.
	NeedRAR Need = "rar"

	// NeedNoRAR is met when authorization_details are not understood; the target file has no
	// rar.types.
	NeedNoRAR Need = "no_rar"

	// NeedRARSchema is met when the definition of a type is known; rar.invalid in the target file
	// says what it forbids.
	NeedRARSchema Need = "rar_schema"

	// NeedRAREnrich is met when the OP adds to authorization_details, RFC 9396 7.1; only the
	// target file can declare it.
	NeedRAREnrich Need = "rar_enrich"

	// NeedDPoP is met when tokens can be bound by DPoP; metadata lists
	// dpop_signing_alg_values_supported, RFC 9449 5.1.
	NeedDPoP Need = "dpop"

	// NeedDPoPNonce is met when DPoP proofs need a nonce from the OP, RFC 9449 8.
	NeedDPoPNonce Need = "dpop_nonce"

	// NeedMTLS is met when clients can authenticate by mutual TLS, RFC 8705 2.
	NeedMTLS Need = "mtls"

	// NeedMTLSBound is met when access tokens are bound to client certificates, RFC 8705 3.
	NeedMTLSBound Need = "mtls_bound"

	// NeedRefresh is met when refresh tokens are issued. It is found out during the run, or
	// declared.
	NeedRefresh Need = "refresh"

	// NeedUserinfo is met when there is a UserInfo endpoint, by metadata or target file.
	NeedUserinfo Need = "userinfo"

	// NeedIntrospection is met when there is an introspection endpoint, RFC 7662, and a client
	// with purpose resource-server to ask it.
	NeedIntrospection Need = "introspection"

	// NeedJWTAccessToken is met when access tokens are JWTs. It is found out during the run, or
	// declared.
	NeedJWTAccessToken Need = "jwt_access_token"

	// NeedResource is met when there is a protected resource that takes the access tokens.
	NeedResource Need = "resource"

	// NeedLoginHint is met when a user of the target file has a login_hint.
	NeedLoginHint Need = "login_hint"

	// NeedIDTokenHint is met when an ID Token serves as hint. It holds unless the target file
	// denies it.
	NeedIDTokenHint Need = "id_token_hint"

	// NeedLoginHintToken is met when a user of the target file has a login_hint_token.
	NeedLoginHintToken Need = "login_hint_token"
)

// What kind of client a case wants. The target file lists the clients.
const (
	// NeedClientSecret is met when a client sends its secret, by client_secret_basic or
	// client_secret_post.
	NeedClientSecret Need = "client_secret"

	// NeedClientSecretBasic is met when a client authenticates by client_secret_basic, OIDC Core
	// 9.
	NeedClientSecretBasic Need = "client_secret_basic"

	// NeedClientSecretJWT is met when a client authenticates by client_secret_jwt, OIDC Core 9.
	NeedClientSecretJWT Need = "client_secret_jwt"

	// NeedPrivateKeyJWT is met when a client authenticates by private_key_jwt, OIDC Core 9. No
	// clause names it; reports show it.
	NeedPrivateKeyJWT Need = "private_key_jwt"

	// NeedClientAssertion is met when a client authenticates by an assertion of either kind, RFC
	// 7523 2.2.
	NeedClientAssertion Need = "client_assertion"

	// NeedPublicClient is met when a client has no credentials; auth_method: none marks it, RFC
	// 6749 2.1.
	NeedPublicClient Need = "public_client"

	// NeedNoCIBAClient is met when a client with credentials is not registered for CIBA; ciba:
	// false marks it.
	NeedNoCIBAClient Need = "no_ciba_client"

	// NeedSigningClient is met when a client is registered to sign its requests;
	// request_signing_alg in the target file says with what.
	NeedSigningClient Need = "signing_client"

	// NeedClientWithoutRequestAlg is met when a client is registered without an algorithm for
	// signed requests.
	NeedClientWithoutRequestAlg Need = "client_without_req_alg"

	// NeedClientWithoutUserCode is met when a client is registered without user codes, CIBA Core
	// 4.
	NeedClientWithoutUserCode Need = "client_without_user_code"

	// NeedClientWithoutRARType is met when a client may use some types of authorization_details
	// and not all, RFC 9396 10.
	NeedClientWithoutRARType Need = "client_without_rar_type"

	// NeedDPoPBoundClient is met when a client is registered for tokens bound by DPoP only, RFC
	// 9449 5.2.
	NeedDPoPBoundClient Need = "dpop_bound_client"
)

// Which profile the OP claims to follow.
const (
	// NeedFAPICIBA is met when the OP follows the FAPI-CIBA profile, in any of its editions.
	NeedFAPICIBA Need = "fapi_ciba"

	// NeedFAPICIBAID1 is met when the OP follows FAPI-CIBA in the edition of the first
	// implementer's draft.
	NeedFAPICIBAID1 Need = "fapi_ciba_id1"

	// NeedFAPICIBAD03 is met when the OP follows FAPI-CIBA in the edition of draft 03.
	NeedFAPICIBAD03 Need = "fapi_ciba_d03"

	// NeedFAPI1 is met when the OP follows FAPI 1.0, on which the first edition of FAPI-CIBA
	// builds. It excludes NeedFAPI2.
	NeedFAPI1 Need = "fapi1"

	// NeedFAPI2 is met when the OP follows FAPI 2.0. It excludes NeedFAPI1.
	NeedFAPI2 Need = "fapi2"

	// NeedRFC10070 is met when the OP holds client assertions to the stricter rules of RFC 10070.
	NeedRFC10070 Need = "rfc10070"
)

// needs are all of them, in the order above; a test holds the two alike.
var needs = []Need{
	NeedApprove, NeedDeny, NeedApprovePartial, NeedNoAction, NeedDeviceObserver, NeedNotificationReceiver,
	NeedHostedFiles, NeedSecondClient, NeedSecondUser, NeedParallel, NeedShortExpiry, NeedClockWait,
	NeedFaultInjection, NeedTLSProbe, NeedObservesSlowDown, NeedUserLock, NeedBCPolicyDeny,
	NeedDiscovery, NeedDCR, NeedPairwise, NeedSignedRequest, NeedNoSignedRequest, NeedUserCode, NeedNoUserCode,
	NeedACR, NeedRAR, NeedNoRAR, NeedRARSchema, NeedRAREnrich, NeedDPoP, NeedDPoPNonce, NeedMTLS, NeedMTLSBound,
	NeedRefresh, NeedUserinfo, NeedIntrospection, NeedJWTAccessToken, NeedResource, NeedLoginHint,
	NeedIDTokenHint, NeedLoginHintToken,
	NeedClientSecret, NeedClientSecretBasic, NeedClientSecretJWT, NeedPrivateKeyJWT, NeedClientAssertion,
	NeedPublicClient, NeedNoCIBAClient, NeedSigningClient, NeedClientWithoutRequestAlg, NeedClientWithoutUserCode,
	NeedClientWithoutRARType, NeedDPoPBoundClient,
	NeedFAPICIBA, NeedFAPICIBAID1, NeedFAPICIBAD03, NeedFAPI1, NeedFAPI2, NeedRFC10070,
}

// Needs lists every need, those of the harness first.
func Needs() []Need { return slices.Clone(needs) }

// Words spells a list of needs, for sentences.
func Words(list []Need) []string {
	words := make([]string, len(list))
	for i, n := range list {
		words[i] = string(n)
	}
	return words
}

// Known reports whether the word names a capability at all.
func (n Need) Known() bool { return slices.Contains(needs, n) }
