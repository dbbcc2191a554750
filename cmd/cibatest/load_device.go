package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"

	"github.com/cibatest/cibatest/internal/preflight"
	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/loadgen"
	"github.com/cibatest/cibatest/mockdevice"
	"github.com/spf13/cobra"
)

// deviceTokenEnv names the token of a device, as 'cibatest device' takes it.
const deviceTokenEnv = "CIBATEST_DEVICE_TOKEN"

// remoteDevice is a 'cibatest device' that decides by its own policy.
type remoteDevice struct{ client mockdevice.Client }

// witnessOf is the device of --device, nil without the flag.
func (f *loadFlags) witnessOf(cmd *cobra.Command, t *targetfile.Target) (loadgen.Witness, error) {
	if f.device == "" {
		return nil, nil
	}
	for _, name := range []string{"mix", "think"} {
		if cmd.Flags().Changed(name) {
			return nil, fmt.Errorf("--%s says how this run decides, with --device the device decides; put it into the policy of the device", name)
		}
	}
	if f.target == "" {
		return nil, errors.New("--device needs --target: the OP in this process has a device of its own")
	}
	u, err := url.Parse(f.device)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("--device %q is not an http or https URL", f.device)
	}
	transport, err := preflight.Transport(t)
	if err != nil {
		return nil, err
	}
	transport.MaxIdleConnsPerHost = loadgen.DecisionsAtOnce
	return &remoteDevice{mockdevice.Client{URL: f.device, Token: os.Getenv(deviceTokenEnv), RoundTripper: transport}}, nil
}

// Decided implements [loadgen.Witness].
func (d *remoteDevice) Decided(ctx context.Context, authReqID string) (*loadgen.Decided, error) {
	asked, err := d.client.Find(ctx, authReqID)
	if errors.Is(err, mockdevice.ErrUnknown) {
		return nil, errors.New("the device was not asked, or has forgotten that it was")
	}
	if err != nil {
		return nil, err
	}
	switch asked.Decided {
	case mockdevice.Approve, mockdevice.Deny, mockdevice.Cancel, mockdevice.Failure:
		return &loadgen.Decided{Allow: asked.Decided == mockdevice.Approve, At: asked.Outcome.At}, nil
	default: // not yet, or the user let it lapse
		return nil, nil
	}
}
