package personas_test

import (
	"strings"
	"testing"

	"github.com/cibatest/cibatest/internal/refop/personas"
)

// What is misspelled is told with what there is.
func TestUnknownNamesAreTold(t *testing.T) {
	t.Parallel()
	if _, err := personas.Get("okta"); err == nil || !strings.Contains(err.Error(), "auth0, keycloak") {
		t.Errorf("an unknown persona: %v", err)
	}
	persona, err := personas.Get("auth0")
	if err != nil {
		t.Fatal(err)
	}
	for written, says := range map[string]string{
		"latencies=none": "latency", "latency=slow": "none or recorded", "latency": "none or recorded", "": "latency",
	} {
		if _, err := persona.Settings([]string{written}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%q: %v, want it to say %q", written, err, says)
		}
	}
}

// Every option is there for something: each of its values makes a plan, and is described.
func TestOptionsAreDescribed(t *testing.T) {
	t.Parallel()
	for _, p := range personas.All() {
		for _, o := range p.Options {
			if o.Does == "" || len(o.Values) == 0 {
				t.Errorf("%s: %s is not described", p.Name, o.Name)
			}
			for _, value := range o.Values {
				standIn(t, p.Name, true, o.Name+"="+value)
			}
		}
	}
}
