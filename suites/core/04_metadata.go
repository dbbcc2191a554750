package core

import (
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/reports/result"
	. "github.com/cibatest/cibatest/suites/harness"
	"github.com/onsi/gomega"
)

// CIBA Core 4 adds members to the metadata of an OP, OIDC Discovery 3 and 4 and RFC 8414 2
// say what else has to be there and how it is served. Clients configure themselves by it:
// what is wrong here sends their requests, and with them their credentials, elsewhere.
var _ = Cases.Describe("Provider metadata", func() {
	Case("metadata-modes", "lists the token delivery modes", Judges("CIBA-4-DISC-MODES").Smoke(), judgeDeliveryModes)
	Case("metadata-endpoint", "names the backchannel authentication endpoint", Judges("CIBA-4-DISC-ENDPOINT").Smoke(), func(t *T) {
		member := t.Document()["backchannel_authentication_endpoint"]
		text, _ := member.(string)
		u, err := url.Parse(text)
		t.Check(err == nil && u.Scheme != "" && u.Host != "" && u.Fragment == "" && !strings.Contains(text, "#"),
			"an absolute URL without fragment", "backchannel_authentication_endpoint is %.200q", fmt.Sprint(member))
	})
	Case("metadata-user-code-type", "tells user_code support as a boolean", Judges("CIBA-4-DISC-USERCODE-TYPE"), func(t *T) {
		member, there := t.Document()["backchannel_user_code_parameter_supported"]
		_, isBool := member.(bool)
		t.Check(!there || isBool, "a JSON boolean, or no member", "%T %.60v", member, member)
	})
	// Without the member its default counts, authorization_code and implicit, so that its
	// absence is a finding, too.
	Case("metadata-grant-type", "lists the CIBA grant type", Judges("CIBA-4-DISC-GRANT-TYPE"), func(t *T) {
		modes, _ := t.Document()["backchannel_token_delivery_modes_supported"].([]any)
		if len(modes) == 1 && modes[0] == "push" {
			t.Skip("a push-only OP need not list the grant type")
		}
		t.Check(Advertises(t, "grant_types_supported", ciba.GrantTypeCIBA),
			"grant_types_supported contains "+ciba.GrantTypeCIBA, "%.300v", t.Document()["grant_types_supported"])
	})
	Case("metadata-modes-work", "advertises only modes that work", Judges("CIBA-4-DISC-MODES-WORK"), func(t *T) {
		if !Advertises(t, "backchannel_token_delivery_modes_supported", "poll") {
			t.Skip("poll is not advertised")
		}
		flow := t.MustStart(t.Request())
		t.Approve(flow)
		t.Expect(t.PollDecided(flow)).To(gomega.And(HaveStatus(200), HaveTokens()), "tokens by the poll mode")
	})
	Case("metadata-response", "is served as one JSON object", Judges("OIDD-4.2-CONFIG-RESPONSE").Smoke(), func(t *T) {
		resp := ServedMetadata(t)
		t.Expect(resp).To(HaveStatus(200))
		t.Expect(resp).To(BeJSON())
		broken := t.Discovery().Broken
		t.Check(broken == nil, "one JSON object", "%v", broken)
	})
	// A slash more or less is another issuer: clients compare the text with the iss of ID
	// Tokens, and so does this case with the target file.
	Case("metadata-issuer", "repeats the issuer to the letter", Judges("OIDD-4.3-ISSUER-MATCH").Smoke(), func(t *T) {
		issuer := t.Document()["issuer"]
		t.Check(issuer == t.Target().Issuer, fmt.Sprintf("%q", t.Target().Issuer), "%.200q", fmt.Sprint(issuer))
	})
	Case("metadata-required", "has the required members", Judges("OIDD-3-REQUIRED-MEMBERS"), judgeRequiredMembers)
	Case("metadata-empty-arrays", "leaves empty lists out", Judges("OIDD-4.2-NO-EMPTY-ARRAYS"), func(t *T) {
		document := t.Document()
		for _, name := range slices.Sorted(maps.Keys(document)) {
			list, isArray := document[name].([]any)
			t.Check(!isArray || len(list) > 0, "no empty arrays", "%s is empty", name)
		}
	})
	// FAPI forbids RS256, so its absence is never a failure (N-30).
	Case("metadata-rs256", "lists RS256 for ID Tokens", Judges("OIDD-3-RS256-LISTED"), func(t *T) {
		if _, there := t.Document()["id_token_signing_alg_values_supported"]; !there && t.Discovery().OAuthOnly {
			t.Skip("metadata at the place of RFC 8414 need not list ID Token algorithms")
		}
		t.Check(Advertises(t, "id_token_signing_alg_values_supported", "RS256"), "id_token_signing_alg_values_supported contains RS256",
			"%v", t.Discovery().Strings("id_token_signing_alg_values_supported"))
	})
	Case("metadata-auth-algs", "lists the algorithms of client assertions",
		Judges("RFC8414-2-AUTH-ALG-METADATA"), judgeAuthAlgorithms)
	Case("metadata-request-algs", "lists asymmetric algorithms for signed requests", Judges("CIBA-4-DISC-REQ-ALGS"), func(t *T) {
		judgeAsymmetricOnly(t, "backchannel_authentication_request_signing_alg_values_supported")
	})
	Case("metadata-dpop-algs", "lists asymmetric algorithms for DPoP proofs", Judges("RFC9449-5.1-DPOP-ALGS"), func(t *T) {
		judgeAsymmetricOnly(t, "dpop_signing_alg_values_supported")
	})
	Case("metadata-hint-token-types", "lists login_hint_token types as strings", Judges("FAPI-CIBA-DISC-LHT-TYPES"), func(t *T) {
		member, there := t.Document()["backchannel_endpoint_login_hint_token_types_supported"]
		t.Check(!there || IsStringArray(member), "an array of strings, or no member", "%.200v", member)
	})
	Case("metadata-rar-types", "advertises its authorization_details types", Judges("RFC9396-10-METADATA"), func(t *T) {
		member, there := t.Document()["authorization_details_types_supported"]
		if !t.Check(there && IsStringArray(member), "authorization_details_types_supported is an array of strings", "%.200v", member) {
			return
		}
		for _, kind := range t.Target().RAR.Types {
			t.Check(Advertises(t, "authorization_details_types_supported", kind), "the type "+kind+" is listed", "%.300v", member)
		}
	})
	Case("metadata-endpoint-https", "names TLS endpoints", Judges("CIBA-7-ENDPOINT-HTTPS"), func(t *T) {
		t.Document()
		named := 0
		for _, name := range []string{"backchannel_authentication_endpoint", "token_endpoint"} {
			if address := t.Discovery().Text(name); address != "" {
				named++
				JudgeHTTPS(t, name, address)
			}
		}
		if named == 0 {
			t.Abort("the metadata name no endpoint")
		}
		judgePlainHTTP(t)
	})
})

