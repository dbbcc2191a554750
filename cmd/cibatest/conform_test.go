package main

import "testing"

// The command of a run does it again: what was given, wherever the target came from, and
// the seed that was drawn.
func TestCommandOfARun(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		flags  []string
		target string
		want   string
	}{
		{"nothing given", nil, "", "cibatest conform --seed 7"},
		{"the target from the environment", nil, "my op.yaml", "cibatest conform --target 'my op.yaml' --seed 7"},
		{
			"flags and words",
			[]string{"--smoke", "--baseline", "known.yaml", "rar", "CIBA-11-PENDING"},
			"op.yaml",
			"cibatest conform --target op.yaml --seed 7 --baseline known.yaml --smoke rar CIBA-11-PENDING",
		},
		{"a budget", []string{"--budget", "5"}, "", "cibatest conform --seed 7 --budget 5"},
		{"a flag that is off", []string{"--strict=false"}, "", "cibatest conform --seed 7 --strict=false"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			flags := newConform().Flags()
			if err := flags.Parse(c.flags); err != nil {
				t.Fatal(err)
			}
			if got := again(flags, flags.Args(), conformFlags{target: c.target}, 7); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}
