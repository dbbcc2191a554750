package harness

import (
	"net"
	"net/url"
)

// MustBeTLS accepts plain http on a loopback address, noting it once: a lab OP.
func MustBeTLS(t *T, name, address string) {
	u, err := url.Parse(address)
	if err == nil && u.Scheme == "https" {
		return
	}
	if err == nil && u.Scheme == "http" && isLoopback(u.Hostname()) {
		t.Note("the OP is a lab on loopback: plain http is not held against it")
		return
	}
	t.Check(false, name+" uses https", "%.200q", address)
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
