package selftest

import (
	"testing"

	"github.com/cibatest/cibatest/internal/lab"
	"github.com/cibatest/cibatest/internal/targetfile"
	"github.com/cibatest/cibatest/reports/result"
)

// Where the target file says that the OP asks for a binding message, its refusal of a request
// without one is no departure, and anything but a refusal or an acceptance still is.
func TestBindingMessageThatIsRequired(t *testing.T) {
	t.Parallel()
	required := describing(func(tgt *targetfile.Target) { tgt.BindingMessageRequired = true })
	for name, c := range map[string]struct {
		op   lab.Options
		want result.Outcome
	}{
		"refused as said":        {lab.Options{Variants: []string{"binding-needed"}}, result.Pass},
		"accepted all the same":  {lab.Options{}, result.Pass},
		"refused in other words": {lab.Options{Faults: []string{"binding-required-500"}}, result.Fail},
	} {
		for _, one := range judgeLab(t, c.op, required, selecting("binding-optional")).Cases {
			if one.ID == "binding-optional" && one.Outcome != c.want {
				t.Errorf("%s: %s: %s", name, one.Outcome, one.Message+one.Reason)
			}
		}
	}
	for _, one := range judgeLab(t, lab.Options{Variants: []string{"binding-needed"}}, selecting("binding-optional")).Cases {
		if one.ID == "binding-optional" && one.Outcome != result.Warn {
			t.Errorf("where the file says nothing: %s", one.Outcome)
		}
	}
}
