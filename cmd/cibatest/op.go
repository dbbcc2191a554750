package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/cibatest/cibatest/fixtures"
	"github.com/cibatest/cibatest/internal/lab"
	"github.com/cibatest/cibatest/internal/opfile"
	"github.com/cibatest/cibatest/internal/refop/faults"
	"github.com/cibatest/cibatest/internal/refop/variants"
	"github.com/spf13/cobra"
)

func newOP() *cobra.Command {
	var o lab.Options
	var targetDir, tokenEnv, authority, answers string
	var listFaults, listVariants, listPersonas, schema, printRegistration bool
	var by standIn
	var secure opTLS
	cmd := &cobra.Command{
		Use:   "op",
		Short: "Run the reference OP with its device, healthy or with named faults",
		Long: `Runs the in-memory reference OP on loopback, wired to an authentication device. A person
decides on the phone page of that device, whose address is printed; a test decides
through the control address. With --write-target it writes a target file that describes
it, which 'cibatest authorize' understands. With --device it asks a device that runs
elsewhere, as 'cibatest device' does, and starts none.

With --persona it stands in for a product, for programs that are to be tried without it:
see --personas. It then takes any client, user, audience, scope and type beyond what is
registered, unless --open=false is given. With --registration it knows what that file lists;
'cibatest explain op' says what its keys mean. A persona is served over TLS where its SDKs
want that, by an authority that is made once and kept; what has to be told to programs, so
that they trust it, is printed.

Clients of the delivery modes ping and push are called below --receiver, where whoever
judges this OP listens, or 'cibatest listen'. Without it a free loopback port is taken; the address is printed.

The control and the device take decisions from whoever reaches them. Beyond loopback they
need a token, taken from an environment variable, as a bearer; without one they are served
under loopback names and those of --allow-host only. --device is shown the same token.`,
		Example: `  cibatest op --write-target lab
  cibatest op --persona auth0
  cibatest op --registration registration.yaml --write-target lab
  cibatest op --device http://127.0.0.1:9003 --write-target lab
  cibatest op --receiver http://127.0.0.1:9005 --write-target lab
  cibatest op --fault poll-pending-200 --listen 127.0.0.1:9001`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			switch {
			case listFaults:
				return printFaults(cmd.OutOrStdout())
			case listVariants:
				return printVariants(cmd.OutOrStdout())
			case listPersonas:
				return printPersonas(cmd.OutOrStdout())
			case schema:
				_, err := cmd.OutOrStdout().Write(opfile.Schema())
				return err
			case printRegistration:
				return printStandIn(cmd.OutOrStdout(), by.persona)
			}
			if err := checkOPFlags(cmd, o, secure); err != nil {
				return usage(err)
			}
			o.Token = os.Getenv(tokenEnv)
			policy, err := policyOption(answers)
			if err != nil {
				return usage(err)
			}
			o.Answers = append(o.Answers, policy)
			files, err := settleStandIn(cmd, &o, by, secure)
			if err != nil {
				return usage(err)
			}
			if err := settleReceiver(cmd.Context(), &o, targetDir, authority); err != nil {
				return usage(err)
			}
			return serveOP(cmd, o, files, targetDir, tokenEnv)
		},
	}
	flags := cmd.Flags()
	flags.StringVar(&o.OPListen, "listen", "127.0.0.1:0", "address of the OP")
	flags.StringVar(&o.ControlListen, "control-listen", "127.0.0.1:0", "address of the test control: decisions without a device")
	flags.StringVar(&o.DeviceListen, "device-listen", "127.0.0.1:0", "address of the device")
	flags.StringVar(&o.Device, "device", "", "URL of a device that runs elsewhere; empty: one in this process")
	flags.StringVar(&answers, "policy", "hold",
		"what the device in this process answers: hold (wait for a person), approve, deny, or a policy file")
	flags.StringVar(&o.Receiver, "receiver", "",
		"URL below which ping and push clients are called; empty: a free port of loopback, with --tls over TLS")
	flags.StringVar(&authority, "receiver-ca", "", "PEM file to trust at --receiver besides the system's roots")
	flags.StringVar(&tokenEnv, "token-env", deviceTokenEnv, "environment variable with the token of the control and the device")
	flags.StringSliceVar(&o.Hosts, "allow-host", nil, "name to serve control and device under without a token, besides loopback; repeatable")
	flags.StringVar(&o.Issuer, "issuer", "", "issuer URL; empty: the listening address (a mapped port needs it)")
	flags.DurationVar(&o.Interval, "interval", 0, "polling interval; 0: as registered (5s)")
	flags.DurationVar(&o.ExpiresIn, "expires-in", 0, "life of an auth_req_id; 0: as registered (120s)")
	flags.StringSliceVar(&o.Faults, "fault", nil, "planted defect by name, repeatable; see --faults")
	flags.StringSliceVar(&o.Variants, "variant", nil, "legal departure by name, repeatable; see --variants")
	flags.BoolVar(&o.TLS, "tls", false,
		"serve the OP over TLS, with a certificate made for this run; the persona auth0 does, with --tls=false it does not")
	flags.StringVar(&secure.cert, "tls-cert", "", "PEM file with a certificate of your own for the OP, and its chain")
	flags.StringVar(&secure.key, "tls-key", "", "PEM file with the key of --tls-cert")
	flags.StringVar(&secure.caDir, "ca-dir", "",
		"folder in which the authority of personas is kept; empty: cibatest/ca in your configuration folder")
	flags.StringVar(&by.persona, "persona", "", "product that the OP stands in for; see --personas")
	flags.StringSliceVar(&by.options, "option", nil, "option of the persona as NAME=VALUE, repeatable; see --personas")
	flags.StringVar(&by.registration, "registration", "", "file with clients, users and APIs of your own; see 'cibatest explain op'")
	flags.StringVar(&by.open, "open", "",
		"true: any client, secret, user, audience, scope and type will do beyond what is registered; false: none; "+
			"empty: as the registration says")
	flags.Lookup("open").NoOptDefVal = "true"
	flags.StringVar(&targetDir, "write-target", "", "folder DIR for the target file, DIR/targets/reference.yaml, and the keys it needs")
	flags.BoolVar(&listFaults, "faults", false, "list the planted defects and stop")
	flags.BoolVar(&listVariants, "variants", false, "list the legal departures and stop")
	flags.BoolVar(&listPersonas, "personas", false, "list the personas with their options and stop")
	flags.BoolVar(&schema, "schema", false, "print the JSON Schema of registration files and stop")
	flags.BoolVar(&printRegistration, "print-registration", false, "print the registration of --persona, to begin one's own with, and stop")
	return cmd
}

