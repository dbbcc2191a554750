package harness

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/cibatest/cibatest/internal/approve"
	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/driver"
	"github.com/cibatest/cibatest/internal/preflight"
	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/reports/result"
)

// T is what one running case has: a context with the case's time limit, a client, a
// user, a driver that sends its requests, and the means to judge the answers. It is
// not safe for concurrent use but for [T.Send] and the verbs that only send.
type T struct {
	session  *Session
	def      *Definition
	ctx      context.Context
	client   *Client
	second   *Client
	others   []*Client // for other ID Token algorithms
	user     int
	other    int // the same as user where there is no second one
	driver   *driver.Driver
	findings []result.Finding
	evidence *ciba.Response // the answer the next finding points at; nil: the last one

	odd  *sync.Map // *ciba.Response -> Request, of requests that are not as usual; nil: they are not kept
	ends *sync.Map // *Flow -> end, of flows whose decision seemed to fail
}

// Client is a registered client, ready to speak to the target.
type Client = driver.Client

// Flow is one auth_req_id and the pace it is polled at.
type Flow = driver.Flow

// Request is a call of a client and what the driver is not to do with it.
type Request = driver.Request

// stop unwinds a body. It is the only panic a case uses, and [guard] recovers it.
type stop struct {
	outcome   result.Outcome
	reason    string
	transient bool // a second try may succeed
	deferred  bool // what other cases have open is the reason
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

// As takes steps as another client, which [T.Client] then is.
func (t *T) As(c *Client, steps func()) {
	own := t.client
	defer func() { t.client = own }()
	t.client = c
	steps()
}

// Each runs a judgement for the case's client and, in a case declared with
// [Traits.EachAlgorithm], for one client of every other ID Token algorithm.
func (t *T) Each(judge func()) {
	for _, c := range append([]*Client{t.client}, t.others...) {
		before := len(t.findings)
		t.As(c, judge)
		for i := before; i < len(t.findings) && len(t.others) > 0; i++ {
			t.findings[i].Actual = "client " + c.Name + ": " + t.findings[i].Actual
		}
	}
}

// Findings are what was recorded so far.
func Findings(t *T) int { return len(t.findings) }

// Forget drops what was recorded since there were n findings.
func Forget(t *T, n int) { t.findings = t.findings[:n] }

// Clients are all clients of the target file, in its order.
func Clients(t *T) []*Client { return t.session.run.Clients() }

// OrdinaryClients are the clients of the case's delivery mode that any ordinary request can use.
func (t *T) OrdinaryClients() []*Client { return t.session.ordinary(t.def.Mode()) }

// User is the end-user of this case.
func (t *T) User() targetfile.User {
	if len(t.Target().Users) == 0 {
		t.Abort("the target file names no user")
	}
	return t.Target().Users[t.user]
}

// OtherUser is an end-user different from [T.User], or a skip when there is none.
func (t *T) OtherUser() targetfile.User {
	if t.other == t.user {
		t.Skip("second_user: needs a second user in the target file")
	}
	return t.Target().Users[t.other]
}

// Target is the target under test.
func (t *T) Target() *targetfile.Target { return t.session.facts.Target }

// Discovery is the OP's metadata as it was served.
func (t *T) Discovery() *preflight.Discovery { return t.session.facts.Discovery }

// Document is the OP's metadata, its exchange kept as evidence of this case, which could
// not judge metadata that cannot be read.
func (t *T) Document() map[string]any {
	d := t.session.facts.Discovery
	t.driver.Recorder().Append(d.Response)
	if d.Broken != nil {
		t.Abort("the metadata cannot be read: %v", d.Broken)
	}
	return d.Document
}

// ServedMetadata is the answer that brought the metadata, kept as evidence, whether or not
// it can be read.
func ServedMetadata(t *T) *ciba.Response {
	t.driver.Recorder().Append(t.session.facts.Discovery.Response)
	return t.session.facts.Discovery.Response
}

// Advertises reports whether an array member of the metadata has a value.
func Advertises(t *T, member, value string) bool {
	return slices.Contains(t.session.facts.Discovery.Strings(member), value)
}

// Has reports whether the target meets a need, such as [catalogue.NeedParallel].
func (t *T) Has(need catalogue.Need) bool { return t.session.facts.Capabilities.Has(need) }

// Seen is what the whole run has received so far, for cases that judge all of it.
func (t *T) Seen() *driver.Memory { return &t.session.run.Memory }

// FewPrompts reports whether users are asked so seldom that no mere sample is worth it: a
// person decides, or a budget is set. Then cases judge what others have seen.
func FewPrompts(t *T) bool { return t.Approver().IsPerson() || t.session.run.FewPrompts() }

// SeenInMode is [T.Seen] as far as the case is about: in ping and push mode what clients of that
// mode have received, and in poll mode everything.
func SeenInMode(t *T) *driver.Memory {
	if mode := t.def.Mode(); mode != targetfile.DeliveryPoll {
		return t.Seen().InMode(mode)
	}
	return t.Seen()
}

// SkipIfHeldUp ends a case that has missed its moment where the OP's load control held its requests
// up for longer than a poll takes.
func SkipIfHeldUp(t *T, missed string) {
	if held := t.driver.HeldUp(); held >= ciba.DefaultInterval {
		t.Skip("%s: the OP's limits (429, 503, a lock, what it bears at once) held the case up for %s", missed, held.Round(time.Second))
	}
}

// OneRequestPerUser reports whether a second open request of a user ends the first.
func OneRequestPerUser(t *T) bool { return t.session.run.OneRequestPerUser() }

// Approver makes the end-users' decisions and tells what they were shown.
func (t *T) Approver() *approve.Approver { return t.session.run.Approver() }

// Random yields the random values of this case, which the run's seed decides.
func (t *T) Random() *driver.Random { return t.driver.Random() }

// Requirement is the deciding requirement of the case.
func (t *T) Requirement() catalogue.Requirement {
	r, _ := t.session.catalogue.Get(t.def.Requirements()[0])
	return r
}

// Note records a fact about the whole run, once, such as a departure that many
// cases meet.
func (t *T) Note(format string, args ...any) { t.session.run.Note(format, args...) }

// Skip ends the case as not applicable, with the reason.
func (t *T) Skip(format string, args ...any) {
	panic(stop{outcome: result.Skip, reason: fmt.Sprintf(format, args...)})
}

// Abort ends the case as error: it could not be judged.
func (t *T) Abort(format string, args ...any) {
	panic(stop{outcome: result.Error, reason: fmt.Sprintf(format, args...)})
}

// MustNotFail ends the case as error when a request could not be prepared, which is no fault
// of the OP.
func MustNotFail(t *T, err error) {
	if err != nil {
		t.Abort("preparing the request: %v", err)
	}
}

// abortTransient is [T.Abort] for what may have been a moment's trouble of the OP,
// the network or the way of deciding: the case is tried a second time.
func abortTransient(format string, args ...any) {
	panic(stop{outcome: result.Error, reason: fmt.Sprintf(format, args...), transient: true})
}

// Wait pauses the case.
func (t *T) Wait(d time.Duration) { t.WaitUntil(time.Now().Add(d)) }

// WaitUntil pauses the case until a moment, which may be past.
func (t *T) WaitUntil(moment time.Time) { waitFor(t, driver.ForPause, moment) }

// WaitTurn pauses the case until the flow may be polled. A flow whose interval is longer than
// its life never may, which ends the case as a skip; ack-interval judges that.
func (t *T) WaitTurn(f *Flow) {
	if f.ExpiresIn > 0 && f.Spacing() >= f.ExpiresIn {
		t.Skip("short_expiry: the interval %s is not shorter than expires_in %s, so that no poll is due in time", f.Spacing(), f.ExpiresIn)
	}
	waitFor(t, driver.ForTurn, f.NextPoll())
}

// WatchedUntil is the end of a flow as far as it is waited for: its expiry, counted from
// sending, or the end of the time budget.
func WatchedUntil(t *T, f *Flow) time.Time {
	if budget := f.Sent.Add(t.Target().Budgets.ExpiryMax); budget.Before(f.Expires()) {
		return budget
	}
	return f.Expires()
}

// WaitNearExpiry pauses the case until shortly before the flow may expire, or before the time
// budget ends.
func WaitNearExpiry(t *T, f *Flow, before time.Duration) {
	waitFor(t, driver.ForExpiry, WatchedUntil(t, f).Add(-before))
}

// WaitPastExpiry pauses the case until some time after the flow has to have expired.
func WaitPastExpiry(t *T, f *Flow, after time.Duration) {
	waitFor(t, driver.ForExpiry, f.ExpiredBy().Add(after))
}

// waitFor pauses the case, and lets whoever watches the run know what for.
func waitFor(t *T, why driver.Reason, moment time.Time) {
	if err := t.driver.WaitUntil(t.ctx, moment, why); err != nil {
		endOn(t, err)
	}
}

// endOn ends the case for what kept the driver from an answer.
func endOn(t *T, err error) {
	var s *driver.Stop
	if !errors.As(err, &s) {
		t.Abort("%v", err)
	}
	outcome := result.Error
	if s.Untestable {
		outcome = result.Skip
	}
	panic(stop{outcome: outcome, reason: s.Reason, deferred: s.Deferred})
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

// Bears is how many of n requests this OP may be sent at once for a race: less than n where
// it was seen to fail ordinary requests beside others, and two at least.
func Bears(t *T, n int) int { return max(2, t.session.run.Bears(n)) }

// MustAnswer ends the case as error when no readable answer came.
func (t *T) MustAnswer(resp *ciba.Response) *ciba.Response {
	if resp.Err != nil {
		abortTransient("no answer to the request: %v", resp.Err)
	}
	return resp
}

// MustSucceed ends the case as error unless the answer is a 200.
func (t *T) MustSucceed(what string, resp *ciba.Response) *ciba.Response {
	t.MustAnswer(resp)
	if resp.Status != 200 {
		refused(t, what, resp)
	}
	return resp
}

// MustAccept ends the case as error unless the OP took the request on.
func (t *T) MustAccept(what string, resp *ciba.Response) *ciba.Response {
	t.MustAnswer(resp)
	if resp.Status/100 != 2 {
		refused(t, what, resp)
	}
	return resp
}

// refused ends the case because what has to succeed for it did not. A trouble of
// the server may pass; a refusal is its last word.
func refused(t *T, what string, resp *ciba.Response) {
	if resp.Status/100 == 5 || resp.Status == http.StatusTooManyRequests {
		abortTransient("%s was refused: %s", what, resp.Summary())
	}
	t.Abort("%s was refused: %s", what, resp.Summary())
}
