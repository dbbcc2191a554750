package browse

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// Origin is a scheme, a host and a port, as RFC 6454 has it. The zero value is none.
type Origin struct{ Scheme, Host, Port string }

// defaultPorts are left out where an origin is written.
var defaultPorts = map[string]string{"http": "80", "https": "443"}

// OriginOf is the origin of an address.
func OriginOf(u *url.URL) Origin {
	o := Origin{strings.ToLower(u.Scheme), strings.ToLower(u.Hostname()), u.Port()}
	if o.Port == "" {
		o.Port = defaultPorts[o.Scheme]
	}
	return o
}

// ParseOrigin reads an origin such as https://op.example or http://127.0.0.1:9002. A path
// or anything else after the port is an error.
func ParseOrigin(text string) (Origin, error) {
	u, err := url.Parse(text)
	if err != nil || defaultPorts[strings.ToLower(u.Scheme)] == "" || u.Hostname() == "" || u.User != nil ||
		strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		return Origin{}, errors.New("wanted a scheme and a host, with a port where it is not the usual one: https://op.example")
	}
	return OriginOf(u), nil
}

// String writes the origin as browsers do.
func (o Origin) String() string {
	host := o.Host
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if o.Port != defaultPorts[o.Scheme] {
		host += ":" + o.Port
	}
	return o.Scheme + "://" + host
}

// Allowed refuses an address at no origin of the list. The error names the origin alone,
// as the rest of an address may be a secret.
func Allowed(u *url.URL, origins []Origin) error {
	switch at := OriginOf(u); {
	case u.User != nil:
		return errors.New("an address with a user in it is not followed")
	case slices.Contains(origins, at):
		return nil
	default:
		return fmt.Errorf("%.100q is no origin that this link may lead to; allow it in the inbox's link.origins", at)
	}
}
