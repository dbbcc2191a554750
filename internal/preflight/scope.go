package preflight

import "github.com/cibatest/cibatest/internal/catalogue"

// Outside tells why a requirement is beyond what is judged so far, by the capability
// it needs, the modes it is about or its area. It is empty for one within.
func Outside(r catalogue.Requirement) string {
	for _, need := range r.Needs {
		if reason := ruleOf(need).outside; reason != "" {
			return reason
		}
	}
	if reason := clausesOutside[r.ID]; reason != "" {
		return reason
	}
	return areasOutside[r.Area]
}

// clausesOutside are single clauses that no case is about, and why.
var clausesOutside = map[string]string{
	"CIBA-10.3-PUSH-SENDER-CONSTRAINED": "push clients that show a certificate are not judged so far",
	"CIBA-12-PUSH-TRANSACTION-FAILED":   "the OP cannot be made to fail after it has accepted a request, so nothing shows what it pushes then",
}

// areasOutside are the areas of the catalogue that no case is about so far.
var areasOutside = map[string]string{
	"fapi": noProfiles,
}
