package harness

import (
	"slices"

	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/reports/result"
)

// A request with something odd in it that should be taken all the same accuses only where the
// plain one is taken. So before such a refusal is held against the OP, the plain request is
// sent beside it.

// control ends the case as error where an odd request was not taken, and the plain one is
// answered alike. The plain one has nothing to do with what the odd one did.
func control(t *T, r catalogue.Requirement, outcome result.Outcome, resp *ciba.Response) {
	if outcome != result.Fail && outcome != result.Warn || t.odd == nil {
		return
	}
	kept, altered := t.odd.Load(resp)
	if !altered {
		return
	}
	request := kept.(Request)
	var plain *ciba.Response
	switch e := r.Expect; {
	case request.Flow != nil && slices.Contains(e.Error, string(ciba.AuthorizationPending)):
		fresh := t.MustStartAs(request.Client, request.Flow.User, t.RequestFor(request.Client, request.Flow.User))
		plain = t.Poll(fresh)
	case request.Flow == nil && resp.Status/100 == 4 && (slices.Contains(e.Status, 200) || e.OrSuccess):
		plain = t.StartAs(request.Client, t.RequestFor(request.Client, t.User()))
	default:
		return
	}
	if plain.Err == nil && plain.Summary() == resp.Summary() {
		t.Abort("the same request with nothing unusual in it is answered alike, %s, so what was unusual is not the reason", resp.Summary())
	}
}

// keepOdd keeps a request that differs from an ordinary one, for [control]. A client that the
// OP refuses has no ordinary ones.
func keepOdd(t *T, r Request, resp *ciba.Response) {
	if t.odd != nil && r.Client != nil && r.Client.Rejection() == "" && !r.Forged && !t.driver.Ordinary(r) {
		t.odd.Store(resp, r)
	}
}
