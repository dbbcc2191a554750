package inbox

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log"
	"net"
	"time"

	"github.com/cibatest/cibatest/internal/serve"
	"github.com/cibatest/cibatest/mockdevice/wire"
	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"golang.org/x/net/netutil"
)

// The bounds of the mail server.
const (
	MaxRecipients   = 20
	MaxConnections  = 64
	mailPatience    = 30 * time.Second // for a command, and for the text of a mail
	longestMailLine = 4000             // bytes; RFC 5322 has 998, and some HTML mails are one line
)

// How a mail is not taken. All other errors of Take let the sender know that it was: a
// mail that asks nothing is still a mail.
var (
	ErrBusy   = errors.New("as many requests as the inbox holds are open")
	ErrAbsent = errors.New("the device is unavailable")
	ErrReset  = errors.New("the connection breaks")
)

// Mail is a mail server that keeps nothing.
type Mail struct {
	Name   string           // in its greeting
	Secret string           // the password that senders show by AUTH PLAIN, with any name; empty: none
	TLS    *tls.Certificate // for STARTTLS; nil: it is not offered
	Forced bool             // nothing is taken before STARTTLS
	Local  bool             // it listens on loopback, where a password may come without TLS

	// Take is called for each recipient of a mail.
	Take func(context.Context, wire.Message) error
}

// NewServer makes a server of SMTP (RFC 5321), with STARTTLS (RFC 3207) and AUTH PLAIN
// (RFC 4954) where m has what they need. The caller serves a [Listener] with it and closes it.
func NewServer(m Mail) *smtp.Server {
	s := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) { return &session{mail: m, conn: c}, nil }))
	s.Domain, s.MaxMessageBytes, s.MaxRecipients, s.MaxLineLength = m.Name, MaxMail, MaxRecipients, longestMailLine
	s.ReadTimeout, s.WriteTimeout = mailPatience, mailPatience
	s.EnableSMTPUTF8 = true
	s.AllowInsecureAuth = m.Local
	s.ErrorLog = log.New(io.Discard, "", 0) // what strangers send is no error of ours
	if m.TLS != nil {
		s.TLSConfig = &tls.Config{Certificates: []tls.Certificate{*m.TLS}, MinVersion: tls.VersionTLS12}
	}
	return s
}

// Listener bounds the connections that are open at once.
func Listener(l net.Listener) net.Listener { return netutil.LimitListener(l, MaxConnections) }

// session is one connection. It implements [smtp.AuthSession].
type session struct {
	mail  Mail
	conn  *smtp.Conn
	known bool // the password was shown
	from  string
	to    []string
}

// AuthMechanisms implements [smtp.AuthSession].
func (s *session) AuthMechanisms() []string {
	if s.mail.Secret == "" {
		return nil
	}
	return []string{sasl.Plain}
}

// Auth implements [smtp.AuthSession].
func (s *session) Auth(mechanism string) (sasl.Server, error) {
	if s.mail.Secret == "" || mechanism != sasl.Plain {
		return nil, smtp.ErrAuthUnknownMechanism
	}
	return sasl.NewPlainServer(func(_, _, password string) error {
		if s.known = serve.Same(password, s.mail.Secret); !s.known {
			return smtp.ErrAuthFailed
		}
		return nil
	}), nil
}

// Mail implements [smtp.Session].
func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	switch _, secure := s.conn.TLSConnectionState(); {
	case s.mail.Forced && !secure:
		return &smtp.SMTPError{Code: 530, EnhancedCode: smtp.EnhancedCode{5, 7, 0}, Message: "Must issue a STARTTLS command first"}
	case s.mail.Secret != "" && !s.known:
		return &smtp.SMTPError{Code: 530, EnhancedCode: smtp.EnhancedCode{5, 7, 0}, Message: "Authentication required"}
	}
	s.from = from
	return nil
}

// Rcpt implements [smtp.Session].
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = append(s.to, to)
	return nil
}

// Reset implements [smtp.Session].
func (s *session) Reset() { s.from, s.to = "", nil }

// Logout implements [smtp.Session].
func (s *session) Logout() error { return nil }

// Data implements [smtp.Session]. The sender of the envelope stands in where a mail has no From.
func (s *session) Data(r io.Reader) error {
	m, err := ReadMail(r)
	_, rest := io.Copy(io.Discard, r) // what was not read, or it would be taken for commands
	if err == nil {
		err = rest
	}
	if tooLarge, ok := errors.AsType[*smtp.SMTPError](err); ok {
		return tooLarge
	}
	if err != nil {
		return &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 6, 0}, Message: "The mail cannot be read"}
	}
	if m.From == "" {
		m.From = s.from
	}
	for _, to := range s.to {
		m.To = to
		if err := s.take(m); err != nil {
			return err
		}
	}
	return nil
}

// take hands a mail over and finds the words of SMTP for what came of it.
func (s *session) take(m wire.Message) error {
	ctx, cancel := context.WithTimeout(context.Background(), mailPatience)
	defer cancel()
	switch err := s.mail.Take(ctx, m); {
	case errors.Is(err, ErrBusy):
		return &smtp.SMTPError{Code: 452, EnhancedCode: smtp.EnhancedCode{4, 3, 1}, Message: "Too many requests are open"}
	case errors.Is(err, ErrAbsent):
		return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "The device is unavailable"}
	case errors.Is(err, ErrReset):
		return s.conn.Close()
	}
	return nil
}
