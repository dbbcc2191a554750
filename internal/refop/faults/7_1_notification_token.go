package faults

import (
	"strings"

	"github.com/cibatest/cibatest/internal/refop"
	"github.com/cibatest/cibatest/internal/refop/edit"
)

// NotificationTokens are the defects of how client_notification_token is taken; CIBA Core
// 7.1.
var NotificationTokens = []Fault{
	{
		"notification-token-unneeded", "CIBA-7.1-CNT-MISSING", "a client that is called need not give a token",
		edit.WithoutWhen(tokenless, refop.CheckNotifyTokenMissing, refop.CheckNotifyTokenSyntax),
	},
	{
		"notification-token-unneeded-for-ping", "CIBA-7.1-CNT-MISSING", "a client that is pinged need not give a token",
		edit.WithoutWhen(edit.Both(edit.OfMode(refop.DeliveryPing), tokenless), refop.CheckNotifyTokenMissing, refop.CheckNotifyTokenSyntax),
	},
	{
		"notification-token-missing-401", "CIBA-7.1-CNT-MISSING", "a missing token is taken for a client that is not authenticated",
		edit.Answering(refop.CheckNotifyTokenMissing, 401, "invalid_client"),
	},
	{
		"notification-token-any-length", "CIBA-7.1-CNT-TOO-LONG", "a token of 1025 characters is taken",
		edit.Without(refop.CheckNotifyTokenLength),
	},
	{
		"notification-token-too-long-crash", "CIBA-7.1-CNT-TOO-LONG", "a token of 1025 characters is answered 500",
		edit.Answering(refop.CheckNotifyTokenLength, 500, "server_error"),
	},
	{
		"notification-token-any-syntax", "CIBA-7.1-CNT-SYNTAX", "whatever is sent is taken for a token",
		edit.Without(refop.CheckNotifyTokenSyntax),
	},
	{
		"notification-token-any-line", "CIBA-7.1-CNT-SYNTAX", "a token of two lines is taken",
		edit.WithoutWhen(tokenWith("\n"), refop.CheckNotifyTokenSyntax),
	},
	{
		"notification-token-with-comma", "CIBA-7.1-CNT-SYNTAX", "a token with a comma is taken",
		edit.WithoutWhen(tokenWith(","), refop.CheckNotifyTokenSyntax),
	},
	{
		"notification-token-short-own-code", "CIBA-7.1-CNT-SHORT", "a weak token is refused with a code of the OP's own",
		refusingTokens("weak_token", func(token string) bool { return len(token) < 22 }),
	},
	{
		"notification-token-half-length", "CIBA-7.1-CNT-MAX-OK", "a token of 1024 characters is refused",
		refusingTokens("invalid_request", func(token string) bool { return len(token) > 512 }),
	},
	{
		"notification-token-cut", "CIBA-7.1-CNT-MAX-OK", "a call carries the first 255 characters of the token",
		edit.All(pings(credited(cutToken)), pushes(credited(cutToken))),
	},
	{
		"notification-token-url-alphabet", "CIBA-7.1-CNT-FULL-ALPHABET", "a token with + or / is refused",
		refusingTokens("invalid_request", func(token string) bool { return strings.ContainsAny(token, "+/") }),
	},
	{
		"notification-token-unpadded", "CIBA-7.1-CNT-FULL-ALPHABET", "a call carries the token without = at its end",
		edit.All(pings(credited(unpadded)), pushes(credited(unpadded))),
	},
}

// tokenless picks calls without a token.
func tokenless(c *refop.Call) bool { return !c.Has("client_notification_token") }

// tokenWith picks calls whose token has some text in it.
func tokenWith(text string) edit.Which {
	return func(c *refop.Call) bool { return strings.Contains(c.Value("client_notification_token"), text) }
}

// refusingTokens refuses some tokens that are legal.
func refusingTokens(code string, which func(token string) bool) edit.Change {
	return edit.After(refop.CheckNotifyTokenSyntax, func(c *refop.Call) *refop.OAuthError {
		if c.Client.Notified() && which(c.Value("client_notification_token")) {
			return refop.Refusal(code, "this token is not taken")
		}
		return nil
	})
}

func cutToken(token string) string { return "Bearer " + token[:min(255, len(token))] }

func unpadded(token string) string { return "Bearer " + strings.TrimRight(token, "=") }
