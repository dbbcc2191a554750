package core

import (
	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/reports/result"
	. "github.com/cibatest/cibatest/suites/harness"
)

// possession is what tokens were good for, for their owner, before others did something.
// What was no use before tells nothing afterwards.
type possession struct {
	tokens        ciba.TokenResponse
	opensUserInfo bool
	isActive      bool
	refreshToken  string // the one that is in force; empty when none works
}

// takeStock tries what the tokens of the case's client are good for. It uses the refresh
// token once, so that one that never works is not taken for one that was lost.
func takeStock(t *T, tokens ciba.TokenResponse) possession {
	p := possession{tokens: tokens}
	if tokens.RefreshToken != "" {
		if fresh, err := t.MustAnswer(Refresh(t, tokens.RefreshToken)).Tokens(); err == nil {
			p.refreshToken = tokens.RefreshToken
			if fresh.RefreshToken != "" {
				p.refreshToken = fresh.RefreshToken
			}
		}
	}
	p.opensUserInfo, p.isActive = opensUserInfo(t, tokens), IntrospectedActive(t, tokens.AccessToken) == true
	return p
}

// judgeKept wants everything to be as good as it was, after something that others did.
func (p possession) judgeKept(t *T, o result.Outcome, after string) {
	if p.opensUserInfo && !opensUserInfo(t, p.tokens) {
		t.Record(t.Requirement(), o, after+": the owner's access token still opens UserInfo", Evidence(t).Summary())
	}
	if p.isActive && IntrospectedActive(t, p.tokens.AccessToken) == false {
		t.Record(t.Requirement(), o, after+": the owner's access token is still active", "introspection says that it is not")
	}
	if p.refreshToken != "" {
		resp := t.MustAnswer(Refresh(t, p.refreshToken))
		t.Expect(resp).As(o).To(HaveTokens(), after+": the owner's refresh token still works")
	}
}

// opensUserInfo reports whether an access token does. The next finding points at the answer.
func opensUserInfo(t *T, tokens ciba.TokenResponse) bool {
	if !t.Has(catalogue.NeedUserinfo) {
		return false
	}
	resp := t.MustAnswer(t.Send(UserinfoRequest(t, tokens.AccessToken)))
	t.At(resp)
	return resp.Status == 200
}