// checkOPFlags refuses what contradicts itself, or would start something else than was meant.
func checkOPFlags(cmd *cobra.Command, o lab.Options, secure opTLS) error {
	flags := cmd.Flags()
	switch {
	case o.Interval < 0:
		return fmt.Errorf("--interval %v: an interval is not negative; 0 is as registered", o.Interval)
	case o.ExpiresIn < 0:
		return fmt.Errorf("--expires-in %v: a life is not negative; 0 is as registered", o.ExpiresIn)
	case o.Device != "" && (flags.Changed("policy") || flags.Changed("device-listen")):
		return errors.New("--policy and --device-listen are for the device in this process, and with --device there is none; " +
			"give them to the device that runs elsewhere, as 'cibatest device --policy' and '--listen'")
	case flags.Changed("tls") && !o.TLS && (secure.cert != "" || secure.key != ""):
		return errors.New("--tls=false has no use for --tls-cert and --tls-key; leave the one or the others out")
	}
	for _, f := range []struct{ name, value string }{{"issuer", o.Issuer}, {"receiver", o.Receiver}, {"device", o.Device}} {
		u, err := url.Parse(f.value)
		switch {
		case f.value == "":
		case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
			return fmt.Errorf("--%s %q is not an http or https URL with a host", f.name, f.value)
		case f.name == "issuer" && (u.RawQuery != "" || u.Fragment != ""):
			return fmt.Errorf("--issuer %q: an issuer has neither query nor fragment", f.value)
		}
	}
	return nil
}

