package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/cibatest/cibatest/mockdevice"
	"github.com/cibatest/cibatest/mockdevice/audit"
	"github.com/cibatest/cibatest/mockdevice/policy"
	"github.com/spf13/cobra"
)

// deviceFlags are what a device is made of.
type deviceFlags struct {
	listen, policy, adapters, audit, tokenEnv string
	capacity, concurrency                     int
}

func newDevice() *cobra.Command {
	var f deviceFlags
	cmd := &cobra.Command{
		Use:   "device",
		Short: "Run the simulated authentication device, with a phone page",
		Long: `Receives what an OP shows its users (POST /v1/requests, or a dialect of --adapters) and
answers by the policy, on command (POST /v1/requests/ID/decision, or
/approve?auth_req_id=ID&action=allow|deny), or by a person at the phone page, /phone.
The HTTP API is described at /openapi.yaml; 'cibatest device example policy' and
'cibatest device example adapters' print files with everything there is, and
'cibatest device schema' their JSON Schemas, from which editors complete.

Beyond loopback a token is required, taken from an environment variable. It is the
bearer of the HTTP API, and what the phone page asks for.

Together with the reference OP: run 'cibatest device', then 'cibatest op --device
http://127.0.0.1:9003 --write-target lab', then 'cibatest authorize --target
lab/targets/reference.yaml', and approve on the phone page.`,
		Example: `  cibatest device --listen 127.0.0.1:9003
  cibatest device --policy rules.yaml --adapters adapters.yaml --audit device.jsonl
  cibatest device explain rules.yaml request.json
  cibatest device audit verify device.jsonl`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return serveDevice(cmd, f) },
	}
	flags := cmd.Flags()
	flags.StringVar(&f.listen, "listen", "127.0.0.1:9003", "address to listen on")
	flags.StringVar(&f.policy, "policy", "hold", "what to answer: hold (wait for a command or a person), approve, deny, or a policy file")
	flags.StringVar(&f.adapters, "adapters", "", "file with the dialects to speak beside the native one")
	flags.StringVar(&f.audit, "audit", "",
		"file to write every step to; an existing one is continued, and what it says was decided is not decided again")
	flags.StringVar(&f.tokenEnv, "token-env", deviceTokenEnv, "environment variable with the token of the device")
	flags.IntVar(&f.capacity, "capacity", mockdevice.Capacity, "requests to keep; the oldest finished one makes room")
	flags.IntVar(&f.concurrency, "concurrency", mockdevice.Concurrency, "decisions on their way to OPs at once")
	cmd.AddCommand(newDeviceExplain(), newDeviceExample(), newDeviceSchema(), newDeviceAudit())
	return cmd
}

func serveDevice(cmd *cobra.Command, f deviceFlags) error {
	token := os.Getenv(f.tokenEnv)
	transport := &http.Transport{MaxIdleConnsPerHost: f.concurrency, DisableCompression: true}
	defer transport.CloseIdleConnections()
	options, err := f.options(token, transport)
	if err != nil {
		return usage(err)
	}
	if f.audit != "" {
		log, err := audit.Open(f.audit)
		if err != nil {
			return usage(err)
		}
		defer func() {
			if err := log.Close(); err != nil {
				fmt.Fprintf(cmd.ErrOrStderr(), "cibatest: %v\n", err)
			}
		}()
		options = append(options, mockdevice.WithAudit(log))
	}
	listener, err := mockdevice.Listen(cmd.Context(), f.listen, token)
	switch {
	case errors.Is(err, mockdevice.ErrOpen):
		return usage(fmt.Errorf("%w; set one in %s, or listen on 127.0.0.1", err, f.tokenEnv))
	case err != nil:
		return usage(err)
	}
	device := mockdevice.New(options...)
	defer device.Close()
	fmt.Fprintf(cmd.OutOrStdout(), "device  http://%s\nphone   http://%[1]s/phone\n", listener.Addr())
	return serveUntilDone(cmd.Context(), listener, device.Handler())
}

// serveUntilDone serves until the context ends, and then lets calls under way finish.
func serveUntilDone(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(ctx, func() {
		grace, cancel := context.WithTimeout(context.Background(), shutdownGrace)
		defer cancel()
		if server.Shutdown(grace) != nil {
			_ = server.Close() // phone pages keep their streams open
		}
	})
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return notJudged(err)
	}
	return nil
}

func (f deviceFlags) options(token string, transport http.RoundTripper) ([]mockdevice.Option, error) {
	options := []mockdevice.Option{
		mockdevice.WithRoundTripper(transport), mockdevice.WithToken(token),
		mockdevice.WithCapacity(f.capacity), mockdevice.WithConcurrency(f.concurrency),
	}
	named := map[string]policy.Policy{"hold": policy.Hold, "approve": policy.ApproveAll, "deny": policy.DenyAll}
	if always, ok := named[f.policy]; ok {
		options = append(options, mockdevice.WithPolicy(always))
	} else {
		rules, err := policy.Load(f.policy)
		if err != nil {
			return nil, fmt.Errorf("--policy is not hold, approve, deny or a policy file:\n%w", err)
		}
		options = append(options, mockdevice.WithRules(rules))
	}
	if f.adapters != "" {
		adapters, err := mockdevice.LoadAdapters(f.adapters)
		if err != nil {
			return nil, fmt.Errorf("--adapters:\n%w", err)
		}
		options = append(options, mockdevice.WithAdapters(adapters))
	}
	return options, nil
}
