package targetfile

import (
	"cmp"
	"crypto/tls"
	"encoding/json"
	"net/url"
	"path/filepath"
	"time"

	"github.com/cibatest/cibatest/internal/catalogue"
)

// Target is what is under test, as the target file describes it, after personas
// and defaults have been applied. The zero value is not usable; see [Parse].
type Target struct {
	Issuer         string    `yaml:"issuer" json:"issuer"`
	Product        string    `yaml:"product" json:"product,omitempty"` // name and version of the OP, for reports; empty: not said
	Persona        string    `yaml:"persona" json:"persona"`
	Endpoints      Endpoints `yaml:"endpoints" json:"endpoints"`
	TLS            TLS       `yaml:"tls" json:"tls"`
	Clients        []Client  `yaml:"clients" json:"clients"`
	Users          []User    `yaml:"users" json:"users"`
	UnknownUser    User      `yaml:"unknown_user" json:"unknown_user"`
	Scope          string    `yaml:"scope" json:"scope"`
	BindingMessage string    `yaml:"binding_message" json:"binding_message"`

	// HintFormat is [HintPlain] or [HintIssSub]. With the latter users without a hint get one
	// that is built of the issuer and their sub.
	HintFormat string `yaml:"hint_format" json:"hint_format"`

	// BindingMessageRequired says that the OP refuses requests without binding_message, as
	// FAPI-CIBA 5.2.2 has it, so that the refusal is no departure.
	BindingMessageRequired bool `yaml:"binding_message_required" json:"binding_message_required,omitempty"`

	// StartParams are extra parameters that every backchannel request of this OP needs,
	// such as audience and resource.
	StartParams map[string]string `yaml:"start_params" json:"start_params,omitempty"`

	RAR           RAR           `yaml:"rar" json:"rar"`
	Approval      Approval      `yaml:"approval" json:"approval"`
	UserLock      UserLock      `yaml:"user_lock" json:"user_lock"`
	Notifications Notifications `yaml:"notifications" json:"notifications"`

	// Capabilities are yes or no where that cannot be discovered.
	Capabilities map[catalogue.Need]bool `yaml:"capabilities" json:"capabilities,omitempty"`

	Budgets Budgets `yaml:"budgets" json:"budgets"`

	// Aliases are the endpoints that are to be used with a client certificate, by those that
	// are used without (mtls_endpoint_aliases, RFC 8705 5). They come from discovery.
	Aliases map[string]string `yaml:"-" json:"-"`

	file    string   // where it was read from
	places  places   // where its parts stand
	secrets []string // values that came from outside
}

// Endpoints override what discovery says. Empty means: take it from discovery.
type Endpoints struct {
	BackchannelAuthentication string `yaml:"backchannel_authentication" json:"backchannel_authentication,omitempty"`
	Token                     string `yaml:"token" json:"token,omitempty"`
	JWKS                      string `yaml:"jwks" json:"jwks,omitempty"`
	Userinfo                  string `yaml:"userinfo" json:"userinfo,omitempty"`
	Introspection             string `yaml:"introspection" json:"introspection,omitempty"`
	Registration              string `yaml:"registration" json:"registration,omitempty"`
}

// TLS says how the OP's certificate is verified. Empty CAFile means the
// system's roots.
type TLS struct {
	CAFile string `yaml:"ca_file" json:"ca_file,omitempty"`
}

// The client authentication methods of the target file, with the wire values of OIDC Core 9.
const (
	AuthNone              = "none"
	AuthClientSecretBasic = "client_secret_basic"
	AuthClientSecretPost  = "client_secret_post"
	AuthClientSecretJWT   = "client_secret_jwt"
	AuthPrivateKeyJWT     = "private_key_jwt"
	AuthTLS               = "tls_client_auth"
	AuthSelfSignedTLS     = "self_signed_tls_client_auth"
)

// The token delivery modes of CIBA Core 5, with their wire values.
const (
	DeliveryPoll = "poll" // the client asks the token endpoint; the default of a target file
	DeliveryPing = "ping" // the client is told when to ask
	DeliveryPush = "push" // the client is sent the tokens
)

