package suites

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/preflight"
	"github.com/cibatest/cibatest/internal/targetfile"
)

// plan gives every selected case its client, its user and its place in the
// order, before anything is sent, so that two runs of one selection are alike.
type plan struct {
	session  *Session
	jobs     []*job
	normal   map[*Client]*latch // opens when the cases of a client that are not last are over
	everyone *latch             // opens when all cases but the after-all ones are over
	load     map[*Client]float64
	userLoad map[int]float64
	turn     int
}

func (s *Session) plan(selected []*definition) []*job {
	p := &plan{session: s, normal: map[*Client]*latch{}, everyone: newLatch(), load: map[*Client]float64{}, userLoad: map[int]float64{}}
	for _, c := range s.clients {
		p.normal[c] = newLatch()
	}
	for _, def := range selected {
		p.jobs = append(p.jobs, p.place(def))
	}
	for _, j := range p.jobs {
		p.order(j)
	}
	return p.jobs
}

// place picks client and user. Cases that disturb go to clients other cases do
// not use, and spread over them, as far as the target file has them.
func (p *plan) place(def *definition) *job {
	j := &job{def: def}
	if j.skip = p.session.unmet(def); j.skip != "" {
		return j
	}
	pool := p.session.pool(def)
	if len(pool) == 0 {
		j.skip = "no client in the target file fits: " + def.wants()
		return j
	}
	j.client = pool[0]
	if def.disturbs() {
		j.client = p.leastLoaded(p.sparing(pool))
		p.load[j.client] += def.about.Seconds()
	}
	if slices.Contains(def.needs, "second_client") {
		j.second = p.other(j.client)
		if j.second == nil {
			j.skip = "second_client: needs a second poll client in the target file"
			return j
		}
		p.load[j.second] += def.about.Seconds()
	}
	if def.eachAlg {
		j.others = p.otherAlgorithms(j.client)
	}
	j.user = p.userFor(def)
	j.locks = p.locksFor(j)
	return j
}

// sparing leaves the primary client out when there is another.
func (p *plan) sparing(pool []*Client) []*Client {
	rest := slices.DeleteFunc(slices.Clone(pool), func(c *Client) bool { return c == p.session.primary })
	if len(rest) == 0 {
		return pool
	}
	return rest
}

func (p *plan) leastLoaded(pool []*Client) *Client {
	return slices.MinFunc(pool, func(a, b *Client) int { return cmp.Compare(p.load[a], p.load[b]) })
}

// other picks the client that plays the stranger: any ordinary client but the case's
// own, a plain one where there is one.
func (p *plan) other(than *Client) *Client {
	others := slices.DeleteFunc(slices.Clone(p.session.target.Clients), func(c targetfile.Client) bool { return c.Name == than.Name })
	pool := working(p.session.prepared(preflight.OrdinaryClients(others)))
	if len(pool) == 0 {
		return nil
	}
	return p.leastLoaded(p.sparing(pool))
}

// otherAlgorithms picks one client for every ID Token algorithm that is
// registered besides that of a client.
func (p *plan) otherAlgorithms(than *Client) []*Client {
	seen := map[string]bool{than.idTokenAlg(): true}
	var others []*Client
	for _, c := range p.session.general() {
		if !seen[c.idTokenAlg()] {
			seen[c.idTokenAlg()] = true
			others = append(others, c)
		}
	}
	return others
}

// userFor spreads cases over the users; those that must be alone get the users
// at the end of the file, where there are more than one.
func (p *plan) userFor(def *definition) int {
	users := p.session.usersFor(def)
	if len(users) == 1 {
		return users[0]
	}
	if p.session.oneRequestPerUser { // every case is alone with its user
		user := slices.MinFunc(users, func(a, b int) int { return cmp.Compare(p.userLoad[a], p.userLoad[b]) })
		p.userLoad[user] += def.about.Seconds()
		return user
	}
	half := (len(users) + 1) / 2
	p.turn++
	if def.aloneUser {
		return users[half+p.turn%(len(users)-half)]
	}
	return users[p.turn%half]
}

// otherThan is the next user, or the one before the last: the users at the end of
// the file are for cases that have to be alone, and so are their neighbours.
func otherThan(user, users int) int {
	if user+1 < users {
		return user + 1
	}
	return user - 1
}

func (p *plan) locksFor(j *job) []lock {
	d := j.def
	locks := []lock{{"client " + j.client.Name, d.aloneClient}}
	if j.second != nil {
		locks = append(locks, lock{"client " + j.second.Name, true})
	}
	for _, c := range j.others {
		locks = append(locks, lock{"client " + c.Name, false})
	}
	users := p.session.target.Users
	alone := d.aloneUser || p.session.oneRequestPerUser || d.asksForDecision() && !p.session.approver.NamesRequest()
	other := -1
	if len(users) > 1 && slices.Contains(d.needs, "second_user") { // see T.OtherUser
		other = otherThan(j.user, len(users))
	}
	for i, u := range users {
		if i == j.user || i == other || d.allUsers {
			locks = append(locks, lock{"user " + u.Name, alone})
		}
	}
	if p.session.target.Approval.Kind == "manual" && d.asksForDecision() {
		locks = append(locks, lock{"person", true})
	}
	slices.SortFunc(locks, func(a, b lock) int { return strings.Compare(a.key, b.key) })
	return locks
}

// order wires the latches: first the ordinary cases of a client, then its last
// ones, then what comes after all.
func (p *plan) order(j *job) {
	if j.skip != "" {
		return
	}
	if j.def.afterAll {
		j.waitFor = append(j.waitFor, p.everyone)
		return
	}
	p.everyone.add()
	j.opens = append(j.opens, p.everyone)
	if j.def.lastClient {
		j.waitFor = append(j.waitFor, p.normal[j.client])
		return
	}
	for _, c := range append([]*Client{j.client, j.second}, j.others...) {
		if c != nil {
			p.normal[c].add()
			j.opens = append(j.opens, p.normal[c])
		}
	}
}

// disturbs says whether the case may harm others of the same client.
func (d *definition) disturbs() bool { return d.aloneClient || d.lastClient }

func (d *definition) asksForDecision() bool {
	return slices.ContainsFunc(d.needs, func(n catalogue.Need) bool {
		return n == "approve" || n == "deny" || n == "approve_partial"
	})
}

// wants says in words which client a case is looking for.
func (d *definition) wants() string {
	if len(d.methods) > 0 {
		return "a poll client authenticating by " + strings.Join(d.methods, " or ")
	}
	return fmt.Sprintf("a poll client with what %s needs (%s)", d.id, strings.Join(catalogue.Words(d.needs), ", "))
}
