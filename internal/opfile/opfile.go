// Package opfile reads what a person wants the reference OP to know: a registration of
// clients, users and APIs with their types of authorization_details, and the product that
// the OP stands in for. A file is checked whole, and every problem is told at once with its
// place.
package opfile

import (
	_ "embed" // the schema is published with the program
	"fmt"
	"slices"
	"time"

	"github.com/cibatest/cibatest/internal/jose"
	"github.com/cibatest/cibatest/internal/refop"
	"github.com/cibatest/cibatest/internal/refop/personas"
	"github.com/cibatest/cibatest/internal/yamlfile"
)

//go:embed schema.json
var schemaDocument []byte

var fileKind = yamlfile.Kind{
	Schema: yamlfile.NewSchema(schemaDocument), Expand: true,
	Empty: `"cibatest op --persona auth0 --print-registration" prints one to begin with`,
}

// Schema is the JSON Schema of registration files, for editors and other tools.
func Schema() []byte { return fileKind.Schema.Document() }

// Key is what the schema says of one key of a registration file, and of those directly below
// it, as [targetfile.Key] does for target files.
func Key(path string) (of yamlfile.Key, below []yamlfile.Key, err error) {
	return fileKind.Schema.Explain(path)
}

// Keys are the paths of all keys of a registration file.
func Keys() []string { return fileKind.Schema.Paths() }

// File is a registration as it was written.
type File struct {
	Registration refop.Registration

	// Persona is the name of the product to stand in for, empty for none, and Options are
	// its options as NAME=VALUE.
	Persona string
	Options []string
}

// Load reads and checks a registration file. Mistakes in it are [yamlfile.Problems].
func Load(path string) (File, error) {
	file, err := fileKind.Load(path, yamlfile.Env{})
	if err != nil {
		return File{}, fmt.Errorf("registration file: %w", err)
	}
	return read(file)
}

// Parse checks the text of a registration file, whose name is used in messages and, without
// an FS in env, as the place that relative paths start from.
func Parse(name string, text []byte, env yamlfile.Env) (File, error) {
	return read(fileKind.Parse(name, text, env))
}

// longest bounds durations: a year is more than anybody waits.
const longest = 366 * 24 * time.Hour

// standard are the values of scope that every registration has.
var standard = []string{"openid", "profile", "email", "offline_access"}

func read(file *yamlfile.File) (File, error) {
	root := file.Root()
	f := File{Persona: root.At("persona").Text()}
	r := &f.Registration
	for _, option := range root.At("options").Members() {
		f.Options = append(f.Options, option.Name()+"="+option.Text())
	}
	f.checkPersona(root)
	for name, into := range map[string]*time.Duration{
		"interval": &r.Interval, "expires_in": &r.ExpiresIn, "max_expires_in": &r.MaxExpiresIn,
		"access_token_lifetime": &r.AccessTokenLifetime, "id_token_lifetime": &r.IDTokenLifetime,
	} {
		*into = root.At(name).Duration(longest)
	}
	r.Open = readOpen(root.At("open"))
	r.Nobody = root.At("unknown_users").Texts()
	r.ACRValues = root.At("acr_values").Texts()
	for _, scope := range slices.Concat(standard, root.At("scopes").Texts()) {
		if !slices.Contains(r.Scopes, scope) {
			r.Scopes = append(r.Scopes, scope)
		}
	}
	r.SignBy(keysOf(file, root.At("signing_keys_file")))
	unique := names{}
	for _, at := range root.At("apis").Items() {
		r.APIs = append(r.APIs, readAPI(file, at))
		unique.take(at.At("identifier"), "API")
	}
	if len(r.APIs) > 0 {
		r.API = r.APIs[0].Identifier
	}
	for _, at := range root.At("clients").Items() {
		r.Clients = append(r.Clients, readClient(file, at, r))
		unique.take(at.At("client_id"), "client")
	}
	for _, at := range root.At("users").Items() {
		r.Users = append(r.Users, readUser(at))
		unique.take(at.At("sub"), "sub")
		for _, hint := range at.At("login_hints").Items() {
			unique.take(hint, "login_hint")
		}
	}
	if file.Readable() { // else what it lists is not known
		f.needSomebody(root)
	}
	if err := file.Err(); err != nil {
		return File{}, err
	}
	return f, nil
}

// checkPersona says what is wrong with the persona and its options.
func (f *File) checkPersona(root yamlfile.Place) {
	if f.Persona == "" {
		if root.At("options").Exists() && len(f.Options) > 0 {
			root.At("options").Wrong("options are those of a persona, and none is named")
		}
		return
	}
	persona, err := personas.Get(f.Persona)
	if err != nil {
		root.At("persona").Wrong("%v", err)
		return
	}
	if _, err := persona.Settings(f.Options); err != nil {
		root.At("options").Wrong("%v", err)
	}
}

