package faults

import (
	"reflect"
	"runtime"
	"slices"
	"testing"

	"github.com/cibatest/cibatest/fixtures"
	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/refop"
)

func registration(t *testing.T) refop.Registration {
	t.Helper()
	reg, err := refop.ParseRegistration(fixtures.ReferenceRegistration(), fixtures.Keys())
	if err != nil {
		t.Fatal(err)
	}
	return reg
}

// A fault has a name of its own, breaks a requirement of the catalogue and says what
// is to be seen.
func TestRows(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for _, f := range slices.Concat(All(), Load) {
		if names[f.Name] {
			t.Errorf("two faults are called %s", f.Name)
		}
		names[f.Name] = true
		if _, ok := catalogue.Must().Get(f.Breaks); !ok {
			t.Errorf("%s breaks %q, which the catalogue does not have", f.Name, f.Breaks)
		}
		if f.Sees == "" {
			t.Errorf("%s does not say what a victim sees", f.Name)
		}
	}
}

// Every fault can be planted, and changes something of the plan.
func TestPlanted(t *testing.T) {
	t.Parallel()
	reg := registration(t)
	for _, f := range slices.Concat(All(), Load) {
		changed := false
		observe := func(p *refop.Plan) {
			before := shape(p)
			f.Plant(p)
			changed = !reflect.DeepEqual(before, shape(p))
		}
		op, err := refop.New(reg, refop.WithPlan(observe))
		if err != nil {
			t.Fatalf("%s: %v", f.Name, err)
		}
		op.Close()
		if !changed {
			t.Errorf("%s changes nothing", f.Name)
		}
	}
}

// shape is what a plan looks like: functions by their address, everything else by
// its value.
func shape(p *refop.Plan) map[string]any {
	looks := map[string]any{"policy": p.Policy, "keys": len(p.SigningKeys), "wrapped": p.Wrapped()}
	for name, has := range p.Declared {
		looks["declared "+name] = has
	}
	rules := reflect.ValueOf(p.Rules)
	for i := range rules.NumField() {
		looks[rules.Type().Field(i).Name] = runtime.FuncForPC(rules.Field(i).Pointer()).Name()
	}
	return looks
}

func TestPlant(t *testing.T) {
	t.Parallel()
	reg := registration(t)
	if _, err := refop.New(reg, Plant("no-such-fault")); err == nil {
		t.Error("an unknown fault is planted")
	}
	op, err := refop.New(reg, Plant("rar-not-enriched", "load-reuse"))
	if err != nil {
		t.Fatal(err)
	}
	defer op.Close()
	if !op.Declared()["rar_enrich"] {
		t.Error("the fault was not planted")
	}
}

// What one OP remembers for a fault is nothing that another one knows.
func TestFreshEachTime(t *testing.T) {
	t.Parallel()
	reg := registration(t)
	first, second := "", ""
	for _, id := range []*string{&first, &second} {
		op, err := refop.New(reg, Plant("ack-id-counter"))
		if err != nil {
			t.Fatal(err)
		}
		*id = op.Rules().RequestID()
		op.Close()
	}
	if first != second {
		t.Errorf("the counter of a second OP begins with %s, want %s", second, first)
	}
}
