package preflight

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"text/template"

	"github.com/cibatest/cibatest/internal/targetfile"
)

// Init writes a first target file from an OP's metadata. Secrets are
// placeholders for environment variables; what only a person knows is marked.
func Init(ctx context.Context, rt http.RoundTripper, issuer string) ([]byte, error) {
	t := &targetfile.Target{Issuer: issuer}
	d, err := Discover(ctx, rt, t)
	if err != nil {
		return nil, err
	}
	if published := d.Text("issuer"); published != "" {
		t.Issuer = published
	}
	t = Resolve(t, d)
	var b bytes.Buffer
	err = initTemplate.Execute(&b, map[string]any{
		"Issuer":   t.Issuer,
		"Found":    d.URL,
		"Personas": strings.Join(targetfile.Personas(), ", "),
		"Endpoint": t.Endpoints.BackchannelAuthentication,
		"Method":   firstOf(d.Strings("token_endpoint_auth_methods_supported"), targetfile.AuthClientSecretBasic, targetfile.AuthClientSecretPost, targetfile.AuthPrivateKeyJWT, targetfile.AuthClientSecretJWT),
		"Types":    d.Strings("authorization_details_types_supported"),
		"UserCode": d.Document["backchannel_user_code_parameter_supported"] == true,
	})
	if err != nil {
		return nil, fmt.Errorf("writing the target file: %w", err)
	}
	return b.Bytes(), nil
}

// firstOf is the first preferred method that is offered.
func firstOf(offered []string, preferred ...string) string {
	for _, method := range preferred {
		if slices.Contains(offered, method) {
			return method
		}
	}
	return preferred[0]
}

var initTemplate = template.Must(template.New("target").Parse(`# Target file for cibatest, made from {{.Found}}
# Validate it with: cibatest check FILE
issuer: {{printf "%q" .Issuer}}
persona: core   # defaults of a product: {{.Personas}}
{{- if not .Endpoint}}
endpoints:
  backchannel_authentication: ""   # the OP publishes none; fill it in
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
users:
  - {name: alice, login_hint: alice{{if .UserCode}}, user_code: "${env:CIBA_ALICE_CODE}"{{end}}}
  - {name: bob, login_hint: bob}
unknown_user: {login_hint: nobody-4711}
scope: openid
binding_message: AB12CD34
{{- if .Types}}
rar:
  types: [{{range $i, $t := .Types}}{{if $i}}, {{end}}{{printf "%q" $t}}{{end}}]
  valid:                             # one object for each type that this OP accepts
{{- range .Types}}
    - {type: {{printf "%q" .}}}
{{- end}}
{{- end}}
approval:
  # How the user's decision is made: url, exec, device, manual (you answer on your phone), none.
  kind: manual
# capabilities: {refresh: true}      # where it cannot be discovered
budgets: {concurrency: 64, requests_per_second: 0, expiry_max: 130s, clock_skew: 5s}
`))
