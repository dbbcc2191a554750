package jose

import (
	"strings"
	"testing"
)

// signable are the claims that flaws are made of.
func signable() map[string]any { return map[string]any{"iss": "client", "exp": 1, "scope": "openid"} }

// TestForgeries holds the flaws of a signature to what they say: a reader that verifies takes
// none of them.
func TestForgeries(t *testing.T) {
	t.Parallel()
	for _, alg := range []string{"ES256", "PS256", "EdDSA"} {
		key, err := GenerateKey(alg, "k")
		if err != nil {
			t.Fatal(err)
		}
		other, err := GenerateKey(alg, "other")
		if err != nil {
			t.Fatal(err)
		}
		flaws := []Flaw{
			AlgNone("none"), AlgNone("nOnE"), NoneOverSignature(), Unsealed(), Flipped(), Retold("scope", "openid admin"), Halved(), Zeroed(),
			SignedBy("another key", other.WithKID("k")), SignedByNobody(), BringingKey(), MACBySecret("HS256", "secret"),
			Heading("an unknown critical extension", "crit", []string{"x"}), Saying("an array", "[]"), Verbatim("text", "a.b.c"),
		}
		for _, f := range append(flaws, MACByPublicKey("HS256")...) {
			token, err := f.Forge(map[string]any{}, signable(), key)
			if err != nil || token == "" {
				t.Errorf("%s, %s: %q, %v", alg, f.Name, token, err)
				continue
			}
			if _, err := Verify(token, []Key{key.Public()}, []string{"ES256", "PS256", "EdDSA", "HS256", "none"}); err == nil {
				t.Errorf("%s: %s is verified", alg, f.Name)
			}
		}
	}
}

// TestOddities holds the flaws of header and claims to what they say: the signature is good, and
// nothing else is changed.
func TestOddities(t *testing.T) {
	t.Parallel()
	key, err := GenerateKey("ES256", "k")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		flaw  Flaw
		shows func(Token) bool
	}{
		{Lacking("exp"), func(t Token) bool { return t.Claims["exp"] == nil && t.Claims["iss"] == "client" }},
		{Claiming("another iss", "iss", "other"), func(t Token) bool { return t.Claims["iss"] == "other" && t.Claims["scope"] == "openid" }},
		{ClaimingAll("two", map[string]any{"iss": "o", "scope": "s"}), func(t Token) bool { return t.Claims["iss"] == "o" && t.Claims["scope"] == "s" }},
		{Heading("another typ", "typ", "x"), func(t Token) bool { return t.Header["typ"] == "x" && t.Claims["iss"] == "client" }},
		{Heading("no typ", "typ", nil), func(t Token) bool { _, there := t.Header["typ"]; return !there }},
	} {
		token, err := c.flaw.Forge(map[string]any{}, signable(), key)
		if err != nil {
			t.Fatal(err)
		}
		read, err := Verify(token, []Key{key.Public()}, []string{"ES256"})
		if err != nil || !c.shows(read) {
			t.Errorf("%s: %v, %v", c.flaw.Name, read, err)
		}
	}
}

func TestAlgSwitched(t *testing.T) {
	t.Parallel()
	rsa, err := GenerateKey("PS256", "k")
	if err != nil {
		t.Fatal(err)
	}
	token, err := AlgSwitched("RS256").Forge(map[string]any{}, signable(), rsa)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Verify(token, []Key{rsa.Public().WithAlg("RS256")}, []string{"RS256"}); err != nil {
		t.Errorf("the right key does not verify it: %v", err)
	}
	if _, err := AlgSwitched("ES256").Forge(map[string]any{}, signable(), rsa); err == nil || !strings.Contains(err.Error(), "ES256") {
		t.Errorf("an RSA key signs with ES256: %v", err)
	}
}

func TestSealedFor(t *testing.T) {
	t.Parallel()
	key, err := GenerateKey("ES256", "k")
	if err != nil {
		t.Fatal(err)
	}
	token, err := SealedFor("encrypted", "ECDH-ES", key.Public()).Forge(map[string]any{}, signable(), key)
	if err != nil || !IsEncrypted(token) {
		t.Fatalf("%q, %v", token, err)
	}
	inside, err := Decrypt(token, []Key{key})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Verify(inside, []Key{key.Public()}, []string{"ES256"}); err != nil {
		t.Error(err)
	}
}

func TestSignsWith(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		key  string
		want []string
	}{
		{"RS256", []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}},
		{"ES256", []string{"ES256"}},
		{"ES384", []string{"ES384"}},
		{"EdDSA", []string{"EdDSA", "Ed25519"}},
		{"HS256", nil},
	} {
		key, err := GenerateKey(c.key, "")
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, alg := range []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA", "Ed25519", "HS256", "none"} {
			if key.SignsWith(alg) {
				got = append(got, alg)
			}
		}
		if strings.Join(got, " ") != strings.Join(c.want, " ") {
			t.Errorf("a key for %s signs with %v, want %v", c.key, got, c.want)
		}
		if key.Public().SignsWith(c.key) {
			t.Errorf("the public half of a key for %s signs", c.key)
		}
	}
}
