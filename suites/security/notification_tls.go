package security

import (
	"slices"
	"strings"
	"time"

	"github.com/cibatest/cibatest/internal/approve"
	. "github.com/cibatest/cibatest/suites/harness"
)

// CIBA Core 4 and 9: the OP calls over TLS, and OIDC Core 16.17 wants the certificate
// checked. Whoever can take the client's place is otherwise sent the token of a request, and
// in push mode all tokens.
var _ = Cases.Describe("Call of the OP", func() {
	Case("notification-certificate", "is not made to an endpoint with a wrong certificate",
		Judges("CIBA-9-PING-TLS-ONLY").AlsoAs(Push).AfterAll().About(10*time.Second), judgeCertificates)
})

// judgeCertificates judges that calls come to the endpoint with its own certificate alone.
// Nothing is held against an OP that takes every certificate, unless the target file says
// that it is set up to check them: laboratories commonly switch that off.
func judgeCertificates(t *T) {
	impostors := MustImpostors(t)
	served := make([][]Notification, len(impostors))
	HoldingEndpoints(t, func() {
		trusted := t.MustStart(t.Request())
		t.Decide(trusted, approve.Decision{Allow: true})
		MustBeNotified(t, trusted)
		for i, impostor := range impostors {
			served[i] = callsTo(t, impostor)
		}
	})
	refusesSome := slices.ContainsFunc(served, func(calls []Notification) bool { return len(calls) == 0 })
	if !refusesSome && !t.Target().Notifications.TLS.Verified {
		t.Skip("the OP calls an endpoint with %s; if it is set up to check certificates, and no proxy before the endpoint does so "+
			"in its place, set notifications.tls.verified: true, and this counts as a failure", whats(impostors))
	}
	for i, calls := range served {
		if len(calls) > 0 {
			t.At(calls[0].Payload)
		}
		t.Check(len(calls) == 0, "no call to an endpoint that shows "+impostors[i].What, "a call with the token of the request")
	}
}

// noticed is how long an OP may take to see that a connection was closed which it has kept.
const noticed = 3 * time.Second

// callsTo are the calls about an approved request that an impostor gets. Where nobody comes, not
// even to leave again, the OP may have lost the call on a connection that it had kept, and is
// given another reason to call.
func callsTo(t *T, as Impostor) (calls []Notification) {
	Posing(t, as, func() {
		for range 2 {
			flow := t.MustStart(t.Request())
			t.Wait(noticed)
			var left bool
			if calls, left = NotifiedInspite(t, flow, func() { ApproveUncalled(t, flow) }); left || len(calls) > 0 {
				return
			}
		}
	})
	return calls
}

func whats(impostors []Impostor) string {
	list := make([]string, len(impostors))
	for i, impostor := range impostors {
		list[i] = impostor.What
	}
	return strings.Join(list, ", and with ")
}
