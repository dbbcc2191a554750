// Package serve is what every server of this program has in common: it listens beyond
// loopback with a secret only, it is known by no name that a stranger may have made to
// mean it, and it waits for nobody for long.
package serve

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
)

// ErrOpen is the refusal to let everybody on the network in.
var ErrOpen = errors.New("beyond loopback a token is needed, or anybody could use it")

// Listen opens an address, written host:port. It refuses to listen beyond loopback
// without a token, with [ErrOpen].
func Listen(ctx context.Context, address, token string) (net.Listener, error) {
	if _, _, err := net.SplitHostPort(address); err != nil {
		return nil, fmt.Errorf("address %q is not host:port", address)
	}
	if token == "" && !IsLoopback(address) {
		return nil, fmt.Errorf("listening on %s: %w", address, ErrOpen)
	}
	return (&net.ListenConfig{}).Listen(ctx, "tcp", address)
}

// IsLoopback reports whether a host, with or without a port, is this machine's own by
// its name alone: what a name resolves to today may be another machine tomorrow.
func IsLoopback(address string) bool {
	host := hostOf(address)
	ip := net.ParseIP(host)
	return strings.EqualFold(host, "localhost") || ip != nil && ip.IsLoopback()
}

// hostOf is an address without its port and the brackets of IPv6.
func hostOf(address string) string {
	if host, _, err := net.SplitHostPort(address); err == nil {
		return host
	}
	return strings.Trim(address, "[]")
}

// Known reports whether a request names its server by a loopback address or by one of
// the names. A page of another origin can have its own name resolve to this machine, and
// is then of the same origin to its browser: only the name in Host tells them apart, as
// browsers send it always and let no page change it. Names are compared without case.
func Known(r *http.Request, names []string) bool {
	host := hostOf(r.Host)
	return IsLoopback(r.Host) || slices.ContainsFunc(names, func(name string) bool { return strings.EqualFold(name, host) })
}

// Same compares two texts of which one is a secret: it takes the same time for every
// pair of one length.
func Same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }

// Guarded lets in who has the token as a bearer (RFC 6750 2.1). Without a token it lets
// in who knows the server by a name, see [Known].
func Guarded(next http.Handler, token string, names []string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case token == "" && !Known(r, names):
			refuse(w, http.StatusForbidden, "without a token this is served under a loopback name only, or under a name it was started with")
		case token != "" && !Same(r.Header.Get("Authorization"), "Bearer "+token):
			w.Header().Set("WWW-Authenticate", "Bearer")
			refuse(w, http.StatusUnauthorized, "a bearer token is needed")
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// refuse answers why not.
func refuse(w http.ResponseWriter, status int, why string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": why})
}

// How long a server waits for who speaks to it.
const (
	headerPatience = 10 * time.Second // for the header of a request
	bodyPatience   = 10 * time.Second // for its body
	idlePatience   = time.Minute      // for the next request of a connection
	maxHeader      = 64 << 10         // bytes
)

// Server is a server that gives up who is too slow. An answer may take as long as it
// likes, since some are streams and some wait for a person.
func Server(handler http.Handler) *http.Server {
	return server(handler, bodyPatience, idlePatience)
}

func server(handler http.Handler, body, idle time.Duration) *http.Server {
	return &http.Server{Handler: patient(handler, body), ReadHeaderTimeout: headerPatience, IdleTimeout: idle, MaxHeaderBytes: maxHeader}
}
