package suites

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/driver"
	"github.com/cibatest/cibatest/internal/preflight"
	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/reports/result"
	"github.com/cibatest/cibatest/suites/harness"
	"github.com/cibatest/cibatest/suites/internal/schedule"
)

// job is a case with its place in the run.
type job struct {
	schedule.Job
	def  *harness.Definition
	cast harness.Cast
	skip string         // why it does not run at all; empty: it runs
	left result.Outcome // of a job that does not run
}

// places are the jobs as the schedule sees them.
func places(jobs []*job) []*schedule.Job {
	list := make([]*schedule.Job, len(jobs))
	for i, j := range jobs {
		list[i] = &j.Job
	}
	return list
}

// plan gives every selected case its client, its user and its place in the
// order, before anything is sent, so that two runs of one selection are alike.
type plan struct {
	run      *run
	load     map[*harness.Client]float64 // seconds that disturbing cases take
	userLoad map[int]float64
	alone    float64 // the share of what is asked of users that cases ask which are alone with them
	turn     int
}

func (r *run) plan(selected []*harness.Definition) []*job {
	p := &plan{
		run: r, load: map[*harness.Client]float64{}, userLoad: map[int]float64{}, alone: shareAlone(selected),
	}
	jobs := make([]*job, len(selected))
	// Those that need two clients have the least choice, as these have to be alike.
	for _, two := range []bool{true, false} {
		for i, def := range selected {
			if def.NeedsAny(catalogue.NeedSecondClient) == two {
				jobs[i] = p.place(def)
			}
		}
	}
	return jobs
}

// place picks client and user. Cases that disturb go to clients other cases do
// not use, and spread over them, as far as the target file has them.
func (p *plan) place(def *harness.Definition) *job {
	j := &job{def: def, left: result.Skip}
	if stopped := p.run.stopped; stopped != nil && !readsMetadata(def) {
		j.skip, j.left = stopped.Error(), result.Error
		return j
	}
	if j.skip = p.run.facts.Capabilities.Unmet(def.Needs()); j.skip != "" {
		return j
	}
	if j.skip = p.castClients(j); j.skip != "" {
		return j
	}
	if j.skip = p.castUsers(j); j.skip != "" {
		return j
	}
	j.About, j.Locks = p.run.session.About(def), p.locksFor(j)
	j.order()
	return j
}

// readsMetadata reports whether a case is about what the OP publishes alone. Those about
// client authentication and the modes try what is promised there.
func readsMetadata(def *harness.Definition) bool {
	return def.NeedsAny(catalogue.NeedDiscovery) && !def.NeedsAny(catalogue.NeedApprove) && def.Area != "client-auth"
}

// castClients picks the clients of a case, or says why there are none.
func (p *plan) castClients(j *job) (skip string) {
	def := j.def
	pool := driver.Working(p.run.driver.Prepared(p.run.facts.ClientsFor(def.Mode(), def.Needs(), def.Methods()...)))
	if len(pool) == 0 {
		return "no client in the target file fits: " + p.wanted(def)
	}
	if pool, skip = p.called(pool); skip != "" {
		j.left = result.Error
		return skip
	}
	if def.NeedsAny(catalogue.NeedSecondClient) {
		pool = p.withTwin(pool)
	}
	j.cast.Client = pool[0]
	about := def.Place().About.Seconds()
	if def.Disturbs() {
		j.cast.Client = p.leastLoaded(p.sparing(pool))
		p.load[j.cast.Client] += about
	}
	if def.NeedsAny(catalogue.NeedSecondClient) {
		j.cast.Second = p.stranger(j.cast.Client)
		if j.cast.Second == nil {
			return fmt.Sprintf("second_client: needs a second %s client in the target file", def.Mode())
		}
		p.load[j.cast.Second] += about
	}
	if def.EachAlgorithm() {
		j.cast.Others = p.otherAlgorithms(j.cast.Client)
	}
	return ""
}

// sparing leaves the primary client out when there is another.
func (p *plan) sparing(pool []*harness.Client) []*harness.Client {
	rest := slices.DeleteFunc(slices.Clone(pool), func(c *harness.Client) bool { return c == p.run.primary })
	if len(rest) == 0 {
		return pool
	}
	return rest
}

func (p *plan) leastLoaded(pool []*harness.Client) *harness.Client {
	return slices.MinFunc(pool, func(a, b *harness.Client) int { return cmp.Compare(p.load[a], p.load[b]) })
}

