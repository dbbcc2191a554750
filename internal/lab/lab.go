// Package lab puts a reference OP and an authentication device together in one
// process, wired to each other, with the target that describes them. It is what
// the demo, the default target of the suites, and the self-test run against.
package lab

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/cibatest/cibatest/fixtures"
	"github.com/cibatest/cibatest/internal/approve"
	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/memnet"
	"github.com/cibatest/cibatest/internal/notify"
	"github.com/cibatest/cibatest/internal/refop"
	"github.com/cibatest/cibatest/internal/refop/faults"
	"github.com/cibatest/cibatest/internal/refop/personas"
	"github.com/cibatest/cibatest/internal/refop/variants"
	"github.com/cibatest/cibatest/internal/serve"
	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/mockdevice"
)

// Options shape a lab. The zero value is a healthy OP on loopback ports, with
// the intervals of an ordinary product.
type Options struct {
	Network   *memnet.Network // nil: loopback TCP
	Issuer    string          // empty: the address the OP listens on
	Interval  time.Duration   // 0: as registered (5 s)
	ExpiresIn time.Duration   // 0: as registered (120 s)
	Faults    []string
	Variants  []string

	// Registration is what the OP knows, in place of the reference registration; nil: that.
	// Without keys to sign by it has those of the reference registration.
	Registration *refop.Registration

	// Persona is the product that the OP stands in for, with its Settings; nil: none.
	Persona  *personas.Persona
	Settings personas.Settings

	// Certificate is what the OP shows with TLS, and Authority is what vouches for it, in PEM;
	// nil: one that is made for this lab.
	Certificate *tls.Config
	Authority   []byte

	// TLS serves the OP and the notification endpoints of this process over TLS, with
	// certificates of their own; in memory the notification endpoints alone.
	TLS bool

	// Where to listen on TCP, as host:port; empty: any free loopback port. Beyond
	// loopback the control and the device need a Token, see [serve.ErrOpen].
	OPListen, ControlListen, DeviceListen string

	// Token protects the control and the device as a bearer, and is shown to Device.
	// Without it both are served under loopback names and Hosts only.
	Token string
	Hosts []string

	// Receiver is the base URL of notification endpoints in another process, such as a
	// run that judges this OP; empty: they are in this process. ReceiverCA is what the OP
	// trusts there besides the system's roots, in PEM; ReceiverFile is the file that whoever
	// listens there has it from, with its key, for the target file, empty for none.
	Receiver     string
	ReceiverCA   []byte
	ReceiverFile string

	// Answers are options of the device in this process, such as its policy.
	Answers []mockdevice.Option

	// Device is the URL of a device that is running elsewhere and is asked instead of
	// one in this process. Decisions of the Approver then go to the control.
	Device string
}

// Lab is a running OP with its device. Close it when done.
type Lab struct {
	Target         *targetfile.Target
	TargetFile     []byte
	Issuer         string
	ControlURL     string
	DeviceURL      string
	OP             *refop.OP
	Device         *mockdevice.Device
	Approver       *approve.Approver
	RoundTripper   http.RoundTripper
	CertificatePEM []byte // what to trust, with TLS
	HasToken       bool   // the control and the device ask for one

	Receiver      *notify.Receiver        // of ping and push callbacks; nil when it is in another process
	Notifications *fixtures.Notifications // the endpoints that the OP has registered

	options Options
	secure  *tls.Config // of the OP; nil: it is served in the clear
	closers []func()
}

// Brought reports whether the registration is another one than the reference registration,
// so that there is no Target; see [Lab.DescribeBrought].
func (l *Lab) Brought() bool { return l.options.Registration != nil }

