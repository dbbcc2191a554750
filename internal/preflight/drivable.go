package preflight

import (
	"errors"
	"fmt"
)

// ErrNotDrivable says that no flow of a target can be driven.
var ErrNotDrivable = errors.New("no flow can be driven")

// Drivable reports why no flow of this target can be driven, nil when one can: both
// endpoints of a flow have to be known. The error is [ErrNotDrivable].
func (f *Facts) Drivable() error {
	e := f.Target.Endpoints
	switch {
	case e.BackchannelAuthentication != "" && e.Token != "":
		return nil
	case f.Discovery.Broken != nil:
		return fmt.Errorf("%w: %s cannot be read (%w), and the target file names no endpoints; "+
			"mend the metadata, or set endpoints.backchannel_authentication and endpoints.token",
			ErrNotDrivable, f.Discovery.URL, f.Discovery.Broken)
	}
	return fmt.Errorf("%w: %s: neither the discovery document nor the target file names the backchannel authentication endpoint "+
		"and the token endpoint; set endpoints.backchannel_authentication and endpoints.token", ErrNotDrivable, f.Target.Issuer)
}
