package preflight

import (
	"fmt"
	"slices"

	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/reports/result"
)

// WithoutUsers leaves users out of the target, by their names, and concludes anew what
// can be tested with the rest.
func (f *Facts) WithoutUsers(names ...string) {
	f.Target.Users = slices.DeleteFunc(slices.Clone(f.Target.Users), func(u targetfile.User) bool { return slices.Contains(names, u.Name) })
	f.Capabilities = f.capabilities()
}

// WithoutClients leaves clients out of the target, by their names, and concludes anew what
// can be tested with the rest.
func (f *Facts) WithoutClients(names ...string) {
	named := func(c targetfile.Client) bool { return slices.Contains(names, c.Name) }
	f.Target.Clients = slices.DeleteFunc(slices.Clone(f.Target.Clients), named)
	f.Capabilities = f.capabilities()
}

// CannotAsk says that authorization_details of the target file are not fit to be sent, and
// why.
func (f *Facts) CannotAsk(why string) {
	for _, n := range []catalogue.Need{catalogue.NeedRAR, catalogue.NeedRARSchema} {
		f.Capabilities[n] = result.Capability{Reason: why}
	}
}

// CannotDecide says that a kind of decision cannot be delivered to the OP, and why.
func (f *Facts) CannotDecide(n catalogue.Need, why error) {
	f.Capabilities[n] = result.Capability{Reason: fmt.Sprintf("the decision could not be delivered before the first case: %v", why)}
}