// Start builds a lab.
func Start(ctx context.Context, o Options) (*Lab, error) {
	l := &Lab{options: o}
	if err := l.start(ctx, o); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

func (l *Lab) start(ctx context.Context, o Options) error {
	hosts, err := l.hosts(ctx, o)
	if err != nil {
		return err
	}
	l.Issuer, l.ControlURL, l.DeviceURL = hosts.op.url, hosts.control.url, hosts.device.url
	l.HasToken = o.Token != ""
	l.Issuer = l.issuer(o)
	if o.Device == "" {
		l.Device = mockdevice.New(append([]mockdevice.Option{
			mockdevice.WithRoundTripper(l.RoundTripper), mockdevice.WithToken(o.Token),
			mockdevice.WithHosts(o.Hosts...), mockdevice.WithCallbackHosts(hostOf(l.ControlURL)),
		}, o.Answers...)...)
		l.closers = append(l.closers, l.Device.Close)
		hosts.device.serve(l.Device.Handler())
	} else {
		l.DeviceURL = strings.TrimSuffix(o.Device, "/")
	}

	registration, err := registrationOf(o)
	if err != nil {
		return err
	}
	clientsBy, err := l.notifications(ctx, o, registration.Clients)
	if err != nil {
		return err
	}
	if o.Interval > 0 {
		registration.Interval = o.Interval
	}
	if o.ExpiresIn > 0 {
		registration.ExpiresIn = o.ExpiresIn
	}
	options := []refop.Option{
		refop.WithIssuer(l.Issuer), refop.WithControl(l.ControlURL), refop.WithDevice(l.DeviceURL, bearer{l.RoundTripper, o.Token}),
		refop.WithNotifications(clientsBy), refop.WithMutualTLS(l.mutualTLS()),
	}
	if o.Persona != nil {
		options = append(options, o.Persona.As(o.Settings))
	}
	l.OP, err = refop.New(registration, append(options, faults.Plant(o.Faults...), variants.Choose(o.Variants...))...)
	if err != nil {
		return err
	}
	l.closers = append(l.closers, l.OP.Close)
	hosts.op.serve(l.OP.Handler())
	if o.Network != nil && l.TakesCertificates() {
		l.serveMutualTLS(o.Network, l.OP.Handler())
	}
	hosts.control.serve(control(l.OP.Control(), o))
	return l.describe(o)
}

// issuer is the identifier of the OP. Stand-ins are known by the name localhost, which is
// what clients of products are configured with.
func (l *Lab) issuer(o Options) string {
	if o.Issuer != "" || o.Persona == nil {
		return cmp.Or(o.Issuer, l.Issuer)
	}
	u, err := url.Parse(l.Issuer)
	if err != nil {
		return l.Issuer
	}
	if serve.IsLoopback(u.Host) {
		u.Host = "localhost:" + u.Port()
	}
	return u.String() + o.Persona.IssuerPath(o.Settings)
}

// registrationOf is what the OP of a lab knows.
func registrationOf(o Options) (refop.Registration, error) {
	reference, err := refop.ParseRegistration(fixtures.ReferenceRegistration(), fixtures.Keys())
	if err != nil || o.Registration == nil {
		return reference, err
	}
	brought := *o.Registration
	if !brought.Signs() {
		brought.SignBy(reference.Keys())
	}
	if o.Persona != nil {
		o.Persona.Fill(&brought)
	}
	brought.FillTimes(reference)
	return brought, nil
}

// certificate is what the OP shows, and what to trust.
func (o Options) certificate() (*tls.Config, []byte, error) {
	if o.Certificate != nil {
		return o.Certificate, o.Authority, nil
	}
	return SelfSigned()
}

// control guards the decisions. The callback of the device has a token of its own, and
// comes by whatever name the device has for this machine.
func control(of http.Handler, o Options) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", of)
	mux.Handle("/decision", serve.Guarded(of, o.Token, o.Hosts))
	mux.Handle("/user", serve.Guarded(of, o.Token, o.Hosts))
	return mux
}

// bearer shows a token to the device; an empty one is none.
type bearer struct {
	http.RoundTripper
	token string
}

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	if b.token != "" {
		r = r.Clone(r.Context())
		r.Header.Set("Authorization", "Bearer "+b.token)
	}
	return b.RoundTripper.RoundTrip(r)
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

