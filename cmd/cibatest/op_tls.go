package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/cibatest/cibatest/internal/lab"
	"github.com/cibatest/cibatest/internal/notify"
	pkcs12 "software.sslmate.com/src/go-pkcs12"
)

// opTLS says with which certificate the OP is served.
type opTLS struct {
	caDir     string // where the authority is kept; empty: in the user's configuration folder
	cert, key string // files of the user's own certificate
}

// trust are the files by which programs trust the OP.
type trust struct {
	authority string // PEM of the authority alone
	bundle    string // PEM of the authority and of those that the system trusts
	store     string // PKCS #12 for Java
}

// The names of the files below the folder of the authority.
const (
	authorityFile = "ca.pem"
	bundleFile    = "bundle.pem"
	storeFile     = "truststore.p12"
)

// settle gives the OP its certificate. Without one of the user's own, an authority that is
// kept vouches for one that is made now, so that programs have to be told once whom to trust.
func (t opTLS) settle(o *lab.Options) (*trust, error) {
	if (t.cert == "") != (t.key == "") {
		return nil, errors.New("--tls-cert and --tls-key come together")
	}
	if t.cert != "" {
		return nil, t.own(o)
	}
	dir, err := t.folder()
	if err != nil {
		return nil, err
	}
	files, err := t.kept(o, dir)
	if err != nil {
		return nil, fmt.Errorf("the authority in %s: %w; --ca-dir names another folder", dir, err)
	}
	return files, nil
}

// kept takes the authority from its folder, or makes it.
func (opTLS) kept(o *lab.Options, dir string) (*trust, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	release, err := takeTurn(filepath.Join(dir, ".lock"))
	if err != nil {
		return nil, err
	}
	defer release()
	files := trust{filepath.Join(dir, authorityFile), filepath.Join(dir, bundleFile), filepath.Join(dir, storeFile)}
	authority, err := notify.OwnAuthority(files.authority)
	if err != nil {
		return nil, err
	}
	if o.Certificate, err = authority.Config(certifiedHosts(o)...); err != nil {
		return nil, err
	}
	o.Authority = authority.PEM
	return &files, files.write(authority.PEM)
}

// folder is where the authority is kept, which only its user may look into.
func (t opTLS) folder() (string, error) {
	dir := t.caDir
	if dir == "" {
		config, err := os.UserConfigDir()
		if err != nil {
			return "", fmt.Errorf("there is no folder to keep an authority in: %w; name one with --ca-dir", err)
		}
		dir = filepath.Join(config, "cibatest", "ca")
	}
	return filepath.Abs(dir)
}

// turnPatience is how long another start may take to make an authority.
const turnPatience = 5 * time.Second

// takeTurn waits until no other start is at the files of the authority, so that two of them do
// not each make one. Who is too slow is not waited for.
func takeTurn(path string) (release func(), err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // it lies in the folder of the authority
	if err != nil {
		return nil, err
	}
	for began := time.Now(); !lock(file) && time.Since(began) < turnPatience; {
		<-time.After(20 * time.Millisecond)
	}
	return func() { _ = file.Close() }, nil
}

// own takes the certificate that the user brings. What vouches for it is in its chain, or in
// the system.
func (t opTLS) own(o *lab.Options) error {
	pair, err := tls.LoadX509KeyPair(t.cert, t.key)
	if err != nil {
		return fmt.Errorf("--tls-cert and --tls-key: %w", err)
	}
	for _, der := range pair.Certificate {
		o.Authority = append(o.Authority, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	o.Certificate = notify.Showing(pair)
	return nil
}

// certifiedHosts are the names that the OP is reached by: loopback, where it listens, and
// the host of its issuer.
func certifiedHosts(o *lab.Options) []string {
	hosts := []string{"localhost", "127.0.0.1", "::1"}
	if host, _, err := net.SplitHostPort(o.OPListen); err == nil {
		hosts = append(hosts, host)
	}
	if u, err := url.Parse(o.Issuer); err == nil {
		hosts = append(hosts, u.Hostname())
	}
	hosts = slices.DeleteFunc(hosts, func(host string) bool { return host == "" || host == "0.0.0.0" || host == "::" })
	slices.Sort(hosts)
	return slices.Compact(hosts)
}

// write makes the files that are derived of the authority.
func (t trust) write(authority []byte) error {
	bundle := append(t.roots(), authority...)
	if err := writeWhole(t.bundle, func(w io.Writer) error { _, err := w.Write(bundle); return err }); err != nil {
		return err
	}
	block, _ := pem.Decode(authority)
	if block == nil {
		return fmt.Errorf("%s is no PEM", t.authority)
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return fmt.Errorf("%s: %w", t.authority, err)
	}
	store, err := pkcs12.Modern.EncodeTrustStoreEntries(
		[]pkcs12.TrustStoreEntry{{Cert: certificate, FriendlyName: "cibatest"}}, pkcs12.DefaultPassword)
	if err != nil {
		return fmt.Errorf("a trust store for Java: %w", err)
	}
	return writeWhole(t.store, func(w io.Writer) error { _, err := io.Copy(w, bytes.NewReader(store)); return err })
}

// roots are the certificates that programs trust so far, empty where they are in no file.
func (t trust) roots() []byte {
	trusted := os.Getenv("SSL_CERT_FILE")
	if trusted == t.bundle { // of an earlier run
		trusted = ""
	}
	for _, file := range []string{
		trusted, "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
		"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", "/etc/ssl/cert.pem",
	} {
		data, err := os.ReadFile(file) //nolint:gosec // the places are fixed above
		if err == nil {
			return append(bytes.TrimSpace(data), '\n')
		}
	}
	return nil
}

// exports are the lines that make programs trust the OP: where the files are, and what a shell
// has to be told.
func (t trust) exports() string {
	java := fmt.Sprintf("-Djavax.net.ssl.trustStore=%s -Djavax.net.ssl.trustStorePassword=%s", t.store, pkcs12.DefaultPassword)
	return fmt.Sprintf(`ca       %s
trusted  %s
java     %s
export NODE_EXTRA_CA_CERTS=%[1]q  # Node
export REQUESTS_CA_BUNDLE=%[2]q  # Python
export SSL_CERT_FILE=%[2]q  # Go, OpenSSL
export JAVA_TOOL_OPTIONS=%[4]q  # Java
`, t.authority, t.bundle, t.store, java)
}
