// Package edit is the vocabulary of changes to the plan of a reference OP: what can
// be left out, answered otherwise or rewritten, with one function for each way of
// doing so. It knows no particular change, and whether one is legal is for its
// users to say.
package edit

import (
	"encoding/json"
	"net/url"
	"time"

	"github.com/cibatest/cibatest/internal/refop"
)

// Change is a change of a plan. What it remembers belongs to that plan.
type Change = func(*refop.Plan)

// All makes several changes, in their order.
func All(changes ...Change) Change {
	return func(p *refop.Plan) {
		for _, change := range changes {
			change(p)
		}
	}
}

// Without leaves checks out: they are done, and their refusal is overlooked.
func Without(checks ...refop.CheckName) Change {
	return WithoutWhen(Always, checks...)
}

// WithoutWhen leaves checks out for some calls. Whether a call is one of them is
// asked when the check has been done and has refused.
func WithoutWhen(which Which, checks ...refop.CheckName) Change {
	return func(p *refop.Plan) {
		for _, name := range checks {
			p.Wrap(name, func(inner refop.CheckFunc) refop.CheckFunc {
				return func(c *refop.Call) *refop.OAuthError {
					if err := inner(c); err != nil && !which(c) {
						return err
					}
					return nil
				}
			})
		}
	}
}

// Answering makes a check refuse with another error.
func Answering(check refop.CheckName, status int, code string) Change {
	return func(p *refop.Plan) {
		p.Wrap(check, func(inner refop.CheckFunc) refop.CheckFunc {
			return func(c *refop.Call) *refop.OAuthError {
				if inner(c) != nil {
					return &refop.OAuthError{Status: status, Code: code, Description: "refused"}
				}
				return nil
			}
		})
	}
}

// After adds a step behind a check that has passed.
func After(check refop.CheckName, step refop.CheckFunc) Change {
	return func(p *refop.Plan) {
		p.Wrap(check, func(inner refop.CheckFunc) refop.CheckFunc {
			return func(c *refop.Call) *refop.OAuthError {
				if err := inner(c); err != nil {
					return err
				}
				return step(c)
			}
		})
	}
}

// Forms rewrites the forms of calls, before anything in them is looked at.
func Forms(edit func(*refop.Call)) Change {
	return After(refop.CheckForm, func(c *refop.Call) *refop.OAuthError { edit(c); return nil })
}

// RefusingStarts refuses some backchannel requests that would be good otherwise,
// before the user is asked.
func RefusingStarts(code string, which Which) Change {
	return After(refop.CheckDetails, func(c *refop.Call) *refop.OAuthError {
		if which(c) {
			return refop.Refusal(code, "this OP does not take such requests")
		}
		return nil
	})
}

// KeepingEmpty makes parameters without a value count as sent; without names, all
// of them.
func KeepingEmpty(names ...string) Change {
	return func(p *refop.Plan) {
		kept := map[string]bool{}
		for _, name := range names {
			kept[name] = true
		}
		inner := p.Rules.EmptyIsAbsent
		p.Rules.EmptyIsAbsent = func(name string) bool { return len(names) > 0 && !kept[name] && inner(name) }
	}
}

// BlankHint takes a login_hint without a name for one that is to be looked up.
func BlankHint() Change { return Without(refop.CheckHintEmpty) }

// AnySecretMethod lets some clients that have a secret send it in the header or in the
// form, whatever they registered.
func AnySecretMethod(which Which) Change {
	return func(p *refop.Plan) {
		inner := p.Rules.MethodFits
		p.Rules.MethodFits = func(c *refop.Call, method string) bool {
			return inner(c, method) || hasSecret(c.Client) && which(c)
		}
	}
}

func hasSecret(client *refop.Client) bool {
	return client.AuthMethod == refop.MethodBasic || client.AuthMethod == refop.MethodPost || client.AuthMethod == refop.MethodSecretJWT
}

// AudienceOnly takes assertions that are addressed to one of some names of this OP, at
// some calls.
func AudienceOnly(which Which, names func(*refop.OP) []string) Change {
	return func(p *refop.Plan) {
		inner := p.Rules.AudienceFits
		p.Rules.AudienceFits = func(c *refop.Call, audience any) bool {
			return inner(c, audience) && (!which(c) || addressed(audience, names(c.OP)))
		}
	}
}

