package loadgen

import (
	"fmt"

	"github.com/cibatest/cibatest/reports/result"
)

// breach is a kind of violation of the protocol.
type breach struct{ kind, requirement, text string }

// The breaches that are looked for in every answer of a run.
var (
	redeemedTwice   = breach{"double_redemption", "CIBA-10.1.1-REUSE-RACE", "one auth_req_id was redeemed twice at the same moment"}
	redeemedAgain   = breach{"reuse", "CIBA-10.1.1-REUSE", "a redeemed auth_req_id was redeemed again"}
	tokensDenied    = breach{"tokens_after_denial", "CIBA-11-DENIED-FINAL", "tokens were issued although the user had denied"}
	deniedApproved  = breach{"denied_although_approved", "CIBA-10.1.1-TOKENS", "a request was denied although the user had approved"}
	tokensUndecided = breach{"tokens_without_decision", "CIBA-11-PENDING", "tokens were issued before the user had decided"}
	tokensExpired   = breach{"tokens_after_expiry", "CIBA-11-EXPIRED-FINAL", "tokens were issued after expires_in had passed"}
	pendingExpired  = breach{"pending_after_expiry", "CIBA-11-EXPIRED-TOKEN", "a request was still pending after expires_in had passed"}
	expiredEarly    = breach{"early_expiry", "CIBA-7.3-EXPIRES-IN-TRUE", "a request expired before expires_in had passed"}
	idForgotten     = breach{"forgotten_id", "CIBA-7.3-EXPIRES-IN-TRUE", "an auth_req_id was not known any more before expires_in had passed"}
	denialUnsaid    = breach{"unsaid_denial", "CIBA-11-DENIED", "a denied request ended in another error than access_denied"}
	slowedDown      = breach{"unprovoked_slow_down", "CIBA-7.3-INTERVAL-SUFFICIENT", "polls that kept the interval were answered slow_down"}
	wrongSubject    = breach{"wrong_subject", "CIBA-7.1-HINT-SUBJECT-MATCH", "the tokens are another user's"}
	detailsForeign  = breach{"foreign_details", "RFC9396-7-FAITHFUL", "the authorization_details are another request's"}
	detailsChanged  = breach{"changed_details", "RFC9396-7-FAITHFUL", "the authorization_details differ from those that were granted"}
	detailsMissing  = breach{"missing_details", "RFC9396-7-RETURNED", "the authorization_details are missing from the token response"}
	idRepeated      = breach{"repeated_id", "CIBA-7.3-ARID-UNIQUE", "an auth_req_id was given out twice"}
	idGuessable     = breach{"low_entropy", "CIBA-7.3-ARID-ENTROPY", "auth_req_ids have too little entropy"}
	outsideTheTexts = breach{"unknown_answer", "CIBA-11-ERROR-FORMAT", "an answer is none that the specifications know"}
)

// gravestFirst is the order in which a result lists breaches.
var gravestFirst = []breach{
	redeemedTwice, redeemedAgain, tokensDenied, tokensUndecided, tokensExpired, deniedApproved, wrongSubject,
	pingForeign, pushForeign, detailsForeign, detailsChanged, detailsMissing,
	pushMissed, pingMissed, pushDenialMissed, pingDenialMissed, pingUnready, pushLate, pingLate, pushDenialLate, pingDenialLate,
	pushUnread, pushMisnamed, pingMisnamed, pushUnknown, pushAgain, pingAgain,
	idRepeated, idGuessable, idForgotten, expiredEarly, denialUnsaid, pendingExpired, slowedDown, outsideTheTexts,
}

// mostEvidence is how many occurrences of one kind are kept in full.
const mostEvidence = 5

// note counts a breach.
func (c *checks) note(e *engine, b breach) *result.Violation {
	v := c.found[b]
	if v == nil {
		v = &result.Violation{Kind: b.kind, Requirement: b.requirement, Text: b.text}
		c.found[b] = v
	}
	v.Count++
	e.now.count(result.CountViolations, 1)
	return v
}

// report notes a breach. Evidence is that of the first few exchanges.
func (c *checks) report(e *engine, x *exchange, b breach, format string, args ...any) {
	v := c.note(e, b)
	if x != nil && len(v.Evidence) < mostEvidence {
		v.Evidence = append(v.Evidence, c.evidence.of(e, x, fmt.Sprintf(format, args...)))
	}
}

// violations are what was found, the gravest first.
func (c *checks) violations() []result.Violation {
	list := []result.Violation{}
	for _, b := range gravestFirst {
		if v := c.found[b]; v != nil {
			list = append(list, *v)
		}
	}
	return list
}
