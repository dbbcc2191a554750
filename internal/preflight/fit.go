package preflight

import (
	"slices"
	"strings"

	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/targetfile"
)

// ClientsFor are the clients that a case of a delivery mode with some needs may run as, in
// the order of the file; methods, where there are any, are the ways of authenticating it
// wants. Clients with a speciality that was not asked for are left out, unless there are
// no others.
func (f *Facts) ClientsFor(mode string, needs []catalogue.Need, methods ...string) []targetfile.Client {
	wanted := clientRules(needs)
	candidate := Ordinary
	if slices.ContainsFunc(wanted, func(r rule) bool { return r.unordinary }) {
		candidate = usable
	}
	fits := func(c targetfile.Client) bool {
		otherKind := func(r rule) bool { return !r.client(f.Target, c) }
		byMethod := len(methods) == 0 || slices.Contains(methods, c.AuthMethod)
		return candidate(c) && c.DeliveryMode == mode && byMethod && !slices.ContainsFunc(wanted, otherKind)
	}
	return plainest(choose(f.Target.Clients, fits))
}

// clientRules are the rules that choose the client of a case with some needs.
func clientRules(needs []catalogue.Need) []rule {
	var list []rule
	for _, n := range needs {
		replaced := slices.ContainsFunc(needs, func(other catalogue.Need) bool { return ruleOf(other).replaces == n })
		if r := ruleOf(n); r.client != nil && !replaced {
			list = append(list, r)
		}
	}
	return list
}

// UsersFor are the places, in the target's list, of the users that a case with some
// needs may ask. Where they have to decide, the way of deciding has to be able to name them.
func (f *Facts) UsersFor(needs []catalogue.Need) []int {
	var fit []int
	for i, u := range f.Target.Users {
		cannot := func(n catalogue.Need) bool {
			asked := ruleOf(n).user
			return asked != nil && !asked(u)
		}
		decides := slices.ContainsFunc(needs, func(n catalogue.Need) bool { return slices.Contains(decisions, n) })
		locked := slices.Contains(needs, catalogue.NeedUserLock)
		if !slices.ContainsFunc(needs, cannot) && (!decides || called(u, f.Target.Approval)) && (!locked || called(u, f.Target.UserLock.Hook())) {
			fit = append(fit, i)
		}
	}
	return fit
}

// decisions are the needs for which a user has to decide something.
var decisions = []catalogue.Need{catalogue.NeedApprove, catalogue.NeedDeny, catalogue.NeedApprovePartial}

// called reports whether a user has what a hook calls users by: one that wants a login_hint
// does nothing about a user without one.
func called(u targetfile.User, by targetfile.Approval) bool {
	texts := append([]string{by.URL, by.Body.Reveal()}, by.Command...)
	byLoginHint := slices.ContainsFunc(texts, func(text string) bool {
		return strings.Contains(text, "{login_hint}") || strings.Contains(text, "CIBATEST_LOGIN_HINT")
	})
	return u.LoginHint != "" || !byLoginHint
}
