package request

import (
	"fmt"
	"slices"
	"strings"

	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/jose"
	"github.com/cibatest/cibatest/internal/targetfile"
	. "github.com/cibatest/cibatest/suites/harness"
)

// CIBA Core 7.1.1: all parameters are claims of a JWT that the client signs with the algorithm
// it is registered for. What JWT and JOSE allow in such a token does not spoil it: several
// audiences, claims that nobody knows, a typ.
var _ = Cases.Describe("Signed request", func() {
	Case("signed-accepted", "is taken from each client that signs, by its own algorithm", Judges("CIBA-7.1.1-RO-OK").Smoke(), func(t *T) {
		for _, c := range eachAlgorithm(t) {
			t.JudgeAck("a request signed with "+c.RequestSigningAlg, t.StartAs(c, t.RequestFor(c, t.User())))
		}
		judgeTakenBy(t, warning(t.Requirement()), jose.ClaimingAll("times with fractions of seconds", map[string]any{
			"exp": float64(inSeconds(300)) + 0.5, "iat": float64(inSeconds(0)) + 0.25, "nbf": float64(inSeconds(-10)) + 0.75, // RFC 7519 2
		}), jose.Claiming("a long jti", "jti", strings.Repeat(t.Random().Text(), 8)))
	})
	Case("signed-redeemed", "leads to tokens once the user has approved it",
		Judges("CIBA-7.1.1-RO-OK").Needs(catalogue.NeedApprove).AlsoAs(Ping, Push).About(2*ciba.DefaultInterval), func(t *T) {
			resp := t.Start(t.Request())
			t.JudgeAck("a signed request", resp)
			if t.Failed() {
				return
			}
			flow := t.FlowOf(t.Client(), t.User(), resp)
			t.Approve(flow)
			t.Expect(t.PollDecided(flow)).To(HaveTokens(), "the tokens of an approved signed request")
		})
	// An OP that verifies the JWT and then reads the form has nothing to show.
	Case("signed-message-shown", "shows the binding_message that is inside",
		Judges("CIBA-7.1.1-RO-OK").Needs(catalogue.NeedDeviceObserver), judgeMessageInside)
	Case("signed-aud-array", "may be addressed to several, the issuer among them", Judges("CIBA-7.1.1-RO-AUD-ARRAY"), func(t *T) {
		issuer := t.Target().Issuer
		judgeTaken(t, jose.Claiming("an audience of one in an array", "aud", []string{issuer}),
			jose.Claiming("the issuer before another audience", "aud", []string{issuer, "https://x.example"}),
			jose.Claiming("the issuer behind another audience", "aud", []string{"https://x.example", issuer}))
	})
	Case("signed-unknown-claim", "may have claims that nobody knows", Judges("CIBA-7.2-RO-UNKNOWN-CLAIM"), func(t *T) {
		judgeTaken(t, jose.Claiming("an unknown claim that is a string", "x_unknown", "1"),
			jose.Claiming("an unknown claim that is an object", "x_unknown", map[string]any{"scope": []int{1}}))
	})
	Case("signed-typ", "may say in its header what it is", Judges("RFC9101-RO-TYP"), func(t *T) {
		judgeTaken(t, jose.Heading("typ oauth-authz-req+jwt", "typ", "oauth-authz-req+jwt"), jose.Heading("no typ", "typ", nil))
	})
	Case("signed-expiry-number", "may ask for its lifetime by a number", Judges("CIBA-7.1.1-RO-EXPIRY-NUMBER"), func(t *T) {
		judgeTaken(t, jose.Claiming("requested_expiry 300", "requested_expiry", 300))
	})
	Case("signed-expiry-string", "may ask for its lifetime by a string", Judges("CIBA-7.1.1-RO-EXPIRY-STRING"), func(t *T) {
		judgeTaken(t, jose.Claiming(`requested_expiry "300"`, "requested_expiry", "300"))
	})
	Case("signed-types", "with parameters of other types breaks nothing", Judges("CIBA-7.1.1-RO-TYPES"), func(t *T) {
		// Read as a text, such a hint names nobody.
		judgeFlawsBy(t, AlsoExpecting(t.Requirement(), ciba.UnknownUserID), jose.Claiming("login_hint as number", "login_hint", 4711),
			jose.Claiming("login_hint as object", "login_hint", map[string]any{"sub": "x"}), jose.Claiming("login_hint null", "login_hint", nil))
		judgeFlaws(t, jose.Claiming("scope as array", "scope", []string{"openid"}),
			jose.Claiming("binding_message as array", "binding_message", []any{"A", 1}),
			jose.Claiming("requested_expiry as object", "requested_expiry", map[string]any{"s": 300}))
	})
	// No text says that a JWT is good for one request only.
	Case("signed-replay", "is recorded when it is used twice", Judges("CIBA-7.1.1-RO-JTI-REPLAY"), func(t *T) {
		token := ""
		first := jose.Flaw{Name: "a JWT that is kept", Forge: func(header, claims map[string]any, key jose.Key) (_ string, err error) {
			token, err = jose.Sign(header, claims, key) // anew if the OP's limits want the request again
			return token, err
		}}
		t.MustAccept("the first use of a signed request", t.Send(spoiled(t, first)))
		t.JudgeVariant("the same JWT again", t.Send(spoiled(t, jose.Verbatim("the same JWT", token))))
	})
	Case("signed-iat-future", "is recorded when it was issued in ten minutes", Judges("CIBA-7.1.1-RO-IAT-FUTURE"), func(t *T) {
		judgeFlaws(t, jose.ClaimingAll("iat in 600 s", map[string]any{"iat": inSeconds(600), "nbf": inSeconds(-10), "exp": inSeconds(900)}))
	})
	// A client that authenticates by an assertion or in the header may name itself besides, RFC
	// 7521 4.2 and RFC 6749 3.2.1, and some OPs want it to.
	Case("signed-authentication-outside", "stands beside what authenticates the client", Judges("CIBA-7.1.1-RO-AUTH-OUTSIDE"), func(t *T) {
		r, request := t.Requirement(), t.StartRequest(t.Request())
		if t.Client().AuthMethod == targetfile.AuthClientSecretBasic {
			r = warning(r)
		}
		t.JudgeAck("the client's own authentication beside request", t.Send(request))
		if t.Client().AuthMethod != targetfile.AuthClientSecretPost {
			request.Form = request.Form.Add("client_id", t.Client().ClientID)
			judgeAckBy(t, r, "client_id beside request", t.Send(request))
		}
	})
	// What a client that did not register may do is not said, nor what one may leave that did (N-12).
	Case("signed-client-plain", "is recorded where a client that signs sends a plain one",
		Judges("CIBA-4-RO-UNSIGNED-FROM-SIGNER"), func(t *T) {
			mustTakeSigned(t)
			t.JudgeVariant("a plain request", t.Send(t.StartRequest(t.Request()).Unsigned()))
		})
	Case("signed-client-unregistered", "is recorded where a client signs that is not registered to",
		Judges("CIBA-4-RO-SIGNED-FROM-UNREGISTERED").Methods(targetfile.AuthPrivateKeyJWT), func(t *T) {
			t.JudgeVariant("a signed request", t.Send(t.StartRequest(t.Request()).SignedAs(object(t, t.Client()))))
		})
	Case("signed-unsupported", "starts nothing where the OP offers none", Judges("CIBA-4-SIGNED-UNSUPPORTED"), judgeUnsupported)
})

