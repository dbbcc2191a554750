package ciba

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"syscall"
)

// showing is how calls with a client certificate are sent, and for nil those without: by
// connections of their own, since a certificate is shown once for a connection.
func (h *HTTP) showing(certificate *tls.Certificate) (http.RoundTripper, error) {
	if certificate == nil {
		return h.transport, nil
	}
	if known, ok := h.certified.Load(certificate); ok {
		return known.(http.RoundTripper), nil //nolint:forcetypeassert // nothing else is stored
	}
	base, ok := h.transport.(*http.Transport)
	if !ok {
		return nil, errors.New("a client certificate cannot be shown by this transport")
	}
	own := base.Clone()
	if own.TLSClientConfig == nil {
		own.TLSClientConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	// It is shown whomever the server says it trusts: what a server makes of one that it does
	// not know is what cases ask.
	own.TLSClientConfig.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return certificate, nil }
	kept, _ := h.certified.LoadOrStore(certificate, own)
	return kept.(http.RoundTripper), nil //nolint:forcetypeassert // nothing else is stored
}

// Dropped reports whether the other side ended the connection instead of answering, as
// terminators of TLS do where they miss a certificate or do not trust it. RFC 8446 6.2.
func (r *Response) Dropped() bool {
	var alert *net.OpError
	ended := errors.Is(r.Err, io.EOF) || errors.Is(r.Err, io.ErrUnexpectedEOF) || errors.Is(r.Err, syscall.ECONNRESET)
	return r.Status == 0 && (ended || errors.As(r.Err, &alert) && alert.Op == "remote error")
}
