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
	. "github.com/cibatest/cibatest/suites/harness"
)

// CIBA Core 4, OIDC Discovery 3 and 4, RFC 8414 2: what the metadata says.
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
	Case("metadata-grant-type", "lists the CIBA grant type", Judges("CIBA-4-DISC-GRANT-TYPE"), func(t *T) {
		modes, _ := t.Document()["backchannel_token_delivery_modes_supported"].([]any)
		if len(modes) == 1 && modes[0] == "push" {
			t.Skip("a push-only OP need not list the grant type")
		}
		t.Check(Advertises(t, "grant_types_supported", "urn:openid:params:grant-type:ciba"), "grant_types_supported contains urn:openid:params:grant-type:ciba",
			"%.300v", t.Document()["grant_types_supported"])
	})
	Case("metadata-modes-work", "advertises only modes that work", Judges("CIBA-4-DISC-MODES-WORK"), func(t *T) {
		if !Advertises(t, "backchannel_token_delivery_modes_supported", "poll") {
			t.Skip("poll is not advertised")
		}
		flow := t.MustStart(t.Request())
		t.Approve(flow)
		resp := t.PollDecided(flow)
		t.Check(resp.Status == 200 && resp.HasTokens(), "tokens by the poll mode", "%s", resp.Summary())
	})
	Case("metadata-response", "is served as one JSON object", Judges("OIDD-4.2-CONFIG-RESPONSE").Smoke(), func(t *T) {
		t.Document()
		resp := t.Discovery().Response
		t.Expect(resp).To(HaveStatus(200))
		t.Expect(resp).To(BeJSON())
	})
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
		t.Check(!there || IsStrings(member), "an array of strings, or no member", "%.200v", member)
	})
	Case("metadata-rar-types", "advertises its authorization_details types", Judges("RFC9396-10-METADATA"), func(t *T) {
		member, there := t.Document()["authorization_details_types_supported"]
		if !t.Check(there && IsStrings(member), "authorization_details_types_supported is an array of strings", "%.200v", member) {
			return
		}
		for _, kind := range t.Target().RAR.Types {
			t.Check(Advertises(t, "authorization_details_types_supported", kind), "the type "+kind+" is listed", "%.300v", member)
		}
	})
	Case("metadata-endpoint-https", "names TLS endpoints", Judges("CIBA-7-ENDPOINT-HTTPS"), func(t *T) {
		t.Document()
		for _, name := range []string{"backchannel_authentication_endpoint", "token_endpoint"} {
			MustBeTLS(t, name, t.Discovery().Text(name))
		}
		judgePlainHTTP(t)
	})
})

func judgeDeliveryModes(t *T) {
	member := t.Document()["backchannel_token_delivery_modes_supported"]
	modes, ok := member.([]any)
	if !t.Check(ok && len(modes) > 0, "a non-empty array", "%.200v", member) {
		return
	}
	known := 0
	seen := map[any]bool{}
	for _, mode := range modes {
		name, isString := mode.(string)
		t.Check(isString, "strings only", "%v", mode)
		if isString {
			t.Check(!seen[name], "no duplicates", "%q is listed twice", name)
			seen[name] = true
		}
		if slices.Contains([]string{"poll", "ping", "push"}, name) {
			known++
		} else if isString {
			t.Warn("poll, ping and push", "the unknown mode %.60q is listed too", name)
		}
	}
	t.Check(known > 0, "at least one of poll, ping and push", "%.200v", modes)
	if known > 0 && !seen["poll"] && len(t.OrdinaryClients()) > 0 && len(t.Target().Users) > 0 {
		// Only a poll client may do without client_notification_token; CIBA Core 7.1.
		_, err := Acknowledged(t).Started()
		t.Check(err != nil, "poll, as poll clients are served", "%.200v", modes)
	}
}

func judgeRequiredMembers(t *T) {
	document := t.Document()
	for _, name := range []string{"issuer", "jwks_uri", "token_endpoint"} {
		text, ok := document[name].(string)
		judgeRequiredMember(t, name, ok && text != "", document[name])
		if ok && text != "" {
			MustBeTLS(t, name, text)
		}
	}
	for _, name := range []string{"userinfo_endpoint", "introspection_endpoint"} { // optional, but tokens are sent there
		if text, ok := document[name].(string); ok {
			MustBeTLS(t, name, text)
		}
	}
	for _, name := range []string{"response_types_supported", "subject_types_supported", "id_token_signing_alg_values_supported"} {
		judgeRequiredMember(t, name, IsStrings(document[name]), document[name])
	}
	if _, ok := document["authorization_endpoint"].(string); !ok {
		t.Warn("authorization_endpoint, which OIDC Discovery requires of every OP", "it is missing; an OP without front channel has no use for it")
	}
}

// judgeRequiredMember judges one member. A document found only where RFC 8414 puts it owes
// OIDC's own members to nobody.
func judgeRequiredMember(t *T, name string, ok bool, value any) {
	oidcOnly := slices.Contains([]string{"jwks_uri", "subject_types_supported", "id_token_signing_alg_values_supported"}, name)
	if !ok && oidcOnly && t.Discovery().OAuthOnly {
		t.Warn(name+" with the right type", "%.100v", value)
		return
	}
	t.Check(ok, name+" with the right type", "%.100v", value)
}

func judgeAuthAlgorithms(t *T) {
	document := t.Document()
	usesJWT := Advertises(t, "token_endpoint_auth_methods_supported", "private_key_jwt") || Advertises(t, "token_endpoint_auth_methods_supported", "client_secret_jwt")
	algs, there := document["token_endpoint_auth_signing_alg_values_supported"]
	if usesJWT && !there {
		t.Warn("token_endpoint_auth_signing_alg_values_supported, as a JWT method is listed", "it is missing")
	}
	t.Check(!there || IsStrings(algs), "an array of strings", "%.200v", algs)
	t.Check(!Advertises(t, "token_endpoint_auth_signing_alg_values_supported", "none"), "an algorithm list without none", "%.200v", algs)
}

// judgeAsymmetricOnly judges a list of signature algorithms: neither none nor an HMAC.
// Names that are new to us may well be asymmetric.
func judgeAsymmetricOnly(t *T, member string) {
	value, there := t.Document()[member]
	if !there {
		t.Skip("%s is not published", member)
	}
	list, _ := value.([]any)
	if !t.Check(IsStrings(value) && len(list) > 0, "a non-empty array of strings", "%.200v", value) {
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
	if _, err := resp.Started(); err == nil {
		t.At(resp)
		t.Fail("no auth_req_id over plain HTTP", "%s", resp.Summary())
	}
}
