package selftest

import (
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"

	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/lab"
	"github.com/cibatest/cibatest/internal/refop/faults"
	"github.com/cibatest/cibatest/reports/result"
)

// mostSeenLate is how many faults may be found at the second try only. Their traces
// depend on how cases happen to meet; more of them means that a case has come to depend
// on luck.
const mostSeenLate = 6

// TestFaults shows that each fault is found by a case of the requirement it breaks, and
// that each case fails for some fault. A fault that the cases of its own requirement do
// not find alone gets all cases, as some of these judge what others have received.
//
// With -whole each fault is judged by all cases at once, and none may reach further than
// its area does (see damage).
func TestFaults(t *testing.T) {
	if testing.Short() {
		t.Skip("with -short no fault is planted")
	}
	m := &matrix{trips: map[string][]string{}}
	t.Run("each", func(t *testing.T) {
		for _, f := range inShard(t, chosenFaults(t)) {
			t.Run(f.Name, func(t *testing.T) {
				t.Parallel()
				m.check(t, f)
			})
		}
	})
	m.write(t)
	if *onlyFault != "" {
		return
	}
	if *onlyCase != "" {
		m.eachNamedCaseFails(t)
		return
	}
	t.Logf("%d faults; all cases were needed for %d; found at the second try: %v", len(m.trips), len(m.needAll), m.late)
	if len(m.late) > mostSeenLate {
		t.Errorf("%d faults were found at the second try only, want %d at most", len(m.late), mostSeenLate)
	}
	if *onlyCase == "" && *shard == "1/1" {
		m.everyCaseFails(t)
	}
}

// chosenFaults are the faults that -fault and -case leave: with -case those that break a
// requirement of the cases.
func chosenFaults(t *testing.T) []faults.Fault {
	t.Helper()
	var chosen []faults.Fault
	for _, f := range faults.All() {
		if (*onlyFault == "" || f.Name == *onlyFault) && concernsChosen(f) {
			chosen = append(chosen, f)
		}
	}
	if len(chosen) == 0 {
		t.Fatalf("no fault is called %q or breaks a requirement of %q", *onlyFault, *onlyCase)
	}
	return chosen
}

func concernsChosen(f faults.Fault) bool {
	chosen := chosenCases()
	return len(chosen) == 0 || *onlyFault != "" || slices.ContainsFunc(chosen, func(id string) bool {
		return slices.Contains(cases()[id].Requirements, f.Breaks)
	})
}

// matrix collects which cases each fault trips.
type matrix struct {
	mu      sync.Mutex
	trips   map[string][]string
	late    []string // faults that were found at the second try only
	needAll []string // faults that the cases of their own requirement do not find alone
}

// check runs cases against a fault. A fault whose traces depend on how cases meet may go
// unseen once; the second run has to see it, and it is counted.
func (m *matrix) check(t *testing.T, f faults.Fault) {
	if _, ok := catalogue.Must().Get(f.Breaks); !ok {
		t.Fatalf("breaks the unknown requirement %s", f.Breaks)
	}
	tripped := m.try(t, f)
	m.mu.Lock()
	defer m.mu.Unlock()
	m.trips[f.Name] = tripped
}

func (m *matrix) try(t *testing.T, f faults.Fault) []string {
	// Handshakes would double what a run costs, so only their own faults have them.
	planted := lab.Options{Faults: []string{f.Name}, TLS: f.Breaks == callbacksOverTLS}
	if !*whole && *onlyCase == "" {
		if run := judgeLab(t, planted, selecting(f.Breaks)); caught(f, run) {
			return trippedBy(run)
		}
		m.count(&m.needAll, f)
	}
	run := judgeLab(t, planted)
	tripped := trippedBy(run)
	if !caught(f, run) {
		run = judgeLab(t, planted)
		if tripped = trippedBy(run); !caught(f, run) {
			if *onlyCase != "" && *onlyFault == "" {
				t.Logf("left to other cases of %s: %s", f.Breaks, whatTheySaid(f, run))
				return tripped
			}
			t.Errorf("no case of %s found it: %s; found by %v", f.Breaks, whatTheySaid(f, run), tripped)
			return tripped
		}
		m.count(&m.late, f)
	}
	if *onlyCase != "" || *onlyFault != "" {
		t.Logf("%s: %s", f.Breaks, whatTheySaid(f, run))
	}
	if *whole && *onlyCase == "" {
		checkDamage(t, f, planted, tripped)
	}
	return tripped
}

func (m *matrix) count(list *[]string, f faults.Fault) {
	m.mu.Lock()
	defer m.mu.Unlock()
	*list = append(*list, f.Name)
}

