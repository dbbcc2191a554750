package mockdevice

import (
	"context"
	_ "embed"
	"errors"
	"net"
	"net/http"

	"github.com/cibatest/cibatest/internal/serve"
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
		{"GET /v1/inboxes", d.listInboxes, false},
		{"POST /inboxes/{name}", d.receiveWebhook, true},
		{"POST /2010-04-01/Accounts/{account}/Messages.json", d.receiveSMS, true},
		{"POST /v1/projects/{project}/messages:send", d.receiveFCM, true},
		{"POST /v1/fcm/token", d.tokenForFCM, true},
	}
}

// errRebound answers DNS rebinding, and every other name that nobody has given the device.
var errRebound = errors.New("without a token the device is served under a loopback name, or under one it was told " +
	"(cibatest device --allow-host NAME), so that no other name can be made to mean it")

// errSelf answers a callback of this very device, which would command it in its own name.
var errSelf = errors.New("the callback leads back to this device, which takes no commands from itself")

// loopHeader names the device that makes a request, as CDN-Loop of RFC 8586 does: an
// address cannot tell, since one machine has many.
const loopHeader = "Cibatest-Device"

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
		switch {
		case d.token == "" && !serve.Known(r, d.hosts):
			wire.Refuse(w, http.StatusForbidden, errRebound)
		case r.Header.Get(loopHeader) == d.name:
			wire.Refuse(w, http.StatusLoopDetected, errSelf)
		default:
			r.Body = http.MaxBytesReader(w, r.Body, maxBody)
			mux.ServeHTTP(w, r)
		}
	}))
}

// guarded asks for the bearer token, if there is one. The phone page has its own way in.
func (d *Device) guarded(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if d.token != "" && !serve.Same(r.Header.Get("Authorization"), "Bearer "+d.token) {
			w.Header().Set("WWW-Authenticate", "Bearer")
			wire.Refuse(w, http.StatusUnauthorized, errors.New("a bearer token is needed"))
			return
		}
		next(w, r)
	}
}

// ErrOpen is the refusal to let everybody on the network decide.
var ErrOpen = serve.ErrOpen

// Listen opens the address of a device. It refuses to listen beyond loopback
// without a token, with [ErrOpen].
func Listen(ctx context.Context, address, token string) (net.Listener, error) {
	return serve.Listen(ctx, address, token)
}

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