// judgeDeliveryModes wants one of the three modes of CIBA Core 5 at least. A further
// name may come from a profile, so it is a warning.
func judgeDeliveryModes(t *T) {
	member := t.Document()["backchannel_token_delivery_modes_supported"]
	modes, ok := member.([]any)
	if !t.Check(ok && len(modes) > 0, "a non-empty array", "%.200v", member) {
		return
	}
	known := 0
	listed := map[any]bool{}
	for _, mode := range modes {
		name, isString := mode.(string)
		t.Check(isString, "strings only", "%v", mode)
		if isString {
			t.Check(!listed[name], "no duplicates", "%q is listed twice", name)
			listed[name] = true
		}
		if slices.Contains([]string{"poll", "ping", "push"}, name) {
			known++
		} else if isString {
			t.Warn("poll, ping and push", "the unknown mode %.60q is listed too", name)
		}
	}
	t.Check(known > 0, "at least one of poll, ping and push", "%.200v", modes)
	if known > 0 && !listed["poll"] && len(t.OrdinaryClients()) > 0 && len(t.Target().Users) > 0 {
		// Only a poll client may do without client_notification_token; CIBA Core 7.1.
		_, err := Acknowledged(t).Started()
		t.Check(err != nil, "poll, as poll clients are served", "%.200v", modes)
	}
}

