package faults

import (
	"strings"
	"sync"
	"time"

	"github.com/cibatest/cibatest/internal/refop"
	"github.com/cibatest/cibatest/internal/refop/edit"
)

// Redemption are the defects of who may redeem what, and how often; CIBA Core 10.1 and 11.
var Redemption = []Fault{
	{
		"id-unknown-expired", "CIBA-11-ARID-UNKNOWN", "an unknown id is expired_token",
		edit.Answering(refop.CheckPollKnown, 400, "expired_token"),
	},
	{"id-unknown-404", "CIBA-11-ARID-UNKNOWN", "an unknown id is 404", edit.Answering(refop.CheckPollKnown, 404, "not_found")},
	{
		"id-unknown-invalid-request", "CIBA-11-ARID-UNKNOWN", "an unknown id is invalid_request",
		edit.Answering(refop.CheckPollKnown, 400, "invalid_request"),
	},
	{
		"id-unknown-pending", "CIBA-11-ARID-UNKNOWN", "an unknown id is pending",
		edit.Answering(refop.CheckPollKnown, 400, "authorization_pending"),
	},
	{
		"id-unknown-500", "CIBA-11-ARID-UNKNOWN", "an unknown id crashes the OP",
		edit.Answering(refop.CheckPollKnown, 500, "server_error"),
	},
	{"id-prefix", "CIBA-11-ARID-TAMPERED", "only the beginning of an id counts", byPart(beginning)},
	{
		"id-suffix", "CIBA-11-ARID-TAMPERED", "only the end of an id counts",
		byPart(func(id string) string { return id[max(0, len(id)-12):] }),
	},
	{"id-shorter", "CIBA-11-ARID-TAMPERED", "the beginning of an id will do", byBeginning},
	{
		"id-tampered-kills", "CIBA-11-ARID-TAMPERED", "an altered id uses the genuine one up",
		edit.All(byPart(beginning), edit.States(func(c *refop.Call, f *refop.Flow, at refop.State) refop.State {
			if c.Value("auth_req_id") != f.ID {
				f.State = refop.Used
				return refop.Used
			}
			return at
		})),
	},
	{"id-missing-guess", "CIBA-10.1-ARID-MISSING", "a missing id is looked up", edit.Without(refop.CheckPollMissing)},
	{
		"id-missing-500", "CIBA-10.1-ARID-MISSING", "a missing id crashes the OP",
		edit.Answering(refop.CheckPollMissing, 500, "server_error"),
	},
	{
		"id-missing-401", "CIBA-10.1-ARID-MISSING", "a missing id is invalid_client",
		edit.Answering(refop.CheckPollMissing, 401, "invalid_client"),
	},
	{"id-twice", "CIBA-10.1-ARID-REPEATED", "the first of two ids counts", edit.Without(refop.CheckRepeated)},
	{"grant-any-type", "RFC6749-5.2-GRANT-TYPE", "grant_type is not looked at", everythingIsCIBA},
	{"grant-type-500", "RFC6749-5.2-GRANT-TYPE", "an unknown grant_type crashes the OP", edit.Replies(func(c *refop.Call, r *refop.Reply) {
		if c.Endpoint == refop.EndpointToken && r.Kind == refop.ReplyError && r.Body["error"] == "unsupported_grant_type" {
			crash(c, r)
		}
	})},
	{
		"grant-type-missing-unsupported", "RFC6749-5.2-GRANT-TYPE", "a missing grant_type is unsupported_grant_type",
		tokenRequestsThat(func(c *refop.Call) bool { return c.Client != nil && !c.Has("grant_type") }, refused("unsupported_grant_type")),
	},
	{
		"grant-type-unknown-invalid", "RFC6749-5.2-GRANT-TYPE", "an unknown grant_type is invalid_request",
		edit.Replies(func(c *refop.Call, r *refop.Reply) {
			if c.Endpoint == refop.EndpointToken && c.Has("grant_type") && r.Body["error"] == "unsupported_grant_type" {
				r.Body["error"] = "invalid_request"
			}
		}),
	},
	{
		"grant-type-missing-is-ciba", "RFC6749-5.2-GRANT-TYPE", "without grant_type CIBA is meant",
		edit.Replies(func(c *refop.Call, r *refop.Reply) {
			if c.Endpoint == refop.EndpointToken && !c.Has("grant_type") && c.Has("auth_req_id") && c.Client != nil {
				*r = *c.OP.Poll(c)
				r.Header.Set("Content-Type", "application/json")
			}
		}),
	},
	{
		"grant-type-cancels", "RFC6749-5.2-GRANT-TYPE", "a wrong grant_type cancels the request, at the user's, too",
		cancelledBy(func(c *refop.Call, _ *refop.Flow, _ *refop.Reply) bool {
			return c.Value("grant_type") != refop.GrantCIBA
		}),
	},
	{
		"grant-type-alias", "RFC6749-5.2-GRANT-TYPE", "the short name of the grant will do",
		grantTypeAlso("ciba"),
	},
	{
		"grant-type-misspelt", "RFC6749-5.2-GRANT-TYPE", "the name that other grants have in the IETF's registry will do",
		grantTypeAlso("urn:ietf:params:oauth:grant-type:ciba"),
	},
	{"grant-type-kills", "RFC6749-5.2-GRANT-TYPE", "a wrong grant_type uses the id up", edit.Replies(usedByOtherGrant)},
	{"grant-any-client", "CIBA-10.1-GRANT-NOT-ALLOWED", "a client without CIBA may poll", edit.Without(refop.CheckPollCIBA)},
	{
		"grant-client-500", "CIBA-10.1-GRANT-NOT-ALLOWED", "a client without CIBA crashes the OP",
		edit.Answering(refop.CheckPollCIBA, 500, "server_error"),
	},
	{
		"grant-client-pending", "CIBA-10.1-GRANT-NOT-ALLOWED", "a client without CIBA is told to wait",
		edit.Answering(refop.CheckPollCIBA, 400, "authorization_pending"),
	},
	{
		"token-by-get", "CIBA-10.1-TOKEN-POST-ONLY", "GET redeems",
		edit.All(anyMethod(refop.EndpointToken), readingQuery(refop.EndpointToken)),
	},
	{
		"locked-user-served", "CIBA-10.1.1-USER-LOCKED", "nobody asks whether a user is locked once something was approved",
		lockedRefusal(func(*refop.Call, *refop.User) *refop.OAuthError { return nil }),
	},
	{
		"locked-user-redeems", "CIBA-10.1.1-USER-LOCKED", "an approval from before the lock is redeemed",
		lockedRefusal(func(c *refop.Call, u *refop.User) *refop.OAuthError {
			if c.OP.IsLocked(u) && refreshing(c) {
				return refop.Refusal("invalid_grant", "the user is locked")
			}
			return nil
		}),
	},
	{
		"locked-user-refreshes", "CIBA-10.1.1-USER-LOCKED", "a refresh token from before the lock works",
		lockedRefusal(func(c *refop.Call, u *refop.User) *refop.OAuthError {
			if c.OP.IsLocked(u) && !refreshing(c) {
				return refop.Refusal("invalid_grant", "the user is locked")
			}
			return nil
		}),
	},
	{
		"locked-user-500", "CIBA-10.1.1-USER-LOCKED", "a locked user crashes the OP",
		lockedRefusal(func(c *refop.Call, u *refop.User) *refop.OAuthError {
			if c.OP.IsLocked(u) {
				return &refop.OAuthError{Status: 500, Code: "server_error"}
			}
			return nil
		}),
	},
	{"foreign-anything", "CIBA-11-ARID-OTHER-CLIENT", "ids work for every client", edit.Without(refop.CheckPollOwn)},
	{
		"foreign-alike", "CIBA-11-ARID-OTHER-CLIENT", "ids work for every client that is registered alike",
		edit.WithoutWhen(func(c *refop.Call) bool { return alike(c.Client, c.Flow.Client) }, refop.CheckPollOwn),
	},
	{"foreign-pending", "CIBA-11-ARID-OTHER-CLIENT", "another client learns that a request is pending", foreignPolls(refop.Pending)},
	{"foreign-approved", "CIBA-11-ARID-OTHER-CLIENT", "another client redeems an approved request", foreignPolls(refop.Approved)},
	{"foreign-denied", "CIBA-11-ARID-OTHER-CLIENT-DENIED", "another client learns of the denial", foreignPolls(refop.Denied)},
	{"foreign-expired", "CIBA-11-OTHER-CLIENT-EXPIRED", "another client learns of the expiry", foreignPolls(refop.Expired)},
	{
		"foreign-unauthorized", "CIBA-11-ARID-OTHER-CLIENT", "another client is unauthorized_client",
		edit.Answering(refop.CheckPollOwn, 400, "unauthorized_client"),
	},
	{
		"foreign-500", "CIBA-11-ARID-OTHER-CLIENT", "another client crashes the OP",
		edit.Answering(refop.CheckPollOwn, 500, "server_error"),
	},
	{
		"foreign-expired-tokens", "CIBA-11-OTHER-CLIENT-EXPIRED", "another client redeems what expired",
		edit.All(foreignPolls(refop.Expired), edit.SeenAsWhen(refop.Expired, refop.Approved, func(c *refop.Call, _ *refop.Flow) bool {
			return foreign(c)
		})),
	},
	{"foreign-kills", "CIBA-11-ARID-OTHER-CLIENT", "a foreign poll uses the id up", consumedBy(foreign)},
	{
		"foreign-cancels", "CIBA-11-ARID-OTHER-CLIENT", "a foreign poll cancels the request, at the user's, too",
		cancelledBy(func(c *refop.Call, f *refop.Flow, _ *refop.Reply) bool {
			return c.Client != nil && c.Client != f.Client
		}),
	},
	{
		"foreign-kills-approved", "CIBA-11-ARID-OTHER-CLIENT", "a foreign poll uses an approved id up",
		consumedBy(foreignIn(refop.Approved)),
	},
	{
		"foreign-kills-denied", "CIBA-11-ARID-OTHER-CLIENT-DENIED", "a foreign poll uses a denied id up",
		consumedBy(foreignIn(refop.Denied)),
	},
	{
		"foreign-throttles", "CIBA-11-ARID-OTHER-CLIENT", "a foreign poll counts for the owner's pace",
		edit.Replies(func(c *refop.Call, _ *refop.Reply) {
			if c.Endpoint != refop.EndpointToken || c.Flow == nil || c.Client == c.Flow.Client {
				return
			}
			c.OP.Locked(c.Flow, func() { c.Flow.LastPoll = c.Now })
		}),
	},
	{
		"foreign-used-known", "CIBA-11-ARID-OTHER-CLIENT", "another client learns of the use",
		edit.All(foreignPolls(refop.Used), pollAnswer(refop.Used, 400, "access_denied")),
	},
	{
		"foreign-replay-revokes", "CIBA-11-ARID-OTHER-CLIENT", "another client's poll with a used id ends the owner's tokens",
		replayRevokes(func(c *refop.Call, f *refop.Flow) bool { return c.Client != nil && c.Client != f.Client }),
	},
	{
		"anonymous-replay-revokes", "CIBA-10.1-TOKEN-AUTH-REQUIRED", "a poll without credential with a used id ends the owner's tokens",
		replayRevokes(func(c *refop.Call, _ *refop.Flow) bool { return c.Authentications() == 0 }),
	},
	{
		"id-twice-kills", "CIBA-10.1-ARID-REPEATED", "a repeated id is refused and used up",
		refusedTokenRequests(func(c *refop.Call, f *refop.Flow, _ *refop.Reply) {
			if len(c.Form["auth_req_id"]) > 1 {
				f.State = refop.Used
			}
		}),
	},
	{"reuse-forever", "CIBA-10.1.1-REUSE", "an id can be redeemed again and again", edit.SeenAs(refop.Used, refop.Approved)},
	{
		"reuse-grace", "CIBA-10.1.1-REUSE-RACE", "within two seconds an id can be redeemed again",
		edit.SeenAsWhen(refop.Used, refop.Approved, func(c *refop.Call, f *refop.Flow) bool { return c.Now.Sub(f.Redeemed) < 2*time.Second }),
	},
	{
		"reuse-later", "CIBA-10.1.1-REUSE", "after three seconds an id is fresh again",
		edit.SeenAsWhen(refop.Used, refop.Approved, func(c *refop.Call, f *refop.Flow) bool { return c.Now.Sub(f.Redeemed) > 3*time.Second }),
	},
	{
		"reuse-much-later", "CIBA-10.1.1-REUSE", "the use of an id is forgotten after 15 s",
		edit.SeenAsWhen(refop.Used, refop.Approved, func(c *refop.Call, f *refop.Flow) bool { return c.Now.Sub(f.Redeemed) > 15*time.Second }),
	},
	{"reuse-pending", "CIBA-10.1.1-REUSE", "a used id is pending", edit.SeenAs(refop.Used, refop.Pending)},
	{"reuse-500", "CIBA-10.1.1-REUSE", "a used id crashes the OP", pollAnswer(refop.Used, 500, "server_error")},
	{"reuse-invalid-request", "CIBA-10.1.1-REUSE", "a used id is invalid_request", pollAnswer(refop.Used, 400, "invalid_request")},
	{"reuse-404", "CIBA-10.1.1-REUSE", "a used id is 404", pollAnswer(refop.Used, 404, "invalid_grant")},
	{
		"redeem-race", "CIBA-10.1.1-REUSE-RACE", "ten polls at once get tokens ten times",
		pausing(func() time.Duration { return 20 * time.Millisecond }),
	},
	{
		"redeem-race-narrow", "CIBA-10.1.1-REUSE-RACE", "two polls within a millisecond get tokens twice",
		pausing(func() time.Duration { return time.Millisecond }),
	},
}

