package suites

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/cibatest/cibatest/internal/approve"
	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/preflight"
	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/reports/result"
	"github.com/onsi/gomega"
)

// T is what one running case has: a context with the case's time limit, a
// client, a user, a recorder of its exchanges and the means to judge. It is not
// safe for concurrent use but for [T.Do], [T.Send] and the polling methods.
type T struct {
	session  *Session
	def      *definition
	ctx      context.Context
	client   *Client
	second   *Client
	others   []*Client // for other ID Token algorithms
	user     int
	recorder *ciba.Recorder
	open     *openRequests
	limit    *limit // nil: none
	findings []result.Finding
	evidence *ciba.Response // the answer the next finding points at; nil: the last one
}

// stop unwinds a body. It is the only panic a case uses, and runBody recovers it.
type stop struct {
	outcome result.Outcome
	reason  string
	passing bool // the reason may have passed a moment later, so a second try is worth it

	crowdedOut bool // other cases are the reason; see [T.whenCrowded]
}

// Context ends with the case's time limit.
func (t *T) Context() context.Context { return t.ctx }

// Client is the client under test.
func (t *T) Client() *Client { return t.client }

// Second is another registered client, for cases that need second_client.
func (t *T) Second() *Client {
	if t.second == nil {
		t.Abort("this case did not declare the need second_client")
	}
	return t.second
}

// Each runs a judgement for the case's client and, in a case declared with
// [Spec.EachAlgorithm], for one client of every other ID Token algorithm.
func (t *T) Each(judge func()) {
	primary := t.client
	defer func() { t.client = primary }()
	for _, c := range append([]*Client{primary}, t.others...) {
		t.client = c
		before := len(t.findings)
		judge()
		for i := before; i < len(t.findings) && len(t.others) > 0; i++ {
			t.findings[i].Actual = "client " + c.Name + ": " + t.findings[i].Actual
		}
	}
}

// Clients are all clients of the target file, in its order.
func (t *T) Clients() []*Client { return t.session.clients }

// GeneralClients are the poll clients that any ordinary request can use.
func (t *T) GeneralClients() []*Client { return t.session.general() }

// User is the end-user of this case.
func (t *T) User() targetfile.User {
	if len(t.session.target.Users) == 0 {
		t.Abort("the target file names no user")
	}
	return t.session.target.Users[t.user]
}

// OtherUser is an end-user different from [T.User], or a skip when there is none.
func (t *T) OtherUser() targetfile.User {
	users := t.session.target.Users
	if len(users) < 2 {
		t.Skip("second_user: needs a second user in the target file")
	}
	return users[otherThan(t.user, len(users))]
}

// Target is the target under test.
func (t *T) Target() *targetfile.Target { return t.session.target }

// Discovery is the OP's metadata as it was served.
func (t *T) Discovery() *preflight.Discovery { return t.session.discovery }

// Document is the OP's metadata, its exchange kept as evidence of this case.
func (t *T) Document() map[string]any {
	t.recorder.Append(t.session.discovery.Exchange)
	return t.session.discovery.Document
}

// Advertises says whether an array member of the metadata has a value.
func (t *T) Advertises(member, value string) bool {
	return slices.Contains(t.session.discovery.Strings(member), value)
}

// Has reports whether the target meets a need, such as [catalogue.NeedParallel].
func (t *T) Has(need catalogue.Need) bool { return t.session.capabilities.Has(need) }

// Acks are all acknowledgements that any case of this run has received so far.
func (t *T) Acks() []ciba.AuthAck { return t.session.Acks() }

// Overloads are the 503 answers of the token endpoint in this run so far.
func (t *T) Overloads() []*ciba.Response { return t.session.Overloads() }

// Requirement is the deciding requirement of the case.
func (t *T) Requirement() catalogue.Requirement {
	r, _ := t.session.catalogue.Get(t.def.requirements[0])
	return r
}

// Note records a fact about the whole run, once, such as a departure that many
// cases meet.
func (t *T) Note(format string, args ...any) { t.session.note(format, args...) }

// Skip ends the case as not applicable, with the reason.
func (t *T) Skip(format string, args ...any) {
	panic(stop{outcome: result.Skip, reason: fmt.Sprintf(format, args...)})
}