// judgeRequiredMembers looks at what OIDC Discovery 3 requires, and at the addresses to
// which clients send credentials or tokens.
func judgeRequiredMembers(t *T) {
	document := t.Document()
	for _, name := range []string{"issuer", "jwks_uri", "token_endpoint"} {
		text, ok := document[name].(string)
		judgeRequiredMember(t, name, ok && text != "", document[name])
		if ok && text != "" {
			JudgeHTTPS(t, name, text)
		}
	}
	// These are optional, but tokens are sent there.
	for _, name := range []string{"userinfo_endpoint", "introspection_endpoint"} {
		if text, ok := document[name].(string); ok {
			JudgeHTTPS(t, name, text)
		}
	}
	for _, name := range []string{"response_types_supported", "subject_types_supported", "id_token_signing_alg_values_supported"} {
		judgeRequiredMember(t, name, IsStringArray(document[name]), document[name])
	}
	if _, ok := document["authorization_endpoint"].(string); !ok {
		t.Warn("authorization_endpoint, which OIDC Discovery requires of every OP",
			"it is missing; an OP without front channel has no use for it")
	}
}

// judgeRequiredMember judges one member. A document found only where RFC 8414 puts it
// owes the members of OIDC Discovery to nobody.
func judgeRequiredMember(t *T, name string, ok bool, value any) {
	oidcOnly := slices.Contains([]string{"jwks_uri", "subject_types_supported", "id_token_signing_alg_values_supported"}, name)
	if !ok && oidcOnly && t.Discovery().OAuthOnly {
		t.Warn(name+" with the right type", "%.100v", value)
		return
	}
	t.Check(ok, name+" with the right type", "%.100v", value)
}

// judgeAuthAlgorithms warns where the list is missing, since RFC 8414 2 requires it and
// OIDC Discovery does not. An OP that lists the algorithm none announces that it takes
// assertions without a signature.
func judgeAuthAlgorithms(t *T) {
	document := t.Document()
	methods := t.Discovery().Strings("token_endpoint_auth_methods_supported")
	usesJWT := slices.Contains(methods, targetfile.AuthPrivateKeyJWT) || slices.Contains(methods, targetfile.AuthClientSecretJWT)
	algs, there := document["token_endpoint_auth_signing_alg_values_supported"]
	if usesJWT && !there {
		t.Warn("token_endpoint_auth_signing_alg_values_supported, as a JWT method is listed", "it is missing")
	}
	t.Check(!there || IsStringArray(algs), "an array of strings", "%.200v", algs)
	t.Check(!Advertises(t, "token_endpoint_auth_signing_alg_values_supported", "none"), "an algorithm list without none", "%.200v", algs)
}

// judgeAsymmetricOnly judges a list of signature algorithms: neither none nor an HMAC,
// whose key the OP itself could sign with. A name that is unknown here may well be
// asymmetric.
func judgeAsymmetricOnly(t *T, member string) {
	value, there := t.Document()[member]
	if !there {
		t.Skip("%s is not published", member)
	}
	list, _ := value.([]any)
	if !t.Check(IsStringArray(value) && len(list) > 0, "a non-empty array of strings", "%.200v", value) {
		return
	}
	for _, alg := range t.Discovery().Strings(member) {
		symmetric := strings.HasPrefix(strings.ToUpper(alg), "HS") || strings.EqualFold(alg, "none")
		t.Check(!symmetric, "asymmetric algorithms", "%.30q is listed", alg)
	}
}

// judgePlainHTTP tries the plain HTTP port of the backchannel authentication
// endpoint's host, with credentials made up for it.
func judgePlainHTTP(t *T) {
	u, err := url.Parse(t.Target().Endpoints.BackchannelAuthentication)
	if err != nil || u.Scheme != "https" {
		return
	}
	u.Scheme, u.Host = "http", net.JoinHostPort(u.Hostname(), "80")
	resp := t.Send(Request{Untouched: true, Call: ciba.Call{
		Label: "backchannel authentication request in clear text", URL: u.String(), Timeout: 5 * time.Second,
		Form: t.Request().Without("user_code", "login_hint_token", "id_token_hint"),
		Auth: ciba.Basic("throw-away-"+t.Random().Text(), t.Random().Text()),
	}})
	t.Expect(resp).As(result.Fail).NotTo(BeAcknowledged(), "no auth_req_id over plain HTTP")
}
