package refop

import (
	"bytes"
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"time"

	"github.com/cibatest/cibatest/internal/jose"
	"go.yaml.in/yaml/v3"
)

// Registration is what the OP knows: its lifetimes, clients, users and types of
// authorization_details.
type Registration struct {
	Interval            time.Duration     `yaml:"interval"`
	ExpiresIn           time.Duration     `yaml:"expires_in"`
	MaxExpiresIn        time.Duration     `yaml:"max_expires_in"`
	AccessTokenLifetime time.Duration     `yaml:"access_token_lifetime"`
	IDTokenLifetime     time.Duration     `yaml:"id_token_lifetime"`
	API                 string            `yaml:"api"` // audience of access tokens
	Scopes              []string          `yaml:"scopes"`
	ACRValues           []string          `yaml:"acr_values"`
	SigningKeys         []string          `yaml:"signing_keys"` // file names
	HintIssuerKey       string            `yaml:"hint_issuer_key"`
	ClientAuthority     string            `yaml:"client_authority"` // PEM file of who vouches for clients' certificates; empty: nobody
	Clients             []Client          `yaml:"clients"`
	Users               []User            `yaml:"users"`
	RARTypes            map[string]Member `yaml:"rar_types"`

	// APIs are what access tokens may be asked for besides API, by the parameter resource
	// or audience.
	APIs []API `yaml:"-"`

	// Nobody are names and subjects that no user has, however open the registration is.
	Nobody []string `yaml:"-"`

	// Open says of what more is known than is listed. The zero value: of nothing.
	Open Open `yaml:"-"`

	signing []jose.Key
	hints   []jose.Key

	clientAuthority *x509.Certificate
}

// Client is a registered client.
type Client struct {
	ID            string   `yaml:"client_id"`
	AuthMethod    string   `yaml:"auth_method"`
	Secret        string   `yaml:"secret"`
	Keys          string   `yaml:"keys"` // file name
	IDTokenAlg    string   `yaml:"id_token_alg"`
	Sector        string   `yaml:"sector"` // host; the client gets pairwise subjects
	UserCode      bool     `yaml:"user_code"`
	RequestAlg    string   `yaml:"request_alg"` // that signs its requests; empty: it may sign or not
	NoCIBA        bool     `yaml:"no_ciba"`
	PolicyDenied  bool     `yaml:"policy_denied"`
	RARTypes      []string `yaml:"rar_types"` // empty: all
	Introspection bool     `yaml:"introspection"`
	TLSSubject    string   `yaml:"tls_subject"` // of the certificate of a tls_client_auth client
	Certificate   string   `yaml:"certificate"` // PEM file of the certificate of a self_signed_tls_client_auth client
	Bound         bool     `yaml:"bound"`       // access tokens are bound to the certificate that is shown

	// APIs are the identifiers of APIs that the client was granted; see [RequireGrant].
	APIs []string `yaml:"-"`

	// Unlisted is a client that nobody has registered, in an open registration.
	Unlisted bool `yaml:"-"`

	// DeliveryMode is how results reach the client; CIBA Core 5. Empty: [DeliveryPoll].
	DeliveryMode string `yaml:"delivery_mode"`

	// NotificationEndpoint is where a ping or push client is called. Empty: it is not.
	NotificationEndpoint string `yaml:"notification_endpoint"`

	// ServesKeys says that the client publishes its keys at JWKSURI, which is where this OP reads
	// them. OIDC Registration 2.
	ServesKeys bool   `yaml:"serves_keys"`
	JWKSURI    string `yaml:"-"`

	// Reachable is a poll client that has an endpoint all the same, where it is never called.
	Reachable bool `yaml:"reachable"`

	keys        []jose.Key
	certificate *x509.Certificate
}

// The token delivery modes of CIBA Core 5.
const (
	DeliveryPoll = "poll"
	DeliveryPing = "ping"
	DeliveryPush = "push"
)

// SignBy makes keys those that the OP signs by, in place of the files that are named.
func (r *Registration) SignBy(keys []jose.Key) { r.signing = keys }

// Keys are what the OP signs by.
func (r *Registration) Keys() []jose.Key { return r.signing }