// What a client of the target file is for.
const (
	PurposeRP             = "rp"              // it asks for authentication; the default
	PurposeResourceServer = "resource-server" // it asks the introspection endpoint
)

// The kinds of approval that more than one part of the program asks for.
const (
	ApprovalNone     = "none"     // nobody can have the users decide
	ApprovalGuardian = "guardian" // virtual devices that are enrolled for the users
)

// Notified reports whether the OP calls the client when there is a result, in ping and
// push mode.
func (c Client) Notified() bool {
	return c.DeliveryMode == DeliveryPing || c.DeliveryMode == DeliveryPush
}

// ByCertificate reports whether the client authenticates by its certificate, RFC 8705 2.
func (c Client) ByCertificate() bool {
	return c.AuthMethod == AuthTLS || c.AuthMethod == AuthSelfSignedTLS
}

// Client is one client registered at the OP.
type Client struct {
	Name       string `yaml:"name" json:"name"`
	ClientID   string `yaml:"client_id" json:"client_id"`
	AuthMethod string `yaml:"auth_method" json:"auth_method"`

	// AuthAlg signs client assertions. Empty: the key says it, or HS256 for
	// client_secret_jwt.
	AuthAlg string `yaml:"auth_alg" json:"auth_alg,omitempty"`

	ClientSecret Secret `yaml:"client_secret" json:"client_secret,omitempty"`

	// Certificate is what the client shows at TLS, in all of its requests.
	Certificate Certificate `yaml:"certificate" json:"certificate"`

	// JWKSFile is resolved against the target file's folder; JWKS is its content.
	JWKSFile string `yaml:"jwks_file" json:"jwks_file,omitempty"`
	JWKS     Secret `yaml:"-" json:"-"`

	// JWKSURI is where the OP reads the client's public keys. A run serves those of JWKS there,
	// at the address of Notifications. Empty: the OP has them otherwise. OIDC Registration 2.
	JWKSURI string `yaml:"jwks_uri" json:"jwks_uri,omitempty"`

	DeliveryMode string `yaml:"delivery_mode" json:"delivery_mode"` // see DeliveryPoll

	// NotificationEndpoint is what the OP has as backchannel_client_notification_endpoint of
	// a client. Empty: the name of a ping or push client below Notifications.PublicURL, and
	// none of a poll client.
	NotificationEndpoint string `yaml:"notification_endpoint" json:"notification_endpoint,omitempty"`

	UserCode bool `yaml:"user_code" json:"user_code"` // must send user_code

	// RequestSigningAlg signs the client's requests, with a key of JWKS. Empty: they are not
	// signed. CIBA Core 4, 7.1.1.
	RequestSigningAlg string `yaml:"request_signing_alg" json:"request_signing_alg,omitempty"`

	// IDTokenAlg signs the client's ID tokens. Empty: RS256, the default of OIDC
	// Registration 2.
	IDTokenAlg string `yaml:"id_token_signed_response_alg" json:"id_token_signed_response_alg,omitempty"`

	// SubjectType is public or pairwise. Empty: public.
	SubjectType string `yaml:"subject_type" json:"subject_type,omitempty"`

	// Sector is the host of the sector identifier of a pairwise client.
	Sector string `yaml:"sector" json:"sector,omitempty"`

	// CIBA is false for a client that must not be served.
	CIBA bool `yaml:"ciba" json:"ciba"`

	// RARTypes are as RAR.Types when empty. Where they are a subset, others must be
	// refused.
	RARTypes []string `yaml:"rar_types" json:"rar_types,omitempty"`

	Purpose string `yaml:"purpose" json:"purpose"`       // see PurposeRP
	Scope   string `yaml:"scope" json:"scope,omitempty"` // empty: as Target.Scope

	// PolicyDenied says that the OP refuses this client's requests with access_denied
	// (bc_policy_deny).
	PolicyDenied bool `yaml:"policy_denied" json:"policy_denied,omitempty"`
}

