package targetfile

import (
	"encoding/json"
	"errors"
	"io/fs"
	"net"
	"regexp"
	"slices"
	"strings"

	"github.com/cibatest/cibatest/internal/catalogue"
	"github.com/cibatest/cibatest/internal/jose"
	"github.com/cibatest/cibatest/internal/yamlfile"
)

// meaning checks what the schema cannot: whether the values fit together.
type meaning struct {
	file   *yamlfile.File
	target *Target
}

func (m meaning) check() {
	root := m.file.Root()
	if known := Personas(); !slices.Contains(known, m.target.Persona) {
		root.At("persona").Wrong("is %q; known are %s", m.target.Persona, strings.Join(known, ", "))
	}
	for i := range m.target.Clients {
		m.client(root.At("clients").Item(i), i)
	}
	for i := range m.target.Users {
		m.user(root.At("users").Item(i), i)
	}
	m.hint(root.At("unknown_user"), m.target.UnknownUser)
	m.rar(root.At("rar"))
	m.approval(root.At("approval"))
	m.userLock(root.At("user_lock"))
	m.notifications(root.At("notifications"))
	for _, capability := range root.At("capabilities").Members() {
		if !catalogue.Need(capability.Name()).Known() {
			capability.WrongName("unknown capability; the names are those of applies.needs in \"cibatest list --json\"")
		}
	}
}

func (m meaning) client(at yamlfile.Place, i int) {
	c := &m.target.Clients[i]
	if slices.ContainsFunc(m.target.Clients[:i], func(other Client) bool { return other.Name == c.Name }) {
		at.At("name").Wrong("%q names two clients", c.Name)
	}
	switch c.AuthMethod {
	case AuthClientSecretBasic, AuthClientSecretPost, AuthClientSecretJWT:
		if c.ClientSecret == "" {
			at.At("client_secret").Wrong("is missing; %s needs one, for example ${env:CLIENT_SECRET}", c.AuthMethod)
		}
	}
	if c.AuthMethod == AuthPrivateKeyJWT || c.RequestSigningAlg != "" || c.JWKSURI != "" {
		m.keys(at, c)
	}
	if c.JWKSURI != "" && m.target.Notifications.Listen == "" {
		at.At("jwks_uri").Wrong("is served by nobody; set notifications.listen, or leave it out where the OP reads the keys elsewhere")
	}
	m.certificate(at.At("certificate"), c)
	for _, name := range c.RARTypes {
		if !slices.Contains(m.target.RAR.Types, name) {
			at.At("rar_types").Wrong("%q is not in rar.types", name)
		}
	}
}

// notifications checks that callbacks can arrive.
func (m meaning) notifications(at yamlfile.Place) {
	n := m.target.Notifications
	host, _, err := net.SplitHostPort(n.Listen)
	ip := net.ParseIP(host)
	switch {
	case n.Listen == "" && n != (Notifications{}):
		at.At("listen").Wrong("is missing; without an address to listen at, such as 127.0.0.1:9005, nothing is received")
	case n.Listen != "" && err != nil:
		at.At("listen").Wrong("%q is no address; write host:port, such as 127.0.0.1:9005", n.Listen)
	case n.Listen != "" && n.PublicURL == "" && (host == "" || ip != nil && ip.IsUnspecified()):
		at.At("public_url").Wrong("is missing; the OP cannot call %s, so name the URL by which it reaches this host", n.Listen)
	}
	tls := at.At("tls")
	switch given := n.TLS.CertFile != "" || n.TLS.KeyFile != ""; {
	case given && n.TLS.CAFile != "":
		tls.At("ca_file").Wrong("stands beside cert_file and key_file; give either these two or ca_file")
	case given && n.TLS.CertFile == "":
		tls.At("cert_file").Wrong("is missing; key_file is the key of a certificate")
	case given && n.TLS.KeyFile == "":
		tls.At("key_file").Wrong("is missing; cert_file needs the key of its certificate")
	case n.TLS.Verified && !given && n.TLS.CAFile == "":
		tls.At("verified").Wrong("has no certificate to be about; give cert_file and key_file, or ca_file")
	}
}

