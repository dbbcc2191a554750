package harness

import (
	"fmt"
	"strings"

	"github.com/cibatest/cibatest/reports/result"
	"github.com/onsi/ginkgo/v2"
)

// awaitObservation hands the result of a case to its It. The binary runs bodies without Ginkgo
// and leaves it unset.
var await func(ctx ginkgo.SpecContext, id string) result.Case

// AwaitWith sets where the Its of a Ginkgo run get their results. It is called once,
// before the specs run.
func AwaitWith(get func(ctx ginkgo.SpecContext, id string) result.Case) { await = get }

// awaitInGinkgo turns the result of a case into what Ginkgo reports: the
// evidence as a report entry, then a failure or a skip.
func awaitInGinkgo(ctx ginkgo.SpecContext, id string) {
	ginkgo.GinkgoHelper()
	if await == nil {
		ginkgo.Skip("no target was set up for this Ginkgo run")
	}
	c := await(ctx, id)
	if len(c.Exchanges) > 0 {
		ginkgo.AddReportEntry("exchanges", ginkgo.ReportEntryVisibilityFailureOrVerbose, evidence(c))
	}
	switch c.Outcome {
	case result.Fail, result.Error:
		ginkgo.Fail(fmt.Sprintf("%s: %s", c.Outcome, c.Message))
	case result.Skip:
		ginkgo.Skip(c.Reason)
	case result.Warn, result.Info:
		ginkgo.AddReportEntry(string(c.Outcome), c.Message)
	case result.Pass, result.Uncovered: // Ginkgo reports what it hears nothing else of as passed
	}
}

// evidence renders the exchanges of a case for a terminal.
func evidence(c result.Case) string {
	var b strings.Builder
	for i, e := range c.Exchanges {
		fmt.Fprintf(&b, "%d. %s: %s %s\n   %s\n", i+1, e.Label, e.Request.Method, e.Request.URL, OneLine(e.Request.Body))
		switch {
		case e.Response != nil:
			fmt.Fprintf(&b, "   -> %d %s\n", e.Response.Status, OneLine(e.Response.Body))
		default:
			fmt.Fprintf(&b, "   -> %s\n", e.Error)
		}
	}
	return b.String()
}

// OneLine keeps what an OP sent from breaking the terminal.
func OneLine(s string) string {
	const limit = 400
	if len(s) > limit {
		s = s[:limit] + "…"
	}
	return strings.Trim(fmt.Sprintf("%q", s), `"`)
}
