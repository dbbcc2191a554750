package preflight

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"

	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/targetfile"
)

const (
	// idleConnection is how long a connection is kept for the next request. Common
	// servers close theirs after 5 s, just when the next poll is due, and a POST that
	// meets the closing cannot be repeated: it would be an error of the case.
	idleConnection = 2 * time.Second

	// connectionsKept are as many as the cases of a run that are under way at once by
	// default, so that none of them has to open a connection for each request.
	connectionsKept = targetfile.DefaultConcurrency

	handshakeTimeout = 10 * time.Second
)

// Transport is how the OP of a target is reached, and the hook and the device of
// its test set-up, by whatever road a run was started. It trusts the system's roots and
// those of tls.ca_file, asks for no compression, since evidence has to show the bytes
// that were sent, and uses the proxy of the environment. The caller closes its idle
// connections. An error is a mistake in the target file.
func Transport(t *targetfile.Target) (*http.Transport, error) {
	trusted, err := trust(t.TLS)
	if err != nil {
		return nil, err
	}
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		MaxIdleConnsPerHost:    connectionsKept,
		IdleConnTimeout:        idleConnection,
		DisableCompression:     true,
		TLSHandshakeTimeout:    handshakeTimeout,
		TLSClientConfig:        trusted,
		MaxResponseHeaderBytes: ciba.MaxHeader,
	}, nil
}

// trust adds the certificates of tls.ca_file to the system's roots. It is nil, which
// means the system's roots, where the target names no file.
func trust(config targetfile.TLS) (*tls.Config, error) {
	if config.CAFile == "" {
		return nil, nil
	}
	pem, err := readPEM(config.CAFile)
	if err != nil {
		return nil, fmt.Errorf("tls.ca_file: %w", err)
	}
	roots, err := x509.SystemCertPool()
	if err != nil { // a machine without roots of its own
		roots = x509.NewCertPool()
	}
	if !roots.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("tls.ca_file: %s holds no PEM certificate", config.CAFile)
	}
	return &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}, nil
}

// maxPEM bounds a file of certificates, in bytes; that of a whole system has 300 KiB.
const maxPEM = 8 << 20

// readPEM reads a file of certificates. A path may lead to a device without an end.
func readPEM(path string) ([]byte, error) {
	file, err := os.Open(path) //nolint:gosec // the target file names it
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	return io.ReadAll(io.LimitReader(file, maxPEM))
}
