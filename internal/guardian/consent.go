package guardian

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/cibatest/cibatest/internal/jose"
)

// proofHeader carries the proof of possession: MFA-DPoP, as net/http spells it.
const proofHeader = "Mfa-Dpop"

// Consent is what a tenant asks its user.
type Consent struct {
	Audience             string
	Scope                []string
	BindingMessage       string
	AuthorizationDetails json.RawMessage // nil: none
	ExpiresAt            time.Time       // zero: the tenant does not say
}

// Consent fetches what the user of a push is asked. The proof binds the token of the
// push to the key of the device.
func (t *Tenant) Consent(ctx context.Context, e *Enrollment, p Push) (Consent, error) {
	address := t.consents.JoinPath("rich-consents", p.Consent).String()
	proof, err := e.proof(http.MethodGet, address, p.Token)
	if err != nil {
		return Consent{}, err
	}
	answer, err := t.call(ctx, http.MethodGet, address,
		http.Header{"Authorization": {"MFA-DPoP " + p.Token}, proofHeader: {proof}}, nil)
	if err != nil {
		return Consent{}, fmt.Errorf("what the user is asked cannot be fetched: %w", err)
	}
	var told struct {
		ID        string `json:"id"`
		Requested struct {
			Audience             string          `json:"audience"`
			Scope                []string        `json:"scope"`
			BindingMessage       string          `json:"binding_message"`
			AuthorizationDetails json.RawMessage `json:"authorization_details"`
		} `json:"requested_details"`
		ExpiresAt string `json:"expires_at"`
	}
	switch err := json.Unmarshal(answer, &told); {
	case err != nil:
		return Consent{}, errors.New("what the user is asked cannot be read: it is not the JSON of a consent")
	case told.ID != p.Consent:
		return Consent{}, errors.New("the tenant answers with another consent than the one that was asked for")
	}
	expires, _ := time.Parse(time.RFC3339, told.ExpiresAt) // zero where it cannot be read
	r := told.Requested
	if string(r.AuthorizationDetails) == "null" {
		r.AuthorizationDetails = nil
	}
	return Consent{r.Audience, r.Scope, r.BindingMessage, r.AuthorizationDetails, expires}, nil
}

// proof is the proof of possession of a token at an address: the vendor's own dialect of
// RFC 9449.
func (e *Enrollment) proof(method, address, token string) (string, error) {
	public, err := e.publicKey()
	if err != nil {
		return "", err
	}
	hash := sha256.Sum256([]byte(token))
	return jose.Sign(map[string]any{"typ": "dpop+jwt", "jwk": public}, map[string]any{
		"htm": method, "htu": address, "ath": base64.RawURLEncoding.EncodeToString(hash[:]),
		"jti": rand.Text(), "iat": time.Now().Unix(),
	}, e.key)
}

// answerLifetime is how long the signed answer to a push is good.
const answerLifetime = 30 * time.Second

// Resolve accepts or rejects what a push asks. It can be sent again; what the tenant makes
// of a second answer is the tenant's.
func (t *Tenant) Resolve(ctx context.Context, e *Enrollment, p Push, accept bool) error {
	address := t.Address() + "/api/resolve-transaction"
	now := time.Now()
	answer, err := jose.Sign(nil, map[string]any{
		"iss": e.Identifier, "sub": p.Challenge, "aud": address, "iat": now.Unix(), "exp": now.Add(answerLifetime).Unix(),
		"auth0_guardian_method": "push", "auth0_guardian_accepted": accept,
	}, e.key)
	if err != nil {
		return err
	}
	_, err = t.call(ctx, http.MethodPost, address, http.Header{"Authorization": {"Bearer " + p.Token}},
		map[string]any{"challenge_response": answer})
	return err
}
