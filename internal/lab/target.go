package lab

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/cibatest/cibatest/fixtures"
	"github.com/cibatest/cibatest/internal/refop"
	"go.yaml.in/yaml/v3"
)

// maxTargets is how many clients and users of a registration a target file gets.
const maxTargets = 24

// DescribeBrought is the target file of an OP whose registration was brought, as far as a
// registration tells what can be tested: keys of clients that are not private are not among
// it. The types of authorization_details are those that there is a sample for.
func (l *Lab) DescribeBrought() ([]byte, error) {
	reg := l.OP.Registration()
	target := map[string]any{
		"issuer": l.Issuer, "persona": "core", "clients": clientsOf(reg), "users": l.usersOf(reg),
		"unknown_user": l.nobody(), "scope": "openid profile offline_access", "binding_message": "AB12CD34",
		"capabilities": map[string]any{"refresh": true, "rar_enrich": false},
		"budgets":      map[string]any{"concurrency": 64, "requests_per_second": 0},
		"approval":     l.approval(),
	}
	if l.options.Persona != nil {
		target["persona"] = l.options.Persona.Name
	}
	if len(reg.APIs) > 0 {
		target["start_params"] = map[string]any{"audience": reg.APIs[0].Identifier}
		if rar, err := rarOf(reg.APIs[0]); err != nil {
			return nil, err
		} else if rar != nil {
			target["rar"] = rar
		}
	}
	data, err := yaml.Marshal(target)
	if err != nil {
		return nil, fmt.Errorf("the target file: %w", err)
	}
	return append([]byte("# An OP as it was registered. All values are for tests only.\n"), data...), nil
}

func clientsOf(reg *refop.Registration) []any {
	var list []any
	for _, c := range reg.Clients[:min(len(reg.Clients), maxTargets)] {
		entry := map[string]any{"name": c.ID, "client_id": c.ID, "auth_method": c.AuthMethod}
		if c.AuthMethod == refop.MethodAny {
			entry["auth_method"] = refop.MethodBasic
		}
		if c.Secret != "" {
			entry["client_secret"] = c.Secret
		}
		if c.AuthMethod == refop.MethodPrivateKeyJWT {
			if keys := c.KeySet(); len(keys) == 0 || !keys[0].IsPrivate() {
				continue
			}
			entry["jwks_file"] = c.Keys
		}
		if c.NoCIBA {
			entry["ciba"] = false
		}
		if c.UserCode {
			entry["user_code"] = true
		}
		if c.IDTokenAlg != "" {
			entry["id_token_signed_response_alg"] = c.IDTokenAlg
		}
		if !c.Notified() {
			list = append(list, entry)
		}
	}
	return list
}

func (l *Lab) usersOf(reg *refop.Registration) []any {
	var list []any
	for _, u := range reg.Users[:min(len(reg.Users), maxTargets)] {
		if u.NoPhone {
			continue
		}
		entry := map[string]any{"name": u.LoginHint, "login_hint": l.hint(u), "sub": u.Sub}
		if u.UserCode != "" {
			entry["user_code"] = u.UserCode
		}
		list = append(list, entry)
	}
	return list
}

// hint is the login_hint that names a user.
func (l *Lab) hint(u refop.User) string {
	if l.options.Persona != nil {
		return l.options.Persona.Hint(l.Issuer, u)
	}
	return u.LoginHint
}

// nobody is a user whom not even an open registration knows, if it names one.
func (l *Lab) nobody() map[string]any {
	name := "nobody-4711"
	if unknown := l.OP.Registration().Nobody; len(unknown) > 0 {
		name = unknown[0]
	}
	return map[string]any{"login_hint": l.hint(refop.User{Sub: name, LoginHint: name})}
}

func (l *Lab) approval() map[string]any {
	approval := map[string]any{
		"kind": "url", "narrow": true,
		"url": l.ControlURL + "/decision?auth_req_id={auth_req_id}&action={action}&authorization_details={authorization_details}",
	}
	if l.HasToken {
		approval["headers"] = map[string]any{"Authorization": "Bearer ${env:CIBATEST_DEVICE_TOKEN}"}
	}
	return approval
}

// rarOf are the types of an API that there are samples for; nil for none.
func rarOf(api refop.API) (map[string]any, error) {
	samples := fixtures.AuthorizationDetails()
	var types, valid []any
	for _, name := range slices.Sorted(maps.Keys(api.Types)) {
		text, there := samples[name]
		if !there {
			continue
		}
		var list []any
		decoder := json.NewDecoder(strings.NewReader(string(text)))
		if err := decoder.Decode(&list); err != nil {
			return nil, fmt.Errorf("the sample of %s: %w", name, err)
		}
		types, valid = append(types, name), append(valid, list...)
	}
	if types == nil {
		return nil, nil
	}
	return map[string]any{"types": types, "valid": valid}, nil
}
