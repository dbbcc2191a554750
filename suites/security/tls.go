package security

import (
	"context"
	"crypto/tls"
	"errors"
	"maps"
	"net"
	"net/url"
	"slices"
	"time"

	. "github.com/cibatest/cibatest/suites/harness"
)

// CIBA Core 7, OIDC Core 16.17 and BCP 195: the endpoints speak current TLS only. What goes
// over an old version can be read and altered on its way. That the certificates are valid
// is seen by every other case, as no request is sent to a host whose certificate is not.
var _ = Cases.Describe("TLS", func() {
	Case("tls-versions", "is current at every endpoint", Judges("CIBA-7-TLS-VERSIONS").AfterAll(), func(t *T) {
		for _, address := range tlsAddresses(t) {
			judgeTLS(t, address)
		}
	})
})

// tlsAddresses are the host:port of the endpoints that are used, each once.
func tlsAddresses(t *T) []string {
	e := t.Target().Endpoints
	addresses := map[string]bool{}
	for _, endpoint := range []string{e.BackchannelAuthentication, e.Token, e.JWKS, e.Userinfo, e.Introspection} {
		u, err := url.Parse(endpoint)
		if err != nil || u.Scheme != "https" {
			continue
		}
		port := u.Port()
		if port == "" {
			port = "443"
		}
		addresses[net.JoinHostPort(u.Hostname(), port)] = true
	}
	return slices.Sorted(maps.Keys(addresses))
}

// judgeTLS offers an endpoint the current versions, then each outdated one alone. The numbers are those of BCP 195, which is
// why the clause is a warning outside of profiles that name them. Where only a proxy can
// reach the endpoint nothing is judged.
func judgeTLS(t *T, address string) {
	err := handshake(t.Context(), address, tls.VersionTLS12, tls.VersionTLS13)
	var unreachable *net.OpError
	if errors.As(err, &unreachable) && unreachable.Op == "dial" {
		t.Abort("%s cannot be reached directly: %v", address, err)
	}
	t.Check(err == nil, address+" speaks TLS 1.2 or 1.3", "the handshake fails: %v", err)
	for _, outdated := range []uint16{tls.VersionTLS10, tls.VersionTLS11} {
		err := handshake(t.Context(), address, outdated, outdated)
		t.Check(err != nil, address+" refuses "+tls.VersionName(outdated), "the handshake succeeds")
	}
}

// handshake offers a range of versions with every cipher suite there is.
func handshake(ctx context.Context, address string, lowest, highest uint16) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	dialer := tls.Dialer{Config: &tls.Config{
		ServerName: host, MinVersion: lowest, MaxVersion: highest, CipherSuites: everySuite(),
		InsecureSkipVerify: true, //nolint:gosec // what an OP negotiates is looked at here; no data is sent
	}}
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	return conn.Close()
}

// everySuite has the cipher suites that Go calls insecure as well: with fewer an old version
// might fail for want of a common suite.
func everySuite() []uint16 {
	var ids []uint16
	for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		ids = append(ids, suite.ID)
	}
	return ids
}
