// Package personas holds what is particular to some products, as changes of the reference
// OP: where their endpoints lie, what they call things, which choices they have made. A
// persona is data and a few rules, for programs that are to be tried without the product.
// What it does is what the product's documentation says or what was recorded from it; what is
// open is an [Option], with the likeliest value first.
package personas

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/cibatest/cibatest/internal/jose"
	"github.com/cibatest/cibatest/internal/refop"
)

// Persona is a product that the reference OP can stand in for.
type Persona struct {
	Name string
	Does string // for a list
	TLS  bool   // clients of the product speak HTTPS only
	Port string // where it listens unless it is told; empty: any free port

	Times   refop.Registration // lifetimes and interval where a registration has none
	Scopes  []string           // that every registration has
	Options []Option

	// Modes are the delivery modes that the product has.
	Modes []string

	// IssuerPath is what follows the host in the issuer.
	IssuerPath func(Settings) string

	// Hint is the login_hint that names a user.
	Hint func(issuer string, u refop.User) string

	apply func(*refop.Plan, Settings)
}

// Option is something about a product that is not certain, or that its operators choose.
type Option struct {
	Name   string
	Values []string // the first is the usual one; one value alone is an example of a free text
	Does   string
}

// freeText is what an option may say that is free: it becomes part of an address.
var freeText = regexp.MustCompile(`^[A-Za-z0-9][\w.-]*$`)

// Settings are values of options by name; one that is missing has its usual value.
type Settings map[string]string

// All are the personas.
func All() []Persona { return []Persona{auth0, keycloak} }

// Get finds a persona by its name.
func Get(name string) (Persona, error) {
	var names []string
	for _, p := range All() {
		if p.Name == name {
			return p, nil
		}
		names = append(names, p.Name)
	}
	return Persona{}, fmt.Errorf("there is no persona %q; there are %s", name, strings.Join(names, ", "))
}

// Settings reads options written NAME=VALUE. The error names what there is instead.
func (p Persona) Settings(written []string) (Settings, error) {
	settings := Settings{}
	for _, o := range p.Options {
		settings[o.Name] = o.Values[0]
	}
	for _, pair := range written {
		name, value, _ := strings.Cut(pair, "=")
		i := slices.IndexFunc(p.Options, func(o Option) bool { return o.Name == name })
		if i < 0 {
			return nil, fmt.Errorf("the persona %s has no option %q; it has %s", p.Name, name, p.names())
		}
		o := p.Options[i]
		if value == "" || len(o.Values) > 1 && !slices.Contains(o.Values, value) {
			return nil, fmt.Errorf("the option %s is %s, not %q", name, strings.Join(o.Values, " or "), value)
		}
		if len(o.Values) == 1 && !freeText.MatchString(value) {
			return nil, fmt.Errorf("the option %s is a name of letters, digits, dots, underscores and hyphens, not %q", o.Name, value)
		}
		settings[name] = value
	}
	return settings, nil
}

func (p Persona) names() string {
	names := make([]string, len(p.Options))
	for i, o := range p.Options {
		names[i] = o.Name
	}
	return strings.Join(names, ", ")
}

// Fill gives a registration what it leaves to the product. None of the products has a usual
// API: tokens are for the one that was asked for.
func (p Persona) Fill(reg *refop.Registration) {
	reg.FillTimes(p.Times)
	reg.API = ""
	for _, scope := range p.Scopes {
		if !slices.Contains(reg.Scopes, scope) {
			reg.Scopes = append(reg.Scopes, scope)
		}
	}
}

// Fits says what a registration has that the product does not; nil for nothing.
func (p Persona) Fits(reg *refop.Registration) error {
	for _, c := range reg.Clients {
		if c.DeliveryMode != "" && !slices.Contains(p.Modes, c.DeliveryMode) {
			return fmt.Errorf("the client %s is registered for %s; %s has %s only", c.ID, c.DeliveryMode, p.Name, strings.Join(p.Modes, " and "))
		}
	}
	return nil
}

// rsaOnly signs by RS256, which is all that verifiers of the products are ready for.
func rsaOnly(p *refop.Plan) {
	p.SigningKeys = slices.DeleteFunc(p.SigningKeys, func(k jose.Key) bool { return k.Alg() != "RS256" })
}

// reword edits the refusal of a check.
func reword(p *refop.Plan, name refop.CheckName, change func(*refop.OAuthError)) {
	p.Wrap(name, func(inner refop.CheckFunc) refop.CheckFunc {
		return func(c *refop.Call) *refop.OAuthError {
			err := inner(c)
			if err != nil {
				change(err)
			}
			return err
		}
	})
}

// describeUser adds to an ID Token what its scope asks about the user.
func describeUser(d *refop.Draft) {
	scope := strings.Fields(d.Flow.Scope)
	if slices.Contains(scope, "profile") && d.Flow.User.Name != "" {
		d.Claims["name"] = d.Flow.User.Name
	}
	if slices.Contains(scope, "email") && d.Flow.User.Email != "" {
		d.Claims["email"], d.Claims["email_verified"] = d.Flow.User.Email, true
	}
}

// As makes an OP behave as a persona.
func (p Persona) As(settings Settings) refop.Option {
	return refop.WithPlan(func(plan *refop.Plan) { p.apply(plan, settings) })
}
