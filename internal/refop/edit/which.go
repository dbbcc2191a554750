package edit

import "github.com/cibatest/cibatest/internal/refop"

// Which picks the calls that a change is about.
type Which = func(*refop.Call) bool

// Always picks every call.
func Always(*refop.Call) bool { return true }

// At picks the calls of one endpoint.
func At(e refop.Endpoint) Which { return func(c *refop.Call) bool { return c.Endpoint == e } }

// Sent picks the calls with a parameter.
func Sent(parameter string) Which {
	return func(c *refop.Call) bool { return c.Has(parameter) }
}

// OfMethod picks the calls of clients that are registered for one method of
// authentication.
func OfMethod(method string) Which {
	return func(c *refop.Call) bool { return c.Client != nil && c.Client.AuthMethod == method }
}

// OfMode picks the calls of clients that are registered for one delivery mode.
func OfMode(mode string) Which {
	return func(c *refop.Call) bool {
		return c.Client != nil && (c.Client.DeliveryMode == mode || c.Client.DeliveryMode == "" && mode == refop.DeliveryPoll)
	}
}

// Both picks the calls that two others pick.
func Both(a, b Which) Which {
	return func(c *refop.Call) bool { return a(c) && b(c) }
}
