package driver

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/targetfile"
)

// Products take only so many requests for one user within a minute, since each of them may
// wake a phone. A run that knows the numbers keeps to them, so that nothing is refused for a
// reason that no clause is about, and nobody's phone is asked more than it may be.

// allowanceWindow is what an OP counts over, and a margin for its clock and the network.
const allowanceWindow = time.Minute + 500*time.Millisecond

// What an OP counts for one user.
const (
	countStarts        = "starts"
	countNotifications = "notifications"
	countUserInfo      = "userinfo"
)

// allowances are those of all users, made when they are first needed.
type allowances struct {
	limits targetfile.PerUserMinute
	mu     sync.Mutex
	all    map[string]*allowance // by what is counted and the name of the user
}

// AtLeast is what so many accepted requests of one user take, where the OP limits them for each
// user.
func (r *Run) AtLeast(requests int) time.Duration { return r.allowances.lasts(requests) }

// of is what a user may be asked still, nil for no limit.
func (a *allowances) of(what string, user targetfile.User) *allowance {
	limit := map[string]int{
		countStarts: a.limits.Starts, countNotifications: a.limits.Notifications, countUserInfo: a.limits.UserInfo,
	}[what]
	if limit == 0 {
		return nil
	}
	key := what + " " + user.Name
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.all[key] == nil {
		if a.all == nil {
			a.all = map[string]*allowance{}
		}
		a.all[key] = &allowance{limit: limit, planned: what != countUserInfo, parties: map[int64]*party{}, changed: make(chan struct{})}
	}
	return a.all[key]
}

// lasts is what so many requests of one user take at least.
func (a *allowances) lasts(requests int) time.Duration {
	var longest time.Duration
	for _, perMinute := range []int{a.limits.Starts, a.limits.Notifications} {
		if perMinute > 0 {
			longest = max(longest, time.Duration(requests/perMinute)*allowanceWindow)
		}
	}
	return longest
}

// leave gives up the room that is kept for a driver, which sends nothing more.
func (a *allowances) leave(driver int64) {
	a.mu.Lock()
	all := slices.Collect(maps.Values(a.all))
	a.mu.Unlock()
	for _, one := range all {
		one.leave(driver)
	}
}

// allowance is how much of one kind an OP takes for one user within any minute.
//
// A driver that says how many requests it is likely to send begins when there is room for all
// of them, and its room is kept for a minute: what it has begun would expire while it waits for
// the rest. Who has begun comes first, and then those that were made first.
type allowance struct {
	limit   int
	planned bool // drivers say how many they are likely to send

	mu       sync.Mutex
	spent    []time.Time      // when each of the last ones was answered, the oldest first
	underWay int              // sent and not answered, which may yet count
	parties  map[int64]*party // by the number of their driver
	waiting  []*claim         // in the order in which they come
	changed  chan struct{}    // closed and replaced when somebody else may be first
}

// party is a driver that has begun.
type party struct {
	likely, used, underWay int
	kept                   time.Time // until then its room is kept
}

// reserved is the room that is kept for a driver.
func (p *party) reserved() int {
	if p == nil || !time.Now().Before(p.kept) {
		return 0
	}
	return max(0, p.likely-p.used-p.underWay)
}

// claim is a request that waits, or a driver that is about to begin.
type claim struct {
	by    *Driver
	sends bool
}

// goesOn reports whether the claim is a request of a driver that has begun.
func (c *claim) goesOn() bool { return c.sends && c.by.begun.Load() }

// compare has those first whose driver has begun, and then those whose driver was made first.
func (c *claim) compare(other *claim) int {
	switch begun := c.by.begun.Load(); {
	case begun == other.by.begun.Load():
		return cmp.Compare(c.by.number, other.by.number)
	case begun:
		return -1
	}
	return 1
}

// take waits until one more request is within the limit. It counts as under way until it is
// settled.
func (a *allowance) take(ctx context.Context, d *Driver) error {
	return a.wait(ctx, &claim{d, true})
}

// wait waits until a claim is within the limit.
func (a *allowance) wait(ctx context.Context, own *claim) error {
	a.queue(own)
	for {
		until, changed := a.next(own)
		if until.IsZero() {
			return nil
		}
		if err := own.by.waitFor(ctx, until, ForLimit, changed); err != nil {
			a.giveUp(own)
			return err
		}
	}
}

func (a *allowance) queue(own *claim) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.waiting = append(a.waiting, own)
}

// next lets a claim go if it is its turn, which the zero time says. Else it is when the turn
// is expected, and a channel that tells of changes.
func (a *allowance) next(own *claim) (until time.Time, changed chan struct{}) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.spent = slices.DeleteFunc(a.spent, func(at time.Time) bool { return time.Since(at) >= allowanceWindow })
	slices.SortStableFunc(a.waiting, (*claim).compare)
	ahead, kept := slices.Index(a.waiting, own), a.keptFor(own.by.number)
	missing := len(a.spent) + a.underWay + kept + a.needs(own) - a.limit
	if ahead > 0 || missing > 0 {
		return a.expected(missing-kept+ahead, kept > 0), a.changed
	}
	a.waiting = a.waiting[1:]
	a.admit(own)
	a.stir()
	return time.Time{}, nil
}

// needs is how much room a claim needs: for all that its driver is likely to send when that
// begins.
func (a *allowance) needs(own *claim) int {
	if !a.planned || own.goesOn() {
		return 1
	}
	return min(a.limit, max(1, own.by.likely))
}

