package sender

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"time"

	. "github.com/cibatest/cibatest/suites/harness"
)

// mustForge is a certificate with the subject of another one, for which nobody vouches but
// its own new key.
func mustForge(t *T, like *tls.Certificate) *tls.Certificate {
	leaf, err := x509.ParseCertificate(like.Certificate[0])
	MustNotFail(t, err)
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	MustNotFail(t, err)
	template := &x509.Certificate{
		SerialNumber: new(big.Int).Add(leaf.SerialNumber, big.NewInt(1)), RawSubject: leaf.RawSubject,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	MustNotFail(t, err)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}
