package mockdevice

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/cibatest/cibatest/internal/serve"
)

// mayCall refuses a callback at a host that nobody has named: whoever may post a request
// could otherwise have this machine call any server it reaches. The sender, an address
// with a port, may be called itself. An empty callback is none. The error names the host
// and the flag that allows it.
func (d *Device) mayCall(callback, sender string) error {
	u, err := url.Parse(callback)
	if err != nil || callback == "" || serve.IsLoopback(u.Host) {
		return nil // what is no URL is refused for that
	}
	host := strings.ToLower(u.Hostname())
	if peer, _, err := net.SplitHostPort(sender); err == nil && peer == host {
		return nil
	}
	if slices.ContainsFunc(d.callbacks, func(name string) bool { return covers(strings.ToLower(name), host) }) {
		return nil
	}
	return fmt.Errorf("callback: %.100q is no host that this device may call; allow it with --callback-host, or, "+
		"where a target file starts the device, have the OP call back at the issuer's host", host)
}

// covers reports whether an allowed name stands for a host.
func covers(name, host string) bool {
	return name == host || strings.HasPrefix(name, ".") && strings.HasSuffix(host, name)
}

// hosts are those that the adapters call, which whoever wrote the file has allowed.
func (a Adapters) hosts() (hosts []string) {
	addresses := []string{a.Keycloak.Callback, a.Authlete.Callback}
	for _, t := range a.templates() {
		addresses = append(addresses, t.URL)
	}
	for _, address := range addresses {
		if u, err := url.Parse(address); err == nil && u.Host != "" {
			hosts = append(hosts, u.Hostname())
		}
	}
	return hosts
}

// templates are all that tell or ask an OP something.
func (a Adapters) templates() (all []*Template) {
	add := func(t *Template) {
		if t != nil {
			all = append(all, t)
		}
	}
	add(a.ApprovalURL)
	for i := range a.Generic {
		add(a.Generic[i].Out)
	}
	for i := range a.Pull {
		add(&a.Pull[i].Ask)
		add(a.Pull[i].Out)
	}
	for i := range a.Inboxes {
		add(a.Inboxes[i].Reply)
	}
	return all
}
