package phone

import "strings"

// scopeWords says what the scopes of OpenID Connect give away.
var scopeWords = map[string]string{
	"openid": "Know that it is you", "profile": "Read your profile: name, picture and the like", "email": "Read your e-mail address",
	"address": "Read your postal address", "phone": "Read your phone number", "offline_access": "Keep access while you are away",
}

// scopeLine is a scope in words, beside the scope itself.
type scopeLine struct {
	Words  []piece
	Scope  []piece
	Name   string
	Locked bool // openid cannot be left out: without it there is no answer
}

// scopeLines put each word of a scope into words for people.
func scopeLines(scope string) []scopeLine {
	var lines []scopeLine
	for s := range strings.FieldsSeq(scope) {
		words, ok := scopeWords[s]
		if !ok {
			words = labelOf(s)
		}
		lines = append(lines, scopeLine{visible(words), visible(s), s, s == "openid"})
	}
	return lines
}
