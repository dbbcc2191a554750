package harness

import (
	"net"
	"net/url"
)

// MustBeTLS wants the address of an endpoint to be https, CIBA Core 7. Plain http on a
// loopback address is accepted and noted: the OP is a lab, whose traffic nobody can read.
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