// certificate reads the certificate of a client and its key, which have to fit.
func (m meaning) certificate(at yamlfile.Place, c *Client) {
	given := &c.Certificate
	for _, f := range []struct{ name, file, other string }{
		{"cert_file", given.CertFile, given.KeyFile}, {"key_file", given.KeyFile, given.CertFile},
	} {
		if f.file == "" && (f.other != "" || c.ByCertificate() || given.BindsTokens) {
			at.At(f.name).Wrong("is missing; give the certificate of the client and its key, as PEM files in cert_file and key_file")
			return
		}
	}
	if given.CertFile == "" {
		return
	}
	chain, err := m.file.ReadFile(given.CertFile)
	if err != nil {
		at.At("cert_file").Wrong("the file %s cannot be read", given.CertFile)
		return
	}
	key, err := m.file.ReadFile(given.KeyFile)
	if err != nil {
		at.At("key_file").Wrong("the file %s cannot be read", given.KeyFile)
		return
	}
	given.Chain, given.Key = string(chain), Secret(key)
	if _, err := given.TLS(); err != nil {
		at.At("cert_file").Wrong("%s and %s are no certificate with its key: %v", given.CertFile, given.KeyFile, err)
	}
}

// keys reads the private keys of a client that signs its assertions or its requests.
func (m meaning) keys(at yamlfile.Place, c *Client) {
	needs, at := "jwks_uri", at.At("jwks_file")
	switch {
	case c.AuthMethod == AuthPrivateKeyJWT:
		needs = "private_key_jwt"
	case c.RequestSigningAlg != "":
		needs = "request_signing_alg"
	}
	if c.JWKSFile == "" {
		at.Wrong("is missing; %s needs a file with the private key as a JSON Web Key Set", needs)
		return
	}
	data, err := m.file.ReadFile(c.JWKSFile)
	if err != nil {
		at.Wrong("the file %s cannot be read", c.JWKSFile)
		return
	}
	keys, err := jose.ParseKeys(data)
	switch {
	case err != nil:
		at.Wrong("%s is %v", c.JWKSFile, err)
	case len(keys) == 0 || !keys[0].IsPrivate():
		at.Wrong("%s holds no private key", c.JWKSFile)
	case c.RequestSigningAlg != "" && !slices.ContainsFunc(keys, func(k jose.Key) bool { return k.SignsWith(c.RequestSigningAlg) }):
		at.Wrong("%s holds no private key for %s, which request_signing_alg names", c.JWKSFile, c.RequestSigningAlg)
	}
	c.JWKS = Secret(data)
}

func (m meaning) user(at yamlfile.Place, i int) {
	u := m.target.Users[i]
	if slices.ContainsFunc(m.target.Users[:i], func(other User) bool { return other.Name == u.Name }) {
		at.At("name").Wrong("%q names two users", u.Name)
	}
	m.hint(at, u)
	if name, _ := u.Hint(); name == "" && m.target.HintFormat == HintIssSub {
		at.Wrong("has no sub; give sub, of which login_hint is built, or login_hint, login_hint_token or id_token_hint")
	} else if name == "" {
		at.Wrong("has no hint; give login_hint, login_hint_token or id_token_hint")
	}
}

func (m meaning) rar(at yamlfile.Place) {
	rar := m.target.RAR
	for i, object := range rar.Valid {
		var typed struct {
			Type string `json:"type"`
		}
		_ = json.Unmarshal(object, &typed)
		place := at.At("valid").Item(i).At("type")
		switch {
		case typed.Type == "":
			place.Wrong("is missing")
		case !slices.Contains(rar.Types, typed.Type):
			place.Wrong("%q is not in rar.types", typed.Type)
		}
	}
	if len(rar.Types) > 0 && len(rar.Valid) == 0 {
		at.At("valid").Wrong("is missing; give one object that this OP accepts for each type")
	}
}

var braces = regexp.MustCompile(`\{([a-z_]+)\}`)

var placeholders = []string{"auth_req_id", "action", "login_hint", "user", "sub", "authorization_details"}

