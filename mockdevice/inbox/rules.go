package inbox

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/cibatest/cibatest/mockdevice/wire"
)

// Rules make a request of a message. Without patterns they make none.
type Rules struct {
	// Find are the patterns by what they find: id, user, client, message, scope, acr,
	// details (an array in JSON) and expires_in (seconds) are parts of a request, and all
	// other names become labels of it, link and code among them. The first group of a
	// pattern is the value, or all of it where it has no group.
	Find map[string]*regexp.Regexp
	Need []string          // what has to be found; any other may be missing
	Key  []string          // the finds that tell requests of one recipient apart, if id is not found
	User map[string]string // the users as the OP names them, by the address of a message in lower case; others go by the address
	Life time.Duration     // how long a request lives if the message does not say; 0: nobody knows
}

// MaxShown bounds how much of a message a request keeps for people to see, in bytes.
const MaxShown = 4 << 10

// Request is what a message asks its recipient, named within the inbox. The error says
// why the message is no request; it holds nothing of what was found, which may be a secret.
func (r Rules) Request(inbox string, m wire.Message) (wire.Request, error) {
	found, err := r.find(m.Subject + "\n" + m.Text)
	if err != nil {
		return wire.Request{}, err
	}
	request := wire.Request{
		AuthReqID: found["id"], LoginHint: found["user"], ClientID: found["client"], BindingMessage: found["message"],
		Scope: strings.Join(strings.FieldsFunc(found["scope"], isBetweenWords), " "), ACRValues: found["acr"], Labels: r.labels(found),
	}
	if request.AuthReqID == "" {
		request.AuthReqID = inbox + "-" + r.keyOf(m, found)
	}
	if request.LoginHint == "" {
		request.LoginHint = r.userOf(m.To)
	}
	if details := found["details"]; details != "" {
		request.AuthorizationDetails = json.RawMessage(details)
	}
	if request.ExpiresAt, err = r.expiry(found["expires_in"]); err != nil {
		return wire.Request{}, err
	}
	request.Message = shown(m)
	return request, request.Check()
}

// parts are the finds that are no labels.
var parts = []string{"id", "user", "client", "message", "scope", "acr", "details", "expires_in"}

// find goes through all patterns in the order of their names.
func (r Rules) find(text string) (map[string]string, error) {
	found := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(r.Find)) {
		value, err := only(r.Find[name], text)
		if err != nil {
			return nil, fmt.Errorf("find.%s: %w", name, err)
		}
		if found[name] = value; value == "" && slices.Contains(r.Need, name) {
			return nil, fmt.Errorf("find.%s finds nothing in the message", name)
		}
	}
	return found, nil
}

// only is the one value that a pattern finds, however often, or empty.
func only(pattern *regexp.Regexp, text string) (value string, err error) {
	for _, match := range pattern.FindAllStringSubmatch(text, -1) {
		switch is := strings.TrimSpace(match[min(1, len(match)-1)]); {
		case is == "" || sameWords(is, value):
		case value == "":
			value = is
		default:
			return "", errors.New("finds different values in one message, so none can be relied on")
		}
	}
	return value, nil
}

// sameWords compares texts without regard to how they are spaced, which HTML and text do
// differently.
func sameWords(a, b string) bool { return slices.Equal(strings.Fields(a), strings.Fields(b)) }

// labels are the finds that have no place of their own in a request.
func (r Rules) labels(found map[string]string) map[string]string {
	labels := map[string]string{}
	for name, value := range found {
		if value != "" && !slices.Contains(parts, name) {
			labels[name] = value
		}
	}
	return labels
}

// keyOf names a request by its recipient and what answers it, without telling either.
func (r Rules) keyOf(m wire.Message, found map[string]string) string {
	key := []string{m.To}
	for _, name := range r.Key {
		key = append(key, found[name])
	}
	return wire.KeyOf(strings.Join(key, "\x00")).String()
}

// userOf is how the OP names the owner of an address. Addresses of mail are the same in
// any case of their letters.
func (r Rules) userOf(address string) string {
	if user, ok := r.User[strings.ToLower(address)]; ok {
		return user
	}
	return address
}

// expiry is when the request ends: what the message says, or else what the rules do.
func (r Rules) expiry(text string) (time.Time, error) {
	life := r.Life
	if text != "" {
		seconds, err := strconv.Atoi(text)
		if err != nil || seconds <= 0 || seconds > int(wire.MaxLife/time.Second) {
			return time.Time{}, fmt.Errorf("find.expires_in: %.20q is not a number of seconds", text)
		}
		life = time.Duration(seconds) * time.Second
	}
	if life <= 0 {
		return time.Time{}, nil
	}
	return time.Now().Add(life), nil
}

// isBetweenWords reports whether a character divides the words of a list that people read.
func isBetweenWords(r rune) bool {
	return r == ' ' || r == ',' || r == ';' || r == '\n' || r == '\r' || r == '\t'
}

// shown is the message as a person gets to see it.
func shown(m wire.Message) *wire.Message {
	const head = 400 // bytes
	return &wire.Message{
		From: cut(m.From, head), To: cut(m.To, head), Subject: cut(m.Subject, head), Text: cut(strings.TrimSpace(m.Text), MaxShown),
	}
}

// cut shortens a text to so many bytes and says that it did.
func cut(text string, most int) string {
	text = strings.ToValidUTF8(text, string(utf8.RuneError))
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + " [cut]"
}