// byPart looks flows up by a part of their id.
func byPart(part func(id string) string) edit.Change {
	return func(p *refop.Plan) {
		var known sync.Map // part of an id -> id
		p.EditFlows(func(_ *refop.Call, f *refop.Flow) { known.Store(part(f.ID), f.ID) })
		inner := p.Rules.PolledID
		p.Rules.PolledID = func(c *refop.Call) string {
			id := inner(c)
			if whole, ok := known.Load(part(id)); ok {
				return whole.(string)
			}
			return id
		}
	}
}

// byBeginning finds flows that begin with what was sent.
func byBeginning(p *refop.Plan) {
	var known sync.Map // id -> id
	p.EditFlows(func(_ *refop.Call, f *refop.Flow) { known.Store(f.ID, f.ID) })
	inner := p.Rules.PolledID
	p.Rules.PolledID = func(c *refop.Call) string {
		id := inner(c)
		found := id
		known.Range(func(_, whole any) bool {
			if id != "" && strings.HasPrefix(whole.(string), id) {
				found = whole.(string)
			}
			return found == id
		})
		return found
	}
}

func beginning(id string) string { return id[:min(len(id), 12)] }

// everythingIsCIBA does not look at grant_type.
func everythingIsCIBA(p *refop.Plan) {
	p.Rules.GrantType = func(*refop.Call) string { return refop.GrantCIBA }
}