// Certificate is a client's certificate with its key; RFC 8705. The zero value is none.
type Certificate struct {
	CertFile string `yaml:"cert_file" json:"cert_file,omitempty"` // PEM, with those between it and its root
	KeyFile  string `yaml:"key_file" json:"key_file,omitempty"`   // PEM

	// BindsTokens says that the client's access tokens are bound to the certificate
	// (tls_client_certificate_bound_access_tokens, RFC 8705 3.4).
	BindsTokens bool `yaml:"binds_tokens" json:"binds_tokens,omitempty"`

	Chain string `yaml:"-" json:"-"` // content of CertFile
	Key   Secret `yaml:"-" json:"-"` // content of KeyFile
}

// TLS is the certificate as a connection shows it, nil for a client without one.
func (c Certificate) TLS() (*tls.Certificate, error) {
	if c.Chain == "" {
		return nil, nil
	}
	pair, err := tls.X509KeyPair([]byte(c.Chain), []byte(c.Key.Reveal()))
	if err != nil {
		return nil, err
	}
	return &pair, nil
}

// User is an end-user the OP knows. The hint forms are sent as they stand.
type User struct {
	Name                  string `yaml:"name" json:"name"`
	LoginHint             string `yaml:"login_hint" json:"login_hint,omitempty"`
	Sub                   string `yaml:"sub" json:"sub,omitempty"` // empty: not known beforehand
	UserCode              Secret `yaml:"user_code" json:"user_code,omitempty"`
	IDTokenHint           Secret `yaml:"id_token_hint" json:"id_token_hint,omitempty"`
	LoginHintToken        Secret `yaml:"login_hint_token" json:"login_hint_token,omitempty"`
	ExpiredLoginHintToken Secret `yaml:"expired_login_hint_token" json:"expired_login_hint_token,omitempty"`
}

// Hint is the first hint that the target file has for the user, as the name and
// value of a request parameter. Both are empty for a user without any. CIBA Core 7.1.
func (u User) Hint() (name, value string) {
	switch {
	case u.LoginHint != "":
		return "login_hint", u.LoginHint
	case u.LoginHintToken != "":
		return "login_hint_token", u.LoginHintToken.Reveal()
	case u.IDTokenHint != "":
		return "id_token_hint", u.IDTokenHint.Reveal()
	}
	return "", ""
}

// RAR is what the OP understands of RFC 9396. Objects are kept as raw JSON so
// that their bytes reach the wire as written.
type RAR struct {
	// MaxObjects is how many objects one request may have at this OP; 0: any number.
	MaxObjects int `yaml:"max_objects" json:"max_objects,omitempty"`

	// NeedsAudience says that types belong to an API, so that requests have to name it by
	// audience or resource among StartParams.
	NeedsAudience bool `yaml:"needs_audience" json:"needs_audience,omitempty"`

	Types   []string          `yaml:"types" json:"types,omitempty"`
	Valid   []json.RawMessage `yaml:"valid" json:"valid,omitempty"`
	Invalid []InvalidRAR      `yaml:"invalid" json:"invalid,omitempty"`
}

// InvalidRAR is an object this OP must refuse, and why. Kind is one of
// unknown_field, wrong_field_type, invalid_value, missing_field, or empty.
type InvalidRAR struct {
	Object json.RawMessage `yaml:"object" json:"object"`
	Why    string          `yaml:"why" json:"why"`
	Kind   string          `yaml:"kind" json:"kind,omitempty"`
}

// Approval is how the end-user's decision is made.
type Approval struct {
	Kind    string            `yaml:"kind" json:"kind"` // device, url, exec, guardian, manual, none
	URL     string            `yaml:"url" json:"url,omitempty"`
	Method  string            `yaml:"method" json:"method,omitempty"` // default POST
	Headers map[string]Secret `yaml:"headers" json:"headers,omitempty"`
	Body    Secret            `yaml:"body" json:"body,omitempty"`
	Command []string          `yaml:"command" json:"command,omitempty"` // for exec, same placeholders
	Actions Actions           `yaml:"actions" json:"actions"`
	Observe Observe           `yaml:"observe" json:"observe"`

	Guardian Guardian `yaml:"guardian" json:"guardian"` // for kind guardian
	Push     Push     `yaml:"push" json:"push"`         // for kind guardian

	// Narrow says that {authorization_details} is honoured: the user may approve less.
	Narrow bool `yaml:"narrow" json:"narrow"`

	// Section is the key of the target file that this comes from; empty: approval.
	Section string `yaml:"-" json:"-"`
}