// needSomebody says that nobody could ask, or be asked.
func (f *File) needSomebody(root yamlfile.Place) {
	r := &f.Registration
	if len(r.Users) == 0 && !r.Open.Users {
		root.At("users").Wrong("there are no users; list one, or write open: [users] for any")
	}
	if len(r.Clients) == 0 && !r.Open.Clients {
		root.At("clients").Wrong("there are no clients; list one, or write open: [clients] for any")
	}
}

// names finds what is listed twice.
type names map[string]bool

func (n names) take(at yamlfile.Place, what string) {
	key := what + " " + at.Text()
	if n[key] && at.Text() != "" {
		at.Wrong("the %s %s is listed before", what, at.Shown())
	}
	n[key] = true
}

func readOpen(at yamlfile.Place) refop.Open {
	to := map[string]bool{}
	for _, word := range at.Texts() {
		to[word] = true
	}
	return refop.Open{Clients: to["clients"], Users: to["users"], APIs: to["apis"], Scopes: to["scopes"], Types: to["types"]}
}

// keysOf reads a JWK Set, nil for a place that names none.
func keysOf(file *yamlfile.File, at yamlfile.Place) []jose.Key {
	if at.Text() == "" {
		return nil
	}
	text, err := file.ReadFile(at.Text())
	if err != nil {
		at.Wrong("cannot be read: %v", err)
		return nil
	}
	keys, err := jose.ParseKeys(text)
	if err != nil {
		at.Wrong("is no JWK Set: %v", err)
	}
	return keys
}

func readUser(at yamlfile.Place) refop.User {
	u := refop.User{
		Sub: at.At("sub").Text(), Name: at.At("name").Text(), Email: at.At("email").Text(), UserCode: at.At("user_code").Text(),
		NoPhone: at.At("enrolled").Text() == "none", Logins: at.At("login_hints").Texts(),
	}
	u.LoginHint = u.Sub
	if len(u.Logins) > 0 {
		u.LoginHint = u.Logins[0]
	}
	if u.Email != "" {
		u.Logins = append(u.Logins, u.Email)
	}
	return u
}

func readClient(file *yamlfile.File, at yamlfile.Place, r *refop.Registration) refop.Client {
	c := refop.Client{
		ID: at.At("client_id").Text(), AuthMethod: at.At("auth_method").Text(), Secret: at.At("client_secret").Text(),
		IDTokenAlg: at.At("id_token_signed_response_alg").Text(), NoCIBA: at.At("ciba").Exists() && !at.At("ciba").Bool(),
		DeliveryMode: at.At("delivery_mode").Text(), NotificationEndpoint: at.At("notification_endpoint").Text(),
		UserCode: at.At("user_code").Bool(), APIs: at.At("apis").Texts(), RARTypes: at.At("rar_types").Texts(),
	}
	if c.AuthMethod == "" {
		c.AuthMethod = refop.MethodAny
	}
	keys := keysOf(file, at.At("jwks_file"))
	switch {
	case keys != nil || at.At("jwks_file").Text() != "": // keys that cannot be read were told
	case c.AuthMethod == refop.MethodPrivateKeyJWT:
		at.At("jwks_file").Wrong("a client of private_key_jwt needs the file with its keys")
	case c.AuthMethod == refop.MethodAny && c.Secret == "":
		at.At("client_secret").Wrong("a client needs a client_secret, a jwks_file or auth_method: none")
	case c.AuthMethod != refop.MethodNone && c.Secret == "":
		at.At("client_secret").Wrong("a client of %s needs a secret", c.AuthMethod)
	}
	if c.Notified() && c.NotificationEndpoint == "" {
		at.At("notification_endpoint").Wrong("a client of %s is called, and needs an address for that", c.DeliveryMode)
	}
	for _, api := range at.At("apis").Items() {
		known := slices.ContainsFunc(r.APIs, func(a refop.API) bool { return a.Identifier == api.Text() })
		if !known && !r.Open.APIs {
			api.Wrong("there is no API %s; those listed under apis are known", api.Shown())
		}
	}
	c.Keys = at.At("jwks_file").Text()
	return c.WithKeys(keys)
}

func readAPI(file *yamlfile.File, at yamlfile.Place) refop.API {
	api := refop.API{
		Identifier: at.At("identifier").Text(), Scopes: at.At("scopes").Texts(), Access: refop.Access(at.At("access").Text()),
		Types: map[string]refop.DetailsType{},
	}
	for _, kind := range at.At("rar_types").Members() {
		if kind.Name() == "" {
			kind.WrongName("a type has a name")
		}
		api.Types[kind.Name()] = refop.DetailsType{Check: checkBy(file, kind)}
	}
	return api
}
