package guardian

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/cibatest/cibatest/internal/jose"
)

// Enrollment is one device of one user at one tenant. Its key stays in its file.
type Enrollment struct {
	Tenant     string // base of the API for devices where it is known
	Identifier string // how the device calls itself
	ID         string // how the tenant calls it, and pushes do
	UserID     string // the user by the tenant's name
	key        jose.Key
}

// onFile is an enrollment as its file has it.
type onFile struct {
	Tenant     string          `json:"tenant"`
	Identifier string          `json:"identifier"`
	ID         string          `json:"id"`
	UserID     string          `json:"user_id"`
	Key        json.RawMessage `json:"key"`
}

// ParseEnrollment reads the file of an enrollment.
func ParseEnrollment(data []byte) (*Enrollment, error) {
	var f onFile
	if err := json.Unmarshal(data, &f); err != nil {
		return nil, errors.New("it is no enrollment, as \"cibatest guardian enroll\" writes it")
	}
	if f.Tenant == "" || f.Identifier == "" || !plainID.MatchString(f.ID) {
		return nil, errors.New("it lacks tenant, identifier or id")
	}
	keys, err := jose.ParseKeys(f.Key)
	if err != nil || len(keys) != 1 || !keys[0].IsPrivate() || keys[0].Alg() != "RS256" {
		return nil, errors.New("its key is no private RSA key")
	}
	return &Enrollment{f.Tenant, f.Identifier, f.ID, f.UserID, keys[0]}, nil
}

// File is the enrollment as its file has it, the private key included.
func (e *Enrollment) File() ([]byte, error) {
	key, err := e.key.JSON()
	if err != nil {
		return nil, err
	}
	return json.MarshalIndent(onFile{e.Tenant, e.Identifier, e.ID, e.UserID, key}, "", "  ")
}

// plainID is what the id of a stranger has to look like before it goes into a path.
var plainID = regexp.MustCompile(`^[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,255}$`)

// plainToken reports whether a stranger's token can go into a header: it is visible ASCII
// without quotes and backslashes, as JWTs and random ids are.
func plainToken(token string) bool {
	foreign := func(r rune) bool { return r <= ' ' || r > '~' || r == '"' || r == '\\' }
	return short(token) && !strings.ContainsFunc(token, foreign)
}

// Barcode is what the QR code of an enrollment says: an otpauth URI.
type Barcode struct {
	TransactionID string
	Host          string // where the device is to enroll, host or address; empty: it does not say
}

// ParseBarcode reads a barcode_uri. The error never repeats it, since it is a credential.
func ParseBarcode(uri string) (Barcode, error) {
	u, err := url.Parse(uri)
	if err != nil || u.Scheme != "otpauth" {
		return Barcode{}, errors.New("it does not begin with otpauth://")
	}
	b := Barcode{u.Query().Get("enrollment_tx_id"), u.Query().Get("base_url")}
	if b.TransactionID == "" {
		return Barcode{}, errors.New("it has no enrollment_tx_id, so it is one of a plain authenticator app")
	}
	return b, nil
}

// Enroll makes a new key and enrolls a device with it. The transaction is good for one
// device; pushToken is where the tenant sends the device's pushes.
func (t *Tenant) Enroll(ctx context.Context, transactionID, name, pushToken string) (*Enrollment, error) {
	if !plainToken(transactionID) {
		return nil, errors.New("the transaction id has characters that none has")
	}
	key, err := jose.GenerateKey("RS256", "")
	if err != nil {
		return nil, err
	}
	e := &Enrollment{Tenant: t.Address(), Identifier: rand.Text(), key: key}
	public, err := e.publicKey()
	if err != nil {
		return nil, err
	}
	answer, err := t.call(ctx, http.MethodPost, t.Address()+"/api/enroll",
		http.Header{"Authorization": {`Ticket id="` + transactionID + `"`}}, map[string]any{
			"identifier": e.Identifier, "name": name, "public_key": public,
			"push_credentials": map[string]any{"service": "GCM", "token": pushToken},
		})
	if err != nil {
		return nil, err
	}
	var told struct {
		ID     string `json:"id"`
		UserID string `json:"user_id"`
	}
	if err := json.Unmarshal(answer, &told); err != nil || !plainID.MatchString(told.ID) {
		return nil, errors.New("the answer of the tenant names no device, so nothing can be kept; " +
			"look in the user's enrollments at the tenant")
	}
	e.ID, e.UserID = told.ID, told.UserID
	return e, nil
}

// Unenroll takes a device away from its user.
func (t *Tenant) Unenroll(ctx context.Context, e *Enrollment) error {
	now := time.Now()
	token, err := jose.Sign(nil, map[string]any{
		"iss": e.ID, "sub": e.UserID, "aud": t.Address() + "/api/device-accounts",
		"iat": now.Unix(), "exp": now.Add(2 * time.Hour).Unix(),
	}, e.key)
	if err != nil {
		return err
	}
	_, err = t.call(ctx, http.MethodDelete, t.Address()+"/api/device-accounts/"+url.PathEscape(e.ID),
		http.Header{"Authorization": {"Bearer " + token}}, nil)
	return err
}

// Knows reports whether an enrollment is one at this tenant. Elsewhere it must not be used.
func (t *Tenant) Knows(e *Enrollment) error {
	if e.Tenant != t.Address() {
		return fmt.Errorf("it is an enrollment at %s, and not at %s", e.Tenant, t.Address())
	}
	return nil
}

// publicKey is the public half of the key as the vendor's devices send it.
func (e *Enrollment) publicKey() (map[string]any, error) {
	data, err := jose.MarshalJWKS([]jose.Key{e.key})
	if err != nil {
		return nil, err
	}
	var set struct {
		Keys []struct{ N, E string }
	}
	if err := json.Unmarshal(data, &set); err != nil {
		return nil, err
	}
	return map[string]any{"kty": "RSA", "alg": "RS256", "use": "sig", "n": set.Keys[0].N, "e": set.Keys[0].E}, nil
}
