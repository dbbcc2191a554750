package preflight

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"text/template"

	"github.com/cibatest/cibatest/internal/targetfile"
)

// IssuerOf reads an issuer as people have it at hand: also the URL of its metadata
// gives it, by OIDC Discovery 4 or RFC 8414 3.1. The error says what is wanted.
func IssuerOf(pasted string) (string, error) {
	pasted = strings.TrimSpace(pasted)
	u, err := url.Parse(pasted)
	switch {
	case err != nil || u.Scheme == "" || strings.Contains(u.Scheme, "."):
		return "", fmt.Errorf("%q is no URL; an issuer is one, as https://%s", pasted, orExample(pasted))
	case u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		return "", fmt.Errorf("%q is not an http or https URL with a host", pasted)
	case u.RawQuery != "" || u.Fragment != "" || u.User != nil:
		return "", fmt.Errorf("%q: an issuer is a URL without query and fragment, and here without user", pasted)
	case !literal(pasted):
		return "", fmt.Errorf("%q has a placeholder in it; init wants the issuer itself", pasted)
	}
	before, after, isMetadata := strings.Cut(pasted, "/.well-known/")
	if !isMetadata {
		return pasted, nil
	}
	_, tenant, hasTenant := strings.Cut(after, "/") // RFC 8414 puts the issuer's path behind
	if hasTenant {
		return before + "/" + tenant, nil
	}
	return before, nil
}

// orExample is a host to show in an error, the one that was pasted if it looks like one.
func orExample(pasted string) string {
	if pasted == "" || strings.ContainsAny(pasted, ":[]% ") {
		return "op.example.com"
	}
	return pasted
}

// Init writes a first target file from an OP's metadata, for an issuer as [IssuerOf]
// gives it. Secrets are placeholders for environment variables; what only a person
// knows is marked. Whatever the OP publishes stays data: a text that would mean
// something else to the reader of target files is left out, and an issuer or an
// endpoint that is not the asked OP's is shown in a comment for a person to judge. The
// pieces that worthwhile chooses of what the file lacks are written as comments.
func Init(
	ctx context.Context, rt http.RoundTripper, issuer string, trusted targetfile.TLS, worthwhile func(*Facts) []Piece,
) ([]byte, error) {
	if !literal(trusted.CAFile) {
		return nil, errors.New("the name of the certificate file has a placeholder in it, which a target file would replace")
	}
	facts, err := Gather(ctx, rt, &targetfile.Target{Issuer: issuer, TLS: trusted})
	if err != nil {
		return nil, err
	}
	d := facts.Discovery
	if d.Broken != nil {
		return nil, fmt.Errorf("%s cannot be read: %w", d.URL, d.Broken)
	}
	of := productOf(d, issuer)
	first := firstFile{
		Found: d.URL, Issuer: issuer, CAFile: trusted.CAFile, product: of,
		Personas:   strings.Join(targetfile.Personas(), ", "),
		NoEndpoint: facts.Target.Endpoints.BackchannelAuthentication == "",
		Elsewhere:  facts.Elsewhere(),
		Method:     firstOf(d.Strings("token_endpoint_auth_methods_supported"), slices.Concat(of.methods, authMethods)...),
		UserCode:   offersUserCode(facts),
	}
	first.callItself(d.Text("issuer"))
	first.take(d.Strings("authorization_details_types_supported"))
	first.more = worthwhile(first.facts(facts))
	var b bytes.Buffer
	if err := initTemplate.Execute(&b, &first); err != nil {
		return nil, fmt.Errorf("writing the target file: %w", err)
	}
	return b.Bytes(), nil
}

// authMethods are what Init prefers, the simplest first.
var authMethods = []string{
	targetfile.AuthClientSecretBasic, targetfile.AuthClientSecretPost, targetfile.AuthPrivateKeyJWT, targetfile.AuthClientSecretJWT,
}

