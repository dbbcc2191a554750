package driver

import (
	"context"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cibatest/cibatest/internal/approve"
	"github.com/cibatest/cibatest/internal/targetfile"
)

// openRequests are what a case has started, by whom the hint names.
type openRequests struct {
	mu   sync.Mutex
	list []openRequest
}

type openRequest struct{ authReqID, hint string }

func (o *openRequests) add(r openRequest) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.list = append(o.list, r)
}

// take hands over some requests, which from then on are somebody else's to close.
func (o *openRequests) take(which func(openRequest) bool) (taken []openRequest) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.list = slices.DeleteFunc(o.list, func(r openRequest) bool {
		if which(r) {
			taken = append(taken, r)
			return true
		}
		return false
	})
	return taken
}

func (o *openRequests) some() bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.list) > 0
}

func anyRequest(openRequest) bool { return true }

// makeRoomFor denies what this driver has left open for the user of a request, where
// a user may have one open request only.
func (d *Driver) makeRoomFor(ctx context.Context, r Request) {
	if d.run.OneRequestPerUser() {
		hint := hintIn(r.Form)
		d.deny(ctx, d.open.take(func(o openRequest) bool { return o.hint == hint }))
	}
}

// Close denies what the driver has left open. Where there is room for everything the
// OP is left alone, unless it turns out later in the run that there is not.
func (d *Driver) Close(ctx context.Context) {
	d.run.allowances.leave(d.number)
	if d.run.OneRequestPerUser() || d.run.admission.isCrowded() {
		d.deny(ctx, d.open.take(anyRequest))
		return
	}
	d.run.admission.leave(d.open)
}

// deny closes requests. One that has ended already cannot be denied, which is just as
// well; a person is not bothered.
func (d *Driver) deny(ctx context.Context, list []openRequest) {
	if !d.run.mayDeny {
		return
	}
	for _, open := range list {
		user, known := d.run.userHinted(open.hint)
		if !known {
			user = d.user
		}
		brief, cancel := context.WithTimeout(ctx, 5*time.Second)
		_ = d.run.approver.Decide(brief, approve.Decision{AuthReqID: open.authReqID, User: user})
		cancel()
	}
}

// userHinted is the user of the target file whom a hint names, be it by an ID Token
// of this run.
func (r *Run) userHinted(hint string) (targetfile.User, bool) {
	hint = strings.TrimSpace(hint)
	if hint == "" {
		return targetfile.User{}, false
	}
	owner := ""
	for _, issued := range r.Memory.Tokens() {
		if issued.IDToken == hint {
			owner = issued.User
		}
	}
	for _, u := range r.target.Users {
		if u.Name == owner || slices.Contains([]string{u.LoginHint, u.LoginHintToken.Reveal(), u.IDTokenHint.Reveal()}, hint) {
			return u, true
		}
	}
	return targetfile.User{}, false
}