// Observed reports whether what the OP shows its users can be read back.
func (a Approval) Observed() bool { return a.Observe.Listen != "" || a.Kind == ApprovalGuardian }

// Guardian is where the devices of kind guardian are enrolled.
type Guardian struct {
	// URL is the base of the tenant's API for devices. Default: appliance-mfa below the
	// issuer.
	URL string `yaml:"url" json:"url,omitempty"`

	// Enrollments is the folder with a file for each enrolled user, relative to the target
	// file. Default: guardian.
	Enrollments string `yaml:"enrollments" json:"enrollments,omitempty"`

	// Devices are the enrollments that were found there.
	Devices []GuardianDevice `yaml:"-" json:"-"`
}

// GuardianDevice is the enrolled device of one user.
type GuardianDevice struct {
	User       User
	File       string // as the target file's folder has it
	Enrollment Secret // content of the file
}

// Push is where push data of devices are received, as JSON over HTTP.
type Push struct {
	Listen string `yaml:"listen" json:"listen,omitempty"` // host:port

	// Token is what a relay shows: as a bearer, or as the last part of the path. Without one
	// pushes are taken at loopback only.
	Token Secret `yaml:"token" json:"token,omitempty"`
}

// EnrollmentFile is the file with the enrollment of a user, relative to the target file.
func (a Approval) EnrollmentFile(u User) string {
	return filepath.Join(a.Guardian.Enrollments, url.PathEscape(u.Name)+".json")
}

// UserLock is how a user is locked at the OP and unlocked again: by a URL or a command, with
// the placeholders of approval and the words lock and unlock for {action}. The zero value
// says that nobody can.
type UserLock struct {
	URL     string            `yaml:"url" json:"url,omitempty"`
	Method  string            `yaml:"method" json:"method,omitempty"` // default POST
	Headers map[string]Secret `yaml:"headers" json:"headers,omitempty"`
	Body    Secret            `yaml:"body" json:"body,omitempty"`
	Command []string          `yaml:"command" json:"command,omitempty"`
}

// Hook is the lock in the form of an approval, in which to allow is to unlock. Its kind is
// [ApprovalNone] where there is none.
func (l UserLock) Hook() Approval {
	a := Approval{
		Kind: ApprovalNone, URL: l.URL, Method: cmp.Or(l.Method, "POST"), Headers: l.Headers, Body: l.Body, Command: l.Command,
		Actions: Actions{Allow: "unlock", Deny: "lock"}, Section: "user_lock",
	}
	switch {
	case l.URL != "":
		a.Kind = "url"
	case len(l.Command) > 0:
		a.Kind = "exec"
	}
	return a
}

// Actions are the words the OP's hook wants for {action}.
type Actions struct {
	Allow string `yaml:"allow" json:"allow"`
	Deny  string `yaml:"deny" json:"deny"`
}

// Observe starts a device listener so that what the OP shows the user can be
// read back. Empty Listen means: nothing is observed.
type Observe struct {
	Listen string `yaml:"listen" json:"listen,omitempty"` // host:port

	// Adapter is the dialect that the OP speaks: native, keycloak, authlete, or the name of
	// a generic or pull adapter of the adapter file. Default: native.
	Adapter string `yaml:"adapter" json:"adapter,omitempty"`

	// AdaptersFile is an adapter file as 'cibatest device --adapters' reads it, resolved
	// against the target file's folder; Adapters is its content.
	AdaptersFile string `yaml:"adapters_file" json:"adapters_file,omitempty"`
	Adapters     Secret `yaml:"-" json:"-"`

	// KnownBy is what tells which request a prompt is about: auth_req_id, or binding_message
	// where prompts come without the id. Empty: as the dialect has it, and the id for those
	// of the adapter file.
	KnownBy string `yaml:"known_by" json:"known_by,omitempty"`

	// Callback is where decisions go when the prompts do not say; empty for
	// adapter keycloak: Keycloak's own endpoint below the issuer.
	Callback string `yaml:"callback" json:"callback,omitempty"`
	// Token is what the OP shows the device: as a bearer, or with adapter keycloak as
	// ?token= in the URL of its channel. Without one the device listens at loopback only.
	Token Secret `yaml:"token" json:"token,omitempty"`
}

