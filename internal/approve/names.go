package approve

import (
	"strings"
	"sync"
	"unicode"
)

// introductions tie the binding_message of a request to its auth_req_id, for prompts and
// people who see only the message. The zero value is ready for use.
type introductions struct {
	ids      sync.Map // by binding_message
	messages sync.Map // by auth_req_id
}

// add makes a request and its message known to each other.
func (n *introductions) add(authReqID, bindingMessage string) {
	n.ids.Store(bindingMessage, authReqID)
	n.messages.Store(authReqID, bindingMessage)
}

// id is the auth_req_id of the request with a message, empty when it is not known. A
// device may be shown the message as a word of a longer text.
func (n *introductions) id(shown string) string {
	for _, message := range append([]string{shown}, strings.FieldsFunc(shown, unlikeMessage)...) {
		if id, known := n.ids.Load(message); known {
			return id.(string) //nolint:forcetypeassert // nothing else is stored
		}
	}
	return ""
}

// unlikeMessage are the characters that end a word: none of them is in the messages that
// drivers and loads make up.
func unlikeMessage(r rune) bool { return r != '-' && !unicode.IsLetter(r) && !unicode.IsDigit(r) }

// message is the binding_message of a request, and false when none is known.
func (n *introductions) message(authReqID string) (string, bool) {
	message, known := n.messages.Load(authReqID)
	text, _ := message.(string)
	return text, known
}

// Nameless reports whether prompts come without auth_req_id and are known by their
// binding_message; see [Approver.Introduce].
func (a *Approver) Nameless() bool { return a.observer.nameless }

// TellsByMessage reports whether every request needs a binding_message of its own: a
// nameless device or a person finds the right prompt by it.
func (a *Approver) TellsByMessage() bool { return a.Nameless() || a.IsPerson() }

// Introduce makes known which auth_req_id the prompt with a binding_message is about.
// It matters where [Approver.TellsByMessage] holds.
func (a *Approver) Introduce(authReqID, bindingMessage string) {
	if a.TellsByMessage() && bindingMessage != "" {
		a.introduced.add(authReqID, bindingMessage)
	}
}
