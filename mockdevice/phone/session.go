package phone

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"

	"github.com/cibatest/cibatest/mockdevice/wire"
)

// The cookie is a MAC of its own name under the token, so that the token is in no browser, and
// a device that is started again with the same token knows its pages.
const cookieName = "cibatest-phone"

// cookie is what a browser holds once it has shown the token.
func (p *Page) cookie() string {
	mac := hmac.New(sha256.New, []byte(p.token))
	_, _ = mac.Write([]byte(cookieName))
	return hex.EncodeToString(mac.Sum(nil))
}

// signedIn asks for the cookie, or for the token as a bearer.
func (p *Page) signedIn(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		held, err := r.Cookie(cookieName)
		switch {
		case p.token == "", err == nil && equal(held.Value, p.cookie()), equal(r.Header.Get("Authorization"), "Bearer "+p.token):
			next(w, r)
		case r.URL.Path == "/phone":
			render(w, http.StatusUnauthorized, "login", struct{ User, Problem string }{r.URL.Query().Get("user"), ""})
		default:
			wire.Refuse(w, http.StatusUnauthorized, errors.New("open /phone first and show the device's token"))
		}
	}
}

// login takes the form with the token.
func (p *Page) login(w http.ResponseWriter, r *http.Request) {
	user := r.PostFormValue("user")
	if p.token != "" && !equal(r.PostFormValue("token"), p.token) {
		render(w, http.StatusUnauthorized, "login", struct{ User, Problem string }{user, "This is not the token of the device."})
		return
	}
	http.SetCookie(w, &http.Cookie{ //nolint:gosec // Secure where the connection is; a device on loopback speaks plain HTTP
		Name: cookieName, Value: p.cookie(), Path: "/phone", HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: r.TLS != nil,
	})
	http.Redirect(w, r, "/phone?"+url.Values{"user": {user}}.Encode(), http.StatusSeeOther)
}

// equal takes the same time for every pair of texts of one length, since one of them is
// a secret.
func equal(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
