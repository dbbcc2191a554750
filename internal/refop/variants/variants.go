package variants

import (
	"fmt"
	"slices"

	"github.com/cibatest/cibatest/internal/refop"
)

// Variant is a legal departure from how the reference OP usually behaves. A judge
// must stay green on each.
type Variant struct {
	Name  string
	Why   string            // the text that allows it
	Apply func(*refop.Plan) // called once for each OP
}

// All are the legal departures, area by area.
func All() []Variant {
	return slices.Concat(
		ClientAuth, Decision, Discovery, Expiry, IDToken, Polling, Details, Security, TokenResponse,
		Initiation, Load, Policy, Timing, Push, HTTP, Notification, Signed,
	)
}

// Choose makes an OP that departs in some ways, by name. The option fails for a name
// that [All] does not know.
func Choose(names ...string) refop.Option {
	return func(op *refop.OP) error {
		all := All()
		for _, name := range names {
			i := slices.IndexFunc(all, func(v Variant) bool { return v.Name == name })
			if i < 0 {
				return fmt.Errorf("there is no variant %q; 'cibatest op --variants' lists them", name)
			}
			if err := refop.WithPlan(all[i].Apply)(op); err != nil {
				return err
			}
		}
		return nil
	}
}