// firstOf is the first preferred method that is offered, or the most preferred one.
func firstOf(offered []string, preferred ...string) string {
	for _, method := range preferred {
		if slices.Contains(offered, method) {
			return method
		}
	}
	return preferred[0]
}

// literal reports whether a target file can hold a text as it is. "${" begins a
// placeholder there, which stands for a variable or a file of this machine.
func literal(text string) bool { return !strings.Contains(text, "${") }

// firstFile is what the template of [Init] writes down.
type firstFile struct {
	Found, Issuer string
	OtherIssuer   string // what the OP calls itself instead, to be told in a comment
	CAFile        string
	Personas      string
	NoEndpoint    bool
	Elsewhere     []Endpoint
	Method        string
	UserCode      bool
	Types         []string
	TypesLeftOut  int

	product product
	more    []Piece
}

// Persona is that of the product.
func (f *firstFile) Persona() string { return f.product.persona }

// Plain says that the product is not known.
func (f *firstFile) Plain() bool { return f.product.persona == "core" }

// NeedsAudience says that types of authorization_details belong to an API.
func (f *firstFile) NeedsAudience() bool {
	return targetfile.Defaults(f.product.persona).RAR.NeedsAudience
}

// Subjects says that users are named by their subjects.
func (f *firstFile) Subjects() bool { return f.product.sub != "" }

// User is the line of a user, in YAML.
func (f *firstFile) User(name string) string {
	line := "{name: " + name + ", login_hint: " + name
	if f.product.sub != "" {
		line = fmt.Sprintf("{name: %s, sub: %q", name, fmt.Sprintf(f.product.sub, strings.ToUpper(name)))
	}
	if f.UserCode && name == "alice" {
		line += `, user_code: "${env:CIBA_ALICE_CODE}"`
	}
	return line + "}"
}

// facts are those of an OP with the clients and users of the file.
func (f *firstFile) facts(of *Facts) *Facts {
	client := func(name string) targetfile.Client {
		return targetfile.Client{
			Name: name, AuthMethod: f.Method, CIBA: true, DeliveryMode: targetfile.DeliveryPoll, Purpose: targetfile.PurposeRP,
		}
	}
	return of.With(Piece{add: func(t *targetfile.Target) {
		t.Capabilities = targetfile.Defaults(f.product.persona).Capabilities
		t.Clients = []targetfile.Client{client("poll-a"), client("poll-b")}
		t.Users = []targetfile.User{{Name: "alice", LoginHint: "alice"}, {Name: "bob", LoginHint: "bob"}}
		if f.UserCode {
			t.Users[0].UserCode = "code"
		}
		t.RAR.Types = f.Types
		t.Approval.Kind = "manual"
		t.Budgets.ExpiryMax = targetfile.DefaultExpiryMax
	}})
}

// More are the lines below a key, as comments. A part of two pieces stands there once.
func (f *firstFile) More(key string) []string {
	var lines []string
	written := map[string]bool{}
	for _, p := range f.more {
		for _, part := range p.Parts {
			text := strings.Join(part.Lines, "\n")
			if part.Key != key || written[text] {
				continue
			}
			written[text] = true
			lines = append(append(lines, "# "+p.Name+":"), part.Lines...)
		}
	}
	return lines
}

// callItself keeps what the OP calls itself. Only the slash at the end is believed: an
// OP that is asked under one name does not send the tester to another.
func (f *firstFile) callItself(published string) {
	switch {
	case published == "" || published == f.Issuer:
	case strings.TrimSuffix(published, "/") == strings.TrimSuffix(f.Issuer, "/"):
		f.Issuer = published
	case literal(published):
		f.OtherIssuer = published
	}
}

// mostTypes is how many types a first file has; a list that is longer was not made for
// people to fill in.
const mostTypes = 50

func (f *firstFile) take(types []string) {
	for _, kind := range types {
		if kind == "" || !literal(kind) || len(f.Types) == mostTypes {
			f.TypesLeftOut++
			continue
		}
		f.Types = append(f.Types, kind)
	}
}

// Literal reports whether the template may show a URL.
func (e Endpoint) Literal() bool { return literal(e.URL) }

