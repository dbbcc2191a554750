package security

import (
	"time"

	"github.com/cibatest/cibatest/internal/ciba"
	. "github.com/cibatest/cibatest/suites/harness"
)

// fetchWindow is how long an OP is watched for a fetch that it may make later.
const fetchWindow = 5 * time.Second

// CIBA Core 7.1.1 and 7.2: a signed request comes as request, and never by reference. An
// OP that fetches whatever address a client names can be made to call hosts that only it
// reaches; RFC 9101 10.4.
var _ = Cases.Describe("request_uri", func() {
	Case("request-uri", "is no address that the OP fetches", Judges("RFC9101-REQUEST-URI").AfterAll().About(fetchWindow), func(t *T) {
		at, fetched := Trap(t)
		t.JudgeVariant("request_uri alone", t.Start(ciba.P("request_uri", at)))
		t.JudgeVariant("request_uri beside a good request", t.Start(t.Request().With("request_uri", at)))
		t.Wait(fetchWindow)
		calls := fetched()
		if len(calls) > 0 {
			t.At(calls[0].Payload)
			t.Warn("no request to the address in request_uri", "a %s request", ciba.Printable(calls[0].Method))
		}
	})
})
