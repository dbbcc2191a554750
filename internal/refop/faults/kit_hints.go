package faults

import (
	"slices"
	"strings"

	"github.com/cibatest/cibatest/internal/refop"
	"github.com/cibatest/cibatest/internal/refop/edit"
)

// userOfHint takes another user for the one whom a hint names.
func userOfHint(other func(*refop.Call, *refop.User) *refop.User) edit.Change {
	return edit.After(refop.CheckUserKnown, func(c *refop.Call) *refop.OAuthError {
		c.User = other(c, c.User)
		return nil
	})
}

func somebodyElse(c *refop.Call, u *refop.User) *refop.User {
	return c.OP.UserBy(func(other refop.User) bool { return other.Sub != u.Sub })
}

// firstUserFor takes the first user for everybody whom a kind of hint names.
func firstUserFor(hint string) edit.Change {
	return userOfHint(func(c *refop.Call, u *refop.User) *refop.User {
		if c.Has(hint) {
			return firstUser(c)
		}
		return u
	})
}

// nobodyIsFirstUser takes the first user where a request names nobody.
func nobodyIsFirstUser(which edit.Which) edit.Change {
	return func(p *refop.Plan) {
		inner := p.Rules.UserOfHint
		p.Rules.UserOfHint = func(c *refop.Call) *refop.User {
			if u := inner(c); u != nil || !which(c) {
				return u
			}
			return firstUser(c)
		}
	}
}

func withoutHint(c *refop.Call) bool { return len(c.Hints()) == 0 }

// hintsTogether takes one set of several hints, of which the first counts.
func hintsTogether(hints ...string) edit.Change {
	return edit.WithoutWhen(func(c *refop.Call) bool { return slices.Equal(c.Hints(), hints) }, refop.CheckHintMultiple)
}

// unverifiedIDHint overlooks that some ID Token hints cannot be verified, if they
// can be read.
func unverifiedIDHint(which edit.Which) edit.Change {
	return edit.WithoutWhen(edit.Both(readableHint, which), refop.CheckIDHintSignature)
}

// unverifiedHintToken is the same of login_hint_token.
func unverifiedHintToken(which edit.Which) edit.Change {
	return edit.WithoutWhen(edit.Both(readableHint, which), refop.CheckHintTokenSignature)
}

func readableHint(c *refop.Call) bool { return c.Hint.Claims != nil }

func hintAlg(is func(alg string) bool) edit.Which {
	return func(c *refop.Call) bool { return is(algOf(c.Hint.Header)) }
}

func signedHint(c *refop.Call) bool { return !strings.EqualFold(algOf(c.Hint.Header), "none") }

// unknownKey picks signed hints whose kid is none of this OP.
func unknownKey(c *refop.Call) bool {
	kid, _ := c.Hint.Header["kid"].(string)
	return signedHint(c) && !c.OP.HasSigningKey(kid)
}

func refuseOldIDHint(c *refop.Call) *refop.OAuthError {
	if c.Has(refop.IDTokenHint) && c.HintExpired() {
		return refop.Refusal("invalid_request", "id_token_hint has expired")
	}
	return nil
}
