package selftest

import (
	"slices"

	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/refop/faults"
)

// A fault breaks one requirement, but the defect it plants may be seen elsewhere,
// too. damage says how far the faults of an area may reach, and why that is so.
// What reaches further is a case that leans on something it should not need.
// Wherever an OP refuses a request after it has asked the user, the cases that
// watch for side effects (initiation and user-code) may see the late prompt.
var damage = map[string]struct {
	why   string
	areas []string
}{
	"acknowledgement": {
		"every flow begins with an acknowledgement, and expiry and pace follow what it says",
		[]string{"approval", "binding-message", "client-auth", "expiry", "hints", "id-token", "initiation", "polling", "rar", "user-code"},
	},
	"approval": {
		"every case that redeems needs a decision that takes effect for its own request, and every code is its own user's",
		[]string{"client-auth", "denial", "discovery", "expiry", "hints", "id-token", "polling", "rar", "security", "token-response", "user-code"},
	},
	"binding-message": {
		"ordinary requests carry a binding_message",
		[]string{"acknowledgement", "client-auth", "expiry", "hints", "id-token", "initiation", "rar", "security", "user-code"},
	},
	"client-auth": {
		"every endpoint authenticates its client, and a refusal has a status and a code",
		[]string{"initiation", "polling", "security", "user-code"},
	},
	"denial": {
		"a denial is a decision like an approval, told by a poll",
		[]string{"approval", "polling"},
	},
	"discovery": {
		"addresses come from the metadata, which also promises that poll mode works",
		[]string{"approval", "client-auth", "expiry", "id-token", "polling", "rar", "security"},
	},
	"expiry": {
		"an expired request is told by a poll, requested_expiry is a parameter like others, and an acknowledgement answers it",
		[]string{"acknowledgement", "denial", "initiation", "polling", "user-code"},
	},
	"hints": {
		"every request names its user by a hint, and tokens are the user's",
		[]string{"acknowledgement", "approval", "binding-message", "client-auth", "expiry", "id-token", "initiation", "rar", "security", "token-response", "user-code"},
	},
	"id-token": {
		"ID Tokens are hints, and their sub is compared wherever a subject is",
		[]string{"approval", "hints", "token-response"},
	},
	"initiation": {
		"a refusal of any kind has the form and the status of an error answer",
		[]string{"acknowledgement", "binding-message", "client-auth", "expiry", "hints", "id-token", "polling", "rar", "security", "user-code"},
	},
	"ping": {
		"every clause of ping mode is judged by a call, the token of a request comes back in it, and a result is fetched after it; " +
			"an outbox that tries again may serve both modes",
		[]string{"approval", "denial", "expiry", "initiation", "polling", "push"},
	},
	"push": {
		"what is pushed is a token response with an ID Token, and the token of a request comes back with it",
		[]string{"hints", "id-token", "initiation", "polling", "token-response"},
	},
	"polling": {
		"every result is fetched by polls",
		[]string{"approval", "client-auth", "denial", "expiry", "initiation", "rar", "security", "token-response"},
	},
	"rar": {
		"authorization_details are a parameter like others, and what they hold is shown to a user",
		[]string{"initiation", "security", "user-code"},
	},
	"request-object": {
		"a signed request is an authentication request, what is beside it is the client's authentication, and some signers are pushed to",
		[]string{"client-auth", "initiation", "push", "rar", "security", "user-code"},
	},
	"security": {
		"keys and addresses serve every other check",
		[]string{"client-auth", "discovery", "id-token", "initiation", "polling", "rar", "token-response", "user-code"},
	},
	"token-response": {
		"every case that redeems reads a token response, and a push is one",
		[]string{"approval", "client-auth", "discovery", "expiry", "hints", "polling", "push", "rar", "security"},
	},
	"user-code": {
		"clients without a code make most of the requests, and prompts that come too early are side effects",
		[]string{"acknowledgement", "binding-message", "client-auth", "expiry", "hints", "id-token", "initiation", "rar", "security"},
	},
}

// elsewhere are the tripped cases that judge another requirement than the one the
// fault breaks.
func elsewhere(f faults.Fault, tripped []string) []string {
	return slices.DeleteFunc(slices.Clone(tripped), func(id string) bool {
		return slices.Contains(cases()[id].Requirements, f.Breaks)
	})
}

// tooFar are the tripped cases that lie beyond the reach of the fault's area.
func tooFar(f faults.Fault, tripped []string) []string {
	broken, _ := catalogue.Must().Get(f.Breaks)
	reach := append([]string{broken.Area}, damage[broken.Area].areas...)
	return slices.DeleteFunc(elsewhere(f, tripped), func(id string) bool {
		return slices.Contains(reach, cases()[id].Area)
	})
}
