package targetfile

import (
	"embed"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/cibatest/cibatest/internal/ciba"
	"go.yaml.in/yaml/v3"
)

//go:embed personas/*.yaml
var personas embed.FS

// Defaults of a target file.
const (
	DefaultConcurrency = 64
	DefaultExpiryMax   = 130 * time.Second // a common expires_in of 120 s and the latest an OP may notice
	DefaultClockSkew   = 5 * time.Second
)

// Personas are the names of the built-in products, sorted.
func Personas() []string {
	entries, _ := personas.ReadDir("personas")
	names := make([]string, 0, len(entries))
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), path.Ext(e.Name())))
	}
	slices.Sort(names)
	return names
}

// withPersona lays the file's values over the defaults of its persona.
func withPersona(file map[string]any) map[string]any {
	name, _ := file["persona"].(string)
	if name == "" {
		name = "core"
	}
	base := map[string]any{}
	if data, err := personas.ReadFile("personas/" + name + ".yaml"); err == nil {
		_ = yaml.Unmarshal(data, &base) // held valid by a test
	}
	merged := overlay(base, file)
	merged["persona"] = name
	return merged
}

// Defaults are what a persona says, and nothing else: no defaults that hold for every target.
// A persona that is not known says nothing.
func Defaults(persona string) *Target {
	t := &Target{Persona: persona}
	if data, err := personas.ReadFile("personas/" + persona + ".yaml"); err == nil {
		_ = yaml.Unmarshal(data, t) // held valid by a test
	}
	return t
}

func overlay(base, over map[string]any) map[string]any {
	out := maps.Clone(base)
	for key, value := range over {
		upper, isObject := value.(map[string]any)
		lower, wasObject := out[key].(map[string]any)
		switch {
		case isObject && wasObject:
			out[key] = overlay(lower, upper)
		case value != nil:
			out[key] = value
		}
	}
	return out
}

// fillDefaults sets what a file leaves out. Booleans whose default is true need
// the raw values to tell "left out" from false.
func (t *Target) fillDefaults(raw map[string]any) {
	for i := range t.Clients {
		c := &t.Clients[i]
		if c.DeliveryMode == "" {
			c.DeliveryMode = DeliveryPoll
		}
		if c.Purpose == "" {
			c.Purpose = PurposeRP
		}
		if given, ok := rawClient(raw, i)["ciba"]; !ok || given == nil {
			c.CIBA = c.Purpose == PurposeRP
		}
	}
	for i := range t.Users {
		if t.Users[i].Name == "" {
			t.Users[i].Name = fmt.Sprintf("user-%d", i+1)
		}
	}
	setDefault(&t.HintFormat, HintPlain)
	t.buildHints()
	if t.Scope == "" {
		t.Scope = "openid"
	}
	a := &t.Approval
	setDefault(&a.Kind, ApprovalNone)
	setDefault(&a.Method, "POST")
	setDefault(&a.Actions.Allow, "allow")
	setDefault(&a.Actions.Deny, "deny")
	setDefault(&a.Observe.Adapter, "native")
	if a.Observe.Adapter == "keycloak" {
		setDefault(&a.Observe.Callback, strings.TrimSuffix(t.Issuer, "/")+"/protocol/openid-connect/ext/ciba/auth/callback")
	}
	if a.Kind == ApprovalGuardian {
		setDefault(&a.Guardian.URL, strings.TrimSuffix(t.Issuer, "/")+"/appliance-mfa")
		setDefault(&a.Guardian.Enrollments, "guardian")
		setDefault(&a.Observe.KnownBy, "binding_message") // a push tells no auth_req_id
	}
	b := &t.Budgets
	if b.Concurrency == 0 {
		b.Concurrency = DefaultConcurrency
	}
	if b.ExpiryMax == 0 {
		b.ExpiryMax = DefaultExpiryMax
	}
	if b.ClockSkew == 0 {
		b.ClockSkew = DefaultClockSkew
	}
}

func rawClient(raw map[string]any, i int) map[string]any {
	clients, _ := raw["clients"].([]any)
	if i >= len(clients) {
		return nil
	}
	client, _ := clients[i].(map[string]any)
	return client
}

func setDefault(field *string, value string) {
	if *field == "" {
		*field = value
	}
}

