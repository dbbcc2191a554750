package catalogue

import (
	"regexp"
	"slices"
	"strings"
)

// Text is a document that clauses come from. Sources name it in short.
type Text struct {
	Name    string // as sources spell it, before the section: "CIBA Core 1.0"
	Title   string
	Edition string // which of its editions was read; of an RFC the number says it
}

// texts are the documents other than RFCs, as they were read.
var texts = []Text{
	{"CIBA Core 1.0", "OpenID Connect Client-Initiated Backchannel Authentication Flow, Core 1.0", "final, 1 September 2021"},
	{"OIDC Core 1.0", "OpenID Connect Core 1.0", "incorporating errata set 2"},
	{"OIDC Discovery 1.0", "OpenID Connect Discovery 1.0", "incorporating errata set 2"},
	{"OIDC Registration 1.0", "OpenID Connect Dynamic Client Registration 1.0", "incorporating errata set 2"},
	{"FAPI-CIBA ID1", "FAPI: Client Initiated Backchannel Authentication Profile", "Implementer's Draft 1"},
	{"FAPI-CIBA draft-03", "FAPI: Client Initiated Backchannel Authentication Profile", "draft 03"},
	{"FAPI 1.0 Part 1", "Financial-grade API Security Profile 1.0, Part 1: Baseline", "final"},
	{"FAPI 1.0 Part 2", "Financial-grade API Security Profile 1.0, Part 2: Advanced", "final"},
	{"FAPI 2.0 SP", "FAPI 2.0 Security Profile", "final"},
	{"FAPI-CIBA (official suite)", "OpenID Foundation conformance suite, FAPI-CIBA modules", "read from source"},
}

// rfcTitles are the titles of RFCs by their numbers.
var rfcTitles = map[string]string{
	"6749": "The OAuth 2.0 Authorization Framework", "6750": "The OAuth 2.0 Authorization Framework: Bearer Token Usage",
	"7517": "JSON Web Key (JWK)", "7519": "JSON Web Token (JWT)",
	"7521":  "Assertion Framework for OAuth 2.0 Client Authentication and Authorization Grants",
	"7523":  "JSON Web Token (JWT) Profile for OAuth 2.0 Client Authentication and Authorization Grants",
	"7591":  "OAuth 2.0 Dynamic Client Registration Protocol",
	"7662":  "OAuth 2.0 Token Introspection",
	"8414":  "OAuth 2.0 Authorization Server Metadata",
	"8628":  "OAuth 2.0 Device Authorization Grant",
	"8705":  "OAuth 2.0 Mutual-TLS Client Authentication and Certificate-Bound Access Tokens",
	"9068":  "JSON Web Token (JWT) Profile for OAuth 2.0 Access Tokens",
	"9101":  "The OAuth 2.0 Authorization Framework: JWT-Secured Authorization Request (JAR)",
	"9110":  "HTTP Semantics",
	"9396":  "OAuth 2.0 Rich Authorization Requests",
	"9449":  "OAuth 2.0 Demonstrating Proof of Possession (DPoP)",
	"9700":  "Best Current Practice for OAuth 2.0 Security",
	"10070": "Update of RFC 7521, 7522, 7523 and 9126: the audience of client assertions",
}

var rfcName = regexp.MustCompile(`^RFC ([0-9]+)\b`)

// Texts are the documents that the requirement's source names, in its order.
func (r Requirement) Texts() []Text {
	var list []Text
	for part := range strings.SplitSeq(r.Source, ";") {
		if t, ok := textOf(strings.TrimSpace(part)); ok && !slices.Contains(list, t) {
			list = append(list, t)
		}
	}
	return list
}

func textOf(part string) (Text, bool) {
	if m := rfcName.FindStringSubmatch(part); m != nil {
		return Text{Name: m[0], Title: rfcTitles[m[1]], Edition: m[0]}, true
	}
	if strings.HasPrefix(part, "draft-03") { // goes on from the FAPI-CIBA before it
		part = "FAPI-CIBA " + part
	}
	for _, t := range texts {
		if strings.HasPrefix(part, t.Name) {
			return t, true
		}
	}
	return Text{}, false
}
