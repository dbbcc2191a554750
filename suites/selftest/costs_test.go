package selftest

import (
	"encoding/json"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cibatest/cibatest/internal/lab"
	"github.com/cibatest/cibatest/suites"
	"github.com/cibatest/cibatest/suites/harness"
)

var update = flag.Bool("update", false, "write what cases ask of the users to costs.json of the package harness")

// What cases ask of the users is known beforehand: by it --budget chooses, and a run keeps to
// what an OP takes for a user within a minute.
func TestCosts(t *testing.T) {
	t.Parallel()
	if *onlyCase != "" {
		t.Skip("the costs are those of a whole run")
	}
	watch := &suites.Watch{}
	judgeLab(t, lab.Options{}, func(o *suites.Options) { o.Watch = watch })
	measured := watch.Costs()
	if len(measured.Cases) < 250 || len(measured.Shared) == 0 {
		t.Fatalf("%d cases and %d shared scenarios were measured", len(measured.Cases), len(measured.Shared))
	}
	if *update {
		writeCosts(t, measured)
		return
	}
	known, unlisted := harness.UsualCosts(), 0
	for _, id := range slices.Sorted(maps.Keys(measured.Cases)) {
		want, got := known.Of(id), measured.Cases[id]
		if _, listed := known.Cases[id]; !listed {
			unlisted++ // the estimate for such a case is good enough for a while
			continue
		}
		if want.Prompts != got.Prompts || !slices.Equal(want.Shares, got.Shares) {
			t.Errorf("%s: %+v, in costs.json it is %+v", id, got, want)
		}
	}
	if unlisted > len(measured.Cases)/20 {
		t.Errorf("%d of %d cases are not in costs.json", unlisted, len(measured.Cases))
	}
	for name, prompts := range measured.Shared {
		if listed, there := known.Shared[name]; there && listed != prompts {
			t.Errorf("shared scenario %q: %d prompts, in costs.json %d", name, prompts, known.Shared[name])
		}
	}
	if t.Failed() {
		t.Log("go test ./suites/selftest -run TestCosts -args -update writes what was measured")
	}
}

// writeCosts writes a line for each case, so that changes are readable.
func writeCosts(t *testing.T, c harness.Costs) {
	t.Helper()
	var b strings.Builder
	line := func(name string, value any, last bool) {
		text, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		b.WriteString("    " + `"` + name + `": ` + string(text) + map[bool]string{true: "\n", false: ",\n"}[last])
	}
	b.WriteString("{\n  \"cases\": {\n")
	ids := slices.Sorted(maps.Keys(c.Cases))
	for i, id := range ids {
		line(id, c.Cases[id], i == len(ids)-1)
	}
	b.WriteString("  },\n  \"shared\": {\n")
	names := slices.Sorted(maps.Keys(c.Shared))
	for i, name := range names {
		line(name, c.Shared[name], i == len(names)-1)
	}
	b.WriteString("  }\n}\n")
	if err := os.WriteFile(filepath.Join("..", "harness", "costs.json"), []byte(b.String()), 0o600); err != nil {
		t.Fatal(err)
	}
}
