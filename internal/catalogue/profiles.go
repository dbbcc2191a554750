package catalogue

import (
	"bytes"
	_ "embed" // the profiles are part of the program
	"errors"
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"
)

//go:embed profiles.yaml
var profilesDocument []byte

// Profile is something that an OP can claim to be: the core of CIBA in one delivery mode,
// or a feature beside it. A verdict is stated for each profile that is claimed.
type Profile struct {
	ID    string `yaml:"id"` // the word of conform --profile; never changes
	Title string `yaml:"title"`
	About string `yaml:"about"` // with the texts that define it

	// Mode makes the profile the core of a delivery mode; empty: it is a feature.
	Mode string `yaml:"mode"`

	// Needs mark the requirements of a feature: one of them in a requirement is enough.
	Needs []Need `yaml:"needs"`

	// Exclusive says that the requirements of this feature are of no other one, whatever
	// they need besides.
	Exclusive bool `yaml:"exclusive"`

	// Minimum are the requirements without which no verdict about the profile is whole.
	Minimum []string `yaml:"minimum"`
}

// parseProfiles reads the profiles and holds them to the requirements.
func (c *Catalogue) parseProfiles(document []byte) error {
	decoder := yaml.NewDecoder(bytes.NewReader(document))
	decoder.KnownFields(true)
	if err := decoder.Decode(&c.profiles); err != nil {
		return fmt.Errorf("profiles: %w", err)
	}
	var problems []error
	for i, p := range c.profiles {
		if slices.ContainsFunc(c.profiles[:i], func(other Profile) bool { return other.ID == p.ID }) {
			problems = append(problems, fmt.Errorf("profile %s: the id is used twice", p.ID))
		}
		problems = append(problems, c.checkProfile(p))
	}
	return errors.Join(problems...)
}

func (c *Catalogue) checkProfile(p Profile) error {
	var problems []error
	wrong := func(format string, args ...any) {
		problems = append(problems, fmt.Errorf("profile %s: %s", p.ID, fmt.Sprintf(format, args...)))
	}
	if p.ID == "" || p.Title == "" || p.About == "" || len(p.Minimum) == 0 {
		wrong("id, title, about and minimum are never empty")
	}
	if (p.Mode == "") == (len(p.Needs) == 0) {
		wrong("it is the core of a mode or has needs, one of both")
	}
	for _, n := range p.Needs {
		if !n.Known() {
			wrong("need %q is not one of %v", n, needs)
		}
	}
	for _, id := range p.Minimum {
		r, ok := c.Get(id)
		if !ok {
			wrong("there is no requirement %s", id)
		} else if r.Level != "MUST" || !c.belongs(r, p) {
			wrong("%s is no MUST of this profile", id)
		}
	}
	return errors.Join(problems...)
}

// Profiles are all profiles, the cores first.
func (c *Catalogue) Profiles() []Profile { return slices.Clone(c.profiles) }

// Profile finds a profile by its id.
func (c *Catalogue) Profile(id string) (Profile, bool) {
	i := slices.IndexFunc(c.profiles, func(p Profile) bool { return p.ID == id })
	if i < 0 {
		return Profile{}, false
	}
	return c.profiles[i], true
}

// ProfilesOf are the profiles that a requirement belongs to: the features that its needs
// name or, where they name none, the cores of the modes that it applies to.
func (c *Catalogue) ProfilesOf(r Requirement) []Profile {
	return slices.DeleteFunc(c.Profiles(), func(p Profile) bool { return !c.belongs(r, p) })
}

// Demands are the requirements that a profile makes of an OP which claims this profile and
// others besides, given by their ids: those of the profile that need no feature which
// is not claimed, and that apply to a claimed mode. Where no mode is claimed, any will do.
func (c *Catalogue) Demands(p Profile, claimed []string) []Requirement {
	modes := c.modesOf(claimed)
	var list []Requirement
	for _, r := range c.list {
		missing := func(f Profile) bool { return f.ID != p.ID && !slices.Contains(claimed, f.ID) }
		elsewhere := len(modes) > 0 && !slices.ContainsFunc(r.Modes, func(m string) bool { return slices.Contains(modes, m) })
		if c.belongs(r, p) && !elsewhere && !slices.ContainsFunc(c.featuresOf(r), missing) {
			list = append(list, r)
		}
	}
	return list
}

func (c *Catalogue) modesOf(claimed []string) []string {
	var modes []string
	for _, p := range c.profiles {
		if p.Mode != "" && slices.Contains(claimed, p.ID) {
			modes = append(modes, p.Mode)
		}
	}
	return modes
}

func (c *Catalogue) belongs(r Requirement, p Profile) bool {
	features := c.featuresOf(r)
	if len(features) == 0 {
		return p.Mode != "" && slices.Contains(r.Modes, p.Mode)
	}
	return slices.ContainsFunc(features, func(f Profile) bool { return f.ID == p.ID })
}

// featuresOf are the features that the needs of a requirement name.
func (c *Catalogue) featuresOf(r Requirement) []Profile {
	var features []Profile
	for _, p := range c.profiles {
		named := slices.ContainsFunc(p.Needs, func(n Need) bool { return slices.Contains(r.Needs, n) })
		if named && p.Exclusive {
			return []Profile{p}
		}
		if named {
			features = append(features, p)
		}
	}
	return features
}

// OfAnyMode reports whether a requirement is judged the same by the clients of all modes
// that it applies to: it is about what the OP publishes, not about what a client is answered.
func (r Requirement) OfAnyMode() bool { return r.Area == "discovery" }
