package driver

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"sync"

	"github.com/cibatest/cibatest/internal/ciba"
)

// troubles are the answers to a driver's requests that say nothing as long as others were
// under way beside them: the OP may have had too much to do.
type troubles struct {
	mu     sync.Mutex
	first  string
	all    []*ciba.Response
	forged bool                   // a credential of a case's own making was refused beside others
	ended  string                 // how the first early end of a request was told, see [Driver.endedEarly]
	beside map[*ciba.Response]int // of refused clients: how many requests were under way
}

// refused keeps for later how many requests were under way.
func (l *troubles) refused(resp *ciba.Response, beside int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.beside == nil {
		l.beside = map[*ciba.Response]int{}
	}
	l.beside[resp] = beside
}

func (l *troubles) suspect() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.forged = true
}

func (l *troubles) besideOf(resp *ciba.Response) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.beside[resp]
}

func (l *troubles) add(resp *ciba.Response, how string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.first == "" {
		l.first = how
	}
	l.all = append(l.all, resp)
}

// addEnd keeps an early end. Its answer is none that says nothing: only what follows from it
// has to be tried again.
func (l *troubles) addEnd(how string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.first == "" {
		l.first = how
	}
	if l.ended == "" {
		l.ended = how
	}
}

func (l *troubles) has(resp *ciba.Response) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Contains(l.all, resp)
}

// Trouble is how the first request of this driver failed, beside others, in a way that may
// be their fault; empty where none did. Whatever was made of its answer has to be tried
// again alone.
func (d *Driver) Trouble() string {
	d.troubles.mu.Lock()
	defer d.troubles.mu.Unlock()
	return d.troubles.first
}

// Suspect reports whether a credential of a case's own making was refused beside others.
func (d *Driver) Suspect() bool {
	d.troubles.mu.Lock()
	defer d.troubles.mu.Unlock()
	return d.troubles.forged
}

// EndedEarly is how the first request of this driver was told an early end, with many open;
// empty where none was.
func (d *Driver) EndedEarly() string {
	d.troubles.mu.Lock()
	defer d.troubles.mu.Unlock()
	return d.troubles.ended
}

// Share takes the troubles of a scenario over that this driver's case judges, too.
func (d *Driver) Share(trouble, ended string) {
	d.troubles.mu.Lock()
	defer d.troubles.mu.Unlock()
	d.troubles.first = cmp.Or(d.troubles.first, trouble)
	d.troubles.ended = cmp.Or(d.troubles.ended, ended)
}

// failure is how a request failed in a way that a server in trouble fails: without an
// answer, or with a server error. It is empty for every other answer. 501, 503 and 505 tell of
// something else.
func failure(r Request, resp *ciba.Response) string {
	otherwise := []int{http.StatusNotImplemented, http.StatusServiceUnavailable, http.StatusHTTPVersionNotSupported}
	serverError := resp.Status >= 500 && !slices.Contains(otherwise, resp.Status)
	if resp.Status == 0 && resp.Err != nil || brokeOff(resp) || serverError {
		return r.Label + ": " + resp.Summary()
	}
	return ""
}

// refused reports whether a client is refused with its right credentials, which is the lock
// of an OP or its trouble.
func refused(r Request, resp *ciba.Response) bool {
	return r.Client != nil && !r.Forged && r.Client.provesItself() && RefusesClient(resp)
}

// brokeOff reports whether an answer ended before its end.
func brokeOff(resp *ciba.Response) bool { return resp.Err != nil && resp.Truncated }

// fresh are the parameters of ordinary requests that differ from one to the next.
var fresh = []string{"binding_message", notificationToken}

// Ordinary reports whether a request is as every client sends it, so that an OP which is
// well has no reason to refuse it.
func (d *Driver) Ordinary(r Request) bool {
	written := r.Body == nil && r.Header == nil && r.Query == nil && r.ContentType == "" && r.Method == ""
	plain := r.Client != nil && !r.Forged && !r.Untouched && written && r.Object == nil && r.Outside == nil && !r.Plain
	switch {
	case !plain || !r.Client.isLetIn():
		return false
	case r.Flow != nil:
		return slices.Equal(r.Form, d.run.Poll(r.Flow).Form)
	case !d.run.starts(r):
		return false
	}
	user, known := d.run.userHinted(hintIn(r.Form))
	return known && slices.Equal(r.Form.Without(fresh...), d.run.goodStart(r.Client, user, "").Without(fresh...))
}

// Sick reports whether ordinary requests of the run failed beside others.
func (r *Run) Sick() bool { return r.strain.sick() }

// AwaitRoom waits until the OP has room for what begins anew. It returns at the latest when
// ctx ends.
func (r *Run) AwaitRoom(ctx context.Context) { r.strain.awaitRoom(ctx) }

// Bears is how many of n requests the OP may be sent at once, as far as is known: all of
// them, or, where ordinary requests failed beside others, safely less. It is 1 at least.
func (r *Run) Bears(n int) int { return r.strain.safe(n) }

// Strain is one line about ordinary requests that failed beside others, empty where none did.
func (r *Run) Strain() string { return r.strain.told() }

// learnStrain learns from an answer how much at once the OP bears, and keeps it as a
// trouble where it says nothing. Refusals of clients wait until it is known whether they are
// locked.
func (d *Driver) learnStrain(r Request, resp *ciba.Response, beside int) {
	if refused(r, resp) {
		d.troubles.refused(resp, beside)
		return
	}
	if r.Forged && beside > 1 && RefusesClient(resp) {
		d.troubles.suspect()
	}
	if early := d.endedEarly(r, resp); early != "" {
		d.troubles.addEnd(early)
	}
	d.settleStrain(r, resp, beside, failure(r, resp))
}

// refusedUnlocked learns from the refusal of a client that is not locked.
func (d *Driver) refusedUnlocked(r Request, resp *ciba.Response) {
	beside := d.troubles.besideOf(resp)
	if beside > 1 && d.Ordinary(r) {
		d.run.strain.refuses.Store(true)
	}
	d.settleStrain(r, resp, beside, r.Label+": "+resp.Summary())
}

// RefusesAtTimes reports whether right credentials were refused beside others.
func (r *Run) RefusesAtTimes() bool { return r.strain.refuses.Load() }

func (d *Driver) settleStrain(r Request, resp *ciba.Response, beside int, how string) {
	if how != "" && beside > 1 {
		d.troubles.add(resp, how)
	}
	switch {
	case d.Ordinary(r):
		d.run.strain.answered(r, resp, beside, how)
	case how != "" && r.Untouched: // one of many that are sent at once on purpose
		d.run.strain.failedOddly(beside)
	}
}
