package targetfile

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/cibatest/cibatest/internal/jose"
)

// meaning checks what the schema cannot: whether the values fit together.
func (p *parser) meaning(t *Target) {
	if !slices.Contains(Personas(), t.Persona) {
		p.fail(p.nodeAt("persona"), "persona", "is %q; known are %s", t.Persona, strings.Join(Personas(), ", "))
	}
	p.clients(t)
	p.users(t)
	p.rar(t)
	p.approval(t.Approval)
	for name := range t.Capabilities {
		if !name.Known() {
			p.fail(p.keyAt("capabilities", string(name)), "capabilities."+string(name), "unknown capability; the names are those of applies.needs in \"cibatest list --json\"")
		}
	}
}

func (p *parser) clients(t *Target) {
	names := map[string]bool{}
	for i := range t.Clients {
		c := &t.Clients[i]
		path := fmt.Sprintf("clients[%d]", i)
		if names[c.Name] {
			p.fail(p.nodeAt(path+".name"), path+".name", "%q names two clients", c.Name)
		}
		names[c.Name] = true
		switch c.AuthMethod {
		case AuthClientSecretBasic, AuthClientSecretPost, AuthClientSecretJWT:
			if c.ClientSecret == "" {
				p.fail(p.nodeAt(path), path+".client_secret", "is missing; %s needs one, for example ${env:CLIENT_SECRET}", c.AuthMethod)
			}
		case AuthPrivateKeyJWT:
			p.keys(c, path)
		}
		for _, kind := range c.RARTypes {
			if !slices.Contains(t.RAR.Types, kind) {
				p.fail(p.nodeAt(path+".rar_types"), path+".rar_types", "%q is not in rar.types", kind)
			}
		}
	}
}

func (p *parser) keys(c *Client, path string) {
	at := path + ".jwks_file"
	if c.JWKSFile == "" {
		p.fail(p.nodeAt(path), at, "is missing; private_key_jwt needs a file with the private key as a JSON Web Key Set")
		return
	}
	data, err := p.read(c.JWKSFile)
	if err != nil {
		p.fail(p.nodeAt(at), at, "the file %s cannot be read", c.JWKSFile)
		return
	}
	keys, err := jose.ParseKeys(data)
	switch {
	case err != nil:
		p.fail(p.nodeAt(at), at, "%s is %v", c.JWKSFile, err)
	case len(keys) == 0 || !keys[0].IsPrivate():
		p.fail(p.nodeAt(at), at, "%s holds no private key", c.JWKSFile)
	}
	c.JWKS = Secret(data)
}

func (p *parser) users(t *Target) {
	names := map[string]bool{}
	for i, u := range t.Users {
		path := fmt.Sprintf("users[%d]", i)
		if names[u.Name] {
			p.fail(p.nodeAt(path+".name"), path+".name", "%q names two users", u.Name)
		}
		names[u.Name] = true
		if u.LoginHint == "" && u.LoginHintToken == "" && u.IDTokenHint == "" {
			p.fail(p.nodeAt(path), path, "has no hint; give login_hint, login_hint_token or id_token_hint")
		}
	}
}

func (p *parser) rar(t *Target) {
	for i, object := range t.RAR.Valid {
		path := fmt.Sprintf("rar.valid[%d]", i)
		var typed struct {
			Type string `json:"type"`
		}
		_ = json.Unmarshal(object, &typed)
		switch {
		case typed.Type == "":
			p.fail(p.nodeAt(path), path+".type", "is missing")
		case !slices.Contains(t.RAR.Types, typed.Type):
			p.fail(p.nodeAt(path+".type"), path+".type", "%q is not in rar.types", typed.Type)
		}
	}
	if len(t.RAR.Types) > 0 && len(t.RAR.Valid) == 0 {
		p.fail(p.nodeAt("rar"), "rar.valid", "is missing; give one object that this OP accepts for each type")
	}
}

var braces = regexp.MustCompile(`\{([a-z_]+)\}`)

var placeholders = []string{"auth_req_id", "action", "login_hint", "user", "authorization_details"}

func (p *parser) approval(a Approval) {
	switch {
	case a.Kind == "url" && a.URL == "":
		p.fail(p.nodeAt("approval"), "approval.url", "is missing; kind url needs a template with {auth_req_id} or {login_hint}, and {action}")
	case a.Kind == "exec" && len(a.Command) == 0:
		p.fail(p.nodeAt("approval"), "approval.command", "is missing; kind exec runs it with {auth_req_id} and {action}")
	case a.Kind == "device" && a.Observe.Listen == "":
		p.fail(p.nodeAt("approval"), "approval.observe.listen", "is missing; kind device needs the address the OP sends its prompts to")
	}
	texts := map[string]string{"approval.url": a.URL, "approval.body": a.Body.Reveal(), "approval.command": strings.Join(a.Command, " ")}
	for _, path := range []string{"approval.url", "approval.body", "approval.command"} {
		for _, m := range braces.FindAllStringSubmatch(texts[path], -1) {
			if !slices.Contains(placeholders, m[1]) {
				p.fail(p.nodeAt(path), path, "unknown placeholder {%s}; known are {%s}", m[1], strings.Join(placeholders, "}, {"))
			}
		}
	}
}