func serveOP(cmd *cobra.Command, o lab.Options, files *trust, targetDir, tokenEnv string) error {
	l, err := lab.Start(cmd.Context(), o)
	if err != nil {
		return usage(withRemedy(err, tokenEnv))
	}
	defer l.Close()
	if targetDir != "" {
		if err := writeTarget(targetDir, l); err != nil {
			return usage(fmt.Errorf("--write-target: %w", err))
		}
		fmt.Fprintf(cmd.ErrOrStderr(), "target file %s\n", targetIn(targetDir))
	}
	fmt.Fprintf(cmd.OutOrStdout(), "issuer   %s\ncontrol  %s\ndevice   %s\nphone    %[3]s/phone\ncalls    %[4]s\n",
		l.Issuer, l.ControlURL, l.DeviceURL, l.Notifications.PublicURL)
	if files != nil {
		fmt.Fprint(cmd.OutOrStdout(), files.exports())
	}
	bearer := ""
	if l.HasToken {
		bearer = fmt.Sprintf(`-H "Authorization: Bearer $%s" `, tokenEnv)
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "decide on the phone page, or with: "+
		"curl -X POST %s'%s/decision?auth_req_id=ID&action=allow'; stop with Ctrl-C\n", bearer, l.ControlURL)
	<-cmd.Context().Done()
	if n := l.OP.Calls(); n > 0 {
		fmt.Fprintf(cmd.ErrOrStderr(), "answered to ping and push: %s\n", counted(int(n), "call"))
	}
	return nil
}

// targetIn is the path of the target file below the folder of --write-target.
func targetIn(dir string) string { return filepath.Join(dir, "targets", "reference.yaml") }

// writeTarget writes the target file with the keys and tokens it names, so that
// another process can judge this OP. The device runs in this process, so
// decisions go to the control.
func writeTarget(dir string, l *lab.Lab) error {
	file, err := targetText(l)
	if err != nil {
		return err
	}
	for _, folder := range []string{"keys", "requests"} {
		if err := copyFixtures(filepath.Join(dir, folder), folder); err != nil {
			return err
		}
	}
	if err := os.MkdirAll(filepath.Join(dir, "targets"), 0o750); err != nil {
		return err
	}
	if l.CertificatePEM != nil {
		path, err := filepath.Abs(filepath.Join(dir, "targets", "ca.pem"))
		if err != nil {
			return err
		}
		file = fmt.Appendf(file, "tls: {ca_file: %q}\n", path)
		if err := os.WriteFile(path, l.CertificatePEM, 0o644); err != nil { //nolint:gosec // a certificate is public
			return err
		}
	}
	return writeWhole(targetIn(dir), func(w io.Writer) error {
		_, err := w.Write(file)
		return err
	})
}

// targetText is the target file of the reference OP, or of what was brought in its place.
func targetText(l *lab.Lab) ([]byte, error) {
	if l.Brought() {
		return l.DescribeBrought()
	}
	reference := fixtures.Reference{Issuer: l.Issuer, Control: l.ControlURL, HasToken: l.HasToken, MutualTLS: l.TakesCertificates()}
	if l.Receiver == nil { // else it is this process that listens
		reference.Notifications = l.Notifications
	}
	return fixtures.ReferenceTarget(reference)
}

// copyFixtures writes a folder of the fixtures, replacing what an earlier run wrote.
func copyFixtures(dir, folder string) error {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return err
	}
	files, err := fs.Glob(fixtures.Tree(), folder+"/*")
	if err != nil {
		return err
	}
	for _, name := range files {
		data, err := fs.ReadFile(fixtures.Tree(), name)
		if err != nil {
			return err
		}
		write := func(w io.Writer) error {
			_, err := w.Write(data)
			return err
		}
		if err := writeWhole(filepath.Join(dir, path.Base(name)), write); err != nil {
			return err
		}
	}
	return nil
}

func printFaults(out io.Writer) error {
	for _, f := range slices.Concat(faults.All(), faults.Load) {
		if _, err := fmt.Fprintf(out, "%-44s %-34s %s\n", f.Name, f.Breaks, f.Sees); err != nil {
			return err
		}
	}
	return nil
}

func printVariants(out io.Writer) error {
	for _, v := range variants.All() {
		if _, err := fmt.Fprintf(out, "%-44s %s\n", v.Name, strings.TrimSpace(v.Why)); err != nil {
			return err
		}
	}
	return nil
}

// shutdownGrace is how long a server may finish what it is doing.
const shutdownGrace = 3 * time.Second
