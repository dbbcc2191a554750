package loadgen

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"
)

// Mix is how users decide, in shares that add up to 1.
type Mix struct{ Approve, Deny, Ignore float64 }

// ParseMix reads "approve=90,deny=8,ignore=2": parts of any size.
func ParseMix(text string) (Mix, error) {
	var m Mix
	fields := map[string]*float64{"approve": &m.Approve, "deny": &m.Deny, "ignore": &m.Ignore}
	for part := range strings.SplitSeq(text, ",") {
		name, parts, _ := strings.Cut(strings.TrimSpace(part), "=")
		value, err := strconv.ParseFloat(parts, 64)
		if fields[name] == nil || err != nil || !(value >= 0) || math.IsInf(value, 0) {
			return Mix{}, fmt.Errorf("mix %q: write approve=90,deny=8,ignore=2", text)
		}
		*fields[name] = value
	}
	sum := m.Approve + m.Deny + m.Ignore
	if sum <= 0 {
		return Mix{}, fmt.Errorf("mix %q: nobody does anything", text)
	}
	return Mix{m.Approve / sum, m.Deny / sum, m.Ignore / sum}, nil
}

// draw is what one user is going to do, by a chance of 0 to 1.
func (m Mix) draw(chance float64) intent {
	switch {
	case chance < m.Approve:
		return approves
	case chance < m.Approve+m.Deny:
		return denies
	}
	return ignores
}

// Think is how long users take to decide. It is never counted as latency of
// the OP.
type Think struct {
	Median time.Duration
	Sigma  float64 // of a lognormal distribution; 0: always the median
	Upto   time.Duration
}

// ParseThink reads "fixed:2s", "uniform:1s..5s" or "lognormal:8s,0.6", whose
// numbers are the median and sigma.
func ParseThink(text string) (Think, error) {
	bad := fmt.Errorf("think time %q: write fixed:2s, uniform:1s..5s or lognormal:8s,0.6", text)
	shape, numbers, _ := strings.Cut(text, ":")
	cut := map[string]string{"fixed": "\x00", "uniform": "..", "lognormal": ","}[shape]
	first, second, _ := strings.Cut(numbers, cut)
	t := Think{}
	var err error
	if t.Median, err = time.ParseDuration(first); err != nil || cut == "" || t.Median < 0 {
		return Think{}, bad
	}
	switch shape {
	case "uniform":
		if t.Upto, err = time.ParseDuration(second); err != nil || t.Upto < t.Median {
			return Think{}, bad
		}
	case "lognormal":
		if t.Sigma, err = strconv.ParseFloat(second, 64); err != nil || !(t.Sigma >= 0 && t.Sigma < 10) {
			return Think{}, bad
		}
	}
	return t, nil
}

// longestThink keeps a lognormal tail within reason.
const longestThink = time.Hour

// draw is how long one user thinks.
func (t Think) draw(r *rand.Rand) time.Duration {
	switch {
	case t.Upto > 0:
		return t.Median + time.Duration(r.Float64()*float64(t.Upto-t.Median))
	case t.Sigma > 0:
		return min(longestThink, time.Duration(float64(t.Median)*math.Exp(t.Sigma*r.NormFloat64())))
	}
	return t.Median
}

// Template makes authorization_details whose values are those of one flow. In
// its text {flow} stands for a value that no other flow has, and {amount} for a
// decimal number that follows from it.
type Template struct {
	text string
	run  string
}

// NewTemplate checks that the text makes a list of objects with a type.
func NewTemplate(text, run string) (*Template, error) {
	t := &Template{text: strings.TrimSpace(text), run: run}
	if strings.HasPrefix(t.text, "{") && !strings.HasPrefix(t.text, "{flow}") {
		t.text = "[" + t.text + "]"
	}
	var list []map[string]any
	if err := json.Unmarshal([]byte(t.fill(1)), &list); err != nil {
		return nil, fmt.Errorf("authorization_details template: %w", err)
	}
	for _, object := range list {
		if _, ok := object["type"].(string); !ok {
			return nil, errors.New("authorization_details template: every object needs a type")
		}
	}
	if len(list) == 0 || !strings.Contains(t.text, "{flow}") && !strings.Contains(t.text, "{amount}") {
		return nil, errors.New("authorization_details template: it needs {flow} or {amount}, or nothing could be told apart")
	}
	return t, nil
}

// fill is the authorization_details of one flow.
func (t *Template) fill(serial uint32) string {
	amount := fmt.Sprintf("%d.%02d", 1+serial/100%9_000_000, serial%100)
	return strings.NewReplacer("{flow}", fmt.Sprintf("%s-%d", t.run, serial), "{amount}", amount).Replace(t.text)
}