// withTwin leaves the clients that have a stranger most like them.
func (p *plan) withTwin(pool []*harness.Client) []*harness.Client {
	const alone = 1 << 10 // more than two clients can differ
	difference := func(c *harness.Client) int {
		if twins := p.twins(c); len(twins) > 0 {
			return preflight.Differences(twins[0].Client, c.Client)
		}
		return alone
	}
	least := difference(slices.MinFunc(pool, func(a, b *harness.Client) int { return cmp.Compare(difference(a), difference(b)) }))
	return slices.DeleteFunc(slices.Clone(pool), func(c *harness.Client) bool { return difference(c) > least })
}

// stranger picks the client that plays the stranger, nil where there is none.
func (p *plan) stranger(to *harness.Client) *harness.Client {
	twins := p.twins(to)
	if len(twins) == 0 {
		return nil
	}
	return p.leastLoaded(p.sparing(twins))
}

// twins are the ordinary clients that differ the least from a client, as any other difference
// may be what the OP refuses them for.
func (p *plan) twins(to *harness.Client) []*harness.Client {
	others := slices.DeleteFunc(slices.Clone(p.run.facts.Target.Clients), func(c targetfile.Client) bool { return c.Name == to.Name })
	ordinary := slices.DeleteFunc(p.run.driver.Prepared(others), func(c *harness.Client) bool {
		_, out := p.run.calls.without[c]
		return out || !preflight.Ordinary(c.Client) || c.DeliveryMode != to.DeliveryMode
	})
	return p.run.driver.Prepared(preflight.Likest(registered(driver.Working(ordinary)), to.Client))
}

// otherAlgorithms picks one client for every ID Token algorithm that is
// registered besides that of a client.
func (p *plan) otherAlgorithms(than *harness.Client) []*harness.Client {
	has := map[string]bool{than.IDTokenAlg(): true}
	var others []*harness.Client
	for _, c := range driver.Working(p.run.ordinary(than.DeliveryMode)) {
		if _, out := p.run.calls.without[c]; !out && !has[c.IDTokenAlg()] {
			has[c.IDTokenAlg()] = true
			others = append(others, c)
		}
	}
	return others
}

func registered(clients []*harness.Client) []targetfile.Client {
	list := make([]targetfile.Client, len(clients))
	for i, c := range clients {
		list[i] = c.Client
	}
	return list
}

// castUsers picks the users of a case, or says why there are none. A second user has to meet
// the needs of the case as well as the first.
func (p *plan) castUsers(j *job) (skip string) {
	wanted, able := j.def.Users(), p.run.facts.UsersFor(j.def.Needs())
	if len(able) == 0 { // nobody is asked, or the case itself says what it misses
		return ""
	}
	two := j.def.NeedsAny(catalogue.NeedSecondUser)
	fit := slices.DeleteFunc(slices.Clone(able), func(user int) bool {
		own := p.run.facts.Target.Users[user]
		return wanted.Own != nil && !wanted.Own(own) || two && p.otherUser(wanted, able, user) == user
	})
	switch {
	case len(fit) > 0:
	case two:
		return strings.TrimSpace("second_user: no two users of the target file that meet the needs of this case are " + wanted.What)
	default:
		return "no user of the target file that meets the needs of this case is " + wanted.What
	}
	j.cast.User = p.userOf(j.def, fit)
	j.cast.Other = p.otherUser(wanted, able, j.cast.User)
	return ""
}

// otherUser is the second user of a case beside the first: the next one that fits, or else the
// nearest before it, as the users at the end of the file are for cases that have to be alone,
// and so are their neighbours. It is the first user itself where there is none.
func (p *plan) otherUser(wanted harness.Users, able []int, user int) int {
	all := p.run.facts.Target.Users
	fits := func(other int) bool {
		return other != user && (wanted.Other == nil || wanted.Other(all[user], all[other]))
	}
	at := slices.Index(able, user)
	for _, other := range slices.Concat(able[at+1:], reversed(able[:at])) {
		if fits(other) {
			return other
		}
	}
	return user
}

func reversed(list []int) []int {
	list = slices.Clone(list)
	slices.Reverse(list)
	return list
}

// userOf spreads cases over the users that fit; those that must be alone get the users at
// the end of the file, where there are more than one.
func (p *plan) userOf(def *harness.Definition, users []int) int {
	if len(users) == 1 || p.run.options.Select.Budget > 0 { // then the first one alone was tried
		return users[0]
	}
	if p.run.driver.OneRequestPerUser() { // every case is alone with its user
		user := slices.MinFunc(users, func(a, b int) int { return cmp.Compare(p.userLoad[a], p.userLoad[b]) })
		p.userLoad[user] += def.Place().About.Seconds()
		return user
	}
	half := (len(users) + 1) / 2
	if p.run.facts.Target.Budgets.PerUserMinute != (targetfile.PerUserMinute{}) {
		return p.leastAsked(def, users)
	}
	p.turn++
	if def.Place().AloneForUser {
		return users[half+p.turn%(len(users)-half)]
	}
	return users[p.turn%half]
}

