package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"os"
	"slices"
	"sync"
	"syscall"

	"github.com/cibatest/cibatest/internal/serve"
	"github.com/cibatest/cibatest/mockdevice"
	"github.com/cibatest/cibatest/mockdevice/audit"
	"github.com/cibatest/cibatest/mockdevice/policy"
	"github.com/spf13/cobra"
)

// deviceFlags are what a device is made of.
type deviceFlags struct {
	listen, policy, adapters, tokenEnv string
	audit, auditKeyEnv                 string
	hosts, callbacks                   []string
	capacity, concurrency              int
}

// auditKeyEnv names the key that seals an audit.
const auditKeyEnv = "CIBATEST_AUDIT_KEY"

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
bearer of the HTTP API, and what the phone page asks for; Keycloak, whose bearer is its
own, is configured with /adapters/keycloak?token=TOKEN. Without a token the device is
served under loopback names and those of --allow-host only.

An adapter file may have inboxes, so that the device is reached as a person is: by mail, by
text messages in the form of Twilio's API, by push messages in the form of FCM, and by
webhooks. Patterns make a request of a message; its decision follows the link in it as a
browser would, or answers by its code. 'cibatest device read' tries the patterns on a
message, and GET /v1/inboxes says what became of those that came.

Decisions are told at loopback, at the sender's own address, at the hosts of the adapter
file, and at those of --callback-host.

An audit that cannot be written ends all decisions: requests are answered 503, and the
exit code is 3. With a key in the environment every line is sealed with it.

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
	flags.StringVar(&f.auditKeyEnv, "audit-key-env", auditKeyEnv, "environment variable with the key that seals the audit; not set: none")
	flags.StringSliceVar(&f.hosts, "allow-host", nil, "name to serve under without a token, besides loopback; repeatable")
	flags.StringSliceVar(&f.callbacks, "callback-host", nil,
		"host that requests may have decisions sent to; .example.com: all hosts below it; repeatable")
	flags.IntVar(&f.capacity, "capacity", mockdevice.Capacity,
		"requests to keep, of 8 KiB each on average; the oldest finished one makes room")
	flags.IntVar(&f.concurrency, "concurrency", mockdevice.Concurrency, "decisions on their way to OPs at once")
	cmd.AddCommand(newDeviceExplain(), newDeviceRead(), newDeviceExample(), newDeviceSchema(), newDeviceAudit())
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
	listener, err := mockdevice.Listen(cmd.Context(), f.listen, token)
	if err != nil {
		return usage(withRemedy(err, f.tokenEnv))
	}
	if f.audit == "" {
		return runDevice(cmd, listener, options)
	}
	log, err := audit.Open(f.audit, audit.WithKey([]byte(os.Getenv(f.auditKeyEnv))))
	if err != nil {
		return usage(errors.Join(err, listener.Close()))
	}
	stop := tellBroken(cmd.ErrOrStderr(), log)
	err = runDevice(cmd, listener, append(options, mockdevice.WithAudit(log)))
	stop()
	fmt.Fprintf(cmd.ErrOrStderr(), "audit head %s\n", log.Head())
	if closed := log.Close(); closed != nil {
		return notJudged(errors.Join(err, closed))
	}
	return err
}

// runDevice serves a device until the context ends.
func runDevice(cmd *cobra.Command, listener net.Listener, options []mockdevice.Option) error {
	device := mockdevice.New(options...)
	defer device.Close()
	mail, err := device.OpenInboxes(cmd.Context())
	if err != nil {
		return usage(errors.Join(err, listener.Close()))
	}
	fmt.Fprintf(cmd.OutOrStdout(), "device  http://%s\nphone   http://%[1]s/phone\n", listener.Addr())
	for _, name := range slices.Sorted(maps.Keys(mail)) {
		fmt.Fprintf(cmd.OutOrStdout(), "mail    smtp://%s (inbox %s)\n", mail[name], name)
	}
	return serveUntilDone(cmd.Context(), listener, device.Handler())
}

// tellBroken says at once that the audit cannot be written any more: whoever looks at the
// phone page would only wonder why nothing arrives.
func tellBroken(out io.Writer, log *audit.Log) (stop func()) {
	done := make(chan struct{})
	var telling sync.WaitGroup
	telling.Go(func() {
		select {
		case <-log.Broken():
			fmt.Fprintf(out, "cibatest: %v\n", log.Err())
		case <-done:
		}
	})
	return func() {
		close(done)
		telling.Wait()
	}
}

// withRemedy adds what to do about an address that is taken, or would be open to everybody.
func withRemedy(err error, tokenEnv string) error {
	if errors.Is(err, syscall.EADDRINUSE) {
		return fmt.Errorf("%w; end what listens there, or choose another port (--listen 127.0.0.1:0 takes any free one)", err)
	}
	if errors.Is(err, serve.ErrOpen) {
		return fmt.Errorf("%w; set one in %s, or listen on 127.0.0.1", err, tokenEnv)
	}
	return err
}

// serveUntilDone serves until the context ends, and then lets calls under way finish.
func serveUntilDone(ctx context.Context, listener net.Listener, handler http.Handler) error {
	server := serve.Server(handler)
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
	if f.capacity < 1 || f.concurrency < 1 {
		return nil, errors.New("--capacity and --concurrency are numbers of 1 or more")
	}
	options := []mockdevice.Option{
		mockdevice.WithRoundTripper(transport), mockdevice.WithToken(token),
		mockdevice.WithHosts(f.hosts...), mockdevice.WithCallbackHosts(f.callbacks...),
		mockdevice.WithCapacity(f.capacity), mockdevice.WithConcurrency(f.concurrency),
	}
	answers, err := policyOption(f.policy)
	if err != nil {
		return nil, err
	}
	options = append(options, answers)
	if f.adapters != "" {
		adapters, err := mockdevice.LoadAdapters(f.adapters)
		if err != nil {
			return nil, fmt.Errorf("--adapters:\n%w", err)
		}
		options = append(options, mockdevice.WithAdapters(adapters))
	}
	return options, nil
}

// policyOption is what a device answers by the value of --policy.
func policyOption(value string) (mockdevice.Option, error) {
	named := map[string]policy.Policy{"hold": policy.Hold, "approve": policy.ApproveAll, "deny": policy.DenyAll}
	if always, ok := named[value]; ok {
		return mockdevice.WithPolicy(always), nil
	}
	rules, err := policy.Load(value)
	if err != nil {
		return nil, fmt.Errorf("--policy is not hold, approve, deny or a policy file:\n%w", err)
	}
	return mockdevice.WithRules(rules), nil
}
