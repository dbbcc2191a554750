package preflight

import (
	"slices"
	"strings"

	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/targetfile"
)

// Outside tells why a requirement is beyond what is judged so far, by the capability
// it needs, the modes it is about or its area. It is empty for one within.
func Outside(r catalogue.Requirement) string {
	for _, need := range r.Needs {
		if reason := ruleOf(need).outside; reason != "" {
			return reason
		}
	}
	if !slices.Contains(r.Modes, targetfile.DeliveryPoll) || slices.Contains(r.Needs, catalogue.NeedNotificationReceiver) {
		return "is about " + strings.Join(r.Modes, " and ") + "; of ping and push some clauses are judged so far, and this is none of them"
	}
	return areasOutside[r.Area]
}

// areasOutside are the areas of the catalogue that no case is about so far.
var areasOutside = map[string]string{
	"request-object": noSignedRequests,
	"fapi":           noProfiles,
}