// Nameless says that the OP's prompts do not carry the auth_req_id, so that a
// prompt is known by its binding_message only.
func (o Observe) Nameless() bool {
	if o.KnownBy != "" {
		return o.KnownBy == "binding_message"
	}
	return o.Adapter == "keycloak" || o.Adapter == "authlete"
}

// Notifications is where ping and push callbacks are received. Empty Listen means: they
// are not.
type Notifications struct {
	Listen string `yaml:"listen" json:"listen,omitempty"` // host:port

	// PublicURL is the base of all endpoints as the OP reaches them. Empty: the address
	// that is listened at.
	PublicURL string `yaml:"public_url" json:"public_url,omitempty"`

	TLS NotificationTLS `yaml:"tls" json:"tls"`
}

// NotificationTLS is the certificate that the endpoints show: a given one, or one that an
// own authority vouches for. The zero value is plain HTTP, for a loopback address or a
// proxy that has a certificate. Files are relative to the target file; see [Target.Beside].
type NotificationTLS struct {
	CertFile string `yaml:"cert_file" json:"cert_file,omitempty"` // PEM, with the certificates between it and its root
	KeyFile  string `yaml:"key_file" json:"key_file,omitempty"`   // PEM

	// CAFile is the certificate of the own authority, which the OP has to trust. It is
	// made when it is missing, with its key beside it.
	CAFile string `yaml:"ca_file" json:"ca_file,omitempty"`

	// Verified says that the OP is set up to check the certificate, so that it is held
	// against the OP if it does not. Laboratories commonly switch that off.
	Verified bool `yaml:"verified" json:"verified,omitempty"`
}

// Beside is the path of a file that the target file names: a relative one starts at the
// folder of the target file.
func (t *Target) Beside(name string) string {
	if filepath.IsAbs(name) {
		return name
	}
	return filepath.Join(filepath.Dir(t.file), name)
}

// ForCertificates is where an endpoint is reached by who shows a client certificate.
func (t *Target) ForCertificates(endpoint string) string {
	return cmp.Or(t.Aliases[endpoint], endpoint)
}

// Budgets bound what a run may cost the target.
type Budgets struct {
	// Concurrency is how many cases run at once. Default: 64.
	Concurrency int `yaml:"concurrency" json:"concurrency"`

	// RequestsPerSecond is the limit of all cases together. 0: no limit.
	RequestsPerSecond float64 `yaml:"requests_per_second" json:"requests_per_second"`

	// PerUserMinute are the OP's limits for each user.
	PerUserMinute PerUserMinute `yaml:"per_user_minute" json:"per_user_minute"`

	// ExpiryMax is the longest expires_in that a case waits out. Default: 130 s.
	ExpiryMax time.Duration `yaml:"expiry_max" json:"expiry_max"`

	// ClockSkew is how far the clocks of both sides may differ. Default: 5 s.
	ClockSkew time.Duration `yaml:"clock_skew" json:"clock_skew"`
}

// PerUserMinute are how many requests of a kind an OP takes for one user within any minute.
// A run keeps to them. 0: no limit.
type PerUserMinute struct {
	Starts        int `yaml:"starts" json:"starts,omitempty"`               // backchannel authentication requests, whatever becomes of them
	Notifications int `yaml:"notifications" json:"notifications,omitempty"` // those that are accepted, as each of them asks the user
	UserInfo      int `yaml:"userinfo" json:"userinfo,omitempty"`           // UserInfo requests, with a token of the user
}
