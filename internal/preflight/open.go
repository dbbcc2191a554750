package preflight

import (
	"errors"
	"io"
	"net/http"
	"net/url"

	"github.com/cibatest/cibatest/internal/approve"
	"github.com/cibatest/cibatest/internal/notify"
	"github.com/cibatest/cibatest/internal/targetfile"
)

// Opened is a target with all it takes to talk to its OP and to have its users
// decide. Nothing has been sent yet; [Gather] finds out what the OP says.
type Opened struct {
	Target       *targetfile.Target
	Approver     *approve.Approver
	RoundTripper http.RoundTripper
	Receiver     *notify.Receiver // that is open already; nil: [Receive] opens one where the target says so
	Close        func()           // ends the listeners and connections; never nil after Open
}

// Terminal is where a person is asked for a decision, with approval.kind manual. The
// zero value asks nobody.
type Terminal struct {
	In  io.Reader
	Out io.Writer
}

// Open reads a target file and prepares to use it. Every error is a mistake in the
// file or in what it names.
func Open(file string, terminal Terminal) (*Opened, error) {
	t, err := targetfile.Load(file)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(approve.Check(t.Approval), approve.Check(t.UserLock.Hook())); err != nil {
		return nil, err
	}
	transport, err := Transport(t)
	if err != nil {
		return nil, err
	}
	approver, err := approve.New(t.Approval, approve.Options{
		RoundTripper: transport, CallbackHosts: hostsOf(t), In: terminal.In, Out: terminal.Out,
	})
	if err != nil {
		return nil, err
	}
	return &Opened{Target: t, Approver: approver, RoundTripper: transport, Close: func() {
		_ = approver.Close()
		transport.CloseIdleConnections()
	}}, nil
}

// hostsOf are the hosts of the OP that the target file names.
func hostsOf(t *targetfile.Target) (hosts []string) {
	for _, address := range []string{t.Issuer, t.Endpoints.BackchannelAuthentication, t.Endpoints.Token, t.Approval.Observe.Callback} {
		if u, err := url.Parse(address); err == nil && u.Host != "" {
			hosts = append(hosts, u.Hostname())
		}
	}
	return hosts
}