// leastAsked spreads the prompts over the users where an OP limits these for each user, so
// that the run waits as little as possible. As many users are for the cases that have to be
// alone as these ask for.
func (p *plan) leastAsked(def *harness.Definition, users []int) int {
	alone := int(math.Round(p.alone * float64(len(users))))
	border := len(users) - max(1, min(alone, len(users)-1))
	group := users[:border]
	if def.Place().AloneForUser {
		group = users[border:]
	}
	user := slices.MinFunc(group, func(a, b int) int { return cmp.Compare(p.userLoad[a], p.userLoad[b]) })
	p.userLoad[user] += float64(harness.UsualCosts().Of(def.ID).Prompts)
	return user
}

// shareAlone is how much of what some cases ask of the users comes from those that have to be
// alone with them, from 0 to 1.
func shareAlone(selected []*harness.Definition) float64 {
	alone, all := 0, 0
	for _, def := range selected {
		prompts := harness.UsualCosts().Of(def.ID).Prompts
		all += prompts
		if def.Place().AloneForUser {
			alone += prompts
		}
	}
	return float64(alone) / float64(max(1, all))
}

func (p *plan) locksFor(j *job) []schedule.Lock {
	place := j.def.Place()
	locks := []schedule.Lock{{Key: "client " + j.cast.Client.Name, Exclusive: place.AloneForClient}}
	if j.cast.Second != nil {
		locks = append(locks, schedule.Lock{Key: "client " + j.cast.Second.Name, Exclusive: true})
	}
	for _, c := range j.cast.Others {
		locks = append(locks, schedule.Lock{Key: "client " + c.Name})
	}
	locks = append(locks, p.userLocks(j)...)
	if p.run.driver.Approver().IsPerson() && j.def.AsksForDecision() {
		locks = append(locks, schedule.Lock{Key: "person", Exclusive: true})
	}
	return locks
}

// userLocks are on the users that a case asks. It is alone with them where it says so,
// where a user may have one open request only, and where a decision does not name the
// request it is about.
func (p *plan) userLocks(j *job) []schedule.Lock {
	place, users := j.def.Place(), p.run.facts.Target.Users
	nameless := j.def.AsksForDecision() && !p.run.driver.Approver().NamesRequest()
	alone := place.AloneForUser || p.run.driver.OneRequestPerUser() || nameless
	other := j.cast.User
	if j.def.NeedsAny(catalogue.NeedSecondUser) {
		other = j.cast.Other
	}
	var locks []schedule.Lock
	for i, u := range users {
		if i == j.cast.User || i == other || place.AsksAllUsers {
			locks = append(locks, schedule.Lock{Key: "user " + u.Name, Exclusive: alone})
		}
	}
	return locks
}

// everyone opens when all cases but the after-all ones are over.
const everyone = schedule.Latch("everyone")

// ordinary opens when the cases of a client that are not last are over.
func ordinary(c *harness.Client) schedule.Latch { return schedule.Latch("client " + c.Name) }

// order wires the latches: first the ordinary cases of a client, then its last
// ones, then what comes after all.
func (j *job) order() {
	place := j.def.Place()
	switch {
	case place.AfterAll:
		j.WaitFor = []schedule.Latch{everyone}
	case place.LastForClient:
		j.Opens, j.WaitFor = []schedule.Latch{everyone}, []schedule.Latch{ordinary(j.cast.Client)}
	default:
		j.Opens = []schedule.Latch{everyone}
		for _, c := range append([]*harness.Client{j.cast.Client, j.cast.Second}, j.cast.Others...) {
			if c != nil {
				j.Opens = append(j.Opens, ordinary(c))
			}
		}
	}
}

// wanted says in words which client a case is looking for: what all cases of a mode want where
// there is no client of that mode.
func (p *plan) wanted(def *harness.Definition) string {
	if !slices.ContainsFunc(p.run.facts.Target.Clients, func(c targetfile.Client) bool { return c.DeliveryMode == def.Mode() }) {
		return "a " + def.Mode() + " client"
	}
	if methods := def.Methods(); len(methods) > 0 {
		return "a " + def.Mode() + " client authenticating by " + strings.Join(methods, " or ")
	}
	wanted := fmt.Sprintf("a %s client with what %s needs", def.Mode(), def.ID)
	if needs := catalogue.Words(def.Needs()); len(needs) > 0 {
		wanted += " (" + strings.Join(needs, ", ") + ")"
	}
	return wanted
}