// FillTimes takes the times that are not set from another registration.
func (r *Registration) FillTimes(from Registration) {
	r.Interval = cmp.Or(r.Interval, from.Interval)
	r.ExpiresIn = cmp.Or(r.ExpiresIn, from.ExpiresIn)
	r.MaxExpiresIn = cmp.Or(r.MaxExpiresIn, from.MaxExpiresIn)
	r.AccessTokenLifetime = cmp.Or(r.AccessTokenLifetime, from.AccessTokenLifetime)
	r.IDTokenLifetime = cmp.Or(r.IDTokenLifetime, from.IDTokenLifetime)
}

// Signs reports whether there are keys to sign by.
func (r *Registration) Signs() bool { return len(r.signing) > 0 }

// WithKeys is the client with the keys that it signs by and is encrypted to.
func (c Client) WithKeys(keys []jose.Key) Client {
	c.keys = keys
	return c
}

// Notified reports whether the client is called when there is a result.
func (c *Client) Notified() bool {
	return c.DeliveryMode == DeliveryPing || c.DeliveryMode == DeliveryPush
}

// KeySet are the keys that the client signs with and is encrypted to.
func (c *Client) KeySet() []jose.Key { return c.keys }

// User is an end-user.
type User struct {
	Sub       string `yaml:"sub"`
	LoginHint string `yaml:"login_hint"`
	Name      string `yaml:"name"`
	UserCode  string `yaml:"user_code"`

	Logins  []string `yaml:"-"` // further names that a login_hint may be
	Email   string   `yaml:"-"` // empty: none
	NoPhone bool     `yaml:"-"` // has enrolled no device that shows prompts
}

// Member is the definition of a member of an authorization_details object.
type Member struct {
	Type     string            `yaml:"type"` // string, number, boolean, object, array
	Required bool              `yaml:"required"`
	Pattern  string            `yaml:"pattern"`
	Members  map[string]Member `yaml:"members"`
	Items    *Member           `yaml:"items"`

	pattern *regexp.Regexp
}

// ParseRegistration reads a registration; keys are files of the given tree.
func ParseRegistration(data []byte, keys fs.FS) (Registration, error) {
	var reg Registration
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	decoder.KnownFields(true)
	if err := decoder.Decode(&reg); err != nil {
		return reg, fmt.Errorf("registration: %w", err)
	}
	read := func(name string) ([]jose.Key, error) {
		text, err := fs.ReadFile(keys, name)
		if err != nil {
			return nil, fmt.Errorf("registration: %w", err)
		}
		return jose.ParseKeys(text)
	}
	var errs []error
	for _, name := range reg.SigningKeys {
		list, err := read(name)
		errs = append(errs, err)
		reg.signing = append(reg.signing, list...)
	}
	var err error
	reg.hints, err = read(reg.HintIssuerKey)
	errs = append(errs, err)
	for i := range reg.Clients {
		if c := &reg.Clients[i]; c.Keys != "" {
			c.keys, err = read(c.Keys)
			errs = append(errs, err)
		}
	}
	errs = append(errs, reg.readCertificates(keys))
	for name, m := range reg.RARTypes {
		compiled, err := m.compile()
		errs = append(errs, err)
		reg.RARTypes[name] = compiled
	}
	return reg, errors.Join(errs...)
}

// readCertificates reads the certificates of clients and of who vouches for them.
func (r *Registration) readCertificates(files fs.FS) error {
	read := func(name string, to **x509.Certificate) error {
		if name == "" {
			return nil
		}
		text, err := fs.ReadFile(files, name)
		if err == nil {
			*to, err = parseCertificate(text)
		}
		if err != nil {
			return fmt.Errorf("registration: %w", err)
		}
		return nil
	}
	errs := []error{read(r.ClientAuthority, &r.clientAuthority)}
	for i := range r.Clients {
		errs = append(errs, read(r.Clients[i].Certificate, &r.Clients[i].certificate))
	}
	return errors.Join(errs...)
}

func (m Member) compile() (Member, error) {
	var errs []error
	var err error
	if m.Pattern != "" {
		m.pattern, err = regexp.Compile(m.Pattern)
		errs = append(errs, err)
	}
	for name, inner := range m.Members {
		m.Members[name], err = inner.compile()
		errs = append(errs, err)
	}
	if m.Items != nil {
		items, err := m.Items.compile()
		errs = append(errs, err)
		m.Items = &items
	}
	return m, errors.Join(errs...)
}
