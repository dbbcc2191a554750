package mockdevice

import (
	"context"
	"crypto/subtle"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strings"

	"github.com/cibatest/cibatest/mockdevice/wire"
)

//go:embed openapi.yaml
var openAPI []byte

// route is one operation of the API. The test of the OpenAPI file goes through them.
type route struct {
	pattern string
	serve   http.HandlerFunc
	open    bool // served without the device's token, since it asks for another secret or shows none
}

// routes are all of the API, in the order of openapi.yaml. The phone page has its own.
func (d *Device) routes() []route {
	return []route{
		{"POST /v1/requests", d.receiveNative, false},
		{"GET /v1/requests", d.list, false},
		{"GET /v1/requests/wait", d.wait, false},
		{"GET /v1/requests/{id}", d.read, false},
		{"POST /v1/requests/{id}/decision", d.decideOne, false},
		{"POST /v1/decisions", d.decideMany, false},
		{"POST /v1/explain", d.explain, false},
		{"GET /v1/policy", d.showPolicy, false},
		{"PUT /v1/policy", d.replacePolicy, false},
		{"POST /v1/reset", d.command(d.Reset), false},
		{"POST /v1/pause", d.command(d.Pause), false},
		{"POST /v1/resume", d.command(d.Resume), false},
		{"GET /v1/counters", func(w http.ResponseWriter, _ *http.Request) { wire.Answer(w, d.Counters()) }, false},
		{"GET /approve", d.approve, false},
		{"POST /approve", d.approve, false},
		{"GET /openapi.yaml", serveOpenAPI, true},
		{"POST /adapters/keycloak", d.receiveKeycloak, true},
		{"POST /adapters/authlete/api/authenticate/{mode}", d.receiveAuthlete, false},
		{"POST /adapters/authlete/api/authenticate/result", d.authleteStatus, false},
		{"POST /adapters/authlete/api/authenticate/actionize", d.actionize, false},
		{"POST /adapters/generic/{name}", d.receiveGeneric, false},
	}
}

// errRebound answers DNS rebinding: a page of another origin whose name was made to point
// here would be of the same origin to the browser.
var errRebound = errors.New("without a token the device is shown under a loopback address only, " +
	"so that no other name can be made to mean it")

// maxBody bounds an HTTP body, in bytes, against hostile OPs.
const maxBody = 256 << 10

// Handler is the HTTP API: the adapters OPs speak to, the control that tests speak
// to, and the phone page.
func (d *Device) Handler() http.Handler {
	mux := http.NewServeMux()
	for _, r := range d.routes() {
		serve := r.serve
		if !r.open {
			serve = d.guarded(serve)
		}
		mux.HandleFunc(r.pattern, serve)
	}
	mux.Handle("/phone", d.page.Handler())
	mux.Handle("/phone/", d.page.Handler())
	// A page of another origin, open in the browser of whoever runs this device,
	// must not decide for them.
	sameOrigin := http.NewCrossOriginProtection()
	return sameOrigin.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if d.token == "" && fromBrowser(r) && !loopback(r.Host) {
			wire.Refuse(w, http.StatusForbidden, errRebound)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		mux.ServeHTTP(w, r)
	}))
}

// guarded asks for the bearer token, if there is one. The phone page has its own way in.
func (d *Device) guarded(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if d.token != "" && !same(r.Header.Get("Authorization"), "Bearer "+d.token) {
			w.Header().Set("WWW-Authenticate", "Bearer")
			wire.Refuse(w, http.StatusUnauthorized, errors.New("a bearer token is needed"))
			return
		}
		next(w, r)
	}
}

// same takes the same time for every pair of texts of one length, since one of them is
// a secret.
func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// ErrOpen is the refusal to let everybody on the network decide.
var ErrOpen = errors.New("beyond loopback a device needs a token, or anybody could decide")

// Listen opens the address of a device. It refuses to listen beyond loopback
// without a token.
func Listen(ctx context.Context, address, token string) (net.Listener, error) {
	if _, _, err := net.SplitHostPort(address); err != nil {
		return nil, fmt.Errorf("address %q is not host:port", address)
	}
	if !loopback(address) && token == "" {
		return nil, fmt.Errorf("listening on %s: %w", address, ErrOpen)
	}
	return (&net.ListenConfig{}).Listen(ctx, "tcp", address)
}

// loopback reports whether an address, with or without a port, is this machine's own.
func loopback(address string) bool {
	host := address
	if h, _, err := net.SplitHostPort(address); err == nil {
		host = h
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// fromBrowser knows browsers by a header no page can leave out or forge.
func fromBrowser(r *http.Request) bool { return r.Header.Get("Sec-Fetch-Site") != "" }

// serveOpenAPI shows the description of the API, which is no secret.
func serveOpenAPI(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/yaml")
	_, _ = w.Write(openAPI)
}

// command serves what takes no argument and gives no answer.
func (d *Device) command(do func()) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		do()
		w.WriteHeader(http.StatusNoContent)
	}
}