// eachAlgorithm is one client that signs for each algorithm, the case's own first.
func eachAlgorithm(t *T) []*Client {
	var list []*Client
	for _, c := range signers(t) {
		if !slices.ContainsFunc(list, func(other *Client) bool { return other.RequestSigningAlg == c.RequestSigningAlg }) {
			list = append(list, c)
		}
	}
	return list
}

// judgeTaken wants requests with something odd about them to be accepted.
func judgeTaken(t *T, odd ...jose.Flaw) { judgeTakenBy(t, t.Requirement(), odd...) }

// judgeTakenBy is [judgeTaken] by a requirement that the case has altered.
func judgeTakenBy(t *T, r catalogue.Requirement, odd ...jose.Flaw) {
	for _, f := range odd {
		judgeAckBy(t, r, f.Name, t.Send(spoiled(t, f)))
	}
}

// judgeAckBy is [T.JudgeAck] by a requirement that the case has altered.
func judgeAckBy(t *T, r catalogue.Requirement, what string, resp *ciba.Response) {
	if t.MustAnswer(resp).Status/100 != 2 {
		JudgeVariantBy(t, r, what, resp)
	}
}

// judgeMessageInside compares what the device is shown with the claim.
func judgeMessageInside(t *T) {
	if t.Approver().Nameless() {
		t.Skip("the prompts of this OP are known by their binding_message, so a wrong one cannot be told from none")
	}
	message := t.Random().Text()[:8]
	resp := t.Start(t.Request().With("binding_message", message))
	t.JudgeAck("a signed request with a binding_message", resp)
	if t.Failed() {
		return
	}
	prompt, came := PromptOf(t, t.FlowOf(t.Client(), t.User(), resp))
	if !came {
		t.Abort("the device was shown nothing for a signed request")
	}
	t.At(resp)
	t.Check(prompt.BindingMessage == message, "the device shows the binding_message of the JWT",
		"it shows %s", fmt.Sprintf("%.40q", prompt.BindingMessage))
}

// judgeUnsupported sends a request that is good but for standing in a JWT, by the client whose
// registration is the most likely to have a key: an OP that understates its metadata takes it.
func judgeUnsupported(t *T) {
	for _, c := range append(Strangers(t), t.Client()) {
		if takesPart(t, c) && object(t, c).Key.IsPrivate() {
			t.JudgeVariant("all parameters in a signed request", t.Send(t.StartRequest(t.RequestFor(c, t.User())).As(c).SignedAs(object(t, c))))
			return
		}
	}
	key, err := jose.KeyOfNobody("ES256", "cibatest")
	MustNotFail(t, err)
	o := object(t, t.Client())
	o.Key = key
	t.JudgeVariant("all parameters in a signed request", t.Send(t.StartRequest(t.Request()).SignedAs(o)))
}