// addressed reports whether an audience, a string or an array, has one of some names.
func addressed(audience any, names []string) bool {
	for _, name := range names {
		if audience == name {
			return true
		}
		list, _ := audience.([]any)
		for _, v := range list {
			if v == name {
				return true
			}
		}
	}
	return false
}

// Endpoints are the audiences apart from the issuer.
func Endpoints(op *refop.OP) []string { return op.Audiences()[1:] }

// Issuer is the issuer as the only audience.
func Issuer(op *refop.OP) []string { return op.Audiences()[:1] }

// ReadingJSON reads members of a JSON object as if they were parameters of a form.
func ReadingJSON() Change {
	return func(p *refop.Plan) {
		inner := p.Rules.ParseForm
		p.Rules.ParseForm = func(c *refop.Call, media string, body []byte) (url.Values, *refop.OAuthError) {
			if media != "application/json" || len(body) == 0 {
				return inner(c, media, body)
			}
			return formOf(body), nil
		}
	}
}

func formOf(body []byte) url.Values {
	var object map[string]any
	_ = json.Unmarshal(body, &object) // what is no object has no members
	form := url.Values{}
	for name, v := range object {
		if s, ok := v.(string); ok {
			form.Set(name, s)
		}
	}
	return form
}

// SeenAs makes polls see one state for another.
func SeenAs(is, looks refop.State) Change {
	return SeenAsWhen(is, looks, func(*refop.Call, *refop.Flow) bool { return true })
}

// SeenAsWhen makes some polls see one state for another. The lock of the flow is held.
func SeenAsWhen(is, looks refop.State, when func(*refop.Call, *refop.Flow) bool) Change {
	return States(func(c *refop.Call, f *refop.Flow, at refop.State) refop.State {
		if at == is && when(c, f) {
			return looks
		}
		return at
	})
}

// States changes the state that polls see.
func States(change func(*refop.Call, *refop.Flow, refop.State) refop.State) Change {
	return func(p *refop.Plan) { p.EditStates(change) }
}

// RequestIDs makes auth_req_ids in another way.
func RequestIDs(next func() string) Change { return func(p *refop.Plan) { p.Rules.RequestID = next } }

// OpaqueTokens makes access tokens that are no JWT.
func OpaqueTokens(next func() string) Change {
	return func(p *refop.Plan) {
		p.Rules.AccessToken = func(*refop.Call, *refop.Grant) string { return next() }
	}
}

// RandomTokens are opaque access tokens that nobody can guess.
func RandomTokens() Change { return OpaqueTokens(func() string { return refop.RandomID(32) }) }

// Expiry decides about a requested_expiry, which is positive.
func Expiry(decide func(*refop.Call, time.Duration) (time.Duration, *refop.OAuthError)) Change {
	return func(p *refop.Plan) { p.Rules.Expiry = decide }
}

// ToldOnce shows a state to one poll, and another one to those that follow.
func ToldOnce(state, later refop.State) Change {
	return func(p *refop.Plan) {
		told := &Counts{}
		p.EditStates(func(_ *refop.Call, f *refop.Flow, at refop.State) refop.State {
			if at != state {
				return at
			}
			told.Add(f)
			if told.Of(f) > 1 {
				return later
			}
			return at
		})
	}
}

// DecidingAgain takes a decision about what has been decided before, or has expired.
func DecidingAgain() Change {
	return func(p *refop.Plan) {
		inner := p.Rules.RefuseDecision
		p.Rules.RefuseDecision = func(f *refop.Flow, at, decision refop.State) (status int, text string) {
			if at == refop.Used {
				return inner(f, at, decision)
			}
			return 0, ""
		}
	}
}

// EarlyPollsAre answers polls that come too early with an error of another kind.
func EarlyPollsAre(status int, code string) Change {
	return Pace(func(*refop.Call, *refop.Flow) *refop.OAuthError {
		return &refop.OAuthError{Status: status, Code: code, Description: "refused"}
	})
}
