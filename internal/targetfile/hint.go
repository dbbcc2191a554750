package targetfile

import (
	"encoding/json"
	"net/url"

	"github.com/cibatest/cibatest/internal/yamlfile"
)

// The forms of login_hint that a target file can ask for.
const (
	HintPlain  = "plain"   // any text, as the OP has it; the default
	HintIssSub = "iss_sub" // the subject identifier of RFC 9493 3.2.3: a JSON object of issuer and subject
)

// issSub is a login_hint of the form [HintIssSub]. Its members stand in the order in which
// Auth0's own SDKs write them.
type issSub struct {
	Format string `json:"format"`
	Issuer string `json:"iss"`
	Sub    string `json:"sub"`
}

// buildHints gives a login_hint to every user who has a sub and no hint, where the OP takes
// hints that are made of issuer and subject.
func (t *Target) buildHints() {
	if t.HintFormat != HintIssSub {
		return
	}
	build := func(u *User) {
		if name, _ := u.Hint(); name == "" && u.Sub != "" {
			text, _ := json.Marshal(issSub{HintIssSub, t.Issuer, u.Sub}) // cannot fail for texts
			u.LoginHint = string(text)
		}
	}
	for i := range t.Users {
		build(&t.Users[i])
	}
	build(&t.UnknownUser)
}

// hint checks a login_hint that a file writes out where it has to be made of issuer and
// subject. The OP would refuse it, and with it every request.
func (m meaning) hint(user yamlfile.Place, u User) {
	at := user.At("login_hint")
	if m.target.HintFormat != HintIssSub || !at.Exists() || u.LoginHint == "" {
		return
	}
	var hint issSub
	switch err := json.Unmarshal([]byte(u.LoginHint), &hint); {
	case err != nil || hint.Format != HintIssSub:
		at.Wrong("is %s; this OP takes {\"format\":\"iss_sub\",\"iss\":ISSUER,\"sub\":SUBJECT}. "+
			"Write sub: %s in its place, and the hint is built", at.Shown(), at.Shown())
	case hint.Sub == "":
		at.Wrong("has no sub; write sub: SUBJECT in place of the whole login_hint, and it is built")
	case user.At("sub").Exists() && u.Sub != hint.Sub:
		at.Wrong("is about another subject than sub of this user; leave login_hint out, and it is built of sub")
	case hostOf(hint.Issuer) != hostOf(m.target.Issuer):
		at.Wrong("has an iss at another host than issuer; leave login_hint out, and it is built of issuer and sub")
	}
}

// hostOf is the host of a URL with its port; empty for what is none.
func hostOf(text string) string {
	u, err := url.Parse(text)
	if err != nil {
		return ""
	}
	return u.Host
}
