package preflight

import (
	"cmp"
	"slices"

	"github.com/cibatest/cibatest/internal/targetfile"
)

// Ordinary reports whether a client can run any case of its delivery mode that wants
// nothing special: it may use CIBA, proves who it is in a way that is spoken here, and is
// not refused by policy. The OP is expected to let it in.
func Ordinary(c targetfile.Client) bool {
	return usable(c) && c.CIBA && c.AuthMethod != targetfile.AuthNone && !c.PolicyDenied
}

// usable reports whether a case can be run as this client at all, be it one that the
// OP has to turn away.
func usable(c targetfile.Client) bool {
	return c.Purpose == targetfile.PurposeRP
}

// ordinaryPoll reports whether a client is ordinary and polls.
func ordinaryPoll(c targetfile.Client) bool {
	return Ordinary(c) && c.DeliveryMode == targetfile.DeliveryPoll
}

// specialities counts what every request or token of a client shows of its registration.
func specialities(c targetfile.Client) int {
	n := 0
	for _, special := range []bool{
		c.UserCode, len(c.RARTypes) > 0, c.SubjectType == "pairwise", c.RequestSigningAlg != "", c.JWKSURI != "", c.Certificate.CertFile != "",
	} {
		if special {
			n++
		}
	}
	return n
}

// Differences counts in what two clients differ but for who they are, how they authenticate
// more than anything else. Zero means that what one of them is refused and the other is not
// is about who they are.
func Differences(a, b targetfile.Client) int {
	n := 0
	count := func(weight int, differs bool) {
		if differs {
			n += weight
		}
	}
	count(4, a.AuthMethod != b.AuthMethod)
	count(2, cmp.Or(a.IDTokenAlg, "RS256") != cmp.Or(b.IDTokenAlg, "RS256")) // the default of OIDC Registration 2
	count(2, a.SubjectType != b.SubjectType || a.Sector != b.Sector)
	count(2, a.RequestSigningAlg != b.RequestSigningAlg)
	count(1, a.AuthAlg != b.AuthAlg)
	count(2, a.Certificate.BindsTokens != b.Certificate.BindsTokens)
	count(1, a.UserCode != b.UserCode)
	count(1, a.Scope != b.Scope)
	count(1, !slices.Equal(a.RARTypes, b.RARTypes))
	return n
}

// Likest are those of some clients that differ the least from another one, in the order of
// the list.
func Likest(clients []targetfile.Client, to targetfile.Client) []targetfile.Client {
	if len(clients) == 0 {
		return nil
	}
	by := func(a, b targetfile.Client) int { return cmp.Compare(Differences(a, to), Differences(b, to)) }
	least := Differences(slices.MinFunc(clients, by), to)
	return choose(clients, func(c targetfile.Client) bool { return Differences(c, to) == least })
}

// OrdinaryClients are the ordinary clients of a delivery mode, in the order of the list:
// the plain ones or, where there is none, those with the fewest specialities.
func OrdinaryClients(clients []targetfile.Client, mode string) []targetfile.Client {
	return plainest(choose(clients, func(c targetfile.Client) bool { return Ordinary(c) && c.DeliveryMode == mode }))
}

// plainest are the clients with the fewest specialities.
func plainest(clients []targetfile.Client) []targetfile.Client {
	if len(clients) == 0 {
		return nil
	}
	least := specialities(slices.MinFunc(clients, func(a, b targetfile.Client) int { return cmp.Compare(specialities(a), specialities(b)) }))
	return choose(clients, func(c targetfile.Client) bool { return specialities(c) == least })
}

func choose(clients []targetfile.Client, fits func(targetfile.Client) bool) []targetfile.Client {
	return slices.DeleteFunc(slices.Clone(clients), func(c targetfile.Client) bool { return !fits(c) })
}
