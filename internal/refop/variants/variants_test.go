package variants

import (
	"reflect"
	"runtime"
	"testing"

	"github.com/cibatest/cibatest/fixtures"
	"github.com/cibatest/cibatest/internal/refop"
)

// Every variant has a name of its own and a reason, can be chosen, and changes
// something of the plan.
func TestRows(t *testing.T) {
	t.Parallel()
	reg, err := refop.ParseRegistration(fixtures.ReferenceRegistration(), fixtures.Keys())
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, v := range All() {
		if names[v.Name] || v.Why == "" {
			t.Errorf("%s is there twice, or has no reason", v.Name)
		}
		names[v.Name] = true
		changed := false
		op, err := refop.New(reg, refop.WithPlan(func(p *refop.Plan) {
			before := shape(p)
			v.Apply(p)
			changed = !reflect.DeepEqual(before, shape(p))
		}))
		if err != nil {
			t.Fatalf("%s: %v", v.Name, err)
		}
		op.Close()
		if !changed {
			t.Errorf("%s changes nothing", v.Name)
		}
	}
	if _, err := refop.New(reg, Choose("no-such-variant")); err == nil {
		t.Error("an unknown variant is chosen")
	}
}

// shape is what a plan looks like: functions by their address, everything else by
// its value.
func shape(p *refop.Plan) map[string]any {
	looks := map[string]any{"policy": p.Policy, "keys": len(p.SigningKeys), "wrapped": p.Wrapped()}
	rules := reflect.ValueOf(p.Rules)
	for i := range rules.NumField() {
		looks[rules.Type().Field(i).Name] = runtime.FuncForPC(rules.Field(i).Pointer()).Name()
	}
	return looks
}
