package guardian

import (
	"encoding/json"
	"errors"
	"fmt"
)

// MaxPush bounds what is read of a push, in bytes. Firebase carries 4 KiB.
const MaxPush = 64 << 10

// Push is what a tenant tells a device in a push: that there is something to decide. It
// comes from whoever can reach the inbox, so that nothing of it is true until the tenant
// says so.
type Push struct {
	Host       string // the tenant it claims to be of (sh)
	Enrollment string // the device it is for (dai)
	Challenge  string // what the answer signs (c); secret
	Token      string // access to the transaction (txtkn); secret
	Consent    string // what the user is asked (txlnkid)
}

// Format keeps the secrets of a push out of every message.
func (p Push) Format(s fmt.State, _ rune) {
	_, _ = fmt.Fprintf(s, "push about %.100q for %.100q", p.Consent, p.Enrollment)
}

// envelopes are the members in which relays and platforms wrap the data of a push.
var envelopes = []string{"message", "data", "mfa"}

// ParsePush reads the data of a push, alone or in the envelope of Firebase or of APNs.
func ParsePush(body []byte) (Push, error) {
	if len(body) > MaxPush {
		return Push{}, fmt.Errorf("it has more than %d KiB", MaxPush>>10)
	}
	for range envelopes { // each envelope may be in another one
		var members map[string]json.RawMessage
		if json.Unmarshal(body, &members) != nil || members == nil {
			return Push{}, errors.New("it is no JSON object")
		}
		if _, here := members["txtkn"]; here {
			return pushOf(members)
		}
		body = inEnvelope(members)
	}
	return pushOf(nil)
}

// inEnvelope is what the first envelope among the members holds, and an empty object
// where there is none.
func inEnvelope(members map[string]json.RawMessage) []byte {
	for _, name := range envelopes {
		if inside, wrapped := members[name]; wrapped {
			return inside
		}
	}
	return []byte("{}")
}

// pushOf wants all that a decision needs, in the form that headers, paths and tokens have.
func pushOf(members map[string]json.RawMessage) (p Push, err error) {
	for _, m := range []struct {
		name string
		to   *string
		fits func(string) bool
	}{
		{"sh", &p.Host, short},
		{"dai", &p.Enrollment, plainID.MatchString},
		{"c", &p.Challenge, short},
		{"txtkn", &p.Token, plainToken},
		{"txlnkid", &p.Consent, plainID.MatchString},
	} {
		value, there := members[m.name]
		switch {
		case !there:
			return Push{}, fmt.Errorf("it has no %s, so it is no push about a request for consent", m.name)
		case json.Unmarshal(value, m.to) != nil || !m.fits(*m.to):
			return Push{}, fmt.Errorf("its %s has not the form of one", m.name)
		}
	}
	return p, nil
}

func short(text string) bool { return text != "" && len(text) <= 4096 }
