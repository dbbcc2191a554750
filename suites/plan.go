package suites

import (
	"cmp"
	"fmt"
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
	ordinary map[*harness.Client]*schedule.Latch // opens when the cases of a client that are not last are over
	everyone *schedule.Latch                     // opens when all cases but the after-all ones are over
	load     map[*harness.Client]float64         // seconds that disturbing cases take
	userLoad map[int]float64
	turn     int
}

func (r *run) plan(selected []*harness.Definition) []*job {
	p := &plan{
		run: r, ordinary: map[*harness.Client]*schedule.Latch{}, everyone: schedule.NewLatch(),
		load: map[*harness.Client]float64{}, userLoad: map[int]float64{},
	}
	for _, c := range r.driver.Clients() {
		p.ordinary[c] = schedule.NewLatch()
	}
	var jobs []*job
	for _, def := range selected {
		jobs = append(jobs, p.place(def))
	}
	for _, j := range jobs {
		p.order(j)
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
	j.cast.User = p.userFor(def)
	j.Locks = p.locksFor(j)
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
	pool := driver.Working(p.run.driver.Prepared(p.run.facts.ClientsFor(def.Needs(), def.Methods()...)))
	if len(pool) == 0 {
		return "no client in the target file fits: " + wanted(def)
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
			return "second_client: needs a second poll client in the target file"
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

// stranger picks the client that plays the stranger: any ordinary client but the case's
// own, a plain one where there is one.
func (p *plan) stranger(to *harness.Client) *harness.Client {
	others := slices.DeleteFunc(slices.Clone(p.run.facts.Target.Clients), func(c targetfile.Client) bool { return c.Name == to.Name })
	pool := driver.Working(p.run.driver.Prepared(preflight.OrdinaryClients(others)))
	if len(pool) == 0 {
		return nil
	}
	return p.leastLoaded(p.sparing(pool))
}

// otherAlgorithms picks one client for every ID Token algorithm that is
// registered besides that of a client.
func (p *plan) otherAlgorithms(than *harness.Client) []*harness.Client {
	has := map[string]bool{than.IDTokenAlg(): true}
	var others []*harness.Client
	for _, c := range p.run.ordinary() {
		if !has[c.IDTokenAlg()] {
			has[c.IDTokenAlg()] = true
			others = append(others, c)
		}
	}
	return others
}

// userFor spreads cases over the users; those that must be alone get the users
// at the end of the file, where there are more than one.
func (p *plan) userFor(def *harness.Definition) int {
	users := p.run.facts.UsersFor(def.Needs())
	switch len(users) {
	case 0:
		return 0
	case 1:
		return users[0]
	}
	if p.run.driver.OneRequestPerUser() { // every case is alone with its user
		user := slices.MinFunc(users, func(a, b int) int { return cmp.Compare(p.userLoad[a], p.userLoad[b]) })
		p.userLoad[user] += def.Place().About.Seconds()
		return user
	}
	half := (len(users) + 1) / 2
	p.turn++
	if def.Place().AloneForUser {
		return users[half+p.turn%(len(users)-half)]
	}
	return users[p.turn%half]
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
	slices.SortFunc(locks, func(a, b schedule.Lock) int { return strings.Compare(a.Key, b.Key) })
	return locks
}

// userLocks are on the users that a case asks. It is alone with them where it says so,
// where a user may have one open request only, and where a decision does not name the
// request it is about.
func (p *plan) userLocks(j *job) []schedule.Lock {
	place, users := j.def.Place(), p.run.facts.Target.Users
	nameless := j.def.AsksForDecision() && !p.run.driver.Approver().NamesRequest()
	alone := place.AloneForUser || p.run.driver.OneRequestPerUser() || nameless
	other := -1
	if len(users) > 1 && j.def.NeedsAny(catalogue.NeedSecondUser) {
		other = harness.OtherUser(j.cast.User, len(users))
	}
	var locks []schedule.Lock
	for i, u := range users {
		if i == j.cast.User || i == other || place.AsksAllUsers {
			locks = append(locks, schedule.Lock{Key: "user " + u.Name, Exclusive: alone})
		}
	}
	return locks
}

// order wires the latches: first the ordinary cases of a client, then its last
// ones, then what comes after all.
func (p *plan) order(j *job) {
	if j.skip != "" {
		return
	}
	place := j.def.Place()
	if place.AfterAll {
		j.WaitFor = append(j.WaitFor, p.everyone)
		return
	}
	p.count(j, p.everyone)
	if place.LastForClient {
		j.WaitFor = append(j.WaitFor, p.ordinary[j.cast.Client])
		return
	}
	for _, c := range append([]*harness.Client{j.cast.Client, j.cast.Second}, j.cast.Others...) {
		if c != nil {
			p.count(j, p.ordinary[c])
		}
	}
}

func (p *plan) count(j *job, l *schedule.Latch) {
	l.Add()
	j.Opens = append(j.Opens, l)
}

// wanted says in words which client a case is looking for.
func wanted(def *harness.Definition) string {
	if methods := def.Methods(); len(methods) > 0 {
		return "a poll client authenticating by " + strings.Join(methods, " or ")
	}
	return fmt.Sprintf("a poll client with what %s needs (%s)", def.ID, strings.Join(catalogue.Words(def.Needs()), ", "))
}
