package tokens

import (
	"net/http"
	"slices"
	"strings"

	"github.com/cibatest/cibatest/internal/ciba"
	. "github.com/cibatest/cibatest/suites/harness"
)

// judgeACRPresent asks for a published class, and for two of them. CIBA Core 7.1 strongly
// recommends that the ID Token then says which class was reached; it may be another one
// than was asked for. See N-25.
func judgeACRPresent(t *T) {
	supported := t.Discovery().Strings("acr_values_supported")
	judgeACRText(t, redeemedWithACR(t, supported), "acr is a string")
	if len(supported) < 2 || t.Approver().IsPerson() {
		return
	}
	if r, ok := TryRedeem(t, t.Request().With("acr_values", strings.Join(supported[:2], " "))); ok {
		judgeACRText(t, r, "acr is a string when two values were sent")
	}
}

func judgeACRText(t *T, r Redeemed, expected string) {
	t.At(r.Response)
	acr := IDTokenIn(t, r.Tokens).Claims["acr"]
	text, _ := acr.(string)
	t.Check(text != "", expected, "acr is %T", acr)
}

// redeemedWithACR is a flow for the first published acr value that the OP takes and the
// end-user's device can satisfy.
func redeemedWithACR(t *T, supported []string) Redeemed {
	for _, value := range supported {
		if r, ok := TryRedeem(t, t.Request().With("acr_values", value)); ok {
			return r
		}
	}
	t.Skip("acr: no value of acr_values_supported leads to tokens")
	return Redeemed{}
}

// judgeTrueACR asks for a class nobody can know, alone and before a published one.
// acr_values is a wish: refusing it, leaving acr out and reporting another class are all
// right. An OP that repeats the wish tells a client that a strong authentication took
// place which did not.
func judgeTrueACR(t *T) {
	unknown := "urn:cibatest:acr:" + t.Random().Text()
	judgeUnknownACR(t, unknown, unknown)
	if supported := t.Discovery().Strings("acr_values_supported"); len(supported) > 0 {
		judgeUnknownACR(t, unknown, unknown+" "+supported[0])
	}
}

func judgeUnknownACR(t *T, unknown, values string) {
	resp := t.Start(t.Request().With("acr_values", values))
	if resp.Status == http.StatusForbidden && resp.Is(ciba.AccessDenied) {
		return // refused by the code and status of CIBA Core 13
	}
	t.JudgeVariant("acr_values with an unknown class", resp)
	if resp.Status/100 != 2 {
		return
	}
	flow := t.FlowOf(t.Client(), t.User(), resp)
	t.Approve(flow)
	redeemed := t.PollDecided(flow)
	t.JudgeVariant("after approval", redeemed)
	if redeemed.Status != http.StatusOK {
		return
	}
	tokens, _ := t.MustTokens(redeemed)
	if acr, there := Optional(t, IDTokenIn(t, tokens).Claims, "acr"); there {
		judgeClaimedACR(t, acr, unknown)
	}
}

// judgeClaimedACR wants a class that can have been satisfied. The class "0" says that none
// was, and need not be published (OIDC Core 2).
func judgeClaimedACR(t *T, acr any, unknown string) {
	text, isString := acr.(string)
	t.Check(isString, "acr is a string, or absent", "acr is %T", acr)
	isUnknown := text == unknown || slices.Contains(strings.Fields(text), unknown)
	t.Check(!isUnknown, "a class that was satisfied", "acr repeats the made-up class")
	supported := t.Discovery().Strings("acr_values_supported")
	if isString && text != unknown && text != "0" && len(supported) > 0 && !slices.Contains(supported, text) {
		t.Warn("a class of acr_values_supported", "%.100q", text)
	}
}