// caught reports whether a case of the requirement that the fault breaks noticed it, or one of
// any requirement has a finding about that very clause.
func caught(f faults.Fault, run result.Run) bool {
	tripped := trippedBy(run)
	return len(elsewhere(f, tripped)) < len(tripped) || slices.ContainsFunc(run.Cases, func(c result.Case) bool {
		return slices.ContainsFunc(c.Findings, func(found result.Finding) bool {
			return found.ClauseID() == f.Breaks && (found.Outcome == result.Warn || found.Outcome == result.Fail)
		})
	})
}

// whatTheySaid are the outcomes of the cases of the broken requirement.
func whatTheySaid(f faults.Fault, run result.Run) string {
	var said []string
	for _, c := range run.Cases {
		if slices.Contains(c.Requirements, f.Breaks) {
			said = append(said, fmt.Sprintf("%s %s (%s%s)", c.ID, c.Outcome, c.Message, c.Reason))
		}
	}
	return strings.Join(said, "; ")
}

// trippedBy are the cases that noticed something.
func trippedBy(run result.Run) []string {
	var tripped []string
	for _, c := range run.Cases {
		if noticed(c) {
			tripped = append(tripped, c.ID)
		}
	}
	return tripped
}

// noticed reports whether a case noticed something. An info counts for requirements
// whose own verdict is info: more cannot be said about them.
func noticed(c result.Case) bool {
	switch c.Outcome {
	case result.Fail, result.Warn:
		return true
	case result.Info:
		r, _ := catalogue.Must().Get(c.Requirements[0])
		return r.Verdict == "info"
	default:
		return false
	}
}

// checkDamage holds a fault to the reach of its area. What a race between cases brings
// about once is no lasting damage, so it has to show twice.
func checkDamage(t *testing.T, f faults.Fault, planted lab.Options, tripped []string) {
	t.Helper()
	strays := tooFar(f, tripped)
	if len(strays) == 0 {
		return
	}
	again := tooFar(f, trippedBy(judgeLab(t, planted)))
	for _, id := range strays {
		if slices.Contains(again, id) {
			t.Errorf("the fault trips %s of the area %s; say why in the table, or mend the case", id, cases()[id].Area)
		}
	}
}

// write writes the table fault -> cases to the file that the environment names: first
// the cases of the requirement that the fault breaks, then what else it trips, with the
// reason.
func (m *matrix) write(t *testing.T) {
	path := os.Getenv("CIBATEST_FAULT_TABLE")
	if path == "" {
		return
	}
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	w := tabwriter.NewWriter(file, 0, 0, 2, ' ', 0)
	for _, f := range faults.All() {
		if tripped, ran := m.trips[f.Name]; ran {
			writeRow(w, f, tripped)
		}
	}
	w.Flush()
	for _, name := range m.late {
		fmt.Fprintf(file, "%s was not noticed at the first try\n", name)
	}
}

func writeRow(w io.Writer, f faults.Fault, tripped []string) {
	also := elsewhere(f, tripped)
	own := slices.DeleteFunc(slices.Clone(tripped), func(id string) bool { return slices.Contains(also, id) })
	fmt.Fprintf(w, "%s\t%s\t%s\n", f.Name, f.Breaks, strings.Join(own, " "))
	if broken, _ := catalogue.Must().Get(f.Breaks); len(also) > 0 {
		fmt.Fprintf(w, "\talso, as %s:\t%s\n", damage[broken.Area].why, strings.Join(also, " "))
	}
}

// eachNamedCaseFails shows that each case that -case names finds a fault of its clauses;
// the other faults of the clauses may be left to other cases.
func (m *matrix) eachNamedCaseFails(t *testing.T) {
	t.Helper()
	for _, id := range chosenCases() {
		if _, isCase := cases()[id]; isCase && !slices.ContainsFunc(slices.Collect(maps.Values(m.trips)), func(tripped []string) bool { return slices.Contains(tripped, id) }) {
			t.Errorf("no fault of its requirements makes the case %s fail", id)
		}
	}
}

// everyCaseFails shows that there is no case that cannot fail.
func (m *matrix) everyCaseFails(t *testing.T) {
	t.Helper()
	fails := map[string]bool{}
	for _, tripped := range m.trips {
		for _, id := range tripped {
			fails[id] = true
		}
	}
	for id := range cases() {
		if !fails[id] && id != "tls-versions" { // see TestTLSVersions of the family security
			t.Errorf("no fault makes the case %s fail", id)
		}
	}
}
