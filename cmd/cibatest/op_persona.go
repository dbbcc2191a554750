package main

import (
	"fmt"
	"io"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/cibatest/cibatest/fixtures"
	"github.com/cibatest/cibatest/internal/lab"
	"github.com/cibatest/cibatest/internal/opfile"
	"github.com/cibatest/cibatest/internal/refop"
	"github.com/cibatest/cibatest/internal/refop/personas"
	"github.com/cibatest/cibatest/internal/yamlfile"
	"github.com/spf13/cobra"
)

// standIn says what the OP knows and which product it stands in for.
type standIn struct {
	persona      string
	options      []string
	registration string
	open         string // "true", "false"; empty: as the registration says
}

// settle reads the registration, and takes the persona and its options from the command line
// before those of the file.
func (s standIn) settle(o *lab.Options) error {
	if s.open != "" && s.open != "true" && s.open != "false" {
		return fmt.Errorf("--open is true or false, not %q", s.open)
	}
	file, err := s.file()
	if err != nil || file == nil {
		return err
	}
	o.Registration = &file.Registration
	if s.registration != "" {
		if err := s.placeKeys(o.Registration.Clients); err != nil {
			return err
		}
	}
	switch s.open {
	case "true":
		o.Registration.Open = refop.Everything
	case "false":
		o.Registration.Open = refop.Open{}
	}
	name := s.persona
	if name == "" {
		name = file.Persona
	}
	if name == "" {
		if len(s.options) > 0 {
			return fmt.Errorf("--option is for a persona, and none is named with --persona; there are %s", personaNames())
		}
		return nil
	}
	persona, err := personas.Get(name)
	if err != nil {
		return err
	}
	if err := persona.Fits(o.Registration); err != nil {
		return err
	}
	options := s.options
	if name == file.Persona {
		options = slices.Concat(file.Options, s.options)
	}
	o.Persona = &persona
	o.Settings, err = persona.Settings(options)
	return err
}

// file is the registration that was brought, or that of the persona; nil for neither.
func (s standIn) file() (*opfile.File, error) {
	if s.registration != "" {
		file, err := opfile.Load(s.registration)
		return &file, err
	}
	if s.persona == "" {
		return s.openReference()
	}
	text, err := fixtures.PersonaRegistration(s.persona)
	if err != nil {
		_, err = personas.Get(s.persona)
		return nil, err
	}
	file, err := opfile.Parse(s.persona+".yaml", text, yamlfile.Env{FS: fixtures.Tree(), Dir: "registrations"})
	return &file, err
}

// openReference is the reference registration when it is opened, else nil: the usual one.
func (s standIn) openReference() (*opfile.File, error) {
	if s.open != "true" {
		return nil, nil
	}
	reg, err := refop.ParseRegistration(fixtures.ReferenceRegistration(), fixtures.Keys())
	return &opfile.File{Registration: reg}, err
}

// placeKeys makes the names of key files such that they can be found from anywhere.
func (s standIn) placeKeys(clients []refop.Client) error {
	dir, err := filepath.Abs(filepath.Dir(s.registration))
	if err != nil {
		return err
	}
	for i := range clients {
		if keys := &clients[i].Keys; *keys != "" && !filepath.IsAbs(*keys) {
			*keys = filepath.Join(dir, *keys)
		}
	}
	return nil
}

func personaNames() string {
	var names []string
	for _, p := range personas.All() {
		names = append(names, p.Name)
	}
	return strings.Join(names, ", ")
}

// printPersonas lists the personas with their options.
func printPersonas(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, p := range personas.All() {
		fmt.Fprintf(w, "%s\t\t%s\n", p.Name, p.Does)
		for _, o := range p.Options {
			values := strings.Join(o.Values, "|")
			fmt.Fprintf(w, "  --option %s=\t%s\t%s\n", o.Name, values, o.Does)
		}
	}
	return w.Flush()
}

// ownKeys are the lines of a registration that name keys of this program.
var ownKeys = regexp.MustCompile(`(?m)^  - (.*jwks_file: )\.\./keys/\S+\}$`)

// printStandIn prints the registration of a persona. A client whose keys are not in the file is
// left to whoever has some.
func printStandIn(out io.Writer, name string) error {
	if _, err := personas.Get(name); err != nil {
		return usage(fmt.Errorf("--print-registration is for a --persona: %w", err))
	}
	text, err := fixtures.PersonaRegistration(name)
	if err != nil {
		return err
	}
	_, err = out.Write(ownKeys.ReplaceAll(text, []byte("  # - ${1}agent-jwt.json}  # with a file of its public keys")))
	return err
}

// settleStandIn settles what the OP knows, whom it stands in for and how it is reached. The
// files are those by which its certificate is trusted; nil where that is the user's matter.
func settleStandIn(cmd *cobra.Command, o *lab.Options, by standIn, secure opTLS) (*trust, error) {
	if err := by.settle(o); err != nil {
		return nil, err
	}
	kept := secure.cert != "" || secure.key != "" || secure.caDir != ""
	if o.Persona != nil {
		if !cmd.Flags().Changed("tls") {
			o.TLS = o.Persona.TLS
		}
		if !cmd.Flags().Changed("listen") && o.Persona.Port != "" {
			o.OPListen = "127.0.0.1:" + o.Persona.Port
		}
		kept = kept || o.TLS
	}
	if !kept {
		return nil, nil
	}
	o.TLS = true
	return secure.settle(o)
}
