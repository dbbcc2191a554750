package refop

import (
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// startChecks are the steps of CIBA Core 7.2: the client is authenticated, then
// the parameters are validated in the order in which CIBA Core 7.1 lists them.
// Details come last, as RFC 9396 adds them to a request that is good by itself.
var startChecks = slices.Concat(clientChecks, []check{
	{CheckClientCIBA, (*Call).needCIBAClient},
	{CheckClientConfidential, func(c *Call) *OAuthError { // CIBA Core 7.1: clients authenticate
		if c.Client.AuthMethod == MethodNone {
			return c.BadClient("public clients cannot use CIBA")
		}
		return nil
	}},
	{CheckClientPolicy, func(c *Call) *OAuthError { // CIBA Core 13
		if c.Client.PolicyDenied {
			return &OAuthError{Status: http.StatusForbidden, Code: "access_denied", Description: "policy forbids this client's requests"}
		}
		return nil
	}},
}, requestChecks, []check{
	{CheckScopeMissing, func(c *Call) *OAuthError {
		if len(c.scope()) == 0 {
			return Refusal("invalid_request", "scope is missing")
		}
		return nil
	}},
	{CheckScopeOpenID, func(c *Call) *OAuthError {
		if !slices.Contains(c.scope(), "openid") {
			return Refusal("invalid_scope", "scope has to contain openid")
		}
		return nil
	}},
	{CheckAudience, (*Call).findAPI},
	{CheckScopeKnown, func(c *Call) *OAuthError {
		if !c.OP.reg.Open.Scopes && !contains(c.OP.scopes(c.Audience), c.scope()) {
			return Refusal("invalid_scope", "unknown scope")
		}
		return nil
	}},
}, notificationChecks, hintChecks, []check{
	{CheckBindingMessage, func(c *Call) *OAuthError {
		if c.Has("binding_message") && !c.OP.Rules().SuitableMessage(c.Value("binding_message")) {
			return Refusal("invalid_binding_message", "binding_message has up to 64 printable characters")
		}
		return nil
	}},
	{CheckUserCodeMissing, func(c *Call) *OAuthError { // CIBA Core 7.1.2
		if c.Client.UserCode && c.User.UserCode != "" && c.Value("user_code") == "" {
			return Refusal("missing_user_code", "user_code is missing")
		}
		return nil
	}},
	{CheckUserCodeWrong, func(c *Call) *OAuthError {
		if code := c.Value("user_code"); c.Client.UserCode && code != "" && !equal(code, c.User.UserCode) {
			return Refusal("invalid_user_code", "wrong user_code")
		}
		return nil
	}},
	{CheckRequestedExpiry, (*Call).readExpiry},
	{CheckDetails, func(c *Call) (err *OAuthError) {
		c.Details, err = c.OP.Rules().Details(c)
		return err
	}},
})

// start is the backchannel authentication endpoint; CIBA Core 7.
func (op *OP) start(c *Call) *Reply {
	if err := c.run(op.checks.start); err != nil {
		return Failure(err)
	}
	f := op.plan.Rules.NewFlow(c)
	if err := op.plan.Rules.AcceptFlow(c, f); err != nil {
		return Failure(err)
	}
	op.keep(f)
	op.tellOfExpiry(f)
	op.plan.Rules.Ask(op, f)
	c.Flow = f
	ack := map[string]any{"auth_req_id": f.ID, "expires_in": seconds(c.Expiry)}
	if c.Client.DeliveryMode != DeliveryPush { // CIBA Core 7.3: who does not poll has no interval
		ack["interval"] = seconds(op.reg.Interval)
	}
	return Success(ReplyAcknowledgement, ack)
}

func acceptFlow(*Call, *Flow) *OAuthError { return nil }

// needCIBAClient is CIBA Core 4: a client registers a delivery mode and the grant.
func (c *Call) needCIBAClient() *OAuthError {
	if c.Client.NoCIBA {
		return Refusal("unauthorized_client", "the client is not registered for CIBA")
	}
	return nil
}

// scope are the values of the parameter scope.
func (c *Call) scope() []string { return strings.Fields(c.Value("scope")) }

// contains reports whether all names are in a list.
func contains(list, names []string) bool {
	return !slices.ContainsFunc(names, func(name string) bool { return !slices.Contains(list, name) })
}

// suitable is what a device of this OP can show without doubt: letters of any
// script, digits, spaces and ordinary punctuation.
var suitable = regexp.MustCompile(`^[\pL\pM\pN\pP\pZs$€£+=]{1,64}$`)

func suitableMessage(message string) bool { return suitable.MatchString(message) }

// readExpiry takes a requested_expiry, which is a positive whole number of seconds.
// Without one a request lives as long as the registration says.
func (c *Call) readExpiry() *OAuthError {
	c.Expiry = c.OP.reg.ExpiresIn
	if !c.Has("requested_expiry") {
		return nil
	}
	n, bad := strconv.ParseUint(c.Value("requested_expiry"), 10, 31)
	if bad != nil || n == 0 {
		return Refusal("invalid_request", "requested_expiry is a positive number of seconds")
	}
	lives, err := c.OP.Rules().Expiry(c, time.Duration(n)*time.Second)
	if err == nil {
		c.Expiry = lives
	}
	return err
}

// expiry gives what was asked for, up to the longest that this OP has.
func expiry(c *Call, asked time.Duration) (time.Duration, *OAuthError) {
	return min(asked, c.OP.reg.MaxExpiresIn), nil
}

func seconds(d time.Duration) int { return int(d / time.Second) }
