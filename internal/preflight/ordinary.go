package preflight

import (
	"slices"

	"github.com/cibatest/cibatest/internal/targetfile"
)

// Ordinary reports whether a client can run any case that wants nothing special: it
// may use CIBA in poll mode, proves who it is in a way that is spoken here, and is
// neither refused by policy nor bound to sign its requests, which is not spoken so
// far. The OP is expected to let it in.
func Ordinary(c targetfile.Client) bool {
	return usable(c) && c.CIBA && c.AuthMethod != targetfile.AuthNone && !c.PolicyDenied && c.RequestSigningAlg == ""
}

// usable reports whether a case can be run as this client at all, be it one that the
// OP has to turn away.
func usable(c targetfile.Client) bool {
	return c.Spoken() && c.Purpose == targetfile.PurposeRP && c.DeliveryMode == targetfile.DeliveryPoll
}

// plain reports whether a client has no speciality that every request or token of it
// would show.
func plain(c targetfile.Client) bool {
	return !c.UserCode && len(c.RARTypes) == 0 && c.SubjectType != "pairwise"
}

// OrdinaryClients are the ordinary clients that ordinary cases use, in the order of
// the list: the plain ones or, where there is none, those with a speciality.
func OrdinaryClients(clients []targetfile.Client) []targetfile.Client {
	return plainest(choose(clients, Ordinary))
}

// plainest leaves out the clients with a speciality, unless all have one.
func plainest(clients []targetfile.Client) []targetfile.Client {
	if without := choose(clients, plain); len(without) > 0 {
		return without
	}
	return clients
}

func choose(clients []targetfile.Client, fits func(targetfile.Client) bool) []targetfile.Client {
	return slices.DeleteFunc(slices.Clone(clients), func(c targetfile.Client) bool { return !fits(c) })
}
