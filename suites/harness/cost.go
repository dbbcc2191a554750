package harness

import (
	_ "embed" // what cases cost goes with the program
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// Cost is what a case asks of the users.
type Cost struct {
	// Prompts are the requests of its own that it has accepted, each of which asks a user.
	Prompts int `json:"prompts,omitempty"`
	// Shares are the scenarios that it shares with others; see [Observe].
	Shares []string `json:"shares,omitempty"`
}

// Costs are what the cases of a run asked of the users.
type Costs struct {
	Cases  map[string]Cost `json:"cases"`
	Shared map[string]int  `json:"shared"` // prompts of each scenario, which are asked once
}

//go:embed costs.json
var costsDocument []byte

// usualCosts are those of a run on the reference OP, which a test holds up to date. They
// are an estimate for any other OP.
var usualCosts = sync.OnceValue(func() Costs {
	var c Costs
	if err := json.Unmarshal(costsDocument, &c); err != nil {
		panic(fmt.Sprintf("costs.json: %v", err)) // held readable by a test
	}
	return c
})

// UsualCosts are what the cases ask of the users of the reference OP. A case that is not
// among them is taken to ask once.
func UsualCosts() Costs { return usualCosts() }

// Of is what a case asks of the users, without what it shares.
func (c Costs) Of(id string) Cost {
	if cost, known := c.Cases[id]; known {
		return cost
	}
	return Cost{Prompts: 1}
}

// likely is how many prompts a case brings about that begins now: its own, and those of the
// scenarios it shares that nobody has begun.
func (s *Session) likely(id string, client *Client) int {
	cost := usualCosts().Of(id)
	n := cost.Prompts
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range cost.Shares {
		if client != nil && s.observations[observed(name, client)] == nil {
			n += usualCosts().Shared[name]
		}
	}
	return n
}

// observed names an observation: a scenario is run once for each client.
func observed(name string, client *Client) string { return name + " client " + client.Name }

// shared notes that a case asked for an observation.
func (s *Session) noteShared(id, name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Contains(s.shares[id], name) {
		s.shares[id] = append(s.shares[id], name)
	}
}

// Costs are what the run has asked of the users so far. Of a scenario that was run for several
// clients the dearest counts. Cases that asked nothing are among them, when they are over.
func (s *Session) Costs(over []string) Costs {
	spent := s.run.Spent()
	s.mu.Lock()
	defer s.mu.Unlock()
	c := Costs{Cases: map[string]Cost{}, Shared: map[string]int{}}
	for _, id := range over {
		shares := slices.Clone(s.shares[id])
		slices.Sort(shares)
		c.Cases[id] = Cost{spent[id], shares}
	}
	for key, prompts := range spent {
		if name, _, shared := strings.Cut(key, " client "); shared {
			c.Shared[name] = max(c.Shared[name], prompts)
		}
	}
	return c
}
