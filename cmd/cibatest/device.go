package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/cibatest/cibatest/mockdevice"
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
'cibatest device example adapters' print files with everything there is.

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
	flags.StringVar(&f.audit, "audit", "", "file to write every step to; an existing one is continued, and what it says was decided is not decided again")
	flags.StringVar(&f.tokenEnv, "token-env", deviceTokenEnv, "environment variable with the token of the device")
	flags.IntVar(&f.capacity, "capacity", mockdevice.Capacity, "requests to keep; the oldest finished one makes room")
	flags.IntVar(&f.concurrency, "concurrency", mockdevice.Concurrency, "decisions on their way to OPs at once")
	cmd.AddCommand(newDeviceExplain(), newDeviceExample(), newDeviceAudit())
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
		audit, err := mockdevice.OpenAudit(f.audit)
		if err != nil {
			return usage(err)
		}
		defer func() {
			if err := audit.Close(); err != nil {
				fmt.Fprintf(cmd.ErrOrStderr(), "cibatest: %v\n", err)
			}
		}()
		options = append(options, mockdevice.WithAudit(audit))
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
	server := &http.Server{Handler: device.Handler(), ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(cmd.Context(), func() {
		ctx, cancel := context.WithTimeout(context.Background(), shutdownGrace)
		defer cancel()
		if server.Shutdown(ctx) != nil {
			_ = server.Close() // phone pages keep their streams open
		}
	})
	fmt.Fprintf(cmd.OutOrStdout(), "device  http://%s\nphone   http://%[1]s/phone\n", listener.Addr())
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return notJudged(err)
	}
	return nil
}

func (f deviceFlags) options(token string, transport http.RoundTripper) ([]mockdevice.Option, error) {
	options := []mockdevice.Option{
		mockdevice.WithRoundTripper(transport), mockdevice.WithToken(token), mockdevice.WithCapacity(f.capacity), mockdevice.WithConcurrency(f.concurrency),
	}
	named := map[string]mockdevice.Policy{"hold": mockdevice.Hold, "approve": mockdevice.ApproveAll, "deny": mockdevice.DenyAll}
	if policy, ok := named[f.policy]; ok {
		options = append(options, mockdevice.WithPolicy(policy))
	} else {
		rules, err := mockdevice.LoadRules(f.policy)
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

func newDeviceExample() *cobra.Command {
	files := map[string]func() []byte{"policy": mockdevice.ExamplePolicy, "adapters": mockdevice.ExampleAdapters}
	return &cobra.Command{
		Use:       "example policy|adapters",
		Short:     "Print a policy or adapter file with everything there is, to start from",
		Example:   "  cibatest device example policy > rules.yaml\n  cibatest device example adapters > adapters.yaml",
		Args:      cobra.MatchAll(cobra.ExactArgs(1), cobra.OnlyValidArgs),
		ValidArgs: []string{"policy", "adapters"},
		RunE: func(cmd *cobra.Command, args []string) error {
			_, err := cmd.OutOrStdout().Write(files[args[0]]())
			return err
		},
	}
}

func newDeviceExplain() *cobra.Command {
	return &cobra.Command{
		Use:   "explain POLICY [REQUEST.json]",
		Short: "Say which rule of a policy file would fire for a request, and why the others would not",
		Long: `Validates the policy file and reads one request as an OP would post it, from the file or
from standard input ("-"). Without a request only the file is validated.`,
		Example: `  cibatest device explain rules.yaml request.json
  echo '{"client_id":"agent-1","scope":"openid"}' | cibatest device explain rules.yaml -`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			rules, err := mockdevice.LoadRules(args[0])
			if err != nil {
				return usage(err)
			}
			if len(args) == 1 {
				fmt.Fprintf(cmd.OutOrStdout(), "%s: %d rules, no mistakes\n", args[0], rules.Len())
				return nil
			}
			return explainRequest(cmd, rules, args[1])
		},
	}
}

func explainRequest(cmd *cobra.Command, rules *mockdevice.Rules, file string) error {
	in := cmd.InOrStdin()
	if file != "-" {
		opened, err := os.Open(file) //nolint:gosec // the user names the file
		if err != nil {
			return usage(err)
		}
		defer func() { _ = opened.Close() }()
		in = opened
	}
	text, err := io.ReadAll(in)
	if err != nil {
		return usage(err)
	}
	var request mockdevice.Request
	if err := json.Unmarshal(text, &request); err != nil {
		return usage(fmt.Errorf("%s: %w", file, err))
	}
	return writeIndented(cmd.OutOrStdout(), rules.Explain(request))
}

func writeIndented(out io.Writer, value any) error {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(value)
}

func newDeviceAudit() *cobra.Command {
	cmd := &cobra.Command{Use: "audit", Short: "Work with the audit of a device"}
	cmd.AddCommand(newAuditVerify())
	return cmd
}

func newAuditVerify() *cobra.Command {
	var head string
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "verify FILE",
		Short: "Check that nobody changed an audit file, line by line",
		Long: `Checks the hash chain of an audit file. Bytes after the last whole line, as a crash leaves
them, are told and no fault. Lines cut off at the end break no chain: keep the head
hash elsewhere and compare it with --head.

Exit code 1 when the file was changed.`,
		Example: "  cibatest device audit verify device.jsonl\n  cibatest device audit verify device.jsonl --head 3f9a...",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			file, err := os.Open(args[0])
			if err != nil {
				return usage(err)
			}
			defer func() { _ = file.Close() }()
			v, err := mockdevice.VerifyAudit(file)
			if err == nil && head != "" && v.Head != head {
				err = fmt.Errorf("the last line has the hash %s, not the one given: lines were added or cut off", v.Head)
			}
			if err != nil {
				return &exitError{exitNonConformant, fmt.Errorf("%s: %w", args[0], err)}
			}
			if asJSON {
				return writeIndented(cmd.OutOrStdout(), v)
			}
			fmt.Fprintf(cmd.OutOrStdout(), "%s: %d lines, unchanged\nhead %s\n", args[0], v.Lines, v.Head)
			if v.Torn > 0 {
				fmt.Fprintf(cmd.OutOrStdout(), "%d bytes of a torn line follow, as a crash leaves them\n", v.Torn)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&head, "head", "", "hash the last line has to have")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return cmd
}
