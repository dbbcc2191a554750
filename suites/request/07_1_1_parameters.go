package request

import (
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/jose"
	"github.com/cibatest/cibatest/reports/result"
	. "github.com/cibatest/cibatest/suites/harness"
)

// CIBA Core 7.1.1: no parameter of an authentication request stands outside the JWT. What an OP
// does with one that does is not said (N-13): to refuse it is best, to look at the JWT alone is
// all right, and to act on what nobody has signed makes the signature worth nothing.
var _ = Cases.Describe("Parameters of a signed request", func() {
	Case("signed-outside-conflict", "are never overruled by those outside",
		Judges("CIBA-7.1.1-RO-OUTSIDE-CONFLICT").Needs(catalogue.NeedSecondUser).About(2*ciba.DefaultInterval), judgeOutsideHint)
	Case("signed-outside-message", "are shown, and not those outside",
		Judges("CIBA-7.1.1-RO-OUTSIDE-CONFLICT").Needs(catalogue.NeedDeviceObserver), judgeOutsideMessage)
	Case("signed-outside-expiry", "say how long it lives, and not those outside", Judges("CIBA-7.1.1-RO-OUTSIDE-CONFLICT"), judgeOutsideExpiry)
	Case("signed-outside-only", "are missing where they stand outside only", Judges("CIBA-7.1.1-RO-OUTSIDE-ONLY"), func(t *T) {
		mustTakeSigned(t)
		p := t.Request()
		hint := hintIn(p)
		t.JudgeVariant("the hint outside only", t.Send(t.StartRequest(p.Without(hint.Name)).Beside(hint.Name, hint.Value)))
		// OPs that merge both places, as OpenID Connect has it, are let off with a warning.
		JudgeVariantBy(t, warning(t.Requirement()), "scope outside only",
			t.Send(t.StartRequest(p.Without("scope")).Beside("scope", p.Get("scope"))))
	})
	Case("signed-user-code", "may hold the user_code", guessesUserCode("CIBA-7.1.2-UC-IN-JWT"), judgeUserCode)
	Case("signed-details", "may hold authorization_details", Judges("RFC9396-IN-REQUEST-JWT"), judgeDetails)
	Case("signed-details-granted", "grant the authorization_details that they hold",
		Judges("RFC9396-IN-REQUEST-JWT").Needs(catalogue.NeedApprove).About(2*ciba.DefaultInterval), judgeDetailsGranted)
})

// judgeOutsideHint names one user inside and another one outside, and looks whose tokens come.
func judgeOutsideHint(t *T) {
	mustTakeSigned(t)
	inside, outside := t.Request(), hintIn(t.RequestFor(t.Client(), t.OtherUser()))
	resp := t.Send(t.StartRequest(inside).Beside(outside.Name, outside.Value))
	t.JudgeVariant("the hint of one user inside and of another one outside", resp)
	if resp.Status/100 != 2 || t.Failed() {
		return
	}
	tokens, answer := t.MustRedeem(t.FlowOf(t.Client(), t.User(), resp))
	plain, _ := t.MustRedeem(t.MustStart(inside))
	t.At(answer)
	sub, right := IDTokenIn(t, tokens).Claims["sub"], IDTokenIn(t, plain).Claims["sub"]
	t.Check(sub == right, "tokens of the user whom the JWT names", "sub %.60q", sub)
}

// judgeOutsideMessage has another message outside, and looks at the device.
func judgeOutsideMessage(t *T) {
	if t.Approver().Nameless() {
		t.Skip("the prompts of this OP are known by their binding_message, so a wrong one cannot be told from none")
	}
	mustTakeSigned(t)
	inside, outside := t.Random().Text()[:8], t.Random().Text()[:8]
	resp := t.Send(t.StartRequest(t.Request().With("binding_message", inside)).Beside("binding_message", outside))
	t.JudgeVariant("one binding_message inside and another one outside", resp)
	if resp.Status/100 != 2 {
		return
	}
	prompt, came := PromptOf(t, t.FlowOf(t.Client(), t.User(), resp))
	if !came {
		t.Abort("the device was shown nothing for a signed request")
	}
	t.At(resp)
	t.Check(prompt.BindingMessage != outside, "the device shows the binding_message of the JWT", "it shows the one outside")
}