// grantTypeAlso takes another grant_type for that of CIBA.
func grantTypeAlso(alias string) edit.Change {
	return func(p *refop.Plan) {
		inner := p.Rules.GrantType
		p.Rules.GrantType = func(c *refop.Call) string {
			if given := inner(c); given != alias {
				return given
			}
			return refop.GrantCIBA
		}
	}
}

// usedByOtherGrant uses the flow up when a token request has another grant_type.
func usedByOtherGrant(c *refop.Call, r *refop.Reply) {
	if c.Endpoint == refop.EndpointToken && r.Kind == refop.ReplyError && c.Value("grant_type") != refop.GrantCIBA {
		c.OP.LockedFlow(c.Value("auth_req_id"), func(f *refop.Flow) { f.State = refop.Used })
	}
}

// foreignPolls lets clients poll for a flow of another client in one state.
func foreignPolls(in refop.State) edit.Change {
	return edit.WithoutWhen(func(c *refop.Call) bool { return c.Flow.StateAt(c.Now) == in }, refop.CheckPollOwn)
}

// foreign picks polls for a flow of another client.
func foreign(c *refop.Call) bool { return c.Flow.Client != c.Client }

// foreignIn picks polls for a flow of another client that is in one state.
func foreignIn(state refop.State) edit.Which {
	return edit.Both(foreign, func(c *refop.Call) bool { return c.Flow.StateAt(c.Now) == state })
}

