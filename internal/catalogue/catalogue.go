// Package catalogue is the catalogue of clauses that an OpenID Provider for CIBA has
// to obey, as testable requirements in our own words. The catalogue is the truth
// of this tool: cases name its ids, and coverage is computed from them.
// docs/catalogue.md explains the fields of an entry, docs/notes.md the questions
// that the texts leave open.
package catalogue

import (
	"bytes"
	"crypto/sha256"
	_ "embed" // the catalogue is part of the program
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"

	"github.com/cibatest/cibatest/docs"
)

//go:embed requirements.yaml
var document []byte

// Requirement is one clause. Texts are prose; ids never change. Notes are ids of
// the notes about what the texts leave open here, see [Catalogue.NotesOf].
type Requirement struct {
	ID          string   `yaml:"id"`
	Source      string   `yaml:"source"`  // document and section; several are separated by ";"
	Level       string   `yaml:"level"`   // MUST, SHOULD or MAY
	Implied     bool     `yaml:"implied"` // follows from a duty on the client, a description or an example
	Verdict     string   `yaml:"verdict"` // outcome when the expectation is missed: fail, warn or info
	Gravity     string   `yaml:"gravity"` // what a miss means where no answer tells it, one of [gravities]; empty: by the area
	Applies     Applies  `yaml:"applies"`
	Area        string   `yaml:"area"`
	Requirement string   `yaml:"requirement"`
	Test        string   `yaml:"test"`
	Expect      Expect   `yaml:"expect"`
	Pitfalls    string   `yaml:"pitfalls"`
	Notes       []string `yaml:"notes"`
	Modes       []string `yaml:"-"` // of Applies
	Needs       []Need   `yaml:"-"` // of Applies
}

// Applies says where a requirement can be tested.
type Applies struct {
	Modes []string `yaml:"modes"`
	Needs []Need   `yaml:"needs"` // capabilities that must all be there, else the test is skipped
}

// Expect is what the decisive answer of a test looks like.
type Expect struct {
	Status          []int    `yaml:"status"`
	Error           []string `yaml:"error"`
	OrSuccess       bool     `yaml:"or_success"` // proceeding normally conforms too
	ToleratedStatus []int    `yaml:"tolerated_status"`
	Tolerated       []string `yaml:"tolerated"`   // error codes that are a warning
	AnyRefusal      bool     `yaml:"any_refusal"` // what is let through counts; a refusal in other words is a warning
	Headers         []string `yaml:"headers"`
	Body            []string `yaml:"body"`
	Why             string   `yaml:"why"`
}

// Catalogue holds all requirements, and the notes they cite.
type Catalogue struct {
	list     []Requirement
	byID     map[string]int
	notes    map[string]Note
	profiles []Profile
	edition  string
}

// Load reads the embedded catalogue, its profiles and notes, once.
var Load = sync.OnceValues(func() (*Catalogue, error) {
	c, err := parse(document, docs.Notes)
	if err != nil {
		return nil, err
	}
	return c, c.parseProfiles(profilesDocument)
})

// Must is [Load] for callers that cannot go on without; the embedded document
// is held valid by a test.
func Must() *Catalogue {
	c, err := Load()
	if err != nil {
		panic(err)
	}
	return c
}

// Edition tells two catalogues apart: 12 hexadecimal digits, the beginning of the SHA-256
// of the requirements and the profiles. It changes with every word of them.
func (c *Catalogue) Edition() string { return c.edition }

func parse(requirements []byte, notes string) (*Catalogue, error) {
	decoder := yaml.NewDecoder(bytes.NewReader(requirements))
	decoder.KnownFields(true)
	sum := sha256.Sum256(slices.Concat(requirements, profilesDocument))
	c := &Catalogue{byID: map[string]int{}, edition: hex.EncodeToString(sum[:6])}
	if err := decoder.Decode(&c.list); err != nil {
		return nil, fmt.Errorf("requirement catalogue: %w", err)
	}
	var err error
	c.notes, err = parseNotes(notes)
	problems := []error{err}
	for i := range c.list {
		r := &c.list[i]
		r.Modes, r.Needs = r.Applies.Modes, r.Applies.Needs
		if _, twice := c.byID[r.ID]; twice {
			problems = append(problems, fmt.Errorf("%s: the id is used twice", r.ID))
		}
		c.byID[r.ID] = i
		problems = append(problems, r.check(), c.checkCitations(*r))
	}
	if err := errors.Join(problems...); err != nil {
		return nil, fmt.Errorf("requirement catalogue: %w", err)
	}
	return c, nil
}

func (r Requirement) check() error {
	oneOf := func(field, value string, allowed []string) error {
		if !slices.Contains(allowed, value) {
			return fmt.Errorf("%s: %s %q is not one of %v", r.ID, field, value, allowed)
		}
		return nil
	}
	problems := []error{
		oneOf("level", r.Level, []string{"MUST", "SHOULD", "MAY"}),
		oneOf("verdict", r.Verdict, []string{"fail", "warn", "info"}),
		oneOf("area", r.Area, areas),
	}
	if r.Gravity != "" {
		problems = append(problems, oneOf("gravity", r.Gravity, gravities))
	}
	for _, mode := range r.Modes {
		problems = append(problems, oneOf("mode", mode, []string{"poll", "ping", "push"}))
	}
	for _, need := range r.Needs {
		if !need.Known() {
			problems = append(problems, fmt.Errorf("%s: need %q is not one of %v", r.ID, need, needs))
		}
	}
	if r.ID == "" || r.Requirement == "" || r.Source == "" {
		problems = append(problems, fmt.Errorf("%q: id, source and requirement are never empty", r.ID))
	}
	return errors.Join(problems...)
}

// checkCitations holds every cited note to be there.
func (c *Catalogue) checkCitations(r Requirement) error {
	var problems []error
	for _, id := range r.Notes {
		if _, ok := c.notes[id]; !ok {
			problems = append(problems, fmt.Errorf("%s: there is no note %s", r.ID, id))
		}
	}
	return errors.Join(problems...)
}

// Get finds a requirement by its id.
func (c *Catalogue) Get(id string) (Requirement, bool) {
	i, ok := c.byID[id]
	if !ok {
		return Requirement{}, false
	}
	return c.list[i], true
}

// List is all requirements in the order of the catalogue.
func (c *Catalogue) List() []Requirement { return slices.Clone(c.list) }

// Search finds the requirements whose id, area, source or text contains every
// word, in any case.
func (c *Catalogue) Search(words string) []Requirement {
	var found []Requirement
	for _, r := range c.list {
		text := strings.ToLower(strings.Join([]string{r.ID, r.Area, r.Source, r.Requirement, r.Test}, " "))
		missing := func(word string) bool { return !strings.Contains(text, word) }
		if !slices.ContainsFunc(strings.Fields(strings.ToLower(words)), missing) {
			found = append(found, r)
		}
	}
	return found
}

var gravities = []string{"let in", "wrong effect", "wrong code", "form"}

var areas = []string{
	"discovery", "client-auth", "initiation", "request-object", "hints", "binding-message", "user-code", "acknowledgement",
	"polling", "expiry", "approval", "denial", "id-token", "token-response", "ping", "push", "rar", "security", "fapi",
}
