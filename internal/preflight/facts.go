package preflight

import (
	"context"
	"net/http"
	"time"

	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/reports/result"
)

// Facts are what is known of a target before the first case.
type Facts struct {
	Target       *targetfile.Target // a copy of what was asked about, its endpoints filled in from the metadata
	Discovery    *Discovery         // never nil
	Capabilities Capabilities       // an entry for every need of the catalogue

	named     targetfile.Endpoints // by the target file itself
	expiresIn time.Duration        // that the OP tells, where it is beyond the budget; 0: not known to be
}

// Gather asks the OP of a target for its metadata and concludes what can be tested. The
// target is left as it is. An error is a sentence for people about an OP that cannot
// be reached or says nothing.
func Gather(ctx context.Context, rt http.RoundTripper, t *targetfile.Target) (*Facts, error) {
	d, err := Discover(ctx, rt, t)
	if err != nil {
		return nil, err
	}
	f := &Facts{Target: Resolve(t, d), Discovery: d, named: t.Endpoints}
	f.Capabilities = f.capabilities()
	return f, nil
}

// Capabilities tell for every need whether it is met and how that is known.
type Capabilities map[catalogue.Need]result.Capability

// Has reports whether a need is met.
func (c Capabilities) Has(n catalogue.Need) bool { return c[n].Has }

// Unmet is the first of some needs that is not met, with the reason, or empty when
// all are.
func (c Capabilities) Unmet(needs []catalogue.Need) string {
	for _, n := range needs {
		if !c[n].Has {
			return string(n) + ": " + c[n].Reason
		}
	}
	return ""
}

// ByName are the capabilities as results show them.
func (c Capabilities) ByName() map[string]result.Capability {
	named := make(map[string]result.Capability, len(c))
	for n, capability := range c {
		named[string(n)] = capability
	}
	return named
}

// capabilities asks the rule of every need. The target file has the last word.
func (f *Facts) capabilities() Capabilities {
	known := Capabilities{}
	for _, r := range rules {
		has, reason := r.met(f)
		known[r.need] = result.Capability{Has: has, Reason: reason}
	}
	for need, has := range f.Target.Capabilities {
		known[need] = result.Capability{Has: has, Reason: "the target file says so"}
	}
	return known
}