// replayRevokes ends the tokens of a flow when some refused token requests name it again.
func replayRevokes(which func(*refop.Call, *refop.Flow) bool) edit.Change {
	return edit.Replies(func(c *refop.Call, r *refop.Reply) {
		if c.Endpoint != refop.EndpointToken || r.Kind != refop.ReplyError {
			return
		}
		var replayed *refop.Flow
		c.OP.LockedFlow(c.Value("auth_req_id"), func(f *refop.Flow) {
			if f.State == refop.Used && which(c, f) {
				replayed = f
			}
		})
		if replayed != nil {
			c.OP.Revoke(replayed)
		}
	})
}

// pausing leaves a gap between looking at a flow and using it up, in which anything
// may happen.
func pausing(gap func() time.Duration) edit.Change {
	return func(p *refop.Plan) {
		inner := p.Rules.Redeem
		p.Rules.Redeem = func(c *refop.Call, f *refop.Flow) {
			if d := gap(); d > 0 {
				c.OP.Unlocked(f, func() { c.OP.Wait(d) })
			}
			inner(c, f)
		}
	}
}

// lockedRefusal answers for locked users in a way of its own.
func lockedRefusal(answer func(*refop.Call, *refop.User) *refop.OAuthError) edit.Change {
	return func(p *refop.Plan) { p.Rules.RefuseLocked = answer }
}
