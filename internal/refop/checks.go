package refop

import "fmt"

// CheckName names a check of one of the tables. A plan that wraps a check which no
// table has is refused by [New].
type CheckName string

// The checks that authenticate a client, at every endpoint where clients do.
const (
	CheckForm              CheckName = "form"
	CheckRepeated          CheckName = "repeated-parameter"
	CheckOneAuthentication CheckName = "one-authentication"
	CheckClient            CheckName = "client"
)

// The checks of a client assertion; RFC 7523 3.
const (
	CheckAssertionType      CheckName = "assertion-type"
	CheckAssertionJWT       CheckName = "assertion-jwt"
	CheckAssertionClient    CheckName = "assertion-client"
	CheckAssertionIssuer    CheckName = "assertion-issuer"
	CheckAssertionClientID  CheckName = "assertion-client-id"
	CheckAssertionMethod    CheckName = "assertion-method"
	CheckAssertionSignature CheckName = "assertion-signature"
	CheckAssertionAudience  CheckName = "assertion-audience"
	CheckAssertionWithExp   CheckName = "assertion-with-exp"
	CheckAssertionExpired   CheckName = "assertion-expired"
	CheckAssertionNotBefore CheckName = "assertion-not-before"
	CheckAssertionReplay    CheckName = "assertion-replay"
)

// The checks of a backchannel authentication request; CIBA Core 7.2.
const (
	CheckClientCIBA         CheckName = "client-ciba"
	CheckClientConfidential CheckName = "client-confidential"
	CheckClientPolicy       CheckName = "client-policy"
	CheckScopeMissing       CheckName = "scope-missing"
	CheckScopeOpenID        CheckName = "scope-openid"
	CheckAudience           CheckName = "audience"
	CheckScopeKnown         CheckName = "scope-known"
	CheckNotifyTokenMissing CheckName = "notification-token-missing"
	CheckNotifyTokenSyntax  CheckName = "notification-token-syntax"
	CheckNotifyTokenLength  CheckName = "notification-token-length"
	CheckHintNone           CheckName = "hint-none"
	CheckHintMultiple       CheckName = "hint-multiple"
	CheckHintEmpty          CheckName = "hint-empty"
	CheckHintTokenSignature CheckName = "hint-token-signature"
	CheckHintTokenExpired   CheckName = "hint-token-expired"
	CheckIDHintSignature    CheckName = "id-token-hint-signature"
	CheckIDHintIssuer       CheckName = "id-token-hint-issuer"
	CheckIDHintAudience     CheckName = "id-token-hint-audience"
	CheckUserKnown          CheckName = "user-known"
	CheckBindingMessage     CheckName = "binding-message"
	CheckUserCodeMissing    CheckName = "user-code-missing"
	CheckUserCodeWrong      CheckName = "user-code-wrong"
	CheckRequestedExpiry    CheckName = "requested-expiry"
	CheckDetails            CheckName = "authorization-details"
)

// The checks of a signed request, and of one that has to be; CIBA Core 7.1.1.
const (
	CheckRequestURI           CheckName = "request-uri"
	CheckRequestPlain         CheckName = "request-plain"
	CheckRequestEncrypted     CheckName = "request-encrypted"
	CheckRequestJWT           CheckName = "request-jwt"
	CheckRequestAlg           CheckName = "request-alg"
	CheckRequestRegisteredAlg CheckName = "request-registered-alg"
	CheckRequestSignature     CheckName = "request-signature"
	CheckRequestWithIssuer    CheckName = "request-with-issuer"
	CheckRequestIssuer        CheckName = "request-issuer"
	CheckRequestWithAudience  CheckName = "request-with-audience"
	CheckRequestAudience      CheckName = "request-audience"
	CheckRequestWithExp       CheckName = "request-with-exp"
	CheckRequestExpired       CheckName = "request-expired"
	CheckRequestWithIat       CheckName = "request-with-iat"
	CheckRequestWithNbf       CheckName = "request-with-nbf"
	CheckRequestNotBefore     CheckName = "request-not-before"
	CheckRequestWithJTI       CheckName = "request-with-jti"
	CheckRequestOutside       CheckName = "request-outside"
	CheckRequestParameters    CheckName = "request-parameters"
	CheckRequestReplay        CheckName = "request-replay"
)

// The checks of a poll, before the state of its flow counts; CIBA Core 10.1 and 11.
const (
	CheckPollCIBA    CheckName = "poll-client-ciba"
	CheckPollMode    CheckName = "poll-delivery-mode"
	CheckPollMissing CheckName = "poll-id-missing"
	CheckPollKnown   CheckName = "poll-id-known"
	CheckPollOwn     CheckName = "poll-id-own"
	CheckPollBound   CheckName = "poll-certificate" // RFC 8705 3
)

// The checks of a refresh; RFC 6749 6.
const (
	CheckRefreshKnown   CheckName = "refresh-token-known"
	CheckRefreshOwn     CheckName = "refresh-token-own"
	CheckRefreshBound   CheckName = "refresh-certificate" // RFC 8705 3
	CheckRefreshScope   CheckName = "refresh-scope"
	CheckRefreshDetails CheckName = "refresh-details"
)

// CheckFunc looks at a request and returns nil, or the refusal that ends it.
type CheckFunc func(*Call) *OAuthError

// check is a row of a table.
type check struct {
	name CheckName
	run  CheckFunc
}

// tables are the checks of an OP. The order within a table is that of the text.
type tables struct{ client, assertion, start, poll, refresh []check }

// run does the checks in order and returns the first refusal.
func (c *Call) run(checks []check) *OAuthError {
	for _, step := range checks {
		if err := step.run(c); err != nil {
			return err
		}
	}
	return nil
}

// newTables puts the wrapping of a plan around the usual checks. It is done once,
// so that a request pays for nothing that its OP does not do.
func newTables(wraps map[CheckName][]func(CheckFunc) CheckFunc) (tables, error) {
	known := map[CheckName]bool{}
	wrapped := func(usual []check) []check {
		list := make([]check, len(usual))
		for i, step := range usual {
			known[step.name] = true
			for _, wrap := range wraps[step.name] {
				step.run = wrap(step.run)
			}
			list[i] = step
		}
		return list
	}
	t := tables{
		client: wrapped(clientChecks), assertion: wrapped(assertionChecks), start: wrapped(startChecks),
		poll: wrapped(pollChecks), refresh: wrapped(refreshChecks),
	}
	for name := range wraps {
		if !known[name] {
			return t, fmt.Errorf("no table has a check %q", name)
		}
	}
	return t, nil
}