// adapters reads the adapter file. What it says is checked where a device is made of it.
func (m meaning) adapters(at yamlfile.Place) {
	o := &m.target.Approval.Observe
	builtIn := slices.Contains([]string{"native", "keycloak", "authlete"}, o.Adapter)
	switch {
	case o.AdaptersFile != "":
		data, err := m.file.ReadFile(o.AdaptersFile)
		if err != nil {
			at.At("adapters_file").Wrong("the file %s cannot be read", o.AdaptersFile)
		}
		o.Adapters = Secret(data)
	case !builtIn:
		at.At("adapter").Wrong("%q is not native, keycloak or authlete; others stand in an adapter file, which adapters_file names", o.Adapter)
	}
}

func (m meaning) approval(at yamlfile.Place) {
	m.adapters(at.At("observe"))
	a := m.target.Approval
	switch {
	case a.Kind == "url" && a.URL == "":
		at.At("url").Wrong("is missing; kind url needs a template with {auth_req_id} or {login_hint}, and {action}")
	case a.Kind == "exec" && len(a.Command) == 0:
		at.At("command").Wrong("is missing; kind exec runs it with {auth_req_id} and {action}")
	case a.Kind == "device" && a.Observe.Listen == "":
		at.At("observe").At("listen").Wrong("is missing; kind device needs the address the OP sends its prompts to")
	case a.Kind == ApprovalGuardian:
		m.guardian(at)
	}
	hookBraces(at, a)
}

// guardian reads the enrollments that are there. That a user has none is no mistake of the
// file: it is how a user is before it is enrolled.
func (m meaning) guardian(at yamlfile.Place) {
	a := &m.target.Approval
	if _, _, err := net.SplitHostPort(a.Push.Listen); a.Push.Listen == "" {
		at.At("push").At("listen").Wrong("is missing; kind guardian needs the address where push data arrive, such as 127.0.0.1:9004")
	} else if err != nil {
		at.At("push").At("listen").Wrong("%q is no address; write host:port, such as 127.0.0.1:9004", a.Push.Listen)
	}
	if a.Observe.Listen != "" {
		at.At("observe").At("listen").Wrong("stands beside kind guardian, whose devices see what users are asked; leave it out")
	}
	if a.Narrow {
		at.At("narrow").Wrong("is true, but a device of kind guardian can accept or reject and not grant less")
	}
	for _, u := range m.target.Users {
		name := a.EnrollmentFile(u)
		data, err := m.file.ReadFile(name)
		switch {
		case err == nil:
			a.Guardian.Devices = append(a.Guardian.Devices, GuardianDevice{u, name, Secret(data)})
		case !errors.Is(err, fs.ErrNotExist):
			at.At("guardian").At("enrollments").Wrong("the file %s cannot be read", name)
		}
	}
}

// userLock wants one way to lock a user, which names the user.
func (m meaning) userLock(at yamlfile.Place) {
	l := m.target.UserLock
	texts := append([]string{l.URL, l.Body.Reveal()}, l.Command...)
	names := func(placeholder string) bool {
		return slices.ContainsFunc(texts, func(text string) bool { return strings.Contains(text, placeholder) })
	}
	switch {
	case l.URL != "" && len(l.Command) > 0:
		at.Wrong("has url and command; give one of them")
	case l.URL != "" && !names("{login_hint}") && !names("{user}"):
		at.At("url").Wrong("names no user; it needs {login_hint} or {user}, and {action} for lock and unlock")
	}
	hookBraces(at, l.Hook())
}

// hookBraces looks at the placeholders of a hook.
func hookBraces(at yamlfile.Place, a Approval) {
	knownBraces(at.At("url"), a.URL)
	knownBraces(at.At("body"), a.Body.Reveal())
	for i, argument := range a.Command {
		knownBraces(at.At("command").Item(i), argument)
	}
}

// knownBraces refuses a placeholder that nothing would fill.
func knownBraces(at yamlfile.Place, text string) {
	for _, found := range braces.FindAllStringSubmatch(text, -1) {
		if !slices.Contains(placeholders, found[1]) {
			at.Wrong("unknown placeholder {%s}; known are {%s}", found[1], strings.Join(placeholders, "}, {"))
		}
	}
}
