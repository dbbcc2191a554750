package notify

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"time"
)

const (
	authorityLife   = 365 * 24 * time.Hour
	certificateLife = 30 * 24 * time.Hour
)

// Authority is a certificate authority of our own, for endpoints that are tested with.
type Authority struct {
	PEM  []byte // its certificate, which an OP has to trust
	pair tls.Certificate
}

// NewAuthority makes an authority that lives a year.
func NewAuthority() (*Authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: "cibatest notification endpoints"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(authorityLife),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &Authority{PEM: encoded("CERTIFICATE", der), pair: tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}}, nil
}

// OwnAuthority is the authority whose certificate lies in a file and whose key lies beside
// it, in a file with ".key" at the end of the name. Where neither is there, both are made,
// so that an OP has to be told once whom to trust. The error names the file and what to do
// about it.
func OwnAuthority(file string) (*Authority, error) {
	certificate, err := os.ReadFile(file) //nolint:gosec // the user names it
	if errors.Is(err, fs.ErrNotExist) {
		return makeAuthority(file)
	}
	if err != nil {
		return nil, err
	}
	key, err := os.ReadFile(keyOf(file))
	if err != nil {
		return nil, fmt.Errorf("%w; %s was made along with it: put it back, or delete both to have them made anew", err, file)
	}
	pair, err := tls.X509KeyPair(certificate, key)
	if err != nil {
		return nil, fmt.Errorf("%s and %s: %w; delete both to have them made anew", file, keyOf(file), err)
	}
	if !pair.Leaf.IsCA || time.Now().Add(certificateLife).After(pair.Leaf.NotAfter) {
		return nil, fmt.Errorf("%s is no certificate of an authority, or its end is near; delete it and %s to have both made anew",
			file, keyOf(file))
	}
	return &Authority{PEM: certificate, pair: pair}, nil
}

func makeAuthority(file string) (*Authority, error) {
	a, err := NewAuthority()
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(a.pair.PrivateKey)
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(keyOf(file), encoded("PRIVATE KEY", der), 0o600); err != nil {
		return nil, err
	}
	return a, os.WriteFile(file, a.PEM, 0o644) //nolint:gosec // a certificate is public
}

func keyOf(file string) string { return file + ".key" }

// Config is what a server shows for some hosts, names or addresses: a certificate that
// lives a month.
func (a *Authority) Config(hosts ...string) (*tls.Config, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, forHosts(hosts), a.pair.Leaf, &key.PublicKey, a.pair.PrivateKey)
	if err != nil {
		return nil, err
	}
	return Showing(tls.Certificate{Certificate: [][]byte{der, a.pair.Certificate[0]}, PrivateKey: key}), nil
}

// selfSigned is what a server shows that nobody vouches for.
func selfSigned(hosts ...string) (*tls.Config, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	template := forHosts(hosts)
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return nil, err
	}
	return Showing(tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}), nil
}

// forHosts is the certificate of an endpoint before it is signed.
func forHosts(hosts []string) *x509.Certificate {
	template := &x509.Certificate{
		SerialNumber: serial(), Subject: pkix.Name{CommonName: "cibatest notification endpoint"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(certificateLife),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, host := range hosts {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	return template
}

// Showing is what a server that shows a certificate needs.
func Showing(certificate tls.Certificate) *tls.Config {
	return &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}
}

func encoded(kind string, der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der})
}

// serial is a random serial number of 63 bits.
func serial() *big.Int {
	n, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	if err != nil {
		return big.NewInt(time.Now().UnixNano())
	}
	return n
}
