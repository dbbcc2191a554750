package inbox

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/big"
	"net"
	"net/smtp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cibatest/cibatest/mockdevice/wire"
)

// mailServer is a server on loopback, and what it was sent.
type mailServer struct {
	address string
	mu      sync.Mutex
	got     []wire.Message
}

func serveMail(t *testing.T, m Mail) *mailServer {
	t.Helper()
	s := &mailServer{}
	m.Name, m.Local = "test", true
	m.Take = func(_ context.Context, got wire.Message) error {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.got = append(s.got, got)
		return nil
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.address = listener.Addr().String()
	server := NewServer(m)
	go func() { _ = server.Serve(Listener(listener)) }()
	t.Cleanup(func() { _ = server.Close() })
	return s
}

func (s *mailServer) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.got)
}

// certificate is one of its own for 127.0.0.1, with the pool that trusts it.
func certificate(t *testing.T) (*tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	parsed, _ := x509.ParseCertificate(der)
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// TestStartTLS: a mail goes over TLS where the server has a certificate, and where it is
// required nothing goes without.
func TestStartTLS(t *testing.T) {
	t.Parallel()
	own, trusted := certificate(t)
	s := serveMail(t, Mail{TLS: own, Forced: true, Secret: "pw"})
	c, err := smtp.Dial(s.address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.Mail("a@b"); err == nil || !strings.Contains(err.Error(), "STARTTLS") {
		t.Errorf("without TLS: %v", err)
	}
	if err := c.StartTLS(&tls.Config{RootCAs: trusted, ServerName: "127.0.0.1"}); err != nil {
		t.Fatal(err)
	}
	if err := c.Mail("a@b"); err == nil || !strings.Contains(err.Error(), "Authentication required") {
		t.Errorf("without a password: %v", err)
	}
	if err := c.Auth(smtp.PlainAuth("", "any", "pw", "127.0.0.1")); err != nil {
		t.Fatal(err)
	}
	send(t, c, "alice@example.com", "Subject: x\r\n\r\nhello\r\n")
	if s.count() != 1 || s.got[0].To != "alice@example.com" || s.got[0].From != "a@b" || strings.TrimSpace(s.got[0].Text) != "hello" {
		t.Errorf("got %+v", s.got)
	}
	plain := serveMail(t, Mail{})
	p, err := smtp.Dial(plain.address)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if ok, _ := p.Extension("STARTTLS"); ok {
		t.Error("TLS is offered without a certificate")
	}
	if ok, _ := p.Extension("AUTH"); ok {
		t.Error("a password is asked for that nobody has")
	}
}

func send(t *testing.T, c *smtp.Client, to, text string) {
	t.Helper()
	if err := c.Mail("a@b"); err != nil {
		t.Fatal(err)
	}
	if err := c.Rcpt(to); err != nil {
		t.Fatal(err)
	}
	w, err := c.Data()
	if err != nil {
		t.Fatal(err)
	}
	_, _ = w.Write([]byte(text))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestMailIsBounded: recipients, size, lines and connections.
func TestMailIsBounded(t *testing.T) {
	t.Parallel()
	s := serveMail(t, Mail{})
	var many []string
	for i := range MaxRecipients + 1 {
		many = append(many, fmt.Sprintf("u%d@example.com", i))
	}
	mail := func(to []string, text string) error { return smtp.SendMail(s.address, nil, "a@b", to, []byte(text)) }
	if err := mail(many[1:], "\r\nx\r\n"); err != nil || s.count() != MaxRecipients {
		t.Errorf("%v, %d mails", err, s.count())
	}
	for name, err := range map[string]error{
		"recipients": mail(many, "\r\nx\r\n"),
		"size":       mail(many[:1], "\r\n"+strings.Repeat(strings.Repeat("x", 98)+"\r\n", MaxMail/100+1)),
		"a line":     mail(many[:1], "\r\n"+strings.Repeat("x", longestMailLine+1)+"\r\n"),
		"no mail":    mail(many[:1], "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nbroken"+strings.Repeat("\x00", 10)+"\r\n\r\n"),
	} {
		if err == nil && name != "no mail" {
			t.Errorf("%s: no bound", name)
		}
	}
	if n := s.count(); n > MaxRecipients+1 {
		t.Errorf("%d mails were taken", n)
	}
	var open []net.Conn
	for range MaxConnections + 5 {
		c, err := net.Dial("tcp", s.address)
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, c)
	}
	greeted := 0
	for _, c := range open {
		_ = c.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
		if n, _ := c.Read(make([]byte, 1)); n > 0 {
			greeted++
		}
		defer c.Close()
	}
	if greeted != MaxConnections {
		t.Errorf("%d connections are served at once", greeted)
	}
}
