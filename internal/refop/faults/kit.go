package faults

import (
	"net/http"
	"strings"

	"github.com/cibatest/cibatest/internal/refop"
	"github.com/cibatest/cibatest/internal/refop/edit"
)

// actsOn makes a flow that differs from its acknowledgement.
func actsOn(rewrite func(*refop.Call, *refop.Flow)) edit.Change {
	return func(p *refop.Plan) { p.EditFlows(rewrite) }
}

// startsThat edits the answers to some backchannel requests, good or bad.
func startsThat(which edit.Which, rewrite func(*refop.Call, *refop.Reply)) edit.Change {
	return callsThat(edit.Both(edit.At(refop.EndpointStart), which), rewrite)
}

// tokenRequestsThat edits the answers to some token requests, good or bad.
func tokenRequestsThat(which edit.Which, rewrite func(*refop.Call, *refop.Reply)) edit.Change {
	return callsThat(edit.Both(edit.At(refop.EndpointToken), which), rewrite)
}

func callsThat(which edit.Which, rewrite func(*refop.Call, *refop.Reply)) edit.Change {
	return edit.Replies(func(c *refop.Call, r *refop.Reply) {
		if which(c) {
			rewrite(c, r)
		}
	})
}

// startErrors edits the refusals of backchannel requests.
func startErrors(rewrite func(*refop.Reply)) edit.Change {
	return edit.Answers(refop.EndpointStart, refop.ReplyError, rewrite)
}

// startErrorsOf edits the refusals of backchannel requests with one code.
func startErrorsOf(code string, rewrite func(*refop.Reply)) edit.Change {
	return startErrors(ofCode(code, rewrite))
}

// pollErrors edits the errors of polls with one code.
func pollErrors(code string, rewrite func(*refop.Reply)) edit.Change {
	return edit.Polls(func(_ *refop.Call, r *refop.Reply) { ofCode(code, rewrite)(r) })
}

// errorsOf edits the errors with one code, at any endpoint.
func errorsOf(code string, rewrite func(*refop.Reply)) edit.Change {
	return edit.Answers("", refop.ReplyError, ofCode(code, rewrite))
}

// ofCode edits answers that have an error code.
func ofCode(code string, rewrite func(*refop.Reply)) func(*refop.Reply) {
	return func(r *refop.Reply) {
		if r.Body["error"] == code {
			rewrite(r)
		}
	}
}

// crash makes an answer that of an OP that does not know what happened to it.
func crash(_ *refop.Call, r *refop.Reply) {
	r.Kind, r.Status, r.Raw = refop.ReplyError, http.StatusInternalServerError, []byte(`{"error":"server_error"}`)
}

// refused makes an answer a refusal with the status 400.
func refused(code string) func(*refop.Call, *refop.Reply) {
	return func(_ *refop.Call, r *refop.Reply) { edit.Failing(http.StatusBadRequest, code)(r) }
}

// askAnyway asks the user about a request that is refused.
func askAnyway(c *refop.Call) { c.OP.Ask(c.OP.Rules().NewFlow(c)) }

// askingAnyway asks the user about every refused request whose user is known.
func askingAnyway(p *refop.Plan) {
	p.EditReplies(func(c *refop.Call, r *refop.Reply) {
		if c.Endpoint == refop.EndpointStart && r.Kind == refop.ReplyError && c.User != nil {
			askAnyway(c)
		}
	})
}

// firstUser is the user whom this OP thinks of first.
func firstUser(c *refop.Call) *refop.User { return &c.OP.Registration().Users[0] }

// refreshing picks token requests that use a refresh token.
func refreshing(c *refop.Call) bool { return c.Value("grant_type") == refop.GrantRefresh }

// pollAnswer answers polls in one state with another error.
func pollAnswer(in refop.State, status int, code string) edit.Change {
	return func(p *refop.Plan) {
		inner := p.Rules.PollAnswer
		p.Rules.PollAnswer = func(c *refop.Call, f *refop.Flow, at refop.State) *refop.OAuthError {
			err := inner(c, f, at)
			if at != in || err == nil || err.Code == "slow_down" {
				return err
			}
			return &refop.OAuthError{Status: status, Code: code, Description: "refused"}
		}
	}
}

// consumedBy uses a flow up on some refused polls.
func consumedBy(which func(*refop.Call) bool) edit.Change {
	return func(p *refop.Plan) {
		p.Wrap(refop.CheckPollOwn, func(inner refop.CheckFunc) refop.CheckFunc {
			return func(c *refop.Call) *refop.OAuthError {
				err := inner(c)
				if err != nil && which(c) {
					c.Flow.State = refop.Used
				}
				return err
			}
		})
	}
}

// cancelledBy ends a request for good on some refused token requests, so that the
// user cannot decide about it any more.
func cancelledBy(which func(*refop.Call, *refop.Flow, *refop.Reply) bool) edit.Change {
	return refusedTokenRequests(func(c *refop.Call, f *refop.Flow, r *refop.Reply) {
		if f.State != refop.Used && which(c, f, r) {
			f.State = refop.Denied
		}
	})
}

// refusedTokenRequests does something to the flow that a refused token request
// names, under the lock of the flow.
func refusedTokenRequests(do func(*refop.Call, *refop.Flow, *refop.Reply)) edit.Change {
	return edit.Replies(func(c *refop.Call, r *refop.Reply) {
		if c.Endpoint == refop.EndpointToken && r.Kind == refop.ReplyError {
			c.OP.LockedFlow(c.Value("auth_req_id"), func(f *refop.Flow) { do(c, f, r) })
		}
	})
}

// signed rewrites ID Tokens after they were signed.
func signed(rewrite func(token string) string) edit.Change {
	return func(p *refop.Plan) {
		p.EditSignedIDTokens(func(_ *refop.Call, _ *refop.Draft, token string) string { return rewrite(token) })
	}
}

// accessClaims edits the claims of JWT access tokens.
func accessClaims(rewrite func(claims map[string]any)) edit.Change {
	return edit.AccessClaims(func(_ *refop.Call, claims map[string]any) { rewrite(claims) })
}

// isNone and isOddNone are the spellings of the algorithm that signs nothing.
func isNone(alg string) bool { return alg == "none" }

func isOddNone(alg string) bool { return alg != "none" && strings.EqualFold(alg, "none") }

func algOf(header map[string]any) string {
	alg, _ := header["alg"].(string)
	return alg
}
