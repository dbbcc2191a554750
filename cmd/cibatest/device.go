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
	"github.com/spf13/cobra"
)

func newDevice() *cobra.Command {
	var listen, policy, tokenEnv string
	cmd := &cobra.Command{
		Use:   "device",
		Short: "Run the simulated authentication device",
		Long: `Receives what an OP shows its users (POST /v1/requests) and answers by policy or on
command: POST /v1/requests/ID/decision, or /approve?auth_req_id=ID&action=allow|deny.
Beyond loopback a bearer token is required, taken from an environment variable.`,
		Example: "  cibatest device --listen 127.0.0.1:9003\n  cibatest device --policy approve",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			options, err := deviceOptions(listen, policy, os.Getenv(tokenEnv), tokenEnv)
			if err != nil {
				return usage(err)
			}
			return serveDevice(cmd, listen, options)
		},
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:9003", "address to listen on")
	cmd.Flags().StringVar(&policy, "policy", "hold", "what to answer: hold (wait for a command), approve, deny")
	cmd.Flags().StringVar(&tokenEnv, "token-env", "CIBATEST_DEVICE_TOKEN", "environment variable with the bearer token of the HTTP API")
	return cmd
}

func deviceOptions(listen, policy, token, tokenEnv string) ([]mockdevice.Option, error) {
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	options := []mockdevice.Option{mockdevice.WithRoundTripper(transport)}
	chosen, ok := map[string]mockdevice.Policy{"hold": mockdevice.Hold, "approve": mockdevice.ApproveAll, "deny": mockdevice.DenyAll}[policy]
	if !ok {
		return nil, fmt.Errorf("--policy %q is not hold, approve or deny", policy)
	}
	options = append(options, mockdevice.WithPolicy(chosen))
	host, _, err := net.SplitHostPort(listen)
	if err != nil {
		return nil, fmt.Errorf("--listen %q is not host:port", listen)
	}
	ip := net.ParseIP(host)
	if loopback := host == "localhost" || ip != nil && ip.IsLoopback(); !loopback && token == "" {
		return nil, fmt.Errorf("listening on %s would let anybody decide: set a token in %s, or listen on 127.0.0.1", listen, tokenEnv)
	}
	if token != "" {
		options = append(options, mockdevice.WithToken(token))
	}
	return options, nil
}

func serveDevice(cmd *cobra.Command, listen string, options []mockdevice.Option) error {
	device := mockdevice.New(options...)
	defer device.Close()
	listener, err := (&net.ListenConfig{}).Listen(cmd.Context(), "tcp", listen)
	if err != nil {
		return usage(err)
	}
	server := &http.Server{Handler: device.Handler(), ReadHeaderTimeout: 10 * time.Second}
	context.AfterFunc(cmd.Context(), func() {
		ctx, cancel := context.WithTimeout(context.Background(), shutdownGrace)
		defer cancel()
		_ = server.Shutdown(ctx)
	})
	fmt.Fprintf(cmd.OutOrStdout(), "device  http://%s\n", listener.Addr())
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return notJudged(err)
	}
	return nil
}
