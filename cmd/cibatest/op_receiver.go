package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"github.com/cibatest/cibatest/internal/lab"
	"github.com/cibatest/cibatest/internal/notify"
)

// receiverAuthority is the authority that vouches for the notification endpoints of a
// target that was written along with an OP, beside the target file.
const receiverAuthority = "notifications.pem"

// settleReceiver says where the reference OP calls its ping and push clients. Whoever
// judges it listens there, in a process of its own, so that a port has to be agreed upon
// now: one that is free.
func settleReceiver(ctx context.Context, o *lab.Options, targetDir, authority string) error {
	if authority != "" {
		pem, err := os.ReadFile(authority) //nolint:gosec // the user names it
		if err != nil {
			return fmt.Errorf("--receiver-ca: %w", err)
		}
		o.ReceiverCA = pem
	}
	if o.Receiver != "" {
		return nil
	}
	port, err := freePort(ctx)
	if err != nil {
		return fmt.Errorf("a port for notifications: %w", err)
	}
	o.Receiver = "http://" + port
	if !o.TLS || targetDir == "" {
		return nil
	}
	folder := filepath.Join(targetDir, "targets")
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return fmt.Errorf("--write-target: %w", err)
	}
	own, err := notify.OwnAuthority(filepath.Join(folder, receiverAuthority))
	if err != nil {
		return err
	}
	o.Receiver, o.ReceiverCA, o.ReceiverFile = "https://"+port, own.PEM, receiverAuthority
	return nil
}

// freePort is an address of loopback that nobody listens at.
func freePort(ctx context.Context) (string, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String(), nil
}
