package mockdevice

import (
	"slices"
	"time"

	"github.com/cibatest/cibatest/mockdevice/tree"
)

// The names of the dialects, as [Request].Adapter tells them.
const (
	adapterNative   = "native"
	adapterKeycloak = "keycloak"
	adapterAuthlete = "authlete"
)

// Adapters are the dialects beside the native one. [ParseAdapters] reads them from
// YAML; the zero value adds none.
type Adapters struct {
	Keycloak    Keycloak
	Authlete    Authlete
	Generic     []Generic
	Pull        []Pull
	Inboxes     []Inbox
	ApprovalURL *Template // for native requests that name no callback; nil: nobody is told
}

// Names are the dialects, the built-in ones first, as [Request].Adapter tells them.
func (a Adapters) Names() []string {
	names := []string{adapterNative, adapterKeycloak, adapterAuthlete}
	for _, g := range a.Generic {
		names = append(names, g.Name)
	}
	for _, p := range a.Pull {
		names = append(names, p.Name)
	}
	for _, b := range a.Inboxes {
		names = append(names, b.Name)
	}
	return names
}

// Speak reports whether a dialect is one of them.
func (a Adapters) Speak(name string) bool { return slices.Contains(a.Names(), name) }

// Keycloak is Keycloak's HTTP authentication channel, at /adapters/keycloak.
type Keycloak struct {
	Callback string // .../protocol/openid-connect/ext/ciba/auth/callback
}

// Authlete is the API of Authlete's simulator, below /adapters/authlete. Sync and
// poll need no callback.
type Authlete struct {
	Callback string // .../api/backchannel/authentication/callback
}

// Mapping finds the members of a request in a JSON document of any shape. Only ID
// is required.
type Mapping struct {
	ID, User, Client, Message, Scope, ACR, Details, ExpiresAt, ExpiresIn, Callback, CallbackToken tree.Pointer

	Labels map[string]tree.Pointer
}

// Generic is a webhook of any shape, at /adapters/generic/NAME.
type Generic struct {
	Name    string
	Mapping Mapping
	Answer  Answer
	Sync    time.Duration // the answer waits this long for the decision, which it carries; 0: it does not
	Out     *Template     // nil: the native callback, if the mapping finds one
}

// Answer is what a generic webhook is answered. The body is a template as in [Template].
type Answer struct {
	Status      int
	ContentType string
	Body        string
	Words       map[Action]string // with Sync; "timeout" when nobody decided in time
}

// Pull polls the queue of an OP.
type Pull struct {
	Name    string
	Ask     Template      // how the queue is read; without placeholders
	Every   time.Duration // the pause after an empty or failed answer
	Items   tree.Pointer  // where the requests are; empty: the answer is one
	Mapping Mapping
	Out     *Template
}
