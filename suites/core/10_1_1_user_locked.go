package core

import (
	"time"

	"github.com/cibatest/cibatest/internal/catalogue"
	. "github.com/cibatest/cibatest/suites/harness"
)

// CIBA Core 10.1.1, RFC 6749 5.2 and 10.4: a grant can be revoked. An account is locked because
// it is in foreign hands or its owner has left, and what was approved before would otherwise
// open it for as long as an auth_req_id or a refresh token lives.
var _ = Cases.Describe("Locked user", func() {
	Case("user-locked-redemption", "brings no tokens by an approval from before the lock",
		Judges("CIBA-10.1.1-USER-LOCKED").AloneForUser().About(20*time.Second), func(t *T) {
			flow := t.MustStart(t.Request())
			t.Approve(flow)
			WithLocked(t, func() {
				t.Wait(lockGrace)
				t.JudgeVariant("an approved request of a user who is locked", t.Poll(flow))
			})
		})
	Case("user-locked-refresh", "brings no tokens by a refresh token from before the lock",
		Judges("CIBA-10.1.1-USER-LOCKED").Needs(catalogue.NeedRefresh).AloneForUser().About(20*time.Second), func(t *T) {
			tokens, _ := t.MustRedeem(t.MustStart(t.Request()))
			if tokens.RefreshToken == "" {
				t.Skip("refresh: the OP issues no refresh token")
			}
			fresh, err := t.MustSucceed("the client's own refresh", Refresh(t, tokens.RefreshToken)).Tokens()
			if err != nil {
				t.Abort("the answer to a refresh cannot be used: %v", err)
			}
			live := tokens.RefreshToken
			if fresh.RefreshToken != "" {
				live = fresh.RefreshToken
			}
			WithLocked(t, func() {
				t.Wait(lockGrace)
				t.JudgeVariant("a refresh token of a user who is locked", Refresh(t, live))
			})
		})
})

// lockGrace is how long a lock may take to have an effect.
const lockGrace = 10 * time.Second
