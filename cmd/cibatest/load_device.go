package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/cibatest/cibatest/loadgen"
	"github.com/cibatest/cibatest/mockdevice"
	"github.com/spf13/cobra"
)

// deviceTokenEnv names the token of a device, as 'cibatest device' takes it.
const deviceTokenEnv = "CIBATEST_DEVICE_TOKEN"

// remoteDevice is a 'cibatest device' that decides by its own policy.
type remoteDevice struct {
	base, token string
	client      *http.Client
}

// witnessOf is the device of --device, nil without the flag.
func (f *loadFlags) witnessOf(cmd *cobra.Command) (loadgen.Witness, error) {
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
	return &remoteDevice{base: strings.TrimSuffix(f.device, "/"), token: os.Getenv(deviceTokenEnv), client: &http.Client{}}, nil
}

// Decided implements [loadgen.Witness].
func (d *remoteDevice) Decided(ctx context.Context, authReqID string) (*loadgen.Decided, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.base+"/v1/requests/"+url.PathEscape(authReqID), nil)
	if err != nil {
		return nil, fmt.Errorf("device: %w", errors.Unwrap(err)) // without the URL, which has the auth_req_id
	}
	if d.token != "" {
		req.Header.Set("Authorization", "Bearer "+d.token)
	}
	resp, err := d.client.Do(req)
	if err != nil {
		return nil, fmt.Errorf("device: %w", errors.Unwrap(err))
	}
	defer func() { _ = resp.Body.Close() }()
	var asked mockdevice.Request
	switch {
	case resp.StatusCode == http.StatusNotFound:
		return nil, errors.New("the device was not asked, or has forgotten that it was")
	case resp.StatusCode == http.StatusUnauthorized:
		return nil, fmt.Errorf("the device wants its token, in %s", deviceTokenEnv)
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("the device answers %d", resp.StatusCode)
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, 1<<20)).Decode(&asked); err != nil {
		return nil, fmt.Errorf("the device's answer cannot be read: %w", err)
	}
	switch asked.Decided {
	case mockdevice.Approve, mockdevice.Deny, mockdevice.Cancel, mockdevice.Failure:
		return &loadgen.Decided{Allow: asked.Decided == mockdevice.Approve, At: asked.Outcome.At}, nil
	}
	return nil, nil // not yet, or the user let it lapse
}
