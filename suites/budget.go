package suites

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/suites/harness"
)

// A person answers a handful of prompts and not two hundred. Under a budget the cases are run
// that tell most for the prompts they cost: those that ask nobody, and of the others those
// that settle most clauses a prompt, where a scenario that many share is paid for once.

// budget chooses cases for so many prompts.
type budget struct {
	left    int
	judged  map[string]bool // clauses that the chosen cases are about
	scenes  map[scene]bool  // that are paid for
	chosen  map[*job]bool
	pending []*job // in the order of the plan
}

// scene is a shared scenario of one client.
type scene struct{ name, client string }

// withinBudget takes the jobs that are not worth their prompts out of the run, and notes what
// was left out. Jobs that are skipped anyway stay: their reasons are of use.
func (r *run) withinBudget(jobs []*job) []*job {
	if r.options.Select.Budget == 0 {
		return jobs
	}
	spent := r.prompts()
	b := budget{
		left: r.options.Select.Budget - spent, judged: map[string]bool{}, scenes: map[scene]bool{}, chosen: map[*job]bool{},
	}
	for _, j := range jobs {
		if j.skip != "" || b.price(j) == 0 {
			b.take(j)
			continue
		}
		b.pending = append(b.pending, j)
	}
	for b.takeBest() {
	}
	kept := slices.DeleteFunc(slices.Clone(jobs), func(j *job) bool { return !b.chosen[j] })
	r.driver.Note("--budget %d: prompts for trying the set-up: %d; for cases: %d. %s",
		r.options.Select.Budget, spent, r.options.Select.Budget-spent-b.left, leftOut(b.pending))
	return kept
}

// prompts are how often users were asked so far.
func (r *run) prompts() int {
	n := 0
	for _, of := range r.driver.Spent() {
		n += of
	}
	return n
}

// beyondBudget says why users were asked more often than the budget has it; empty: they were
// not.
func (r *run) beyondBudget() string {
	if beyond := r.prompts() - r.options.Select.Budget; beyond > 0 {
		return fmt.Sprintf(", %d of them by requests that the OP accepted although the cases expect a refusal", beyond)
	}
	return ""
}

// takeBest chooses what settles most for a prompt, a case or all that share a scenario, and
// reports whether there was something that can be paid for.
func (b *budget) takeBest() bool {
	var best []*job
	var most float64
	for _, j := range b.pending {
		with := b.alike(j)
		price := b.price(j)
		if worth := b.worth(with) / float64(price); price <= b.left && worth > most {
			best, most = with, worth
		}
	}
	for i, j := range best {
		if i == 0 {
			b.left -= b.price(j)
		}
		b.take(j)
	}
	b.pending = slices.DeleteFunc(b.pending, func(j *job) bool { return b.chosen[j] })
	return len(best) > 0
}

// alike are a job and those that cost nothing more once it is paid for.
func (b *budget) alike(first *job) []*job {
	with := budget{scenes: maps.Clone(b.scenes)}
	with.pay(first)
	list := []*job{first}
	for _, j := range b.pending {
		if j != first && with.price(j) == 0 {
			list = append(list, j)
		}
	}
	return list
}

// worth is what some jobs settle that is not settled yet. What an OP has to do counts more
// than what it should do, and a case of the smoke selection more than another.
func (b *budget) worth(jobs []*job) float64 {
	const must, should, smoke = 3, 1, 0.5
	seen, sum := map[string]bool{}, 0.0
	for _, j := range jobs {
		if j.def.Smoke() {
			sum += smoke
		}
		for _, id := range j.def.Requirements() {
			if b.judged[id] || seen[id] {
				continue
			}
			seen[id] = true
			if clause, _ := catalogue.Must().Get(id); clause.Level == "MUST" {
				sum += must
			} else {
				sum += should
			}
		}
	}
	return sum
}

// price is how many prompts a job costs beside what is paid for.
func (b *budget) price(j *job) int {
	costs := harness.UsualCosts()
	n := costs.Of(j.def.ID).Prompts
	for _, s := range scenesOf(j) {
		if !b.scenes[s] {
			n += costs.Shared[s.name]
		}
	}
	return n
}

func (b *budget) take(j *job) {
	b.chosen[j] = true
	b.pay(j)
	for _, id := range j.def.Requirements() {
		b.judged[id] = b.judged[id] || j.skip == ""
	}
}

func (b *budget) pay(j *job) {
	for _, s := range scenesOf(j) {
		b.scenes[s] = b.scenes[s] || j.skip == ""
	}
}

// scenesOf are the shared scenarios of a job, for each client that it runs as.
func scenesOf(j *job) []scene {
	var list []scene
	for _, c := range append([]*harness.Client{j.cast.Client}, j.cast.Others...) {
		for _, name := range harness.UsualCosts().Of(j.def.ID).Shares {
			if c != nil {
				list = append(list, scene{name, c.Name})
			}
		}
	}
	return list
}

// leftOut says in words which cases there was no room for.
func leftOut(jobs []*job) string {
	if len(jobs) == 0 {
		return "Nothing was left out."
	}
	count, prompts := map[string]int{}, 0
	for _, j := range jobs {
		count[j.def.Area]++
		prompts += harness.UsualCosts().Of(j.def.ID).Prompts
	}
	areas := slices.SortedFunc(maps.Keys(count), func(a, b string) int { return cmp.Or(count[b]-count[a], strings.Compare(a, b)) })
	for i, area := range areas {
		areas[i] = fmt.Sprintf("%s %d", area, count[area])
	}
	return fmt.Sprintf("Left out were %d cases, which would ask about %d times more: %s", len(jobs), prompts, strings.Join(areas, ", "))
}
