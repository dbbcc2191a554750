package harness

import "github.com/cibatest/cibatest/internal/ciba"

// RefreshRequest is a token request of a client with a refresh token, ready to be altered.
// RFC 6749 6.
func RefreshRequest(t *T, c *Client, refreshToken string) Request {
	call := t.TokenRequest(c, ciba.P("grant_type", "refresh_token", "refresh_token", refreshToken))
	call.Label = "refresh request"
	return call
}

// Refresh uses a refresh token as the case's client should, and returns whatever came. The
// OP may rotate refresh tokens, so the used one may be worth nothing afterwards.
func Refresh(t *T, refreshToken string) *ciba.Response {
	return t.Send(RefreshRequest(t, t.client, refreshToken))
}

// TryRedeem lets a request be approved that the OP may as well refuse, and reports whether
// that brought tokens.
func TryRedeem(t *T, p ciba.Params) (Redeemed, bool) {
	resp := t.Start(p)
	if resp.Status/100 != 2 {
		return Redeemed{}, false
	}
	r := Redeemed{Flow: t.FlowOf(t.client, t.User(), resp), Ack: resp}
	t.Approve(r.Flow)
	r.Response = t.PollDecided(r.Flow)
	var err error
	r.Tokens, err = r.Response.Tokens()
	return r, err == nil
}