// Abort ends the case as error: it could not be judged.
func (t *T) Abort(format string, args ...any) {
	panic(stop{outcome: result.Error, reason: fmt.Sprintf(format, args...)})
}

// abortPassing is [T.Abort] for what may have been a moment's trouble of the OP,
// the network or the way of deciding: the case is tried a second time.
func (t *T) abortPassing(format string, args ...any) {
	panic(stop{outcome: result.Error, reason: fmt.Sprintf(format, args...), passing: true})
}

// Wait pauses the case.
func (t *T) Wait(d time.Duration) {
	if d <= 0 {
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-t.ctx.Done():
		t.Abort("%s", whyEnded(t.ctx))
	}
}

// WaitUntil pauses the case until a moment, which may be past.
func (t *T) WaitUntil(moment time.Time) { t.Wait(time.Until(moment)) }

func whyEnded(ctx context.Context) string {
	if errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
		return "the case ran into its time limit"
	}
	return "the run was interrupted"
}

// Do sends exactly one request and records the exchange. The answer is never
// nil; what went wrong below HTTP is in its Err.
func (t *T) Do(call ciba.Call) *ciba.Response {
	starts := call.URL == t.session.target.Endpoints.BackchannelAuthentication
	if starts {
		t.makeRoom(call)
	}
	resp := t.session.http.Do(t.ctx, t.recorder, call)
	if t.ctx.Err() != nil {
		t.Abort("%s", whyEnded(t.ctx))
	}
	t.limit.extend(resp)
	t.remember(call, resp)
	if starts {
		t.session.noteStart(call, resp)
		t.open.add(call, resp)
	}
	if resp.Status == 503 && call.URL == t.session.target.Endpoints.Token {
		t.session.rememberOverload(resp)
	}
	return resp
}

// Together takes n steps at the same time and returns when all are over. A step
// sends and polls; judging is for afterwards. One that ends the case ends it
// when the others are over, too.
func (t *T) Together(n int, step func(i int)) {
	var wg sync.WaitGroup
	ended := make([]*stop, n)
	for i := range n {
		wg.Go(func() { ended[i] = guard(func() { step(i) }) })
	}
	wg.Wait()
	for _, e := range ended {
		if e != nil {
			panic(*e)
		}
	}
}

// MustAnswer ends the case as error when no readable answer came.
func (t *T) MustAnswer(resp *ciba.Response) *ciba.Response {
	if resp.Err != nil {
		t.abortPassing("no answer to the request: %v", resp.Err)
	}
	return resp
}

// MustSucceed ends the case as error unless the answer is a 200.
func (t *T) MustSucceed(what string, resp *ciba.Response) *ciba.Response {
	t.MustAnswer(resp)
	if resp.Status != 200 {
		t.refused(what, resp)
	}
	return resp
}

// MustAccept ends the case as error unless the OP took the request on.
func (t *T) MustAccept(what string, resp *ciba.Response) *ciba.Response {
	t.MustAnswer(resp)
	if resp.Status/100 != 2 {
		t.refused(what, resp)
	}
	return resp
}

// refused ends the case because what has to succeed for it did not. A trouble of
// the server may pass; a refusal is its last word.
func (t *T) refused(what string, resp *ciba.Response) {
	abort := t.Abort
	if resp.Status/100 == 5 || resp.Status == 429 {
		abort = t.abortPassing
	}
	abort("%s was refused: %s", what, resp.Summary())
}

// Expect makes an assertion with Gomega. A failed one ends the case with the
// verdict of its requirement.
func (t *T) Expect(actual any, extra ...any) gomega.Assertion {
	g := gomega.NewGomega(func(message string, _ ...int) {
		t.add(t.verdict(), t.Requirement().Requirement, message)
		panic(stop{})
	})
	return g.Expect(actual, extra...)
}

// Decide makes the end-user's decision about a flow.
func (t *T) Decide(f *Flow, d approve.Decision) {
	d.AuthReqID, d.User = f.AuthReqID, f.User
	err := t.session.approver.Decide(t.ctx, d)
	if err != nil {
		t.missed(f, time.Now())
		t.abortPassing("the decision could not be made: %v", err)
	}
}