// describe renders the target file and makes the approver from it.
func (l *Lab) describe(o Options) error {
	if l.Brought() {
		return nil // whoever brought it knows what is to be tested with it
	}
	oldIDToken, err := l.OP.PastIDToken("basic-a", "alice", 10*time.Minute)
	if err != nil {
		return err
	}
	reference := fixtures.Reference{
		Issuer: l.Issuer, Control: l.ControlURL, MutualTLS: l.TakesCertificates(), OldIDToken: oldIDToken,
		HasToken: l.HasToken, Notifications: l.Notifications,
	}
	if l.Device != nil {
		reference.Device = strings.TrimPrefix(l.DeviceURL, "http://")
	}
	if l.TargetFile, err = fixtures.ReferenceTarget(reference); err != nil {
		return err
	}
	env := targetfile.Env{FS: fixtures.Tree(), Lookup: func(string) (string, bool) { return o.Token, true }}
	if l.Target, err = targetfile.Parse("reference.yaml", l.TargetFile, env); err != nil {
		return fmt.Errorf("the built-in target: %w", err)
	}
	for name, has := range l.OP.Declared() {
		l.Target.Capabilities[catalogue.Need(name)] = has
	}
	l.Approver, err = approve.New(l.Target.Approval, approve.Options{Device: l.Device, RoundTripper: l.RoundTripper})
	return err
}

// Close ends everything in reverse order.
func (l *Lab) Close() {
	for _, end := range slices.Backward(l.closers) {
		end()
	}
	l.closers = nil
}

// host is an address and how to serve it.
type host struct {
	url   string
	serve func(http.Handler)
}

type hosts struct{ op, control, device host }

func (l *Lab) hosts(ctx context.Context, o Options) (hosts, error) {
	if o.Network != nil {
		var err error
		if l.RoundTripper, err = l.trustingMemory(o.Network); err != nil {
			return hosts{}, err
		}
		inMemory := func(address string) host {
			return host{"http://" + address, func(h http.Handler) { o.Network.Serve(address, h) }}
		}
		return hosts{inMemory("127.0.0.1:9001"), inMemory("127.0.0.1:9002"), inMemory("127.0.0.1:9003")}, nil
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 64, DisableCompression: true}
	l.RoundTripper = transport
	if o.TLS {
		secure, authority, err := o.certificate()
		if err != nil {
			return hosts{}, fmt.Errorf("a certificate for the OP: %w", err)
		}
		l.secure, l.CertificatePEM = asking(secure), authority
		transport.TLSClientConfig = trustingOnly(authority)
	}
	l.closers = append(l.closers, transport.CloseIdleConnections)
	var h hosts
	var errs []error
	for _, part := range []struct {
		name   string
		at     *host
		listen string
		open   bool // to everybody, wherever it listens
	}{
		{"the OP", &h.op, o.OPListen, true},
		{"the control", &h.control, o.ControlListen, false},
		{"the device", &h.device, o.DeviceListen, false},
	} {
		listener, err := listen(ctx, part.listen, o.Token, part.open)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", part.name, err))
			continue
		}
		*part.at = l.hostAt(listener, map[bool]*tls.Config{true: l.secure}[part.at == &h.op])
	}
	return h, errors.Join(errs...)
}

// listen opens an address; an empty one is any free port of loopback.
func listen(ctx context.Context, address, token string, open bool) (net.Listener, error) {
	if address == "" {
		address = "127.0.0.1:0"
	}
	if open {
		return (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	}
	return serve.Listen(ctx, address, token)
}

// hostAt is what is served at a listener, over TLS where there is a configuration of it.
func (l *Lab) hostAt(listener net.Listener, secure *tls.Config) host {
	l.closers = append(l.closers, func() { _ = listener.Close() })
	scheme := "http://"
	if secure != nil {
		scheme = "https://"
		listener = tls.NewListener(listener, secure)
	}
	return host{scheme + listener.Addr().String(), func(handler http.Handler) {
		server := serve.Server(handler)
		l.closers = append(l.closers, func() { _ = server.Close() })
		go func() { _ = server.Serve(listener) }()
	}}
}
