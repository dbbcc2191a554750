package core

import (
	"net/http"
	"time"

	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/targetfile"
	. "github.com/cibatest/cibatest/suites/harness"
)

// CIBA Core 7.1.2: a user_code that only the user knows keeps strangers, who know the
// login_hint, from having the user asked again and again. Without the code, or with a
// wrong one, the OP refuses by a code of its own and the user hears nothing. Whether a
// code is needed is up to client and user; N-19 has what that leaves open.
var _ = Cases.Describe("User code", func() {
	Case("user-code-right", "starts the transaction", Judges("CIBA-7.1.2-UC-OK"), func(t *T) {
		t.JudgeAck("the right user_code", t.Start(t.Request()))
	})
	Case("user-code-missing", "that is missing yields missing_user_code", guessesUserCode("CIBA-7.1.2-UC-MISSING"), func(t *T) {
		t.Judge(sharedGuesses(t).missing)
	})
	Case("user-code-wrong", "that is wrong yields invalid_user_code", guessesUserCode("CIBA-7.1.2-UC-WRONG"), func(t *T) {
		t.Judge(sharedGuesses(t).wrong)
	})
	Case("user-code-of-another", "that is another user's yields invalid_user_code",
		guessesUserCode("CIBA-7.1.2-UC-WRONG").Needs(catalogue.NeedSecondUser).ForUsers(Users{
			What:  "ones with different user codes",
			Other: func(own, other targetfile.User) bool { return own.UserCode != other.UserCode },
		}), func(t *T) {
			other, code := t.OtherUser(), t.User().UserCode.Reveal()
			t.MustAccept("a request with the other user's own code", t.Start(t.RequestFor(t.Client(), other)))
			r := Tolerating(t.Requirement(), ciba.AccessDenied) // the other cases' guesses may have locked this user
			r.Expect.ToleratedStatus = []int{http.StatusForbidden}
			t.JudgeBy(r, t.Start(t.RequestFor(t.Client(), other).With("user_code", code)))
		})
	Case("user-code-got-around", "is not got around by an empty one or another hint",
		guessesUserCode("CIBA-7.1.2-UC-MISSING"), func(t *T) {
			judgeGuess(t, "an empty user_code", t.Start(t.Request().With("user_code", "")))
			if token := t.User().LoginHintToken.Reveal(); token != "" && t.Has(catalogue.NeedLoginHintToken) {
				p := requestWithoutHint(t).Without("user_code").Add("login_hint_token", token)
				judgeGuess(t, "no user_code beside a login_hint_token", t.Start(p))
			}
		})
	// An OP that compares as many characters as the right code has takes a longer one.
	Case("user-code-longer", "that goes on after the right one is wrong", guessesUserCode("CIBA-7.1.2-UC-WRONG"), func(t *T) {
		judgeGuess(t, "the right user_code and a digit", sharedGuesses(t).longer)
	})
	Case("user-code-shorter", "that is the beginning of the right one is wrong", guessesUserCode("CIBA-7.1.2-UC-WRONG"), func(t *T) {
		judgeGuess(t, "the right user_code without its last digit", sharedGuesses(t).shorter)
	})
	Case("user-code-no-prompt", "keeps the user undisturbed", guessesUserCode("CIBA-7.1.2-UC-NO-PROMPT"), func(t *T) {
		g := sharedGuesses(t)
		if g.missing.Status/100 == 2 || g.wrong.Status/100 == 2 || g.longer.Status/100 == 2 || g.shorter.Status/100 == 2 {
			t.Skip("the OP accepts the request, so a prompt is due; see user-code-missing and user-code-wrong")
		}
		if g.untold {
			t.Skip(untoldPrompts)
		}
		t.Check(!g.prompted, "no prompt without the right code", "the device was asked")
	})
	Case("user-code-unsupported", "is recorded where it is not supported", Judges("CIBA-7.1.2-UC-UNSUPPORTED"), func(t *T) {
		t.Judge(t.Start(t.Request().With("user_code", "1234")))
	})
	Case("user-code-opt-out", "is recorded for a client registered without it", Judges("CIBA-7.1.2-UC-CLIENT-OPT-OUT"), func(t *T) {
		t.Judge(t.Start(t.Request().Without("user_code")))
	})
})

// guessesUserCode is for cases about wrong codes, which may lock the user: they come
// after the case about the right one.
func guessesUserCode(id string) Traits {
	return Judges(id).AloneForUser().LastForClient().About(sideEffectWait)
}

// judgeGuess passes any refusal: after a wrong code an OP may name another reason, such
// as a user who is locked for a while.
func judgeGuess(t *T, what string, resp *ciba.Response) {
	if t.MustAnswer(resp).Status/100 != 4 {
		t.JudgeVariant(what, resp)
	}
}

// userCodeGuesses are the answers to requests without the right code, and whether one of
// them reached the user.
type userCodeGuesses struct {
	missing, wrong, longer, shorter *ciba.Response
	prompted                        bool
	untold                          bool // whether a prompt is that of an accepted request
}

// sharedGuesses tries wrong codes once for all cases, since an OP may lock a user after
// a few.
func sharedGuesses(t *T) userCodeGuesses {
	return Observe(t, "user code guesses", func(t *T) userCodeGuesses {
		began, right := time.Now(), t.User().UserCode.Reveal()
		var g userCodeGuesses
		var messages []string
		guess := func(p ciba.Params) *ciba.Response {
			p = withOwnMessage(t, p)
			resp := t.MustAnswer(t.Start(p))
			if resp.Status/100 == 4 {
				messages = append(messages, p.Get("binding_message"))
			}
			return resp
		}
		g.missing = guess(t.Request().Without("user_code"))
		g.wrong = guess(t.Request().With("user_code", lastCharacterChanged(right)))
		g.longer = guess(t.Request().With("user_code", right+"0"))
		g.shorter = guess(t.Request().With("user_code", withoutLast(right)))
		if t.Has(catalogue.NeedDeviceObserver) {
			g.prompted, g.untold = strayPrompt(t, began, messages)
		}
		return g
	})
}
