// Package guardian is an authentication device of Auth0 Guardian, as an app with the
// vendor's SDK for phones is one: it enrolls for a user, reads what pushes say, fetches
// what the user is to consent to, and accepts or rejects it with a signed answer.
//
// The wire is the one of Guardian.Android and Guardian.swift. A push is the word of a
// stranger: it names an enrollment, a transaction and a consent, and never where to go.
// Every request goes to the tenant of the target file, redirects are not followed, and
// nothing is read without an end.
package guardian

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// Bounds of one exchange with a tenant.
const (
	maxAnswer = 256 << 10        // bytes
	patience  = 30 * time.Second // for one answer
)

// Tenant is where devices enroll and answer. Create one with [NewTenant].
type Tenant struct {
	device    *url.URL // base of the API for devices
	consents  *url.URL // base of what users are asked
	transport http.RoundTripper
}

// NewTenant is the tenant whose API for devices is at an address, such as
// https://TENANT.guardian.REGION.auth0.com or https://DOMAIN/appliance-mfa. The error
// says why it is none: beyond this machine only https is one.
func NewTenant(address string, transport http.RoundTripper) (*Tenant, error) {
	device, err := url.Parse(strings.TrimSuffix(address, "/"))
	switch {
	case err != nil || device.Host == "" || device.User != nil || device.RawQuery != "" || device.Fragment != "":
		return nil, fmt.Errorf("%q is no address of a tenant; write https://TENANT.guardian.REGION.auth0.com "+
			"or https://DOMAIN/appliance-mfa", address)
	case device.Scheme != "https" && (device.Scheme != "http" || !isLoopback(device.Hostname())):
		return nil, fmt.Errorf("%q is not https, and would show tokens to the network", address)
	}
	return &Tenant{device: device, consents: consentsOf(device), transport: transport}, nil
}

// consentsOf is where the consents of a tenant are: at its domain, which is the host
// without its label "guardian", whatever path the API for devices has.
func consentsOf(device *url.URL) *url.URL {
	return &url.URL{Scheme: device.Scheme, Host: strings.Replace(device.Host, ".guardian.", ".", 1)}
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// Address is the base of the API for devices.
func (t *Tenant) Address() string { return t.device.String() }

// Is reports whether a push that names a host, or an address, is of this tenant.
func (t *Tenant) Is(host string) bool {
	if !strings.Contains(host, "://") {
		host = "https://" + host
	}
	named, err := url.Parse(host)
	if err != nil || named.User != nil {
		return false
	}
	for _, own := range []*url.URL{t.device, t.consents} {
		if strings.EqualFold(named.Host, own.Host) || named.Port() == "" && strings.EqualFold(named.Hostname(), own.Hostname()) {
			return true
		}
	}
	return false
}

// StatusError is a tenant's refusal.
type StatusError struct {
	Status int
	Code   string // what the tenant calls it; may be empty
}

// Error implements error.
func (e *StatusError) Error() string {
	if e.Code == "" {
		return fmt.Sprintf("the tenant answers %d", e.Status)
	}
	return fmt.Sprintf("the tenant answers %d %.100q", e.Status, e.Code)
}

// refusal is the error of an answer that is none of 2xx. The code is all that is taken
// from its body: the rest may repeat what was sent.
func refusal(status int, body []byte) error {
	var told struct {
		Code string `json:"errorCode"`
	}
	_ = json.Unmarshal(body, &told) // a body that is no JSON has no code
	return &StatusError{status, told.Code}
}

// call sends one request and returns the body of its answer. A redirect is a refusal.
func (t *Tenant) call(ctx context.Context, method, address string, header http.Header, content any) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	var body io.Reader
	if content != nil {
		data, err := json.Marshal(content)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(data)
		header.Set("Content-Type", "application/json")
	}
	req, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return nil, errors.New("the request cannot be made of what the tenant sent")
	}
	header.Set("Accept", "application/json")
	req.Header = header
	resp, err := t.transport.RoundTrip(req)
	if err != nil {
		return nil, fmt.Errorf("the tenant cannot be reached: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("the answer of the tenant breaks off: %w", err)
	case resp.StatusCode/100 != 2:
		return nil, refusal(resp.StatusCode, data)
	case len(data) > maxAnswer:
		return nil, fmt.Errorf("the answer of the tenant has more than %d KiB", maxAnswer>>10)
	}
	return data, nil
}
