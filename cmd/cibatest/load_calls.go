package main

import (
	"context"
	"net"

	"github.com/cibatest/cibatest/internal/preflight"
	"github.com/cibatest/cibatest/internal/targetfile"
)

// callsOf is where the OP calls a client, nil for one that polls. Whatever received there
// so far gives way.
func callsOf(ctx context.Context, o *preflight.Opened, c targetfile.Client) (net.Listener, error) {
	if !c.Notified() {
		return nil, nil
	}
	release, err := openReceiver(ctx, o, cast{client: c.Name})
	if err != nil {
		return nil, err
	}
	defer release()
	return o.Receiver.Lend(ctx)
}
