package preflight

import (
	"fmt"
)

// Drivable reports why no flow of this target can be driven, nil when one can: both
// endpoints of a flow have to be known.
func (f *Facts) Drivable() error {
	e := f.Target.Endpoints
	if e.BackchannelAuthentication != "" && e.Token != "" {
		return nil
	}
	return fmt.Errorf("%s: neither the discovery document nor the target file names the backchannel authentication endpoint "+
		"and the token endpoint; set endpoints.backchannel_authentication and endpoints.token", f.Target.Issuer)
}