var initTemplate = template.Must(template.New("target").Parse(`# Target file for cibatest, made from {{.Found}}
# Validate it with: cibatest check FILE
issuer: {{printf "%q" .Issuer}}
{{- if .OtherIssuer}}
# The OP calls itself {{printf "%q" .OtherIssuer}}. The two have to be equal to the letter: correct the one that is wrong.
{{- end}}
persona: {{.Persona}}   # defaults of a product: {{.Personas}}
{{- if .CAFile}}
tls: {ca_file: {{printf "%q" .CAFile}}}
{{- end}}
{{- if .NoEndpoint}}
endpoints:
  backchannel_authentication: ""   # the OP publishes none; fill it in
{{- end}}
{{- if .Elsewhere}}
# Not at the issuer's host, or less protected, and each gets the clients' credentials. Name under endpoints what you trust:
{{- end}}
{{- range .Elsewhere}}
{{- if .Literal}}
#   {{.Name}}: {{printf "%q" .URL}}
{{- else}}
#   {{.Name}}:   # has a placeholder in its URL, which is not copied
{{- end}}
{{- end}}
clients:
  # Two clients at least, so that one can play the stranger. More let destructive cases run side by side.
  - name: poll-a
    client_id: CHANGE-ME-A
    auth_method: {{.Method}}
{{- if eq .Method "private_key_jwt"}}
    jwks_file: poll-a.jwks.json      # private keys
{{- else}}
    client_secret: ${env:CIBA_CLIENT_A_SECRET}
{{- end}}
  - name: poll-b
    client_id: CHANGE-ME-B
    auth_method: {{.Method}}
{{- if eq .Method "private_key_jwt"}}
    jwks_file: poll-b.jwks.json
{{- else}}
    client_secret: ${env:CIBA_CLIENT_B_SECRET}
{{- end}}
{{- range .More "clients"}}
  # {{.}}
{{- end}}
users:
{{- if .Subjects}}
  # login_hint is built of the issuer and the sub of a user.
{{- end}}
  - {{.User "alice"}}
  - {{.User "bob"}}
{{- range .More "users"}}
  # {{.}}
{{- end}}
{{- if not .Subjects}}
unknown_user: {login_hint: nobody-4711}
{{- end}}
scope: openid
{{- if .Plain}}
binding_message: AB12CD34
{{- end}}
{{- if .NeedsAudience}}
# The API that types of authorization_details and scopes belong to; the access token is for it:
# start_params: {audience: "https://api.example.com"}
{{- end}}
{{- if .TypesLeftOut}}
# {{.TypesLeftOut}} more types of authorization_details are published; a first file does not hold them.
{{- end}}
{{- if .Types}}
rar:
  types: [{{range $i, $t := .Types}}{{if $i}}, {{end}}{{printf "%q" $t}}{{end}}]
  valid:                             # one object for each type that this OP accepts
{{- range .Types}}
    - {type: {{printf "%q" .}}}
{{- end}}
{{- range .More "rar"}}
  # {{.}}
{{- end}}
{{- else}}
{{- with .More "rar"}}
# rar:
{{- range .}}
#   {{.}}
{{- end}}
{{- end}}
{{- end}}
approval:
  # How the user's decision is made: url, exec, device, manual (you answer on your phone), none.
  kind: manual
{{- if eq .Persona "auth0"}}
  # kind: guardian decides by virtual phones that you enroll once.
{{- end}}
{{- range .More "approval"}}
  # {{.}}
{{- end}}
{{- with .More "notifications"}}
# notifications:
{{- range .}}
#   {{.}}
{{- end}}
{{- end}}
# capabilities: {refresh: true}      # where it cannot be discovered
{{- if .Plain}}
budgets: {concurrency: 64, requests_per_second: 0, expiry_max: 130s, clock_skew: 5s}
{{- else}}
# budgets are those of the persona; "cibatest explain target.budgets" says what there is.
{{- end}}
`))
