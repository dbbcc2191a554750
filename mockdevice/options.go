package mockdevice

import (
	"net/http"

	"github.com/cibatest/cibatest/mockdevice/audit"
	"github.com/cibatest/cibatest/mockdevice/policy"
)

// Capacity is how many requests a device keeps by default.
const Capacity = 10_000

// Concurrency is how many decisions are on their way to OPs at once by default.
const Concurrency = 256

// Option changes a device.
type Option func(*Device)

// WithPolicy replaces [policy.Hold].
func WithPolicy(p Policy) Option { return func(d *Device) { d.SetPolicy(p) } }

// WithRules makes rules of a policy file the policy, so that the HTTP API can
// show and replace them.
func WithRules(r *policy.Rules) Option { return func(d *Device) { d.SetRules(r) } }

// WithRoundTripper is how OPs are reached; without it nothing is delivered.
func WithRoundTripper(rt http.RoundTripper) Option { return func(d *Device) { d.transport = rt } }

// WithToken protects the HTTP API and the phone page with a bearer token.
func WithToken(token string) Option { return func(d *Device) { d.token = token } }

// WithHosts names the device for those who ask it without a token: its Host may be one of
// these, besides loopback. See [Device.Handler].
func WithHosts(names ...string) Option {
	return func(d *Device) { d.hosts = append(d.hosts, names...) }
}

// WithCallbackHosts names hosts that requests may name in their callback, besides
// loopback, the sender's own address, and the hosts of the adapters. A name that begins
// with a dot stands for every host below it.
func WithCallbackHosts(names ...string) Option {
	return func(d *Device) { d.callbacks = append(d.callbacks, names...) }
}

// WithCapacity replaces [Capacity], and with it what the requests may weigh together.
func WithCapacity(n int) Option { return func(d *Device) { d.capacity = max(1, n) } }

// WithConcurrency replaces [Concurrency].
func WithConcurrency(n int) Option { return func(d *Device) { d.outbox.limit = max(1, n) } }

// WithAdapters adds dialects to the native one.
func WithAdapters(a Adapters) Option { return func(d *Device) { d.adapters = a } }

// WithAudit writes every step down. The caller closes the audit after the device.
// Requests the audit knows to be decided are not decided again.
func WithAudit(l *audit.Log) Option { return func(d *Device) { d.audit = l } }