// admit keeps room for a driver that begins, and counts a request as under way. The lock is
// held.
func (a *allowance) admit(own *claim) {
	p := a.parties[own.by.number]
	if p == nil {
		p = &party{}
		if a.planned && !own.goesOn() {
			p.likely = own.by.likely
		}
		a.parties[own.by.number] = p
	}
	if own.sends {
		a.underWay++
		p.underWay++
	}
	p.kept = time.Now().Add(allowanceWindow)
	own.by.begun.Store(true)
}

// keptFor is the room that is kept for others than a driver. The lock is held.
func (a *allowance) keptFor(driver int64) int {
	kept := 0
	for number, p := range a.parties {
		if number != driver {
			kept += p.reserved()
		}
	}
	return kept
}

// soon is when to look again where room is kept that may never be used.
const soon = 5 * time.Second

// expected is when so many are forgotten that are in the way. The lock is held.
func (a *allowance) expected(missing int, unsure bool) time.Time {
	missing = max(1, missing)
	minutes := time.Duration((missing - 1) / a.limit)
	at := time.Now()
	if i := (missing - 1) % a.limit; i < len(a.spent) {
		at = a.spent[i]
	}
	at = at.Add((1 + minutes) * allowanceWindow)
	if latest := time.Now().Add(soon); unsure && at.After(latest) {
		return latest
	}
	return at
}

// settle counts a request that was answered, or does not.
func (a *allowance) settle(driver int64, counts bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.underWay--
	p := a.parties[driver]
	if p != nil {
		p.underWay--
	}
	if counts {
		a.spent = append(a.spent, time.Now())
		if p != nil {
			p.used++
		}
	}
	a.stir()
}

// leave gives up the room that is kept for a driver.
func (a *allowance) leave(driver int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.parties[driver] != nil {
		delete(a.parties, driver)
		a.stir()
	}
}

func (a *allowance) giveUp(own *claim) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.waiting = slices.DeleteFunc(a.waiting, func(c *claim) bool { return c == own })
	a.stir()
}

// stir wakes whoever waits. The lock is held.
func (a *allowance) stir() {
	close(a.changed)
	a.changed = make(chan struct{})
}

// Begin waits until there is room for all that the driver is likely to ask its user, where
// the OP limits that. What it prepares afterwards does not grow old while it waits. The error
// is a [*Stop].
func (d *Driver) Begin(ctx context.Context) error {
	if d.likely == 0 {
		return nil
	}
	defer d.clock.Pause()()
	for _, what := range []string{countStarts, countNotifications} {
		if a := d.run.allowances.of(what, d.user); a != nil {
			if err := a.wait(ctx, &claim{d, false}); err != nil {
				return err
			}
		}
	}
	return nil
}

// within sends a request when the limits for its user allow it. Waiting for that does not
// count against the clock.
func (d *Driver) within(next sender) sender {
	return func(ctx context.Context, r Request) (*ciba.Response, error) {
		if err := d.run.purse.take(d, r); err != nil {
			return nil, err
		}
		always, accepted := d.counted(r)
		held, err := d.takeAll(ctx, slices.Concat(always, accepted))
		if err != nil {
			d.run.purse.settle(d, r, false)
			return nil, err
		}
		resp, err := next(ctx, r)
		asked := false
		if err == nil {
			_, refused := resp.Started()
			asked = refused == nil
		}
		d.run.purse.settle(d, r, asked)
		for _, a := range held {
			a.settle(d.number, asked || slices.Contains(always, a))
		}
		return resp, err
	}
}

// counted are the limits that a request counts against whatever becomes of it, and those that
// count it when it is accepted. Forms that a case wrote itself, signed requests and tokens that
// are not known are not read: they are taken to be about the user of the case.
func (d *Driver) counted(q Request) (always, accepted []*allowance) {
	add := func(list *[]*allowance, what string, user targetfile.User) {
		if a := d.run.allowances.of(what, user); a != nil {
			*list = append(*list, a)
		}
	}
	switch {
	case d.run.starts(q):
		user, known := d.run.userNamed(q.Form)
		if !known && (q.Body != nil || q.Form.Has("request") || q.Form.Has("id_token_hint") || q.Form.Has("login_hint_token")) {
			user, known = d.user, true
		}
		if known {
			add(&always, countStarts, user)
			add(&accepted, countNotifications, user)
		}
	case q.URL != "" && q.URL == d.run.target.Endpoints.Userinfo:
		if user, known := d.run.userOf(q.Header.Get("Authorization")); known {
			add(&always, countUserInfo, user)
		}
	}
	return always, accepted
}

// userNamed is the user whom one of several hints names: an OP may look at that alone.
func (r *Run) userNamed(p ciba.Params) (targetfile.User, bool) {
	for _, kind := range hintKinds {
		if user, known := r.userHinted(p.Get(kind)); known {
			return user, true
		}
	}
	return targetfile.User{}, false
}

// userOf is the user whose access token a header shows.
func (r *Run) userOf(authorization string) (targetfile.User, bool) {
	_, token, _ := strings.Cut(authorization, " ")
	for _, issued := range r.Memory.Tokens() {
		if token != "" && issued.AccessToken == token {
			i := slices.IndexFunc(r.target.Users, func(u targetfile.User) bool { return u.Name == issued.User })
			return r.target.Users[max(0, i)], i >= 0
		}
	}
	return targetfile.User{}, false
}

// takeAll takes every limit, or none of them.
func (d *Driver) takeAll(ctx context.Context, all []*allowance) (held []*allowance, err error) {
	if len(all) == 0 {
		return nil, nil
	}
	if d.open.some() { // what it has open may expire meanwhile
		defer d.holdUp()()
	} else {
		defer d.clock.Pause()()
	}
	for i, a := range all {
		if err := a.take(ctx, d); err != nil {
			for _, taken := range all[:i] {
				taken.settle(d.number, false)
			}
			return nil, err
		}
	}
	return all, nil
}