// secretHeader matches the headers of an approval hook whose literal values are secrets.
// The value of any other one, such as a Content-Type, stands in too many answers.
var secretHeader = regexp.MustCompile(`(?i)auth|cookie|key|token|secret|passw|credential|session|signature|jwt`)

// Secrets are all values that no output may show.
func (t *Target) Secrets() []string {
	all := slices.Clone(t.secrets)
	add := func(values ...Secret) {
		for _, v := range values {
			if v != "" {
				all = append(all, v.Reveal())
			}
		}
	}
	for _, c := range t.Clients {
		add(c.ClientSecret)
		all = append(all, privateMembers(c.JWKS)...)
		add(Secret(onOneLine(c.Certificate.Key)))
	}
	for _, u := range t.Users {
		add(u.UserCode, u.IDTokenHint, u.LoginHintToken, u.ExpiredLoginHintToken)
	}
	add(t.Approval.Body, t.Approval.Observe.Token, t.Approval.Push.Token, t.UserLock.Body)
	for _, d := range t.Approval.Guardian.Devices {
		all = append(all, privateMembers(Secret(`{"keys":[`+keyOf(d.Enrollment)+`]}`))...)
	}
	for _, headers := range []map[string]Secret{t.Approval.Headers, t.UserLock.Headers} {
		for name, value := range headers {
			if !secretHeader.MatchString(name) {
				continue // what came from outside is among the secrets anyway
			}
			add(value)
			if _, token, found := strings.Cut(value.Reveal(), " "); found {
				add(Secret(token))
			}
		}
	}
	return all
}

// privateMembers are the members of a key set that must stay private.
func privateMembers(jwks Secret) []string {
	var set struct {
		Keys []map[string]any `json:"keys"`
	}
	if json.Unmarshal([]byte(jwks.Reveal()), &set) != nil {
		return nil
	}
	var values []string
	for _, key := range set.Keys {
		for _, name := range []string{"d", "p", "q", "dp", "dq", "qi", "k"} {
			if value, ok := key[name].(string); ok {
				values = append(values, value)
			}
		}
	}
	return values
}

// onOneLine is the content of a PEM block without the lines around it, as it would stand in
// a message.
func onOneLine(key Secret) string {
	block, _ := pem.Decode([]byte(key.Reveal()))
	if block == nil {
		return ""
	}
	return base64.StdEncoding.EncodeToString(block.Bytes)
}

// keyOf is the private key in the file of an enrollment.
func keyOf(enrollment Secret) string {
	var file struct {
		Key json.RawMessage `json:"key"`
	}
	_ = json.Unmarshal([]byte(enrollment.Reveal()), &file) // a file without a key has nothing to hide
	return string(file.Key)
}

// Masked is the effective configuration for the result file. What is secret by its field
// is left out, and what came from outside is hidden wherever it stands.
func (t *Target) Masked() map[string]any {
	data, err := json.Marshal(t)
	if err != nil {
		return map[string]any{"error": err.Error()}
	}
	var object map[string]any
	_ = json.Unmarshal(data, &object)
	masker := ciba.NewMasker(t.Secrets()...)
	return hidden(object, masker.Text).(map[string]any)
}

// hidden is JSON with every text, names included, as hide makes it.
func hidden(value any, hide func(string) string) any {
	switch v := value.(type) {
	case string:
		return hide(v)
	case []any:
		for i := range v {
			v[i] = hidden(v[i], hide)
		}
	case map[string]any:
		hiding := make(map[string]any, len(v))
		for name, member := range v {
			hiding[hide(name)] = hidden(member, hide)
		}
		return hiding
	}
	return value
}

// MarshalJSON writes durations as a target file spells them, not as nanoseconds.
func (b Budgets) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Concurrency       int           `json:"concurrency"`
		RequestsPerSecond float64       `json:"requests_per_second"`
		PerUserMinute     PerUserMinute `json:"per_user_minute,omitzero"`
		ExpiryMax         string        `json:"expiry_max"`
		ClockSkew         string        `json:"clock_skew"`
	}{b.Concurrency, b.RequestsPerSecond, b.PerUserMinute, b.ExpiryMax.String(), b.ClockSkew.String()})
}
