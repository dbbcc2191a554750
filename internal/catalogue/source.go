package catalogue

import (
	"regexp"
	"strings"
)

// Link is a section of a text and where to read it.
type Link struct {
	Text string // "CIBA Core 1.0 §7.1"
	URL  string
}

// publication is where a text is, and how its sections are anchored.
type publication struct{ url, anchor string }

// publications are those of the texts that have an address which stays, by their names;
// RFCs are found by number.
var publications = map[string]publication{
	"CIBA Core 1.0":         {"https://openid.net/specs/openid-client-initiated-backchannel-authentication-core-1_0.html", "rfc.section."},
	"OIDC Core 1.0":         {"https://openid.net/specs/openid-connect-core-1_0.html", "rfc.section."},
	"OIDC Discovery 1.0":    {"https://openid.net/specs/openid-connect-discovery-1_0.html", "rfc.section."},
	"OIDC Registration 1.0": {"https://openid.net/specs/openid-connect-registration-1_0.html", "rfc.section."},
	"FAPI-CIBA ID1":         {"https://openid.net/specs/openid-financial-api-ciba-ID1.html", "rfc.section."},
	"FAPI 1.0 Part 1":       {"https://openid.net/specs/openid-financial-api-part-1-1_0.html", "rfc.section."},
	"FAPI 1.0 Part 2":       {"https://openid.net/specs/openid-financial-api-part-2-1_0.html", "rfc.section."},
	"FAPI 2.0 SP":           {"https://openid.net/specs/fapi-2_0-security-profile-final.html", "section-"},
}

var sectionSign = regexp.MustCompile(`§\s*([0-9]+(?:\.[0-9]+)*)`)

// Links finds the sections that a source of a requirement names: documents separated by
// semicolons, each with its sections. What has no address that does not change, such as
// a draft, is left out.
func Links(source string) []Link {
	var links []Link
	for part := range strings.SplitSeq(source, ";") {
		links = append(links, linksIn(strings.TrimSpace(part))...)
	}
	return links
}

func linksIn(part string) []Link {
	text, _ := textOf(part)
	p, ok := publications[text.Name]
	if rfc := rfcName.FindStringSubmatch(part); rfc != nil {
		p, ok = publication{"https://www.rfc-editor.org/rfc/rfc" + rfc[1], "section-"}, true
	}
	if !ok {
		return nil
	}
	var links []Link
	for _, section := range sectionSign.FindAllStringSubmatch(part, -1) {
		links = append(links, Link{text.Name + " §" + section[1], p.url + "#" + p.anchor + section[1]})
	}
	if len(links) == 0 {
		links = []Link{{text.Name, p.url}}
	}
	return links
}
