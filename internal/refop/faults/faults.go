package faults

import (
	"fmt"
	"slices"

	"github.com/cibatest/cibatest/internal/refop"
)

// Fault is a planted defect.
type Fault struct {
	Name   string
	Breaks string            // the requirement it breaks, by its id in the catalogue
	Sees   string            // what a victim sees
	Plant  func(*refop.Plan) // what is wrong; called once for each OP
}

// All are the defects that a handful of flows shows, area by area. The suites
// catch each of them.
func All() []Fault {
	return slices.Concat(
		Acknowledgement, ClientAuth, Assertions, Decision, Discovery, Expiry, Hints, IDToken,
		Initiation, ErrorAnswers, BindingMessage, UserCode, Polling, Redemption,
		DetailsBack, DetailsGrant, DetailsRequest, DetailsServer, Security, TokenResponse, Resources,
		NotificationTokens, NotificationTLS, Ping, Push, PushTokens, PushEnds, Signed, SignedBy, MutualTLS,
	)
}

// Plant makes an OP that has some defects, by name. The option fails for a name
// that neither [All] nor [Load] knows.
func Plant(names ...string) refop.Option {
	return func(op *refop.OP) error {
		for _, name := range names {
			f, ok := find(name)
			if !ok {
				return fmt.Errorf("there is no fault %q; 'cibatest op --faults' lists them", name)
			}
			if err := refop.WithPlan(f.Plant)(op); err != nil {
				return err
			}
		}
		return nil
	}
}

func find(name string) (Fault, bool) {
	for _, list := range [][]Fault{All(), Load} {
		if i := slices.IndexFunc(list, func(f Fault) bool { return f.Name == name }); i >= 0 {
			return list[i], true
		}
	}
	return Fault{}, false
}
