package driver

import (
	"testing"

	"github.com/cibatest/cibatest/internal/ciba"
	"github.com/cibatest/cibatest/internal/jose"
	"github.com/cibatest/cibatest/internal/targetfile"
)

// signingRun is a run with a client that signs its requests and one that does not.
func signingRun(t *testing.T) (r *Run, signer, plain *Client, key jose.Key) {
	t.Helper()
	key, err := jose.GenerateKey("ES256", "k")
	if err != nil {
		t.Fatal(err)
	}
	text, err := key.JSON()
	if err != nil {
		t.Fatal(err)
	}
	client := targetfile.Client{Name: "plain", ClientID: "plain", AuthMethod: targetfile.AuthClientSecretPost, ClientSecret: "s", CIBA: true}
	signing := client
	signing.Name, signing.ClientID, signing.RequestSigningAlg, signing.JWKS = "signer", "signer", "ES256", targetfile.Secret(text)
	target := &targetfile.Target{Issuer: "https://op.example", Clients: []targetfile.Client{client, signing}}
	target.Endpoints.BackchannelAuthentication, target.Endpoints.Token = "https://op.example/start", "https://op.example/token"
	r, err = NewRun(RunOptions{Target: target})
	if err != nil {
		t.Fatal(err)
	}
	return r, r.Clients()[1], r.Clients()[0], key
}

// TestSealed holds signed requests to CIBA Core 7.1.1: the parameters are claims, what
// authenticates the client stays outside, and each sending has a JWT of its own.
func TestSealed(t *testing.T) {
	t.Parallel()
	r, signer, plain, key := signingRun(t)
	good := ciba.P("scope", "openid", "login_hint", "alice", "authorization_details", `[{"type":"t","n":1.50}]`)
	asked := good.Add("client_id", "signer")
	call, err := r.sealed(r.Start(signer, asked).Beside("binding_message", "x"))
	if err != nil {
		t.Fatal(err)
	}
	if got := call.Form.Without("request").Encode(); got != "binding_message=x&client_id=signer" {
		t.Errorf("beside the request stands %q", got)
	}
	token, err := jose.Verify(call.Form.Get("request"), []jose.Key{key.Public()}, []string{"ES256"})
	if err != nil {
		t.Fatal(err)
	}
	details, _ := token.Claims["authorization_details"].([]any)
	if token.Claims["iss"] != "signer" || token.Claims["aud"] != "https://op.example" || token.Claims["login_hint"] != "alice" || len(details) != 1 {
		t.Errorf("the claims are %v", token.Claims)
	}
	for _, claim := range []string{"exp", "iat", "nbf", "jti"} {
		if token.Claims[claim] == nil {
			t.Errorf("there is no %s", claim)
		}
	}
	if again, _ := r.sealed(r.Start(signer, asked)); again.Form.Get("request") == call.Form.Get("request") {
		t.Error("two sendings have one JWT")
	}
	for name, q := range map[string]Request{
		"a client that does not sign": r.Start(plain, good),
		"asked to be plain":           r.Start(signer, good).Unsigned(),
		"a request object by hand":    r.Start(signer, ciba.P("request", "a.b.c")),
		"a request_uri":               r.Start(signer, good.Add("request_uri", "https://x.example")),
		"a poll":                      r.PollFor(signer, "id"),
	} {
		if call, err := r.sealed(q); err != nil || call.Form.Encode() != q.Form.Encode() {
			t.Errorf("%s: %v, %v", name, call.Form, err)
		}
	}
	if object := plain.RequestObject("https://op.example"); !object.Key.IsZero() {
		t.Error("a client without keys signs")
	}
}