// judgeOutsideExpiry asks for two lifetimes that no OP gives by itself.
func judgeOutsideExpiry(t *T) {
	const inside, outside = 47, 83
	mustTakeSigned(t)
	p := t.Request().With("requested_expiry", strconv.Itoa(inside))
	resp := t.Send(t.StartRequest(p).Beside("requested_expiry", strconv.Itoa(outside)))
	t.JudgeVariant("a requested_expiry inside and another one outside", resp)
	if ack, err := resp.Started(); err == nil {
		t.At(resp)
		t.Check(ack.ExpiresIn != outside*time.Second, "an expires_in that the requested_expiry outside has not settled", "%s", ack.ExpiresIn)
	}
}

// guessesUserCode is for cases with wrong codes, after which an OP may lock the user.
func guessesUserCode(id string) Traits { return Judges(id).AloneForUser().LastForClient() }

// judgeUserCode sends the right code, none and a wrong one; and the right one outside, where
// nobody has signed it.
func judgeUserCode(t *T) {
	right := t.User().UserCode.Reveal()
	t.JudgeAck("the right user_code", t.Start(t.Request()))
	if t.Failed() {
		return
	}
	for _, wrong := range []struct {
		name    string
		code    ciba.ErrorCode
		request Request
	}{
		{"no user_code", ciba.MissingUserCode, t.StartRequest(t.Request().Without("user_code"))},
		{"a wrong user_code", ciba.InvalidUserCode, t.StartRequest(t.Request().With("user_code", lastChanged(right)))},
		{"the right user_code outside only", ciba.MissingUserCode, t.StartRequest(t.Request().Without("user_code")).Beside("user_code", right)},
	} {
		r := Tolerating(refusing(t, http.StatusBadRequest, wrong.code),
			ciba.MissingUserCode, ciba.InvalidUserCode, ciba.InvalidRequest, ciba.InvalidRequestObject)
		if wrong.request.Outside != nil {
			r = AlsoExpecting(r, ciba.InvalidRequest)
		}
		JudgeVariantBy(t, r, wrong.name, t.Send(wrong.request))
	}
}

// refusing is the case's requirement for a variant that has to be refused.
func refusing(t *T, status int, code ciba.ErrorCode) catalogue.Requirement {
	r := ExpectingStatus(t.Requirement(), status)
	r.Expect.Error, r.Expect.Body, r.Expect.OrSuccess = []string{string(code)}, nil, false
	return r
}

// validObject is the first object that the OP accepts, as it is written.
func validObject(t *T) string {
	if len(t.Target().RAR.Valid) == 0 {
		t.Skip("rar: the target file has no object in rar.valid")
	}
	return string(t.Target().RAR.Valid[0])
}

// judgeDetails sends an array that is good, one of a type that nobody knows, and the good one as
// a string, which OPs may take or refuse (N-17). An OP that passes the claim over takes them all.
func judgeDetails(t *T) {
	list := "[" + validObject(t) + "]"
	t.JudgeAck("authorization_details as array", t.Start(t.Request().With("authorization_details", list)))
	if t.Failed() {
		return
	}
	unknown := t.Request().With("authorization_details", `[{"type":"x-unknown-cibatest"}]`)
	r := Tolerating(refusing(t, http.StatusBadRequest, ciba.InvalidAuthorizationDetails), ciba.InvalidRequest)
	JudgeVariantBy(t, r, "authorization_details of an unknown type", t.Start(unknown))
	text := t.Send(spoiled(t, jose.Claiming("authorization_details as string", "authorization_details", list)))
	if t.MustAnswer(text).Status >= 500 {
		t.JudgeVariant("authorization_details as string", text)
		return
	}
	t.At(text)
	t.Info("authorization_details as string are taken or refused", "%s", text.Summary())
}

// judgeDetailsGranted looks for the type that was asked for in the token response.
func judgeDetailsGranted(t *T) {
	object := validObject(t)
	var asked struct {
		Type string `json:"type"`
	}
	MustNotFail(t, json.Unmarshal([]byte(object), &asked))
	resp := t.MustAccept("a signed request with authorization_details", t.Start(t.Request().With("authorization_details", "["+object+"]")))
	_, answer := t.MustRedeem(t.FlowOf(t.Client(), t.User(), resp))
	t.Expect(answer).As(result.Outcome(t.Requirement().Verdict)).
		To(HaveMember("authorization_details", func(value any) bool { return grants(value, asked.Type) }),
			"the granted authorization_details with the type that the JWT asks for")
}

// grants reports whether authorization_details have an object of a type.
func grants(details any, kind string) bool {
	list, _ := details.([]any)
	for _, one := range list {
		if object, _ := one.(map[string]any); object["type"] == kind {
			return true
		}
	}
	return false
}
