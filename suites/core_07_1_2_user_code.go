package suites

import (
	"time"

	"github.com/cibatest/cibatest/internal/approve"
	"github.com/cibatest/cibatest/internal/ciba"
	. "github.com/onsi/ginkgo/v2"
)

// CIBA Core 7.1.2: a code that only the user knows keeps strangers from
// disturbing the user.
var _ = Describe("User code", func() {
	Case("user-code-right", "starts the transaction", Requirements("CIBA-7.1.2-UC-OK"), func(t *T) {
		t.JudgeAck("the right user_code", t.Start(t.Request()))
	})
	Case("user-code-missing", "that is missing yields missing_user_code", Requirements("CIBA-7.1.2-UC-MISSING").AloneForUser(), func(t *T) {
		t.Judge(t.Start(t.Request().Without("user_code")))
	})
	Case("user-code-wrong", "that is wrong yields invalid_user_code", Requirements("CIBA-7.1.2-UC-WRONG").AloneForUser(), func(t *T) {
		t.Judge(wrongCode(t))
	})
	Case("user-code-no-prompt", "keeps the user undisturbed", Requirements("CIBA-7.1.2-UC-NO-PROMPT").AloneForUser(), func(t *T) {
		began := time.Now()
		missing, wrong := t.Start(t.Request().Without("user_code")), wrongCode(t)
		if missing.Status == 200 || wrong.Status == 200 {
			t.Skip("the OP accepts the request, so a prompt is due; see user-code-missing and user-code-wrong")
		}
		user := t.User()
		_, shown := t.WaitPrompt(func(p approve.Prompt) bool {
			mine := user.LoginHint != "" && p.LoginHint == user.LoginHint || user.Sub != "" && p.Sub == user.Sub
			return mine && !p.ReceivedAt.Before(began)
		}, 5*time.Second)
		t.Check(!shown, "no prompt without the right code", "the device was asked")
	})
	Case("user-code-unsupported", "is recorded where it is not supported", Requirements("CIBA-7.1.2-UC-UNSUPPORTED"), func(t *T) {
		t.Judge(t.Start(t.Request().With("user_code", "1234")))
	})
	Case("user-code-opt-out", "is recorded for a client registered without it", Requirements("CIBA-7.1.2-UC-CLIENT-OPT-OUT"), func(t *T) {
		t.Judge(t.Start(t.Request().Without("user_code")))
	})
})

// wrongCode sends a code of the right shape that is not the user's. Wrong codes
// may lock the user, so each case sends one.
func wrongCode(t *T) *ciba.Response {
	code := []byte(t.User().UserCode.Reveal())
	code[len(code)-1] = flipped(code[len(code)-1])[0]
	return t.Start(t.Request().With("user_code", string(code)))
}
